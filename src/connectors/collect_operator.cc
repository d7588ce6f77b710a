#include "tidemark/detail/connectors/collect_operator.h"

#include <fmt/format.h>

#include <span>

#include "connectors/list_state.h"
#include "state/finished_snapshot.h"
#include "protocol/commit_ledger.h"

namespace tidemark::detail {

struct CollectOperatorBase::Ledger {
  CommitLedger ledger;
};

CollectOperatorBase::CollectOperatorBase(CollectStore& store) : store_{store}, ledger_{std::make_unique<Ledger>()} {}

CollectOperatorBase::~CollectOperatorBase() = default;

void CollectOperatorBase::open(OperatorContext& context) {
  name_ = context.name;
  attempt_ = context.attempt;
}

std::unique_ptr<SnapshotWork> CollectOperatorBase::snapshot(const SnapshotRequest& request) {
  const CheckpointId id = request.barrier.id;
  const std::string committable = fmt::format("{}-{}-{}", attempt_, name_.subtask, id);
  const bool stashed = stash(committable);
  ledger_->ledger.prepare(id, stashed ? std::span{&committable, 1} : std::span<const std::string>{});
  OperatorSnapshot result{.uid = name_.uid, .subtask = name_.subtask};
  result.committables = ledger_->ledger.pending();
  result.list_states.push_back(sink_kind_state(kCollectKind));
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

void CollectOperatorBase::checkpoint_completed(CheckpointId id) {
  for (const CommitOrder& order : ledger_->ledger.on_complete(id)) {
    store_.commit(order.committable);
    ledger_->ledger.on_committed(order.sequence);
  }
}

void recover_collected(CollectStore& store, const SinkRecovery& recovery) {
  if (recovery.only_checks) return;
  if (!recovery.restored) return store.drop_all();
  for (const std::string& committable : recovery.committables) store.commit(committable);
  store.drop_uncommitted();
}

}  // namespace tidemark::detail
