#include "sim/workloads/workloads.h"

namespace tidemark {

const std::vector<WorkloadKind>& workload_kinds() {
  static const std::vector<WorkloadKind> kinds{
      {"unique_numbers", "numbers of two sources through map, filter and a rebalance: each once, in order",
       &make_unique_numbers},
      {"keyed_counters", "a counter a key: 1, 2, 3, ... in order, as many as there are records", &make_keyed_counters},
      {"file_counters", "the same, with records from files in small splits, some lines of which are none",
       &make_file_counters},
      {"event_windows", "tumbling and sliding windows with late events: each counted or late, no window fires twice",
       &make_event_windows},
      {"timers", "sessions by hand: timers set and removed; each session once, with all its records", &make_timers},
      {"bursts", "thousands of timers due at one time: each fires once, in many steps", &make_bursts},
      {"state_machine", "a state machine a key: a lost or doubled event makes an illegal transition", &make_state_machine},
      {"text_keys", "texts of all lengths as keys and in state, of many keys in some seeds", &make_text_keys},
      {"expiring", "state with a time to live: what expired is never seen again, what lives is never lost", &make_expiring},
      {"versions", "each process may run a later version of the job, with other types in its state", &make_versions},
      {"all_round", "every kind of state, both kinds of timers, broadcast rules, a window and two sinks", &make_all_round},
      {"asking", "records that another system is asked about, on threads and by a function: each once, in its place", &make_asking},
      {"meetings", "two streams, one of a source of the user's, in a join by time, sessions and windows of two stages", &make_meetings},
  };
  return kinds;
}

}  // namespace tidemark
