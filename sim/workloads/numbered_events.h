// Numbered events of some keys, in two lanes, whose time is their number.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "sim/workloads/lanes.h"

namespace tidemark {

struct NumberedEvent {
  std::int64_t key = 0;
  std::int64_t number = 0;
  std::int64_t time = 0;
};

inline Lanes<NumberedEvent> make_numbered_lanes(const WorkloadOptions& options) {
  constexpr std::size_t kLanes = 2;
  Dice dice{options.seed};
  const auto keys = static_cast<std::uint64_t>(2 + dice.below(10));
  std::vector<NumberedEvent> lanes[kLanes];
  for (std::uint64_t n = 0; n < options.records; ++n) {
    const auto number = static_cast<std::int64_t>(n);
    const std::int64_t key = dice.below(keys);
    lanes[static_cast<std::size_t>(key) % kLanes].push_back({key, number, number});
  }
  return {make_input(std::move(lanes[0])), make_input(std::move(lanes[1]))};
}

/// `Rows`: of committed rows with a number each.
template <class Rows>
Complaint find_lost_number(const Rows& rows, const std::vector<NumberedEvent>& wanted) {
  std::set<std::int64_t> there;
  for (const auto& committed : rows) there.insert(committed.row.number);
  for (const NumberedEvent& event : wanted) {
    if (!there.contains(event.number))
      return "number " + std::to_string(event.number) + " of key " + std::to_string(event.key) + " is lost";
  }
  return std::nullopt;
}

template <class Rows>
Complaint find_lost_number(const Rows& rows, const Lanes<NumberedEvent>& wanted) {
  for (const Input<NumberedEvent>& lane : wanted) {
    if (auto lost = find_lost_number(rows, *lane)) return lost;
  }
  return std::nullopt;
}

}  // namespace tidemark
