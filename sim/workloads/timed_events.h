// Numbered events of keys with a time of their own, and what windows make of them: so each event is found in the rows that
// counted it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tidemark {

struct TimedEvent {
  std::int64_t id = 0;
  std::int64_t key = 0;
  std::int64_t time = 0;
};

/// The ids of some events, sorted.
struct IdsOfEvents {
  using Accumulator = std::vector<std::int64_t>;
  void add(Accumulator& ids, const TimedEvent& event) const { ids.push_back(event.id); }
  void merge(Accumulator& ids, const Accumulator& more) const { ids.insert(ids.end(), more.begin(), more.end()); }
  Accumulator result(const Accumulator& ids) const {
    Accumulator sorted = ids;
    std::ranges::sort(sorted);
    return sorted;
  }
};

}  // namespace tidemark
