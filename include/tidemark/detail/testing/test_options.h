// How a job under test is run. A value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark {

/// The ways in which a test may run an operator. What comes out must not depend on any of them.
struct TestOptions {
  /// One record at a time between two tasks, and only one on its way: every task is held up by the next one.
  bool one_slot_outbox = false;
  /// At every turn - a record, a watermark, a step of time - a snapshot is taken and the job goes on from it in new
  /// operators, and what they put out is compared with what came out before.
  bool snapshot_between_records = false;
  /// Each operator in a task of its own, instead of chains; where the parallelism is 1.
  bool task_per_operator = false;
  std::uint32_t parallelism = 1;
  /// What the job is restored at, in turn: {2, 3, 1}. Empty: as it was.
  std::vector<std::uint32_t> parallelism_of_restores = {};
  /// State of keys lies in a store, and only some of the keys are in memory at a time (docs/state-backends.md).
  bool spills_state = false;
  /// Each restore is into the other backend: from memory into a store, from a store into memory.
  bool other_backend_at_restores = false;
  /// Records that wait to be read in one batch. More than 1: in() runs nothing before so many are there or something else
  /// is asked for.
  std::uint32_t batch = 1;
  /// Picks the order in which tasks take their steps.
  std::uint64_t seed = 1;
  /// Of the way, for messages.
  std::string name = {};
};

}  // namespace tidemark
