// One state's part in a file of what changed: first the entries, out of the views of its namespaces, then the keys that
// were erased from them. Both in the order of hashes.
//
// One thread at a time. Holds the erased keys of the state at once, the tables do so, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "snapshot/snapshot_file_writer.h"
#include "state/view_merge.h"

namespace tidemark {

class ChangesMerge {
 public:
  /// The ids are those that the file's writer gave to the entries and to the erased keys.
  ChangesMerge(std::vector<detail::StateView> views, std::uint32_t entries, std::uint32_t erased,
               std::uint32_t max_parallelism);

  /// Writes a bounded piece. False when all is written.
  bool write_some(SnapshotFileWriter& writer);

 private:
  struct Erased {
    std::uint64_t hash;
    std::string key;
    std::string name_space;
    friend auto operator<=>(const Erased&, const Erased&) = default;
  };
  class Collector;

  void collect_erased();
  bool write_erased(SnapshotFileWriter& writer);

  ViewMerge entries_;
  std::uint32_t erased_id_;
  std::uint32_t max_parallelism_;
  bool entries_written_ = false;
  std::vector<Erased> erased_;  // each once
  std::size_t next_erased_ = 0;
};

}  // namespace tidemark
