// A state's entries at a trigger, where its table holds those of the keys in use and a store all the others: both, in the
// order of hashes, the table's instead of the store's where they have the same key.
//
// One thread at a time. A "segment" is a bounded number of entries, and how many of them there are shows at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "state/view_reader.h"
#include "tidemark/detail/state/table.h"
#include "tidemark/state_store.h"

namespace tidemark {

class SpilledView final : public detail::TableView {
 public:
  /// `resident` has all entries that its table held, expired or not; `state` is that of the store.
  SpilledView(std::unique_ptr<detail::TableView> resident, std::shared_ptr<StateStoreSnapshot> store, std::uint32_t state);

  std::size_t segment_count() const override { return segments_read_ + (finished_ ? 0 : 1); }
  /// Segments are read one after the other.
  void read_segment(std::size_t index, detail::EntrySink& sink) override;

 private:
  bool next_stored();
  void write_resident(detail::EntrySink& sink);
  void write_same_hash(std::uint64_t hash, detail::EntrySink& sink);

  const std::unique_ptr<detail::TableView> resident_view_;
  ViewReader resident_;  // of resident_view_
  std::shared_ptr<StateStoreSnapshot> store_;
  const std::uint32_t state_;
  std::unique_ptr<StateEntries> entries_;  // from the first segment on
  bool has_stored_ = false;                // entries_ stands at one
  std::uint64_t stored_hash_ = 0;
  std::size_t segments_read_ = 0;
  bool finished_ = false;
};

}  // namespace tidemark
