#include "protocol/checkpoint_coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum CheckpointKind;

constexpr TaskId kSource{0, 0};
constexpr TaskId kSink{1, 0};
const Error kDiskFull{ErrorCode::kResourceExhausted, "disk full"};

/// A coordinator of two tasks and short words for what it is told and what it says: "trigger 1", "aborted 1 expired".
class CoordinatorTest : public ::testing::Test {
 protected:
  using Words = std::vector<std::string>;

  void make(CheckpointOptions options, CheckpointId next_id = 1, std::vector<CompletedCheckpoint> found = {}) {
    coordinator_.emplace(options, std::vector<TaskId>{kSource, kSink}, next_id, found);
  }
  void start(CheckpointOptions options) {
    make(options);
    coordinator_->start(at(0), out_);
  }

  static Moment at(std::int64_t ns) { return {ns, 1'000'000 + ns}; }
  Words on_time(std::int64_t ns) {
    coordinator_->on_time(at(now_ = ns), out_);
    return said();
  }
  AckOutcome ack(TaskId task, CheckpointId id) {
    TaskSnapshot snapshot;
    snapshot.bytes = 10 * id + task.vertex;
    return coordinator_->on_ack(task, id, snapshot, at(now_), out_);
  }
  Words ack_all(CheckpointId id) {
    EXPECT_EQ(ack(kSource, id), AckOutcome::kAccepted);
    EXPECT_EQ(ack(kSink, id), AckOutcome::kLast);
    return said();
  }
  Words finalized(CheckpointId id, FinalizeOutcome outcome = FinalizeOutcome::kCompleted) {
    const auto error = outcome == FinalizeOutcome::kCompleted ? std::nullopt : std::optional{kDiskFull};
    coordinator_->on_finalized(id, outcome, error, at(now_), out_);
    return said();
  }
  Words complete(CheckpointId id) {
    Words words = ack_all(id);
    for (std::string& word : finalized(id)) words.push_back(std::move(word));
    return words;
  }
  Words decline(CheckpointId id, DeclineReason reason = DeclineReason::kIo) {
    EXPECT_EQ(coordinator_->on_decline(kSink, id, reason, kDiskFull, at(now_), out_), DeclineOutcome::kAborted);
    return said();
  }
  Words end_of_data() {
    EXPECT_EQ(coordinator_->on_end_of_data(kSource, at(now_), out_), EndOutcome::kWaiting);
    EXPECT_EQ(coordinator_->on_end_of_data(kSource, at(now_), out_), EndOutcome::kDuplicate);
    EXPECT_EQ(coordinator_->on_end_of_data(kSink, at(now_), out_), EndOutcome::kAllEnded);
    return said();
  }
  Words stop(StopOutcome expected = StopOutcome::kAccepted) {
    EXPECT_EQ(coordinator_->request_stop(at(now_), out_), expected);
    return said();
  }
  Words ask(RequestId request, CheckpointKind kind = kSavepoint, RequestOutcome expected = RequestOutcome::kTriggered) {
    EXPECT_EQ(coordinator_->request_checkpoint(kind, request, at(now_), out_), expected);
    return said();
  }
  Words ask_last(RequestId request, RequestOutcome expected = RequestOutcome::kTriggered) {
    EXPECT_EQ(coordinator_->request_last_savepoint(request, at(now_), out_), expected);
    return said();
  }
  Words stop_with(StopRequest how, StopOutcome expected = StopOutcome::kAccepted) {
    EXPECT_EQ(coordinator_->request_stop(at(now_), out_, how), expected);
    return said();
  }
  Words read(std::uint64_t records, std::uint64_t bytes = 0) {
    coordinator_->on_progress({records, bytes}, at(now_), out_);
    return said();
  }
  Words cleaned() {
    coordinator_->on_cleaned(at(now_), out_);
    return said();
  }

  /// What it has said since the last time.
  Words said() {
    Words words;
    for (const Command& command : out_) words.push_back(std::visit([this](const auto& c) { return word(c); }, command));
    out_.clear();
    return words;
  }

