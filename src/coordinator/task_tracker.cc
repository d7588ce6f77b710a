#include "coordinator/task_tracker.h"

#include <algorithm>
#include <utility>

namespace tidemark {
namespace {

bool is_over(TaskState state) { return state > TaskState::kCanceling; }

void move_slot(SlotReport& slot, TaskState to, std::int64_t now_ms) {
  const TaskState from = slot.moves.back().to;
  // A worker that had to be killed for it.
  if (from == TaskState::kCanceling && to == TaskState::kFailed) to = TaskState::kCanceled;
  if (!is_over(from) && to > from) slot.moves.push_back({to, now_ms});
}

}  // namespace

AttemptReport TaskTracker::report() const {
  const std::lock_guard guard{mutex_};
  return attempt_;
}

void TaskTracker::begin(std::uint32_t slots, std::int64_t now_ms) {
  const std::lock_guard guard{mutex_};
  const std::uint32_t number = std::exchange(has_begun_, true) ? attempt_.number + 1 : 0;
  attempt_ = {.number = number, .slots = {slots, SlotReport{.place = {}, .moves = {{TaskState::kCreated, now_ms}}}}};
}

void TaskTracker::move(const TasksMoved& moved, std::int64_t now_ms) {
  const std::lock_guard guard{mutex_};
  const std::size_t end = std::min<std::size_t>(attempt_.slots.size(), std::size_t{moved.first_slot} + moved.slots);
  for (std::size_t i = moved.first_slot; i < end; ++i) {
    if (moved.place) attempt_.slots[i].place = *moved.place;
    move_slot(attempt_.slots[i], moved.to, now_ms);
  }
}

void TaskTracker::move_all(TaskState to, std::int64_t now_ms) {
  const std::lock_guard guard{mutex_};
  for (SlotReport& slot : attempt_.slots) move_slot(slot, to, now_ms);
}

void TaskTracker::on_failed(TaskId task, std::int64_t now_ms) {
  const std::lock_guard guard{mutex_};
  if (task == kNoTask) return;
  attempt_.failed = task;
  attempt_.failed_ms = now_ms;
}

TaskPlace TaskTracker::place_of_failure() const {
  const std::lock_guard guard{mutex_};
  if (attempt_.failed) return place_of(attempt_, *attempt_.failed);
  const auto lost = std::ranges::find(attempt_.slots, TaskState::kFailed, [](const SlotReport& slot) { return slot.moves.back().to; });
  return lost == attempt_.slots.end() ? TaskPlace{} : lost->place;
}

}  // namespace tidemark
