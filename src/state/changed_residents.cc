#include "state/changed_residents.h"

#include <utility>

#include "state/hashmap_snapshot.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/state/stored_value.h"

namespace tidemark {

using detail::EntrySink;
using detail::TableView;

// The resident keys, a segment at a time. Those of one hash are in one segment.
class ChangedResidents::Residents final : public EntrySink {
 public:
  Residents(std::unique_ptr<TableView> view, std::uint64_t mark) : view_{std::move(view)}, mark_{mark} {}

  /// Hashes ascend from call to call.
  bool has_changed(std::uint64_t hash, std::string_view key) {
    while (at_ < rows_.size() ? rows_[at_].hash < hash : next_segment_ < view_->segment_count()) {
      if (at_ < rows_.size()) {
        ++at_;
      } else {
        read_next();
      }
    }
    for (std::size_t i = at_; i < rows_.size() && rows_[i].hash == hash; ++i) {
      if (std::string_view{bytes_}.substr(rows_[i].key_at, rows_[i].key_size) == key) return rows_[i].changed;
    }
    return true;
  }

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    std::uint64_t marks = 0;
    TIDEMARK_CHECK(detail::StoredValue<std::uint64_t>::decode(value, marks), "a resident key has marks");
    rows_.push_back({hash, bytes_.size(), key.size(), (marks & mark_) != 0});
    bytes_.append(key);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view, std::string_view value) override {
    entry(hash, key, value);
  }

 private:
  struct Row {
    std::uint64_t hash;
    std::size_t key_at;  // in bytes_
    std::size_t key_size;
    bool changed;
  };

  void read_next() {
    rows_.clear();
    bytes_.clear();
    at_ = 0;
    view_->read_segment(next_segment_++, *this);
  }

  std::unique_ptr<TableView> view_;
  const std::uint64_t mark_;
  std::size_t next_segment_ = 0;
  std::vector<Row> rows_;
  std::string bytes_;
  std::size_t at_ = 0;
};

class ChangedResidents::Filter final : public EntrySink {
 public:
  Filter(Residents& residents, EntrySink& to) : residents_{residents}, to_{to} {}
  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    if (residents_.has_changed(hash, key)) to_.entry(hash, key, value);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view, std::string_view value) override {
    entry(hash, key, value);
  }

 private:
  Residents& residents_;
  EntrySink& to_;
};

ChangedResidents::ChangedResidents(std::unique_ptr<TableView> entries, std::unique_ptr<TableView> residents,
                                   std::shared_ptr<RunningSnapshot> running, std::uint64_t mark)
    : running_{std::move(running)},
      entries_{std::move(entries)},
      residents_{std::make_unique<Residents>(std::move(residents), mark)} {}

ChangedResidents::~ChangedResidents() = default;

void ChangedResidents::read_segment(std::size_t index, EntrySink& sink) {
  Filter filter{*residents_, sink};
  entries_->read_segment(index, filter);
}

}  // namespace tidemark
