#include "testing/test_attempt.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

// Far above what the end of any job takes.
constexpr int kMaxStepsToEnd = 10'000'000;

}  // namespace

TestAttempt::TestAttempt(TestWorld& world, PhysicalPlan plan, const detail::JobFactories& factories,
                         std::size_t edge_capacity, AttemptStart start)
    : world_{world},
      plan_{std::move(plan)},
      number_{start.attempt},
      tasks_{world.env(), CheckpointMode::kExactlyOnce, plan_, factories, *this,
             [](std::size_t) { return std::shared_ptr<EventCount>{}; }, edge_capacity} {
  tasks_.start(std::move(start));
}

TestAttempt::~TestAttempt() {
  if (!ended_) tasks_.cancel();
  for (int steps = 0; !ended_; ++steps) TIDEMARK_CHECK(step() && steps < kMaxStepsToEnd, "a cancelled job does not end");
}

// In random order: the first that can do something does it.
bool TestAttempt::step() {
  const std::size_t tasks = tasks_.tasks().size();
  std::vector<std::size_t> order(tasks + world_.pool.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t other = world_.random.next() % (i + 1);
    order[i] = order[other];
    order[other] = i;
  }
  for (const std::size_t which : order) {
    if (which >= tasks) {
      world_.pool.step(which - tasks);
      return true;
    }
    Task& task = *tasks_.tasks()[which];
    if (task.state() != Task::State::kEnded && task.step() != Progress::kBlocked) return true;
  }
  return false;
}

std::optional<std::int64_t> TestAttempt::next_deadline_ns() const {
  std::optional<std::int64_t> result;
  for (const auto& task : tasks_.tasks()) {
    if (const auto deadline = task->next_deadline_ns()) result = std::min(result.value_or(*deadline), *deadline);
  }
  return result;
}

void TestAttempt::trigger(const Barrier& barrier, const std::string& folder) {
  snapshots_.clear();
  tasks_.trigger(barrier, folder);
}

std::optional<std::map<TaskId, TaskSnapshot>> TestAttempt::take_snapshots() {
  if (snapshots_.size() < tasks_.tasks().size()) return std::nullopt;
  return std::exchange(snapshots_, {});
}

void TestAttempt::on_ack(TaskId task, CheckpointId, TaskSnapshot snapshot) { snapshots_[task] = std::move(snapshot); }

void TestAttempt::on_decline(TaskId task, CheckpointId id, DeclineReason, Error cause) {
  on_task_failed(task, cause.within(fmt::format("snapshot {}", id)));
}

void TestAttempt::on_end_of_data(TaskId) { ++drained_; }

void TestAttempt::on_task_failed(TaskId, Error error) {
  if (!failure_) failure_ = std::move(error);
}

}  // namespace tidemark
