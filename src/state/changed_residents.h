// What the tables in front of a store held at a trigger and the store did not: the entries of one state that had changed
// since their key became resident. Expired ones, too: the store may hold what they replaced.
//
// One thread at a time; segments are those of the table's view, read once and in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "state/view_reader.h"
#include "tidemark/detail/state/table.h"

namespace tidemark {

class RunningSnapshot;

class ChangedResidents final : public detail::TableView {
 public:
  /// `entries` has all that the state's table held; `residents` the keys that were resident, each with its marks, of which
  /// those in `mark` say that this state's entry had changed. `running` is the snapshot that `residents` belongs to.
  ChangedResidents(std::unique_ptr<detail::TableView> entries, std::unique_ptr<detail::TableView> residents,
                   std::shared_ptr<RunningSnapshot> running, std::uint64_t mark);

  std::size_t segment_count() const override { return entries_->segment_count(); }
  void read_segment(std::size_t index, detail::EntrySink& sink) override;

 private:
  class Filter;

  /// Hashes ascend from call to call.
  bool has_changed(std::uint64_t hash, std::string_view key);

  std::shared_ptr<RunningSnapshot> running_;  // before the views, so that it ends after them
  std::unique_ptr<detail::TableView> entries_;
  std::unique_ptr<detail::TableView> residents_view_;
  ViewReader residents_;  // of residents_view_
  const std::uint64_t mark_;
};

}  // namespace tidemark
