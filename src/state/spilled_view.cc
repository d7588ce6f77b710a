#include "state/spilled_view.h"

#include <utility>

#include "state/store_key.h"

namespace tidemark {

using detail::EntrySink;
using detail::TableView;

namespace {

constexpr std::size_t kEntriesAtOnce = 2048;

}  // namespace

SpilledView::SpilledView(std::unique_ptr<TableView> resident, std::shared_ptr<StateStoreSnapshot> store, std::uint32_t state)
    : resident_view_{std::move(resident)}, resident_{*resident_view_}, store_{std::move(store)}, state_{state} {}

bool SpilledView::next_stored() {
  has_stored_ = entries_->next();
  if (has_stored_) stored_hash_ = hash_of_store_key(entries_->key());
  return has_stored_;
}

void SpilledView::write_resident(EntrySink& sink) {
  const ViewReader::Entry entry = resident_.get();
  sink.entry(entry.hash, entry.key, entry.value);
  resident_.skip();
}

void SpilledView::read_segment(std::size_t, EntrySink& sink) {
  if (entries_ == nullptr) {
    entries_ = store_->entries(state_);
    next_stored();
  }
  ++segments_read_;
  for (std::size_t n = 0; n < kEntriesAtOnce; ++n) {
    const bool has_resident = resident_.has_entry();
    if (!has_resident && !has_stored_) {
      finished_ = true;
      return;
    }
    if (has_stored_ && (!has_resident || stored_hash_ < resident_.hash())) {
      sink.entry(stored_hash_, key_of_store_key(entries_->key()), entries_->value());
      next_stored();
    } else if (!has_stored_ || resident_.hash() < stored_hash_) {
      write_resident(sink);
    } else {
      write_same_hash(stored_hash_, sink);
    }
  }
}

void SpilledView::write_same_hash(std::uint64_t hash, EntrySink& sink) {
  do {
    const std::string_view key = key_of_store_key(entries_->key());
    if (!resident_.find(key)) sink.entry(hash, key, entries_->value());
  } while (next_stored() && stored_hash_ == hash);
  while (resident_.has_entry() && resident_.hash() == hash) write_resident(sink);
}

}  // namespace tidemark
