#include "state/memory_state_store.h"

#include <map>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

using Entries = std::map<std::string, std::string, std::less<>>;
using States = std::vector<std::shared_ptr<Entries>>;

struct Named {
  std::string store;
  MemoryStateStores::Hook hook;
  void before(StoreOperation operation) const {
    if (!hook) return;
    if (const auto error = hook(operation, store)) throw *error;
  }
};

class MapEntries final : public StateEntries {
 public:
  explicit MapEntries(std::shared_ptr<const Entries> entries) : entries_{std::move(entries)}, next_{entries_->begin()} {}
  bool next() override {
    if (next_ == entries_->end()) return false;
    at_ = next_++;
    return true;
  }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }

 private:
  std::shared_ptr<const Entries> entries_;
  Entries::const_iterator next_;
  Entries::const_iterator at_;
};

class MapSnapshot final : public StateStoreSnapshot {
 public:
  MapSnapshot(const Named& name, States states) : name_{name}, states_{std::move(states)} {}
  std::unique_ptr<StateEntries> entries(std::uint32_t state) override {
    name_.before(StoreOperation::kRead);
    return std::make_unique<MapEntries>(states_[state]);
  }

 private:
  const Named& name_;
  const States states_;
};

class MapStore final : public StateStore {
 public:
  MapStore(Named name, std::size_t states) : name_{std::move(name)}, seen_(states, false) {
    for (std::size_t i = 0; i < states; ++i) states_.push_back(std::make_shared<Entries>());
  }

  void get(std::uint32_t state, std::span<const std::string_view> keys, const Found& found) override {
    name_.before(StoreOperation::kGet);
    const Entries& entries = *states_[state];
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (const auto at = entries.find(keys[i]); at != entries.end()) found(i, at->second);
    }
  }

  void write(const StateChanges& changes) override {
    name_.before(StoreOperation::kWrite);
    changes.for_each([this](std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
      Entries& entries = own(state);
      if (value) {
        entries.insert_or_assign(std::string{key}, std::string{*value});
      } else if (const auto at = entries.find(key); at != entries.end()) {
        entries.erase(at);
      }
    });
  }

  std::unique_ptr<StateLoader> load(std::uint32_t state) override { return std::make_unique<Loader>(*this, state); }

  std::unique_ptr<StateStoreSnapshot> snapshot() override {
    name_.before(StoreOperation::kSnapshot);
    seen_.assign(seen_.size(), true);
    return std::make_unique<MapSnapshot>(name_, states_);
  }

 private:
  class Loader final : public StateLoader {
   public:
    Loader(MapStore& store, std::uint32_t state) : store_{store}, state_{state} {}
    void add(std::string_view key, std::string_view value) override { changes_.put(state_, key, value); }
    void finish() override {
      store_.name_.before(StoreOperation::kLoad);
      store_.write(changes_);
    }

   private:
    MapStore& store_;
    std::uint32_t state_;
    StateChanges changes_;
  };

  // A map that a snapshot may read is never changed.
  Entries& own(std::uint32_t state) {
    if (seen_[state]) states_[state] = std::make_shared<Entries>(*states_[state]);
    seen_[state] = false;
    return *states_[state];
  }

  const Named name_;
  States states_;
  std::vector<bool> seen_;  // by a snapshot, since the map was made
};

}  // namespace

std::unique_ptr<StateStore> MemoryStateStores::open(const StateStoreOptions& options) {
  const Named name{options.name, hook_};
  name.before(StoreOperation::kOpen);
  return std::make_unique<MapStore>(name, options.states.size());
}

}  // namespace tidemark
