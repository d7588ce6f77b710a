// When the next checkpoint is triggered: deciding, apart from doing. Pure and without memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// All that the decision rests on. Times are of one steady clock.
struct TriggerSituation {
  std::int64_t now_ns = 0;

  bool stop_requested = false;             ///< the job is to stop with a checkpoint
  CheckpointKind stop_kind = CheckpointKind::kStop;  ///< of that checkpoint
  bool draining = false;                   ///< the sources were told to end: the stop waits for all_input_ended
  bool all_input_ended = false;            ///< every task has read all its input
  bool closing_pending = false;            ///< a stop or final checkpoint is under way, or a savepoint that nothing may follow
  std::int64_t closing_not_before_ns = 0;  ///< the pause after a failed stop or final checkpoint ends here

  std::optional<std::int64_t> periodic_due_ns;  ///< when the interval runs out; none: no checkpoints by time
  bool volume_due = false;                      ///< as many records or bytes were read as call for a periodic one
  std::int64_t min_pause_ends_ns = 0;           ///< the pause after the last completion ends here
  std::size_t pending = 0;                      ///< triggered and neither completed nor aborted, savepoints not counted
  std::size_t cleaning = 0;                     ///< checkpoints whose files are being deleted
  std::size_t max_concurrent = 1;
};

struct TriggerDecision {
  enum class Verdict : std::uint8_t {
    kTrigger,    ///< trigger a checkpoint of `kind` now
    kWaitUntil,  ///< ask again at `wait_until_ns`
    kWaitEvent,  ///< time alone changes nothing: ask again when a checkpoint or a cleaning ends, or a request comes
  };
  Verdict verdict = Verdict::kWaitEvent;
  CheckpointKind kind = CheckpointKind::kPeriodic;
  std::int64_t wait_until_ns = 0;
};

/// A stop goes before the final checkpoint, and either before a periodic one. Those two pass the limits on concurrency
/// and cleaning, and no periodic one follows them.
TriggerDecision decide_trigger(const TriggerSituation& situation);

}  // namespace tidemark
