// A state's entries at a trigger, of which a part was not loaded yet: the table's, and those of the restored files' units that
// it did not have, in the order of hashes. What changed since an older checkpoint comes from both, too: a restored file's
// entries and erased keys are of the epoch that its number gives, the first file's of epoch 1.
//
// One thread at a time. A "segment" is a bounded number of entries, and how many of them there are shows at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "state/restored_entries.h"
#include "state/view_reader.h"
#include "tidemark/detail/state/table.h"

namespace tidemark {

class PartlyLoadedView final : public detail::TableView {
 public:
  /// `loaded` has all entries of the table, expired or not. `is_loaded`: for each unit, whether they are in there.
  PartlyLoadedView(std::unique_ptr<detail::TableView> loaded, std::shared_ptr<const RestoredEntries> entries,
                   const RestoredEntries::State& state, std::vector<bool> is_loaded, std::uint32_t written_s);

  std::size_t segment_count() const override { return segments_read_ + (finished_ ? 0 : 1); }
  /// Segments are read one after the other.
  void read_segment(std::size_t index, detail::EntrySink& sink) override;

  std::optional<std::uint32_t> changes_known_since() const override { return loaded_->changes_known_since(); }
  void show_changes(std::shared_ptr<const detail::ChangedSince> since) override;
  void read_erased(detail::ErasedSink& sink) override;

 private:
  void skip_loaded_units();
  /// Some of the table's entries with hashes up to this one; gives their number.
  std::size_t write_loaded(std::uint64_t last_hash, detail::EntrySink& sink);
  /// Gives about how many entries' worth of work it was.
  std::size_t read_unit(detail::EntrySink& sink);
  bool has_changed(std::uint64_t hash, std::size_t file) const;

  const std::unique_ptr<detail::TableView> loaded_;
  const std::shared_ptr<const RestoredEntries> entries_;
  const RestoredEntries::State& state_;
  const std::vector<bool> is_loaded_;
  ViewReader in_table_;  // of loaded_
  UnitReader reader_;
  std::shared_ptr<const detail::ChangedSince> since_;  // null: everything is shown
  std::size_t next_unit_ = 0;
  std::size_t segments_read_ = 0;
  bool finished_ = false;
};

}  // namespace tidemark