  std::string word(const Trigger& c) {
    static constexpr const char* kNames[] = {"trigger ", "trigger final ", "trigger stop ", "trigger savepoint ",
                                             "trigger stop savepoint "};
    return kNames[static_cast<int>(c.barrier.kind)] + std::to_string(c.barrier.id);
  }
  std::string word(const NotifyAborted& c) {
    last_cause_ = c.cause;
    return "aborted " + std::to_string(c.id) + " " + std::string{to_string(c.reason)};
  }
  std::string word(const Finalize& c) { return "finalize " + std::to_string(c.barrier.id); }
  std::string word(const NotifyComplete& c) {
    last_subsumed_ = c.latest_subsumed;
    return "complete " + std::to_string(c.id);
  }
  std::string word(const DiscardState& c) {
    return "discard " + std::to_string(c.id) + " of " + std::to_string(c.snapshots.size());
  }
  std::string word(const DeleteCheckpoint& c) { return "delete " + std::to_string(c.id); }
  std::string word(const RequestEnded& c) {
    if (c.error) last_cause_ = c.error->message();
    return "answer " + std::to_string(c.request) + (c.error ? " no" : " yes") + " " + std::to_string(c.id);
  }
  std::string word(const DrainSources&) { return "drain"; }
  std::string word(const FailJob& c) {
    last_cause_ = c.error.message();
    last_retry_ = c.error.retry();
    return "fail";
  }
  std::string word(const Finish& c) { return "finish " + std::to_string(c.id); }

  std::optional<CheckpointCoordinator> coordinator_;
  Commands out_;
  std::int64_t now_ = 0;
  std::string last_cause_;
  Retry last_retry_ = Retry::kBackoff;
  CheckpointId last_subsumed_ = 0;
};

TEST_F(CoordinatorTest, TriggersByTheIntervalAndCompletesWhenAllHaveAcknowledged) {
  start({.interval_ns = 100, .mode = CheckpointMode::kAtLeastOnce});
  EXPECT_EQ(coordinator_->next_deadline(), 100);
  EXPECT_THAT(on_time(99), IsEmpty());
  coordinator_->on_time(at(now_ = 100), out_);
  const Barrier barrier = std::get<Trigger>(out_.at(0)).barrier;
  EXPECT_EQ(barrier.id, 1U);
  EXPECT_EQ(barrier.triggered_wall_ms, 1'000'100);
  EXPECT_EQ(barrier.mode, CheckpointMode::kAtLeastOnce);
  said();
  EXPECT_EQ(ack(kSource, 1), AckOutcome::kAccepted);
  EXPECT_EQ(ack(kSink, 1), AckOutcome::kLast);
  EXPECT_EQ(std::get<Finalize>(out_.at(0)).snapshots.at(kSink).bytes, 11U);
  EXPECT_THAT(said(), ElementsAre("finalize 1"));
  EXPECT_THAT(finalized(1), ElementsAre("complete 1"));
  EXPECT_EQ(coordinator_->latest_completed(), 1U);
  EXPECT_THAT(on_time(200), ElementsAre("trigger 2"));
}

TEST_F(CoordinatorTest, WithoutAnIntervalNothingIsTriggeredAndNoTimerIsNeeded) {
  start({});
  EXPECT_EQ(coordinator_->next_deadline(), std::nullopt);
  EXPECT_THAT(on_time(1'000'000), IsEmpty());
}

TEST_F(CoordinatorTest, NothingIsTriggeredBeforeTheStart) {
  make({.interval_ns = 100});
  EXPECT_THAT(on_time(1000), IsEmpty());
  EXPECT_THAT(stop(), IsEmpty());
  coordinator_->start(at(1000), out_);
  EXPECT_THAT(said(), ElementsAre("trigger stop 1"));
}

TEST_F(CoordinatorTest, IdsGoOnFromTheRestoredOne) {
  make({.interval_ns = 100}, 8, {{5, kPeriodic}, {7, kStop}});
  coordinator_->start(at(0), out_);
  EXPECT_EQ(coordinator_->latest_completed(), 7U);
  EXPECT_THAT(on_time(100), ElementsAre("trigger 8"));
  EXPECT_THAT(complete(8), ElementsAre("finalize 8", "complete 8", "delete 5", "delete 7"));
  EXPECT_EQ(last_subsumed_, 7U);
}

TEST_F(CoordinatorTest, MinPausePutsAPeriodicTriggerOff) {
  start({.interval_ns = 100, .min_pause_ns = 60});
  on_time(100);
  now_ = 180;
  complete(1);
  EXPECT_EQ(coordinator_->next_deadline(), 240);
  EXPECT_THAT(on_time(200), IsEmpty());
  EXPECT_THAT(on_time(240), ElementsAre("trigger 2"));
  complete(2);
  EXPECT_EQ(coordinator_->next_deadline(), 340);
}

