#include "protocol/trigger_policy.h"

#include <algorithm>

#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

using enum TriggerDecision::Verdict;

TriggerDecision not_before(std::int64_t at_ns, CheckpointKind kind, std::int64_t now_ns) {
  if (now_ns < at_ns) {
    if (kind != CheckpointKind::kPeriodic) TIDEMARK_PROBE("trigger: a closing checkpoint waits to be repeated");
    return {.verdict = kWaitUntil, .kind = kind, .wait_until_ns = at_ns};
  }
  return {.verdict = kTrigger, .kind = kind};
}

}  // namespace

TriggerDecision decide_trigger(const TriggerSituation& s) {
  if (s.closing_pending) return {};
  if (s.draining && !s.all_input_ended) return {};
  if (s.stop_requested) return not_before(s.closing_not_before_ns, s.stop_kind, s.now_ns);
  if (s.all_input_ended) return not_before(s.closing_not_before_ns, CheckpointKind::kFinal, s.now_ns);
  if (!s.periodic_due_ns && !s.volume_due) return {};
  if (s.pending >= s.max_concurrent) return {};
  if (s.cleaning > s.max_concurrent) {
    TIDEMARK_PROBE("trigger: cleaning holds a checkpoint back");
    return {};
  }
  if (s.volume_due) TIDEMARK_PROBE("trigger: as much was read as calls for a checkpoint");
  const std::int64_t due_ns = s.volume_due ? s.min_pause_ends_ns : std::max(*s.periodic_due_ns, s.min_pause_ends_ns);
  if (due_ns == s.min_pause_ends_ns && s.now_ns < due_ns) TIDEMARK_PROBE("trigger: the pause holds a checkpoint back");
  return not_before(due_ns, CheckpointKind::kPeriodic, s.now_ns);
}

}  // namespace tidemark
