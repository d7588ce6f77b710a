// What a look-up join has learnt lately: the rows of so many keys at most, those that were used last, and none longer than a
// given time. That a key has no rows is learnt, too. It is in no checkpoint. One owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "tidemark/detail/operators/owned_rows.h"

namespace tidemark::detail {

struct LookupCachePolicy {
  std::size_t entries = 0;  ///< 0: no cache
  std::int64_t life_ns = 0;  ///< from the answer on; 0: for good
};

template <class Row>
class LookupCache {
 public:
  using Rows = std::shared_ptr<const OwnedRows<Row>>;

  explicit LookupCache(const LookupCachePolicy& policy) : policy_{policy} {}

  /// Null if it is not known. `key` is encoded.
  Rows find(std::string_view key, std::int64_t now_ns) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    if (found->second->gone_at_ns <= now_ns) {
      forget(found->second);
      return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->rows;
  }

  void put(std::string key, Rows rows, std::int64_t now_ns) {
    if (policy_.entries == 0) return;
    if (const auto known = by_key_.find(std::string_view{key}); known != by_key_.end()) forget(known->second);
    if (entries_.size() == policy_.entries) forget(std::prev(entries_.end()));
    constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    const bool for_good = policy_.life_ns == 0 || policy_.life_ns > kNever - now_ns;
    entries_.push_front({std::move(key), std::move(rows), for_good ? kNever : now_ns + policy_.life_ns});
    by_key_.emplace(entries_.front().key, entries_.begin());
  }

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    Rows rows;
    std::int64_t gone_at_ns;
  };
  using Position = typename std::list<Entry>::iterator;

  void forget(Position entry) {
    by_key_.erase(entry->key);
    entries_.erase(entry);
  }

  LookupCachePolicy policy_;
  std::list<Entry> entries_;  // the one that was used last comes first
  std::unordered_map<std::string_view, Position> by_key_;
};

}  // namespace tidemark::detail