TEST_F(CoordinatorTest, RecordsReadSinceTheLastTriggerCallForTheNext) {
  start({.interval_records = 100});
  EXPECT_TRUE(coordinator_->wants_progress());
  EXPECT_EQ(coordinator_->next_deadline(), std::nullopt);
  EXPECT_THAT(read(99), IsEmpty());
  EXPECT_THAT(read(130, 1 << 30), ElementsAre("trigger 1"));
  complete(1);
  EXPECT_THAT(read(229), IsEmpty()) << "counted from the trigger, not from when it was due";
  EXPECT_THAT(read(120), IsEmpty()) << "a number that goes back changes nothing";
  EXPECT_THAT(read(230), ElementsAre("trigger 2"));
}

TEST_F(CoordinatorTest, BytesReadCallForACheckpoint) {
  start({.interval_bytes = 1000});
  EXPECT_THAT(read(1 << 30, 999), IsEmpty());
  EXPECT_THAT(read(1 << 30, 1000), ElementsAre("trigger 1"));
}

TEST_F(CoordinatorTest, TimeAndRecordsTogetherTriggerByWhicheverComesFirst) {
  start({.interval_ns = 100, .interval_records = 100});
  EXPECT_THAT(on_time(100), ElementsAre("trigger 1"));
  complete(1);
  now_ = 120;
  EXPECT_THAT(read(100), ElementsAre("trigger 2"));
  complete(2);
  EXPECT_THAT(on_time(219), IsEmpty()) << "the interval counts from the newest trigger";
  EXPECT_THAT(on_time(220), ElementsAre("trigger 3"));
}

TEST_F(CoordinatorTest, RecordsDoNotPassThePauseNorTheLimitOfConcurrency) {
  start({.interval_records = 10, .min_pause_ns = 50});
  EXPECT_THAT(read(10), ElementsAre("trigger 1"));
  EXPECT_THAT(read(20), IsEmpty());
  now_ = 30;
  complete(1);
  EXPECT_EQ(coordinator_->next_deadline(), 80);
  EXPECT_THAT(on_time(79), IsEmpty());
  EXPECT_THAT(on_time(80), ElementsAre("trigger 2"));
}

TEST_F(CoordinatorTest, NobodyAsksForRecordsWhenTheyCanTriggerNothing) {
  make({.interval_records = 10});
  EXPECT_FALSE(coordinator_->wants_progress());
  coordinator_->start(at(0), out_);
  EXPECT_TRUE(coordinator_->wants_progress());
  stop();
  EXPECT_FALSE(coordinator_->wants_progress());
  start({.interval_ns = 10});
  EXPECT_FALSE(coordinator_->wants_progress());
  start({.interval_bytes = 10});
  end_of_data();
  EXPECT_FALSE(coordinator_->wants_progress());
}

