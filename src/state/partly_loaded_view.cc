#include "state/partly_loaded_view.h"

#include <limits>
#include <utility>

#include "tidemark/detail/codec/key.h"

namespace tidemark {

using detail::ChangedSince;
using detail::EntrySink;
using detail::ErasedSink;
using detail::TableView;

namespace {

constexpr std::size_t kEntriesAtOnce = 2048;
// What it takes to read a unit without any.
constexpr std::size_t kEntriesPerUnit = 64;

}  // namespace

PartlyLoadedView::PartlyLoadedView(std::unique_ptr<TableView> loaded, std::shared_ptr<const RestoredEntries> entries,
                                   const RestoredEntries::State& state, std::vector<bool> is_loaded, std::uint32_t written_s)
    : loaded_{std::move(loaded)},
      entries_{std::move(entries)},
      state_{state},
      is_loaded_{std::move(is_loaded)},
      in_table_{*loaded_},
      reader_{*entries_, state_, written_s} {}

void PartlyLoadedView::show_changes(std::shared_ptr<const ChangedSince> since) {
  since_ = since;
  loaded_->show_changes(std::move(since));
}

void PartlyLoadedView::read_segment(std::size_t, EntrySink& sink) {
  ++segments_read_;
  for (std::size_t read = 0; read < kEntriesAtOnce;) {
    skip_loaded_units();
    const bool has_unit = next_unit_ < is_loaded_.size();
    const bool has_entry = in_table_.has_entry();
    if (!has_unit && !has_entry) {
      finished_ = true;
      return;
    }
    const std::uint64_t unit_begin = has_unit ? entries_->first_hash(next_unit_) : std::numeric_limits<std::uint64_t>::max();
    // No entry of the table lies in a unit that it did not have.
    if (has_entry && (!has_unit || in_table_.hash() < unit_begin)) {
      read += write_loaded(has_unit ? unit_begin - 1 : unit_begin, sink);
    } else {
      read += read_unit(sink);
    }
  }
}

void PartlyLoadedView::skip_loaded_units() {
  while (next_unit_ < is_loaded_.size() && is_loaded_[next_unit_]) ++next_unit_;
}

std::size_t PartlyLoadedView::write_loaded(std::uint64_t last_hash, EntrySink& sink) {
  std::size_t written = 0;
  for (; written < kEntriesAtOnce && in_table_.has_entry() && in_table_.hash() <= last_hash; in_table_.skip(), ++written) {
    const ViewReader::Entry entry = in_table_.get();
    sink.entry(entry.hash, entry.key, entry.value);
  }
  return written;
}

std::size_t PartlyLoadedView::read_unit(EntrySink& sink) {
  const std::size_t unit = next_unit_++;
  std::uint32_t lowest = ChangedSince::kAlways;
  if (since_ != nullptr) {
    const ChangedSince::Bounds since = since_->within(entries_->first_hash(unit), entries_->last_hash(unit));
    lowest = since.lowest;
  }
  if (lowest >= entries_->files().size()) return 0;
  reader_.read(unit, lowest);
  std::size_t read = kEntriesPerUnit;
  UnitReader::Entry entry;
  for (; reader_.next(entry); ++read) {
    if (has_changed(entry.hash, entry.part->file)) sink.entry(entry.hash, entry.key, entry.value);
  }
  return read;
}

bool PartlyLoadedView::has_changed(std::uint64_t hash, std::size_t file) const {
  if (since_ == nullptr) return true;
  const std::uint32_t since = since_->at(hash);
  return since == ChangedSince::kAlways || file + 1 > since;
}

// Of keys that were loaded, too: the table does not know what an older file had.
void PartlyLoadedView::read_erased(ErasedSink& sink) {
  loaded_->read_erased(sink);
  if (since_ == nullptr) return;
  for (const RestoredEntries::Part& part : state_.parts) {
    if (!part.is_erased) continue;
    for (const KeyGroupRange range : part.key_groups) {
      const auto erased = [&](const SnapshotEntry& entry) {
        const std::uint64_t hash = detail::hash_of_encoded(entry.key);
        if (since_->at(hash) != ChangedSince::kAlways && part.file + 1 > since_->at(hash)) sink.erased(hash, entry.key);
      };
      value_or_throw(entries_->files()[part.file]->for_each(part.id, range, erased));
    }
  }
}

}  // namespace tidemark
