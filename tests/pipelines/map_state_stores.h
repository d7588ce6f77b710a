// A store of one's own for state of keys, as docs/state-backends.md shows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/state_store.h"

using StateMap = std::map<std::string, std::string, std::less<>>;

class MapStateStore : public tidemark::StateStore {
 public:
  explicit MapStateStore(std::size_t states) : states_(states) {}

  void get(std::uint32_t state, std::span<const std::string_view> keys, const Found& found) override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (const auto at = states_[state].find(keys[i]); at != states_[state].end()) found(i, at->second);
    }
  }
  void write(const tidemark::StateChanges& changes) override {
    changes.for_each([this](std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
      if (value) {
        states_[state].insert_or_assign(std::string{key}, std::string{*value});
      } else {
        states_[state].erase(std::string{key});
      }
    });
  }
  std::unique_ptr<tidemark::StateLoader> load(std::uint32_t state) override {
    return std::make_unique<Loader>(states_[state]);
  }
  // A copy, which the job waits for: a real store has something better.
  std::unique_ptr<tidemark::StateStoreSnapshot> snapshot() override { return std::make_unique<Snapshot>(states_); }

 private:
  class Loader : public tidemark::StateLoader {
   public:
    explicit Loader(StateMap& to) : to_{to} {}
    void add(std::string_view key, std::string_view value) override {
      to_.insert_or_assign(std::string{key}, std::string{value});
    }
    void finish() override {}

   private:
    StateMap& to_;
  };

  class Entries : public tidemark::StateEntries {
   public:
    explicit Entries(const StateMap& entries) : next_{entries.begin()}, end_{entries.end()} {}
    bool next() override {
      if (next_ == end_) return false;
      at_ = next_++;
      return true;
    }
    std::string_view key() const override { return at_->first; }
    std::string_view value() const override { return at_->second; }

   private:
    StateMap::const_iterator at_, next_, end_;
  };

  class Snapshot : public tidemark::StateStoreSnapshot {
   public:
    explicit Snapshot(std::vector<StateMap> states) : states_{std::move(states)} {}
    std::unique_ptr<tidemark::StateEntries> entries(std::uint32_t state) override {
      return std::make_unique<Entries>(states_[state]);
    }

   private:
    const std::vector<StateMap> states_;
  };

  std::vector<StateMap> states_;
};

class MapStateStores : public tidemark::StateStores {
 public:
  std::unique_ptr<tidemark::StateStore> open(const tidemark::StateStoreOptions& options) override {
    return std::make_unique<MapStateStore>(options.states.size());
  }
};
