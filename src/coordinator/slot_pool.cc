#include "coordinator/slot_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

using Share = SlotPool::Share;

// Takes slots out of `gaps`, the largest first, until one of those that are left has room for the rest; none where there are too few.
std::vector<Share> take_slots(std::vector<Share>& gaps, std::uint32_t slots) {
  std::vector<Share> left = gaps;
  std::ranges::stable_sort(left, std::less{}, &Share::slots);
  std::vector<Share> taken;
  while (!left.empty()) {
    const auto fits = std::ranges::lower_bound(left, slots, std::less{}, &Share::slots);
    if (fits != left.end()) {
      taken.push_back({fits->task_manager, slots});
      fits->slots -= slots;
      if (fits->slots == 0) left.erase(fits);
      gaps = std::move(left);
      return taken;
    }
    taken.push_back(left.back());
    slots -= left.back().slots;
    left.pop_back();
  }
  return {};
}

// Neighbours at one TaskManager are one worker's.
void append(std::vector<Share>& all, const Share& share) {
  if (!all.empty() && all.back().task_manager == share.task_manager) {
    all.back().slots += share.slots;
  } else {
    all.push_back(share);
  }
}

}  // namespace

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

void SlotPool::request(std::uint64_t request, std::uint32_t slots, std::vector<Share> before) {
  TIDEMARK_CHECK(slots > 0, "a job needs a slot");
  waiting_.push_back({request, slots, std::move(before)});
}

void SlotPool::take_others(std::uint64_t request) {
  const auto found = std::ranges::find(waiting_, request, &Request::number);
  if (found != waiting_.end()) found->takes_others = true;
}

bool SlotPool::is_short(std::uint64_t request) const {
  const auto found = std::ranges::find(waiting_, request, &Request::number);
  if (found == waiting_.end()) return false;
  std::uint64_t free = 0;
  for (const auto& [number, has] : task_managers_) free += has.free;
  return free < found->slots;
}

void SlotPool::withdraw(std::uint64_t request) {
  std::erase_if(waiting_, [&](const Request& waits) { return waits.number == request; });
}

std::optional<SlotPool::Grant> SlotPool::next_grant() {
  for (auto waits = waiting_.begin(); waits != waiting_.end(); ++waits) {
    std::vector<Share> shares = waits->before.empty() ? shares_for(*waits) : shares_as_before(*waits);
    if (shares.empty()) continue;
    for (const Share& share : shares) task_managers_.at(share.task_manager).free -= share.slots;
    Grant grant{.request = waits->number, .shares = std::move(shares)};
    waiting_.erase(waits);
    return grant;
  }
  return std::nullopt;
}

std::vector<SlotPool::Share> SlotPool::gaps() const {
  std::vector<Share> all;
  for (const auto& [number, has] : task_managers_) {
    if (has.free > 0) all.push_back({number, has.free});
  }
  return all;
}

// Empty where there are too few.
std::vector<SlotPool::Share> SlotPool::shares_for(const Request& request) const {
  std::vector<Share> free = gaps();
  return take_slots(free, request.slots);
}

// What can be kept first, so that nothing else takes its place. Empty where there are too few, or some are waited for.
std::vector<SlotPool::Share> SlotPool::shares_as_before(const Request& request) const {
  std::vector<Share> free = gaps();
  std::vector<bool> is_kept;
  for (const Share& share : request.before) {
    const auto gap = std::ranges::find(free, share.task_manager, &Share::task_manager);
    is_kept.push_back(gap != free.end() && gap->slots >= share.slots);
    if (is_kept.back()) {
      gap->slots -= share.slots;
    } else if (task_managers_.contains(share.task_manager) && !request.takes_others) {
      return {};
    }
  }
  std::erase_if(free, [](const Share& gap) { return gap.slots == 0; });
  std::vector<Share> shares;
  for (std::size_t i = 0; i < request.before.size(); ++i) {
    const std::vector<Share> taken = is_kept[i] ? std::vector{request.before[i]} : take_slots(free, request.before[i].slots);
    if (taken.empty()) return {};
    for (const Share& share : taken) append(shares, share);
  }
  return shares;
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