TEST_F(CoordinatorTest, AtTheLimitOfConcurrencyAPeriodicTriggerWaitsForAPlace) {
  start({.interval_ns = 100, .max_concurrent = 2, .timeout_ns = 10'000});
  EXPECT_THAT(on_time(100), ElementsAre("trigger 1"));
  EXPECT_THAT(on_time(200), ElementsAre("trigger 2"));
  EXPECT_THAT(on_time(300), IsEmpty());
  EXPECT_EQ(coordinator_->next_deadline(), 10'100) << "time alone frees no place before the timeout";
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined", "trigger 3"));
}

TEST_F(CoordinatorTest, PeriodicTriggersWaitWhileTooMuchIsBeingCleaned) {
  start({.interval_ns = 100});
  for (CheckpointId id = 1; id <= 2; ++id) {
    on_time(now_ + 100);
    ack(kSource, id);
    EXPECT_THAT(decline(id),
                ElementsAre("aborted " + std::to_string(id) + " declined", "discard " + std::to_string(id) + " of 1"));
  }
  EXPECT_THAT(on_time(300), IsEmpty());
  EXPECT_THAT(cleaned(), ElementsAre("trigger 3"));
}

TEST_F(CoordinatorTest, AnExpiredCheckpointIsAbortedAndLateStateIsDiscarded) {
  start({.interval_ns = 100, .timeout_ns = 50});
  on_time(100);
  ack(kSource, 1);
  EXPECT_EQ(coordinator_->next_deadline(), 150);
  EXPECT_THAT(on_time(150), ElementsAre("aborted 1 expired", "discard 1 of 1"));
  EXPECT_THAT(last_cause_, HasSubstr("1 of 2 tasks have not acknowledged it, among them subtask 0 of vertex 1"));
  EXPECT_EQ(ack(kSink, 1), AckOutcome::kLate);
  EXPECT_THAT(said(), ElementsAre("discard 1 of 1"));
}

TEST_F(CoordinatorTest, ACheckpointThatIsBeingFinalisedDoesNotExpire) {
  start({.interval_ns = 100, .timeout_ns = 50});
  on_time(100);
  ack_all(1);
  EXPECT_THAT(on_time(1000), IsEmpty());
  EXPECT_THAT(finalized(1), ElementsAre("complete 1", "trigger 2"));
}

TEST_F(CoordinatorTest, EveryStrangeAcknowledgementHasAName) {
  start({.interval_ns = 100});
  on_time(100);
  EXPECT_EQ(ack(TaskId{9, 9}, 1), AckOutcome::kUnknownTask);
  EXPECT_EQ(ack(kSource, 2), AckOutcome::kUnknownCheckpoint);
  EXPECT_EQ(ack(kSource, 1), AckOutcome::kAccepted);
  EXPECT_EQ(ack(kSource, 1), AckOutcome::kDuplicate);
  EXPECT_EQ(ack(kSink, 1), AckOutcome::kLast);
  EXPECT_EQ(ack(kSink, 1), AckOutcome::kDuplicate);
  EXPECT_THAT(said(), ElementsAre("finalize 1"));
  finalized(1);
  EXPECT_EQ(ack(kSink, 1), AckOutcome::kCompleted);
  EXPECT_THAT(said(), IsEmpty()) << "a repeated message must not discard a complete checkpoint";
}

TEST_F(CoordinatorTest, ADeclineAbortsOnceAndNamesTaskPhaseAndCause) {
  start({.interval_ns = 100});
  on_time(100);
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined"));
  EXPECT_EQ(last_cause_, "checkpoint 1: declined by subtask 0 of vertex 1 (input/output): disk full");
  EXPECT_EQ(coordinator_->on_decline(kSource, 1, DeclineReason::kIo, kDiskFull, at(100), out_), DeclineOutcome::kStale);
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(CoordinatorTest, ADeclineAfterAllHaveAcknowledgedIsStale) {
  start({.interval_ns = 100});
  on_time(100);
  ack_all(1);
  EXPECT_EQ(coordinator_->on_decline(kSink, 1, DeclineReason::kIo, kDiskFull, at(100), out_), DeclineOutcome::kStale);
  EXPECT_THAT(finalized(1), ElementsAre("complete 1"));
}

TEST_F(CoordinatorTest, ACompletionSubsumesAllOlderPendingOnes) {
  start({.interval_ns = 100, .max_concurrent = 3});
  on_time(100);
  on_time(200);
  on_time(300);
  ack(kSource, 1);
  EXPECT_THAT(complete(3),
              ElementsAre("finalize 3", "complete 3", "aborted 1 subsumed", "discard 1 of 1", "aborted 2 subsumed"));
}

TEST_F(CoordinatorTest, FinalisesOneAtATimeAndTheOldestFirst) {
  start({.interval_ns = 100, .max_concurrent = 3});
  on_time(100);
  on_time(200);
  on_time(300);
  EXPECT_THAT(ack_all(1), ElementsAre("finalize 1"));
  EXPECT_THAT(ack_all(3), IsEmpty());
  EXPECT_THAT(ack_all(2), IsEmpty());
  EXPECT_THAT(finalized(1), ElementsAre("complete 1", "finalize 2"));
  EXPECT_THAT(finalized(2), ElementsAre("complete 2", "delete 1", "finalize 3"));
}

TEST_F(CoordinatorTest, AnOlderOneAcknowledgedWhileANewerIsFinalisedIsSubsumedByIt) {
  start({.interval_ns = 100, .max_concurrent = 2});
  on_time(100);
  on_time(200);
  EXPECT_THAT(ack_all(2), ElementsAre("finalize 2"));
  EXPECT_THAT(ack_all(1), IsEmpty());
  EXPECT_THAT(finalized(2), ElementsAre("complete 2", "aborted 1 subsumed", "discard 1 of 2"));
}

TEST_F(CoordinatorTest, AnOlderOneIsFinalisedAfterAllWhenTheNewerFails) {
  start({.interval_ns = 100, .max_concurrent = 2});
  on_time(100);
  on_time(200);
  ack_all(2);
  ack_all(1);
  EXPECT_THAT(finalized(2, FinalizeOutcome::kFailed),
              ElementsAre("aborted 2 finalize failed", "discard 2 of 2", "finalize 1"));
  EXPECT_THAT(finalized(1), ElementsAre("complete 1"));
}

TEST_F(CoordinatorTest, CountedFailuresInARowFailTheJob) {
  start({.interval_ns = 100, .timeout_ns = 50, .tolerable_failures = 3});
  on_time(100);
  EXPECT_THAT(decline(1, DeclineReason::kGeneric), ElementsAre("aborted 1 declined"));
  on_time(200);
  EXPECT_THAT(on_time(250), ElementsAre("aborted 2 expired"));
  on_time(300);
  ack_all(3);
  EXPECT_THAT(finalized(3, FinalizeOutcome::kFailed), ElementsAre("aborted 3 finalize failed", "discard 3 of 2"));
  on_time(400);
  EXPECT_THAT(decline(4, DeclineReason::kAsync), ElementsAre("aborted 4 declined", "fail"));
  EXPECT_THAT(last_cause_,
              HasSubstr("4 checkpoints failed in a row, more than the 3 that are tolerated: checkpoint 4: declined"));
  EXPECT_EQ(last_retry_, Retry::kRestart);
  EXPECT_THAT(on_time(10'000), IsEmpty());
  EXPECT_EQ(coordinator_->next_deadline(), std::nullopt);
}

TEST_F(CoordinatorTest, UncountedDeclinesNeverFailTheJob) {
  start({.interval_ns = 100, .tolerable_failures = 0});
  CheckpointId id = 0;
  for (const auto reason : {DeclineReason::kAlignmentAborted, DeclineReason::kCancelMarker, DeclineReason::kNotReady}) {
    on_time(now_ + 100);
    ++id;
    EXPECT_THAT(decline(id, reason), ElementsAre("aborted " + std::to_string(id) + " declined"));
  }
}

TEST_F(CoordinatorTest, SuccessResetsTheCountOfFailures) {
  start({.interval_ns = 100, .tolerable_failures = 1});
  on_time(100);
  decline(1);
  on_time(200);
  complete(2);
  on_time(300);
  EXPECT_THAT(decline(3), ElementsAre("aborted 3 declined"));
  on_time(400);
  EXPECT_THAT(decline(4), ElementsAre("aborted 4 declined", "fail"));
}

TEST_F(CoordinatorTest, WithoutALimitAnyNumberOfFailuresIsTolerated) {
  start({.interval_ns = 100});
  for (CheckpointId id = 1; id <= 50; ++id) {
    on_time(now_ + 100);
    EXPECT_THAT(decline(id), ElementsAre("aborted " + std::to_string(id) + " declined"));
  }
}

TEST_F(CoordinatorTest, RetentionDeletesAfterTheCompletionAndNeverTheLatest) {
  start({.interval_ns = 100, .num_retained = 2});
  for (CheckpointId id = 1; id <= 2; ++id) {
    on_time(now_ + 100);
    complete(id);
  }
  on_time(300);
  EXPECT_THAT(complete(3), ElementsAre("finalize 3", "complete 3", "delete 1"));
  EXPECT_EQ(last_subsumed_, 1U);
  EXPECT_THAT(coordinator_->retained(),
              ElementsAre(CompletedCheckpoint{2, kPeriodic}, CompletedCheckpoint{3, kPeriodic}));
}

TEST_F(CoordinatorTest, TheFinalCheckpointComesAtTheEndOfInputAndFinishesTheJob) {
  start({.interval_ns = 100});
  EXPECT_THAT(end_of_data(), ElementsAre("trigger final 1"));
  EXPECT_THAT(on_time(500), IsEmpty()) << "no periodic one follows";
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1", "finish 1"));
  EXPECT_THAT(on_time(1000), IsEmpty());
  EXPECT_EQ(coordinator_->next_deadline(), std::nullopt);
}

TEST_F(CoordinatorTest, TheFinalCheckpointPassesTheLimitsAndSubsumesWhatIsPending) {
  start({.interval_ns = 100, .min_pause_ns = 100});
  on_time(100);
  EXPECT_THAT(end_of_data(), ElementsAre("trigger final 2"));
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "complete 2", "aborted 1 subsumed", "finish 2"));
}

TEST_F(CoordinatorTest, AFailedFinalCheckpointIsRepeatedAfterAPauseAndThenFailsTheJob) {
  start({.min_pause_ns = 70, .tolerable_failures = 0, .closing_attempts = 3, .closing_retry_pause_ns = 50});
  end_of_data();
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined"));
  EXPECT_EQ(coordinator_->next_deadline(), 70);
  EXPECT_THAT(on_time(69), IsEmpty());
  EXPECT_THAT(on_time(70), ElementsAre("trigger final 2"));
  EXPECT_THAT(decline(2, DeclineReason::kNotReady), ElementsAre("aborted 2 declined"));
  EXPECT_THAT(on_time(140), ElementsAre("trigger final 3"));
  EXPECT_THAT(decline(3), ElementsAre("aborted 3 declined", "fail"));
  EXPECT_THAT(last_cause_, HasSubstr("failed 3 times in a row"));
  EXPECT_THAT(on_time(1000), IsEmpty());
}

TEST_F(CoordinatorTest, StopPassesThePendingOneAndSubsumesIt) {
  start({.interval_ns = 100});
  on_time(100);
  EXPECT_THAT(stop(), ElementsAre("trigger stop 2"));
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "complete 2", "aborted 1 subsumed", "finish 2"));
  EXPECT_THAT(coordinator_->retained(), ElementsAre(CompletedCheckpoint{2, kStop}));
  EXPECT_THAT(stop(StopOutcome::kOver), IsEmpty());
}

TEST_F(CoordinatorTest, StopTwiceTakesOneCheckpoint) {
  start({});
  EXPECT_THAT(stop(), ElementsAre("trigger stop 1"));
  EXPECT_THAT(stop(StopOutcome::kAlready), IsEmpty());
}

TEST_F(CoordinatorTest, StopWhileFinishingChangesNothing) {
  start({});
  EXPECT_THAT(end_of_data(), ElementsAre("trigger final 1"));
  EXPECT_THAT(stop(StopOutcome::kFinishing), IsEmpty());
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1", "finish 1"));
}

TEST_F(CoordinatorTest, EndOfInputWhileStoppingTakesNoFinalCheckpoint) {
  start({.closing_retry_pause_ns = 10});
  stop();
  EXPECT_THAT(end_of_data(), IsEmpty());
  decline(1);
  EXPECT_THAT(on_time(10), ElementsAre("trigger stop 2"));
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "complete 2", "finish 2"));
}

