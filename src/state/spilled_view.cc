#include "state/spilled_view.h"

#include <utility>

#include "state/store_key.h"

namespace tidemark {

using detail::EntrySink;
using detail::TableView;

namespace {

constexpr std::size_t kEntriesAtOnce = 2048;

}  // namespace

// The table's entries, a segment at a time. Those of one hash are in one segment.
class SpilledView::Resident final : public EntrySink {
 public:
  explicit Resident(std::unique_ptr<TableView> view) : view_{std::move(view)} {}

  /// True if it stands at an entry.
  bool has_entry() {
    while (at_ == entries_.size() && next_segment_ < view_->segment_count()) {
      at_ = 0;
      entries_.clear();
      bytes_.clear();
      view_->read_segment(next_segment_++, *this);
    }
    return at_ < entries_.size();
  }
  std::uint64_t hash() const { return entries_[at_].hash; }
  void write_one(EntrySink& sink) {
    const Entry& entry = entries_[at_++];
    sink.entry(entry.hash, key(entry), value(entry));
  }
  /// Among the entries of the present one's hash.
  bool has_key(std::string_view searched) const {
    for (std::size_t i = at_; i < entries_.size() && entries_[i].hash == hash(); ++i) {
      if (key(entries_[i]) == searched) return true;
    }
    return false;
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
  std::string_view key(const Entry& entry) const { return std::string_view{bytes_}.substr(entry.at, entry.key_size); }
  std::string_view value(const Entry& entry) const {
    return std::string_view{bytes_}.substr(entry.at + entry.key_size, entry.value_size);
  }

  std::unique_ptr<TableView> view_;
  std::size_t next_segment_ = 0;
  std::vector<Entry> entries_;
  std::string bytes_;
  std::size_t at_ = 0;
};

SpilledView::SpilledView(std::unique_ptr<TableView> resident, std::shared_ptr<StateStoreSnapshot> store, std::uint32_t state)
    : resident_{std::make_unique<Resident>(std::move(resident))}, store_{std::move(store)}, state_{state} {}

SpilledView::~SpilledView() = default;

bool SpilledView::next_stored() {
  has_stored_ = entries_->next();
  if (has_stored_) stored_hash_ = hash_of_store_key(entries_->key());
  return has_stored_;
}

void SpilledView::read_segment(std::size_t, EntrySink& sink) {
  if (entries_ == nullptr) {
    entries_ = store_->entries(state_);
    next_stored();
  }
  ++segments_read_;
  for (std::size_t n = 0; n < kEntriesAtOnce; ++n) {
    const bool has_resident = resident_->has_entry();
    if (!has_resident && !has_stored_) {
      finished_ = true;
      return;
    }
    if (has_stored_ && (!has_resident || stored_hash_ < resident_->hash())) {
      sink.entry(stored_hash_, key_of_store_key(entries_->key()), entries_->value());
      next_stored();
    } else if (!has_stored_ || resident_->hash() < stored_hash_) {
      resident_->write_one(sink);
    } else {
      write_same_hash(stored_hash_, sink);
    }
  }
}

void SpilledView::write_same_hash(std::uint64_t hash, EntrySink& sink) {
  do {
    const std::string_view key = key_of_store_key(entries_->key());
    if (!resident_->has_key(key)) sink.entry(hash, key, entries_->value());
  } while (next_stored() && stored_hash_ == hash);
  while (resident_->has_entry() && resident_->hash() == hash) resident_->write_one(sink);
}

}  // namespace tidemark
