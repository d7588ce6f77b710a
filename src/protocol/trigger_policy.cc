#include "protocol/trigger_policy.h"

#include <algorithm>

namespace tidemark {
namespace {

using enum TriggerDecision::Verdict;

TriggerDecision not_before(std::int64_t at_ns, CheckpointKind kind, std::int64_t now_ns) {
  if (now_ns < at_ns) return {.verdict = kWaitUntil, .kind = kind, .wait_until_ns = at_ns};
  return {.verdict = kTrigger, .kind = kind};
}

}  // namespace

TriggerDecision decide_trigger(const TriggerSituation& s) {
  if (s.closing_pending) return {};
  if (s.stop_requested) return not_before(s.closing_not_before_ns, CheckpointKind::kStop, s.now_ns);
  if (s.all_input_ended) return not_before(s.closing_not_before_ns, CheckpointKind::kFinal, s.now_ns);
  if (!s.periodic_due_ns) return {};
  if (s.pending >= s.max_concurrent || s.cleaning > s.max_concurrent) return {};
  return not_before(std::max(*s.periodic_due_ns, s.min_pause_ends_ns), CheckpointKind::kPeriodic, s.now_ns);
}

}  // namespace tidemark