TEST_F(CoordinatorTest, ATaskFailureAbortsAllPendingUncounted) {
  start({.interval_ns = 100, .max_concurrent = 2, .tolerable_failures = 0});
  on_time(100);
  on_time(200);
  ack(kSource, 2);
  coordinator_->on_task_failed(at(250), out_);
  EXPECT_THAT(said(), ElementsAre("aborted 1 task failed", "aborted 2 task failed", "discard 2 of 1"));
  EXPECT_EQ(ack(kSink, 1), AckOutcome::kLate);
  EXPECT_THAT(said(), ElementsAre("discard 1 of 1"));
  EXPECT_THAT(on_time(1000), IsEmpty());
  EXPECT_THAT(stop(StopOutcome::kOver), IsEmpty());
}

TEST_F(CoordinatorTest, AFinalizeInFlightIsAwaitedAfterATaskFailureAndStillCompletes) {
  start({.interval_ns = 100});
  on_time(100);
  ack_all(1);
  coordinator_->on_task_failed(at(150), out_);
  EXPECT_THAT(said(), IsEmpty());
  EXPECT_TRUE(coordinator_->finalizing());
  EXPECT_THAT(finalized(1), ElementsAre("complete 1"));
  EXPECT_FALSE(coordinator_->finalizing());
}

