// Stores in which states have other places than those by which their user knows them: a store that begins with files keeps the
// places that its states had there, whatever the order in which they are declared now.
//
// Threads and ownership as state_store.h says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/state_store.h"

namespace tidemark {

class PlacedStores final : public StateStores {
 public:
  /// State i of the user's is at places[i] of a store that `stores` open.
  PlacedStores(StateStores& stores, std::vector<std::uint32_t> places) : stores_{stores}, places_{std::move(places)} {}

  /// The places are the same.
  bool are_as_they_are() const { return std::ranges::is_sorted(places_); }

  /// May outlive this.
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override;
  std::uint64_t memory_bytes() const override { return stores_.memory_bytes(); }
  std::string files_format() const override { return stores_.files_format(); }

 private:
  StateStores& stores_;
  const std::vector<std::uint32_t> places_;
};

}  // namespace tidemark
