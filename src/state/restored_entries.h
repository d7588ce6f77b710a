// The entries of a checkpoint that tables have yet to take: its opened files, and what counts in them of each state. The
// key groups of a subtask are cut into units, each of which is read by itself.
//
// What is read of a unit is merged over the files: of each key the newest entry, unless it was erased since, converted to
// the type that the job declares. Whoever loads it into a table gets the same as whoever writes it into a new checkpoint.
//
// Threads: immutable behind cut(); then any, each with a UnitReader of its own. The files stay open as long as this lives, so
// that they can be read though a newer checkpoint has replaced and removed them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/evolution.h"
#include "snapshot/snapshot_file_reader.h"
#include "state/chain_scope.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/key_group.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/table.h"
#include "tidemark/error.h"

namespace tidemark {

/// An entry of this state of the file is not what it should be.
Error damaged_entry(const SnapshotFileReader& file, std::uint32_t state, std::uint32_t key_group, std::string_view what);

class RestoredEntries {
 public:
  /// `files` are those of one checkpoint, in its order. Throws Error where one is missing.
  RestoredEntries(ChainScope::Files files, const detail::OperatorContext& context);

  const ChainScope::Files& files() const { return files_; }
  const ChainScope& scope() const { return scope_; }

  /// What a file holds of a state.
  struct Part {
    std::size_t file = 0;
    std::uint32_t id = 0;        ///< in the file
    bool is_erased = false;      ///< keys to take out of what older files hold
    Evolution evolution;         ///< of its values
    std::vector<KeyGroupRange> key_groups;  ///< where it counts
  };
  struct State {
    StateDescriptor declared;
    detail::Table* table = nullptr;
    std::vector<Part> parts;  ///< older ones first
  };

  /// The table is to take this part behind those before. Of a file the erased keys first.
  void add(const StateDescriptor& declared, detail::Table& table, std::size_t file, std::uint32_t id, bool is_erased,
           Evolution evolution = {});
  /// Behind the last add(): into units of about so many bytes of files, at least a key group each. Throws Error where an
  /// index is damaged.
  void cut(std::uint64_t unit_bytes);

  const std::vector<State>& states() const { return states_; }
  const State* find(const detail::Table& table) const;
  std::size_t unit_count() const { return (key_groups_.size() + groups_per_unit_ - 1) / groups_per_unit_; }
  std::size_t unit_of(std::uint64_t hash) const {
    return (key_group_of(hash, max_parallelism_) - key_groups_.begin) / groups_per_unit_;
  }
  KeyGroupRange key_groups(std::size_t unit) const;
  /// Of any key in the unit.
  std::uint64_t first_hash(std::size_t unit) const;
  std::uint64_t last_hash(std::size_t unit) const;
  /// Of the files' entries; what counts of them may be less.
  std::uint64_t bytes() const { return bytes_; }

  std::uint32_t max_parallelism() const { return max_parallelism_; }

 private:
  const KeyGroupRange key_groups_;
  const std::uint32_t max_parallelism_;
  const ChainScope::Files files_;
  const ChainScope scope_;
  std::vector<State> states_;
  std::uint64_t bytes_ = 0;
  std::uint32_t groups_per_unit_ = 1;
};

/// Reads units of one state. One thread. What neighbouring units share of a file is read once.
class UnitReader {
 public:
  /// What was saved without a time of writing counts as written at `written_s`. `entries` outlives this.
  UnitReader(const RestoredEntries& entries, const RestoredEntries::State& state, std::uint32_t written_s);
  ~UnitReader();

  /// An entry, valid until the next read().
  struct Entry {
    std::uint64_t hash;
    std::string_view key;
    std::string_view value;
    const RestoredEntries::Part* part;  ///< that it is from
  };
  /// The unit's entries in the order of their hashes, out of files from this one on. Throws Error where a file is damaged.
  void read(std::size_t unit, std::size_t first_file = 0);
  /// The next one of what was read; false at the end.
  bool next(Entry& entry);
  /// It is none of the table's.
  [[noreturn]] void fail_undecodable(const Entry& entry) const;

 private:
  struct Saved {
    std::uint64_t hash;
    std::size_t at;  // in bytes_: the key, then the value
    std::size_t key_size;
    std::size_t value_size;
    std::uint32_t part;
  };
  struct Source;

  void read_part(std::uint32_t part, KeyGroupRange key_groups);
  void sort();
  std::string_view key(const Saved& saved) const { return std::string_view{bytes_}.substr(saved.at, saved.key_size); }
  bool has_same_key(std::size_t a, std::size_t b) const;
  Error damaged(const RestoredEntries::Part& part, std::uint64_t hash, std::string_view what) const;

  const RestoredEntries& entries_;
  const RestoredEntries::State& state_;
  std::vector<Source> sources_;  // of each part
  std::vector<Saved> saved_;
  std::string bytes_;
  std::size_t next_ = 0;
  std::size_t parts_read_ = 0;  // that had entries in the unit
};

}  // namespace tidemark