TEST_F(CoordinatorTest, AFinalCheckpointThatCompletesAfterATaskFailureDoesNotFinish) {
  start({});
  end_of_data();
  ack_all(1);
  coordinator_->on_task_failed(at(150), out_);
  EXPECT_THAT(finalized(1), ElementsAre("complete 1"));
}

TEST_F(CoordinatorTest, AnUncertainFinalizeDiscardsNothingAndFailsTheAttempt) {
  start({.interval_ns = 100, .max_concurrent = 2});
  on_time(100);
  on_time(200);
  ack_all(1);
  EXPECT_THAT(finalized(1, FinalizeOutcome::kUncertain), ElementsAre("aborted 2 shutdown", "fail"));
  EXPECT_EQ(last_retry_, Retry::kRestart);
  EXPECT_EQ(ack(kSource, 1), AckOutcome::kUnknownCheckpoint);
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(CoordinatorTest, AFencedAttemptTouchesNothingAndNeverRestarts) {
  start({.interval_ns = 100, .max_concurrent = 2});
  on_time(100);
  on_time(200);
  ack_all(1);
  ack(kSource, 2);
  EXPECT_THAT(finalized(1, FinalizeOutcome::kFenced), ElementsAre("aborted 2 shutdown", "fail"));
  EXPECT_EQ(last_retry_, Retry::kNone);
  EXPECT_EQ(ack(kSink, 2), AckOutcome::kLate);
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(CoordinatorTest, ASavepointCommitsNothingSubsumesNothingAndAnswersItsRequest) {
  start({.interval_ns = 100, .min_pause_ns = 50});
  EXPECT_THAT(on_time(100), ElementsAre("trigger 1"));
  EXPECT_THAT(ask(7), ElementsAre("trigger savepoint 2"));
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "answer 7 yes 2"));
  EXPECT_EQ(coordinator_->latest_completed(), 0U);
  EXPECT_THAT(coordinator_->retained(), IsEmpty());
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1"));
}

