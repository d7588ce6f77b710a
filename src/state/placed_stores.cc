#include "state/placed_stores.h"

#include <utility>

namespace tidemark {
namespace {

using Places = std::vector<std::uint32_t>;

class PlacedSnapshot final : public StateStoreSnapshot {
 public:
  PlacedSnapshot(std::unique_ptr<StateStoreSnapshot> snapshot, Places places) : snapshot_{std::move(snapshot)}, places_{std::move(places)} {}
  std::unique_ptr<StateEntries> entries(std::uint32_t state) override { return snapshot_->entries(places_[state]); }
  std::unique_ptr<StateEntries> entries_from(std::uint32_t state, std::string_view from) override {
    return snapshot_->entries_from(places_[state], from);
  }

 private:
  std::unique_ptr<StateStoreSnapshot> snapshot_;
  const Places places_;
};

class PlacedStore final : public StateStore {
 public:
  PlacedStore(std::unique_ptr<StateStore> store, Places places) : store_{std::move(store)}, places_{std::move(places)} {}

  void get(std::uint32_t state, std::span<const std::string_view> keys, const Found& found) override {
    store_->get(places_[state], keys, found);
  }
  void write(const StateChanges& changes) override {
    placed_.clear();
    changes.for_each([this](std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
      if (value) {
        placed_.put(places_[state], key, *value);
      } else {
        placed_.erase(places_[state], key);
      }
    });
    store_->write(placed_);
  }
  std::unique_ptr<StateLoader> load(std::uint32_t state) override { return store_->load(places_[state]); }
  std::unique_ptr<StateStoreSnapshot> snapshot() override { return std::make_unique<PlacedSnapshot>(store_->snapshot(), places_); }
  std::unique_ptr<StateStoreFiles> files() override { return store_->files(); }

 private:
  std::unique_ptr<StateStore> store_;
  const Places places_;
  StateChanges placed_;
};

}  // namespace

std::unique_ptr<StateStore> PlacedStores::open(const StateStoreOptions& options) {
  StateStoreOptions placed = options;
  for (std::size_t i = 0; i < places_.size(); ++i) placed.states[places_[i]] = options.states[i];
  return std::make_unique<PlacedStore>(stores_.open(placed), places_);
}

}  // namespace tidemark
