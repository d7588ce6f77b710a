#include "tidemark/detail/connectors/own_sink.h"

#include <fmt/format.h>

#include <span>

#include "connectors/commit_rounds.h"
#include "connectors/list_state.h"
#include "env/env.h"
#include "state/finished_snapshot.h"

namespace tidemark::detail {
namespace {

// Neither job names nor uids hold '~', so no sink's prefix is the beginning of another's.
std::string transaction_prefix(const std::string& job, const std::string& uid) { return fmt::format("{}~{}~", job, uid); }

std::string name_run(const Env& env) {
  const std::uint64_t number = env.random != nullptr ? env.random->next() : 0;
  return fmt::format("{}-{:016x}", env.clock->wall_ms(), number);
}

}  // namespace

SinkContext sink_context_of(const OperatorContext& context) {
  const OperatorName& name = context.name;
  return {context.job, name.uid, name.subtask, context.parallelism, context.attempt, transaction_prefix(context.job, name.uid)};
}

SinkContext sink_context_of(const SinkRecovery& recovery) {
  return {recovery.job, recovery.uid, 0, 0, recovery.attempt, transaction_prefix(recovery.job, recovery.uid)};
}

struct TwoPhaseOperator::Commits {
  CommitRounds rounds;
};

// One commit a step, in the order of the checkpoints: what is behind one that failed waits with it.
class TwoPhaseOperator::Round final : public CommitRound {
 public:
  Round(TwoPhaseOperator& op, std::vector<CommitTask> tasks) : CommitRound{std::move(tasks)}, op_{op} {}

  bool step() override {
    if (next_ == tasks().size()) return true;
    CommitTask& task = tasks()[next_++];
    if (failed_) {
      task.error = failed_;
      return false;
    }
    try {
      task.error.reset();
      op_.commit(task.order.committable);
    } catch (const Error& error) {
      fail(task, error);
    } catch (...) {
      fail(task, Error{ErrorCode::kUserCode, ErrorDomain::kExternal, Retry::kBackoff, fmt::format("commit(): {}", current_exception_text())});
    }
    failed_ = task.error;
    return false;
  }

 private:
  TwoPhaseOperator& op_;
  std::size_t next_ = 0;
  std::optional<Error> failed_;
};

TwoPhaseOperator::TwoPhaseOperator(std::string kind) : kind_{std::move(kind)} {}
TwoPhaseOperator::~TwoPhaseOperator() = default;

void TwoPhaseOperator::open(OperatorContext& context) {
  context_ = &context;
  run_ = name_run(*context.env);
  const auto make_round = [this](std::vector<CommitTask> tasks) { return std::make_shared<Round>(*this, std::move(tasks)); };
  commits_ = std::make_unique<Commits>(CommitRounds{context, CommitRounds::Wait::kLong, make_round});
}

std::string TwoPhaseOperator::next_transaction() {
  const OperatorName& name = context_->name;
  const std::string prefix = transaction_prefix(context_->job, name.uid);
  return fmt::format("{}{}.{}.{}.{}", prefix, run_, name.subtask, context_->attempt, transactions_++);
}

std::unique_ptr<SnapshotWork> TwoPhaseOperator::snapshot(const SnapshotRequest& request) {
  const std::optional<std::string> committable = pre_commit();
  CommitLedger& ledger = commits_->rounds.ledger();
  ledger.prepare(request.barrier.id, committable ? std::span{&*committable, 1} : std::span<const std::string>{});
  OperatorSnapshot result{.uid = context_->name.uid, .subtask = context_->name.subtask};
  result.committables = ledger.pending();
  result.list_states.push_back(sink_kind_state(kind_));
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

void TwoPhaseOperator::checkpoint_completed(CheckpointId id) { commits_->rounds.checkpoint_completed(id); }

bool TwoPhaseOperator::settled() const { return commits_->rounds.settled(); }

std::optional<Timestamp> TwoPhaseOperator::next_processing_time() const { return commits_->rounds.next_retry(); }

bool TwoPhaseOperator::advance_processing_time(Timestamp now) {
  if (const auto due = commits_->rounds.next_retry(); due && *due <= now) commits_->rounds.retry();
  return true;
}

void fail_sink_start(const SinkRecovery& recovery, const std::string& what) {
  try {
    throw;
  } catch (const Error& error) {
    throw error.within(fmt::format("sink '{}', {}", recovery.uid, what));
  } catch (...) {
    throw Error{ErrorCode::kUserCode, fmt::format("sink '{}', {}: {}", recovery.uid, what, current_exception_text())};
  }
}

}  // namespace tidemark::detail