TEST_F(CoordinatorTest, ASavepointIsNotSubsumedByANewerCheckpoint) {
  start({.interval_ns = 100});
  EXPECT_THAT(ask(7), ElementsAre("trigger savepoint 1"));
  EXPECT_THAT(on_time(100), ElementsAre("trigger 2"));
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "complete 2"));
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "answer 7 yes 1"));
  EXPECT_EQ(coordinator_->latest_completed(), 2U);
}

TEST_F(CoordinatorTest, SavepointsPassLimitsAndPausesAndLeaveTheScheduleAlone) {
  start({.interval_ns = 100, .min_pause_ns = 80, .max_concurrent = 1});
  EXPECT_THAT(ask(1), ElementsAre("trigger savepoint 1"));
  EXPECT_THAT(ask(2), ElementsAre("trigger savepoint 2"));
  EXPECT_THAT(on_time(100), ElementsAre("trigger 3"));
  EXPECT_THAT(complete(3), ElementsAre("finalize 3", "complete 3"));
  EXPECT_THAT(ask(3), ElementsAre("trigger savepoint 4"));
  EXPECT_EQ(coordinator_->pending(), 3U);
  EXPECT_THAT(on_time(200), ElementsAre("trigger 5"));
}

TEST_F(CoordinatorTest, AFailedSavepointFailsItsRequestAndNothingElse) {
  start({.timeout_ns = 50, .tolerable_failures = 0});
  ask(7);
  ack(kSource, 1);
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined", "answer 7 no 1", "discard 1 of 1"));
  EXPECT_THAT(last_cause_, HasSubstr("disk full"));
  ask(8);
  EXPECT_THAT(on_time(50), ElementsAre("aborted 2 expired", "answer 8 no 2"));
  ask(9);
  ack_all(3);
  EXPECT_THAT(finalized(3, FinalizeOutcome::kFailed),
              ElementsAre("aborted 3 finalize failed", "answer 9 no 3", "discard 3 of 2"));
  EXPECT_THAT(ask(10), ElementsAre("trigger savepoint 4"));
}

TEST_F(CoordinatorTest, ACheckpointOutOfTurnIsOneLikeAllOthers) {
  start({.interval_ns = 100});
  EXPECT_THAT(ask(7, kPeriodic), ElementsAre("trigger 1"));
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1", "answer 7 yes 1"));
  EXPECT_EQ(coordinator_->latest_completed(), 1U);
  ask(8, kPeriodic);
  EXPECT_THAT(ask(9, kPeriodic), ElementsAre("trigger 3"));
  EXPECT_THAT(complete(3), ElementsAre("finalize 3", "complete 3", "answer 9 yes 3", "aborted 2 subsumed",
                                       "answer 8 no 2", "delete 1"));
}

TEST_F(CoordinatorTest, RequestsAreRefusedBeforeTheStartAtTheEndAndAfter) {
  make({});
  ask(1, kSavepoint, RequestOutcome::kOver);
  coordinator_->start(at(0), out_);
  stop();
  ask(2, kSavepoint, RequestOutcome::kFinishing);
  complete(1);
  EXPECT_THAT(ask(3, kSavepoint, RequestOutcome::kOver), IsEmpty());
}

TEST_F(CoordinatorTest, BehindTheLastSavepointNothingIsTriggered) {
  start({.interval_ns = 100, .interval_records = 10, .max_concurrent = 3});
  EXPECT_THAT(on_time(100), ElementsAre("trigger 1"));
  EXPECT_THAT(ask_last(7), ElementsAre("trigger savepoint 2"));
  EXPECT_THAT(on_time(1000), IsEmpty());
  EXPECT_THAT(read(1000), IsEmpty());
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1")) << "what is before it may commit";
  ask(8, kPeriodic, RequestOutcome::kFinishing);
  ask(9, kSavepoint, RequestOutcome::kFinishing);
  ask_last(10, RequestOutcome::kFinishing);
  EXPECT_THAT(stop_with({.savepoint = 11}, StopOutcome::kAlready), IsEmpty());
  EXPECT_THAT(end_of_data(), IsEmpty());
  EXPECT_EQ(coordinator_->next_deadline(), 100 + CheckpointOptions{}.timeout_ns) << "it may expire, and nothing else is due";
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "answer 7 yes 2"));
  EXPECT_THAT(on_time(2000), IsEmpty()) << "the job is about to be cancelled";
  EXPECT_EQ(coordinator_->next_deadline(), std::nullopt);
}

