// What is left to load of restored state: which units of a checkpoint's files the tables do not have yet.
//
// A unit is loaded for all states at once, when a key of it is asked for or behind, one after the other. Snapshots in the
// meantime show what is in the tables and, read from the files, what is not. The files are kept on behind the last unit as
// long as a checkpoint may have to list what they say was erased.
//
// The task's thread alone, but for views, which are read beside it. The tables outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "state/restored_entries.h"
#include "tidemark/detail/state/table.h"

namespace tidemark {

class UnloadedState {
 public:
  /// `entries` are cut. What was saved without a time of writing counts as written at `written_s`.
  UnloadedState(std::shared_ptr<const RestoredEntries> entries, std::uint32_t written_s);

  const RestoredEntries& entries() const { return *entries_; }
  bool all_loaded() const { return left_ == 0; }
  bool is_loaded(std::uint64_t hash) const { return is_loaded_[entries_->unit_of(hash)]; }
  /// The unit of this hash, which is not loaded. Throws Error where a file is damaged.
  void load(std::uint64_t hash);
  /// The next unit of those that are left.
  void load_next();

  /// All that counts of the table's state at the trigger; null where the files have nothing of it.
  std::unique_ptr<detail::TableView> view(detail::Table& table, std::uint32_t bound) const;

 private:
  void load_unit(std::size_t unit);

  const std::shared_ptr<const RestoredEntries> entries_;
  const std::uint32_t written_s_;
  std::vector<std::unique_ptr<UnitReader>> readers_;  // of each state
  std::vector<bool> is_loaded_;                       // of each unit
  std::size_t left_;
  std::size_t next_ = 0;  // those before are loaded
};

}  // namespace tidemark
