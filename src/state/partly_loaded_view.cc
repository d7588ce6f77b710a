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

// The table's entries, a segment at a time.
class PartlyLoadedView::Loaded final : public EntrySink {
 public:
  explicit Loaded(TableView& view) : view_{view} {}

  /// True if it stands at an entry.
  bool has_entry() {
    while (at_ == entries_.size() && next_segment_ < view_.segment_count()) {
      at_ = 0;
      entries_.clear();
      bytes_.clear();
      view_.read_segment(next_segment_++, *this);
    }
    return at_ < entries_.size();
  }
  std::uint64_t hash() const { return entries_[at_].hash; }
  /// Those of the segment with hashes up to this one; gives their number.
  std::size_t write_until(std::uint64_t last_hash, EntrySink& sink) {
    const std::size_t first = at_;
    for (; at_ < entries_.size() && entries_[at_].hash <= last_hash; ++at_) {
      const Entry& entry = entries_[at_];
      const std::string_view bytes = std::string_view{bytes_}.substr(entry.at);
      sink.entry(entry.hash, bytes.substr(0, entry.key_size), bytes.substr(entry.key_size, entry.value_size));
    }
    return at_ - first;
  }

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    entries_.push_back({hash, bytes_.size(), key.size(), value.size()});
    bytes_.append(key).append(value);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view, std::string_view value) override {
    entry(hash, key, value);
  }

 private:
  struct Entry {
    std::uint64_t hash;
    std::size_t at;  // in bytes_
    std::size_t key_size;
    std::size_t value_size;
  };

  TableView& view_;
  std::size_t next_segment_ = 0;
  std::vector<Entry> entries_;
  std::string bytes_;
  std::size_t at_ = 0;
};

PartlyLoadedView::PartlyLoadedView(std::unique_ptr<TableView> loaded, std::shared_ptr<const RestoredEntries> entries,
                                   const RestoredEntries::State& state, std::vector<bool> is_loaded, std::uint32_t written_s)
    : loaded_{std::move(loaded)},
      entries_{std::move(entries)},
      state_{state},
      is_loaded_{std::move(is_loaded)},
      segment_{std::make_unique<Loaded>(*loaded_)},
      reader_{*entries_, state_, written_s} {}

PartlyLoadedView::~PartlyLoadedView() = default;

void PartlyLoadedView::show_changes(std::shared_ptr<const ChangedSince> since) {
  since_ = since;
  loaded_->show_changes(std::move(since));
}

void PartlyLoadedView::read_segment(std::size_t, EntrySink& sink) {
  ++segments_read_;
  for (std::size_t read = 0; read < kEntriesAtOnce;) {
    skip_loaded_units();
    const bool has_unit = next_unit_ < is_loaded_.size();
    const bool has_entry = segment_->has_entry();
    if (!has_unit && !has_entry) {
      finished_ = true;
      return;
    }
    const std::uint64_t unit_begin = has_unit ? entries_->first_hash(next_unit_) : std::numeric_limits<std::uint64_t>::max();
    // No entry of the table lies in a unit that it did not have.
    if (has_entry && (!has_unit || segment_->hash() < unit_begin)) {
      read += segment_->write_until(has_unit ? unit_begin - 1 : unit_begin, sink);
    } else {
      read += read_unit(sink);
    }
  }
}

void PartlyLoadedView::skip_loaded_units() {
  while (next_unit_ < is_loaded_.size() && is_loaded_[next_unit_]) ++next_unit_;
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