TEST_F(CoordinatorTest, WhereTheLastSavepointFailsCheckpointsGoOn) {
  start({.interval_ns = 100});
  ask_last(7);
  on_time(500);
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined", "answer 7 no 1", "trigger 2"));
  EXPECT_THAT(complete(2), ElementsAre("finalize 2", "complete 2"));

  EXPECT_THAT(ask_last(8), ElementsAre("trigger savepoint 3"));
  EXPECT_THAT(stop(), IsEmpty()) << "it waits";
  EXPECT_THAT(decline(3), ElementsAre("aborted 3 declined", "answer 8 no 3", "trigger stop 4"));
}

TEST_F(CoordinatorTest, AStoppingJobTakesNoLastSavepoint) {
  make({});
  ask_last(1, RequestOutcome::kOver);
  coordinator_->start(at(0), out_);
  stop_with({.savepoint = 2, .drain = true});
  ask_last(3, RequestOutcome::kFinishing);
}

TEST_F(CoordinatorTest, AStopWithASavepointCommitsAndEndsTheJob) {
  start({.interval_ns = 100});
  EXPECT_THAT(stop_with({.savepoint = 7}), ElementsAre("trigger stop savepoint 1"));
  EXPECT_THAT(on_time(500), IsEmpty());
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1", "answer 7 yes 1", "finish 1"));
  EXPECT_EQ(coordinator_->latest_completed(), 1U);
}

TEST_F(CoordinatorTest, WhenTheSavepointOfAStopFailsTheJobGoesOn) {
  start({.interval_ns = 100, .closing_attempts = 1});
  stop_with({.savepoint = 7});
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined", "answer 7 no 1"));
  EXPECT_THAT(on_time(100), ElementsAre("trigger 2"));
  EXPECT_THAT(stop_with({.savepoint = 8}), ElementsAre("trigger stop savepoint 3"));
}

TEST_F(CoordinatorTest, APlainStopTakesOverWhereTheSavepointFails) {
  start({});
  stop_with({.savepoint = 7});
  EXPECT_THAT(stop(StopOutcome::kAlready), IsEmpty());
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined", "answer 7 no 1", "trigger stop 2"));
}

TEST_F(CoordinatorTest, ADrainWaitsForTheEndOfEveryInput) {
  start({.interval_ns = 100});
  EXPECT_THAT(stop_with({.savepoint = 7, .drain = true}), ElementsAre("drain"));
  EXPECT_FALSE(coordinator_->next_deadline());
  EXPECT_THAT(on_time(1000), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("trigger stop savepoint 1"));
  EXPECT_THAT(complete(1), ElementsAre("finalize 1", "complete 1", "answer 7 yes 1", "finish 1"));
}

TEST_F(CoordinatorTest, NothingIsTakenWhileSourcesDrain) {
  start({});
  stop_with({.savepoint = 7, .drain = true});
  EXPECT_THAT(ask(8, kSavepoint, RequestOutcome::kFinishing), IsEmpty());
  EXPECT_THAT(ask(9, kPeriodic, RequestOutcome::kFinishing), IsEmpty());
  EXPECT_THAT(end_of_data(), ElementsAre("trigger stop savepoint 1"));
}

TEST_F(CoordinatorTest, ADrainedJobWhoseSavepointFailsBeginsANewAttempt) {
  start({});
  stop_with({.savepoint = 7, .drain = true});
  end_of_data();
  EXPECT_THAT(decline(1), ElementsAre("aborted 1 declined", "answer 7 no 1", "fail"));
  EXPECT_EQ(last_retry_, Retry::kRestart);
}

TEST_F(CoordinatorTest, EveryRequestIsAnsweredWhenTheAttemptEnds) {
  start({});
  ask(1);
  stop_with({.savepoint = 2, .drain = true});
  coordinator_->on_task_failed(at(0), out_);
  EXPECT_THAT(said(), ElementsAre("answer 2 no 0", "aborted 1 task failed", "answer 1 no 1"));
}

TEST_F(CoordinatorTest, AStopWithASavepointWhoseFateIsUnknownIsAnsweredAndDiscardsNothing) {
  start({});
  stop_with({.savepoint = 7});
  ack_all(1);
  EXPECT_THAT(finalized(1, FinalizeOutcome::kUncertain), ElementsAre("answer 7 no 1", "fail"));
}

TEST_F(CoordinatorTest, AnswersThatNobodyAskedForAreFaults) {
  start({});
  EXPECT_DEATH(finalized(1), "not in flight");
  EXPECT_DEATH(cleaned(), "more was cleaned");
}

}  // namespace
}  // namespace tidemark
