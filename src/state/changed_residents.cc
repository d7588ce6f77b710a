#include "state/changed_residents.h"

#include <utility>

#include "state/hashmap_snapshot.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/state/stored_value.h"

namespace tidemark {

using detail::EntrySink;
using detail::TableView;

class ChangedResidents::Filter final : public EntrySink {
 public:
  Filter(ChangedResidents& residents, EntrySink& to) : residents_{residents}, to_{to} {}
  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    if (residents_.has_changed(hash, key)) to_.entry(hash, key, value);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view, std::string_view value) override {
    entry(hash, key, value);
  }

 private:
  ChangedResidents& residents_;
  EntrySink& to_;
};

ChangedResidents::ChangedResidents(std::unique_ptr<TableView> entries, std::unique_ptr<TableView> residents,
                                   std::shared_ptr<RunningSnapshot> running, std::uint64_t mark)
    : running_{std::move(running)},
      entries_{std::move(entries)},
      residents_view_{std::move(residents)},
      residents_{*residents_view_},
      mark_{mark} {}

void ChangedResidents::read_segment(std::size_t index, EntrySink& sink) {
  Filter filter{*this, sink};
  entries_->read_segment(index, filter);
}

bool ChangedResidents::has_changed(std::uint64_t hash, std::string_view key) {
  residents_.skip_to(hash);
  ViewReader::Entry resident;
  if (!residents_.has_entry() || residents_.hash() != hash || !residents_.find(key, &resident)) return true;
  std::uint64_t marks = 0;
  TIDEMARK_CHECK(detail::StoredValue<std::uint64_t>::decode(resident.value, marks), "a resident key has marks");
  return (marks & mark_) != 0;
}

}  // namespace tidemark
