#include <fmt/format.h>

#include "tidemark/testing.h"

namespace tidemark {

std::vector<TestOptions> every_way() {
  return {
      {.name = "plainly"},
      {.one_slot_outbox = true, .seed = 2, .name = "with an outbox of one slot"},
      {.task_per_operator = true, .seed = 3, .name = "with a task for each operator"},
      {.batch = 64, .seed = 4, .name = "in batches of 64 records"},
      {.spills_state = true, .batch = 8, .seed = 11, .name = "with state in a store"},
      {.parallelism = 2, .seed = 5, .name = "at parallelism 2"},
      {.one_slot_outbox = true, .parallelism = 3, .seed = 6, .name = "at parallelism 3 with an outbox of one slot"},
      {.snapshot_between_records = true, .seed = 7, .name = "restored at every record"},
      {.snapshot_between_records = true, .batch = 3, .seed = 8, .name = "restored every 3 records"},
      {.snapshot_between_records = true,
       .task_per_operator = true,
       .parallelism_of_restores = {2, 3, 1},
       .spills_state = true,
       .seed = 9,
       .name = "restored at every record, at parallelism 2, 3 and 1 in turn"},
      {.one_slot_outbox = true,
       .snapshot_between_records = true,
       .parallelism = 3,
       .parallelism_of_restores = {1, 3, 2},
       .seed = 10,
       .name = "restored at every record, at parallelism 1, 3 and 2 in turn, with an outbox of one slot"},
      {.snapshot_between_records = true,
       .other_backend_at_restores = true,
       .batch = 2,
       .seed = 12,
       .name = "restored every 2 records into the other backend"},
  };
}

void in_every_way(const std::function<void(const TestOptions&)>& test) {
  for (const TestOptions& way : every_way()) {
    try {
      test(way);
    } catch (const TestFailure& failure) {
      throw TestFailure{fmt::format("{}: {}", way.name, failure.what())};
    } catch (const Error& error) {
      throw error.within(way.name);
    }
  }
}

}  // namespace tidemark
