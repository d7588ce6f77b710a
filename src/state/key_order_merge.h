// One state's entries in the canonical order of savepoints, out of the views of its namespaces, into a snapshot's file:
// key groups ascending, within one by key, then by namespace. So the bytes depend on what the state holds and on nothing
// else: not on the tables' sizes nor on the backend.
//
// One thread at a time. Holds the entries of one key group at a time, and what the segments read for it hold beyond.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "snapshot/snapshot_file_writer.h"
#include "tidemark/detail/state/keyed_backend.h"

namespace tidemark {

class KeyOrderMerge {
 public:
  /// `state` is the id that the file's writer gave it.
  KeyOrderMerge(std::vector<detail::StateView> views, std::uint32_t state, std::uint32_t max_parallelism);
  ~KeyOrderMerge();

  /// Writes the next key group that has entries. False when all is written.
  bool write_some(SnapshotFileWriter& writer);

 private:
  struct Entry {
    std::uint32_t key_group = 0;
    std::string key;
    std::string name_space;
    std::string value;
  };
  class Input;

  std::deque<Input> inputs_;
  std::uint32_t state_;
};

}  // namespace tidemark
