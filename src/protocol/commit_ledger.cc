#include "protocol/commit_ledger.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {

std::vector<CommitOrder> CommitLedger::restore(CheckpointId restored, std::span<const std::string> committables) {
  TIDEMARK_CHECK(next_sequence_ == 1 && newest_prepared_ == 0, "a ledger is restored before it is used");
  TIDEMARK_PROBE("ledger: restored");
  prepare(restored, committables);
  return on_complete(restored);
}

void CommitLedger::prepare(CheckpointId id, std::span<const std::string> committables) {
  TIDEMARK_CHECK(id > newest_prepared_, "a sink prepares once a checkpoint, in the order of ids");
  newest_prepared_ = id;
  if (!entries_.empty() && !entries_.back().handed_out) {
    TIDEMARK_PROBE("ledger: prepares while an earlier checkpoint is not complete");
  }
  for (const std::string& committable : committables) entries_.push_back({{next_sequence_++, id, committable}, false});
}

std::vector<std::string> CommitLedger::pending() const {
  std::vector<std::string> result;
  result.reserve(entries_.size());
  for (const Entry& entry : entries_) result.push_back(entry.order.committable);
  return result;
}

std::vector<CommitOrder> CommitLedger::on_complete(CheckpointId id) {
  std::vector<CommitOrder> orders;
  for (Entry& entry : entries_) {
    if (entry.order.prepared_at > id) {
      TIDEMARK_PROBE("ledger: something is prepared for a later checkpoint");
      break;
    }
    if (entry.handed_out) {
      TIDEMARK_PROBE("ledger: a commit takes longer than a checkpoint");
      continue;
    }
    if (entry.order.prepared_at < id) TIDEMARK_PROBE("ledger: commits what an aborted checkpoint prepared");
    entry.handed_out = true;
    orders.push_back(entry.order);
  }
  return orders;
}

void CommitLedger::on_committed(std::uint64_t sequence) {
  const auto entry = std::ranges::lower_bound(entries_, sequence, {}, [](const Entry& e) { return e.order.sequence; });
  TIDEMARK_CHECK(entry != entries_.end() && entry->order.sequence == sequence, "committed twice, or never prepared");
  TIDEMARK_CHECK(entry->handed_out, "committed before its checkpoint was complete");
  if (entry != entries_.begin()) TIDEMARK_PROBE("ledger: committed out of order");
  entries_.erase(entry);
}

}  // namespace tidemark
