// One state's entries in the order of their hashes, out of the views of its namespaces, into a snapshot's file.
//
// One thread at a time. A single view is written as it is read, a segment at a time; several are merged.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "snapshot/snapshot_file_writer.h"
#include "state/view_reader.h"
#include "tidemark/detail/state/keyed_backend.h"

namespace tidemark {

class ViewMerge {
 public:
  /// `state` is the id that the file's writer gave it.
  ViewMerge(std::vector<detail::StateView> views, std::uint32_t state, std::uint32_t max_parallelism);

  /// Writes a bounded piece: a segment, or entries of several until a block is full. False when all is written.
  bool write_some(SnapshotFileWriter& writer);

  /// Once all is written.
  std::vector<detail::StateView>& views() { return views_; }

 private:
  class DirectSink;

  bool write_segment(SnapshotFileWriter& writer);
  bool write_merged(SnapshotFileWriter& writer);

  std::vector<detail::StateView> views_;
  std::uint32_t state_;
  std::uint32_t max_parallelism_;
  std::size_t next_segment_ = 0;                  // of a single view
  bool started_ = false;                          // the merge of several
  std::vector<std::unique_ptr<ViewReader>> readers_;  // a heap: the smallest hash in front
};

}  // namespace tidemark
