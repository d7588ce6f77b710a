#include "state/unloaded_state.h"

#include <utility>

#include "state/partly_loaded_view.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {

UnloadedState::UnloadedState(std::shared_ptr<const RestoredEntries> entries, std::uint32_t written_s)
    : entries_{std::move(entries)}, written_s_{written_s}, is_loaded_(entries_->unit_count()), left_{is_loaded_.size()} {
  for (const RestoredEntries::State& state : entries_->states()) {
    readers_.push_back(std::make_unique<UnitReader>(*entries_, state, written_s_));
  }
}

void UnloadedState::load(std::uint64_t hash) { load_unit(entries_->unit_of(hash)); }

void UnloadedState::load_next() {
  while (is_loaded_[next_]) ++next_;
  load_unit(next_);
}

void UnloadedState::load_unit(std::size_t unit) {
  TIDEMARK_CHECK(!is_loaded_[unit], "a unit is loaded once");
  for (std::size_t i = 0; i < readers_.size(); ++i) {
    const RestoredEntries::State& state = entries_->states()[i];
    readers_[i]->read(unit);
    UnitReader::Entry entry;
    while (readers_[i]->next(entry)) {
      const auto epoch = static_cast<std::uint32_t>(entry.part->file + 1);
      if (!state.table->load_entry(entry.hash, entry.key, entry.value, epoch)) readers_[i]->fail_undecodable(entry);
    }
  }
  is_loaded_[unit] = true;
  if (--left_ == 0) readers_.clear();
}

std::unique_ptr<detail::TableView> UnloadedState::view(detail::Table& table, std::uint32_t bound) const {
  const RestoredEntries::State* const state = entries_->find(table);
  if (state == nullptr) return nullptr;
  return table.living(
      std::make_unique<PartlyLoadedView>(table.view_of_all(bound), entries_, *state, is_loaded_, written_s_));
}

}  // namespace tidemark
