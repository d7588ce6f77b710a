#include "coordinator/slot_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {

void SlotPool::add(std::uint64_t task_manager, std::uint32_t slots) {
  TIDEMARK_CHECK(task_managers_.try_emplace(task_manager, Slots{slots, slots}).second, "a TaskManager is added once");
}

void SlotPool::remove(std::uint64_t task_manager) { task_managers_.erase(task_manager); }

void SlotPool::give_back(const Share& share) {
  const auto found = task_managers_.find(share.task_manager);
  if (found == task_managers_.end()) return;
  found->second.free += share.slots;
  TIDEMARK_CHECK(found->second.free <= found->second.all, "only what was taken is given back");
}

void SlotPool::request(std::uint64_t request, std::uint32_t slots) {
  TIDEMARK_CHECK(slots > 0, "a job needs a slot");
  waiting_.push_back({request, slots});
}

bool SlotPool::waits(std::uint64_t request) const { return std::ranges::find(waiting_, request, &Request::number) != waiting_.end(); }

void SlotPool::withdraw(std::uint64_t request) {
  std::erase_if(waiting_, [&](const Request& waits) { return waits.number == request; });
}

std::optional<SlotPool::Grant> SlotPool::next_grant() {
  for (auto waits = waiting_.begin(); waits != waiting_.end(); ++waits) {
    std::vector<Share> shares = shares_for(waits->slots);
    if (shares.empty()) continue;
    for (const Share& share : shares) task_managers_.at(share.task_manager).free -= share.slots;
    Grant grant{.request = waits->number, .shares = std::move(shares)};
    waiting_.erase(waits);
    return grant;
  }
  return std::nullopt;
}

// Empty where there are too few. The largest gaps first, until one of those that are left has room for the rest.
std::vector<SlotPool::Share> SlotPool::shares_for(std::uint32_t slots) const {
  std::vector<Share> gaps;
  for (const auto& [number, has] : task_managers_) {
    if (has.free > 0) gaps.push_back({number, has.free});
  }
  std::ranges::stable_sort(gaps, std::less{}, &Share::slots);
  std::vector<Share> shares;
  while (!gaps.empty()) {
    const auto fits = std::ranges::lower_bound(gaps, slots, std::less{}, &Share::slots);
    if (fits != gaps.end()) {
      shares.push_back({fits->task_manager, slots});
      return shares;
    }
    shares.push_back(gaps.back());
    slots -= gaps.back().slots;
    gaps.pop_back();
  }
  return {};
}

std::uint32_t SlotPool::free_slots(std::uint64_t task_manager) const {
  const auto found = task_managers_.find(task_manager);
  return found == task_managers_.end() ? 0 : found->second.free;
}

// A restart may find more: a TaskManager that comes, a job that ends.
Error SlotPool::shortage(std::uint32_t slots) const {
  const auto refuse = [](std::string message) {
    return Error{ErrorCode::kResourceExhausted, ErrorDomain::kExternal, Retry::kRestart, std::move(message)};
  };
  const std::string needs = fmt::format("the job needs {} slot{}", slots, slots == 1 ? "" : "s");
  if (task_managers_.empty()) return refuse(needs + ", and there is no TaskManager: start one with `tidemark taskmanager`");
  std::uint64_t all = 0;
  std::uint64_t free = 0;
  for (const auto& [number, has] : task_managers_) {
    all += has.all;
    free += has.free;
  }
  return refuse(fmt::format("{}, and of {} TaskManager{} {} of {} {} free: start another `tidemark taskmanager`, or lower the parallelism",
                            needs, task_managers_.size(), task_managers_.size() == 1 ? "" : "s", free, all, free == 1 ? "is" : "are"));
}

}  // namespace tidemark
