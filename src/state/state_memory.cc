#include "tidemark/detail/state/state_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "tidemark/error.h"

namespace tidemark::detail {

namespace {

std::string in_mib(std::uint64_t bytes) { return fmt::format("{} MiB", (bytes + (1u << 20) - 1) >> 20); }

}  // namespace

StateMemory::Share::Share(StateMemory& memory, const OperatorName& holder, Claim claim) : memory_{memory}, claim_{claim} {
  const std::lock_guard lock{memory_.mutex_};
  holder_ = memory_.holders_.emplace(memory_.holders_.end(), holder);
  if (claim_ == Claim::kEvenShare) memory_.sharer_count_.fetch_add(1, std::memory_order_relaxed);
}

StateMemory::Share::~Share() {
  memory_.held_bytes_.fetch_sub(shown_bytes_, std::memory_order_relaxed);
  if (spills_) memory_.spilling_bytes_.fetch_sub(shown_bytes_, std::memory_order_relaxed);
  if (claim_ == Claim::kAhead) memory_.taken_ahead_bytes_.fetch_sub(shown_bytes_, std::memory_order_relaxed);
  if (claim_ == Claim::kEvenShare) memory_.sharer_count_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock{memory_.mutex_};
  memory_.holders_.erase(holder_);
}

void StateMemory::Share::change(std::uint64_t bytes) {
  const bool grows = bytes > shown_bytes_;
  holder_->bytes.store(bytes, std::memory_order_relaxed);
  // Modulo 2^64, so that it may shrink, too.
  const std::uint64_t more = bytes - shown_bytes_;
  const std::uint64_t held = memory_.held_bytes_.fetch_add(more, std::memory_order_relaxed) + more;
  if (spills_) memory_.spilling_bytes_.fetch_add(more, std::memory_order_relaxed);
  if (claim_ == Claim::kAhead) memory_.taken_ahead_bytes_.fetch_add(more, std::memory_order_relaxed);
  shown_bytes_ = bytes;
  if (!grows || spills_) return;
  const std::uint64_t spilling = memory_.spilling_bytes_.load(std::memory_order_relaxed);
  if (held - std::min(held, spilling) > memory_.budget_bytes_) memory_.fail_exceeded();
}

void StateMemory::fail_exceeded() {
  struct Sum {
    std::uint64_t bytes = 0;
    std::set<std::uint32_t> subtasks;
    std::string name;
  };
  std::map<std::string, Sum> by_uid;
  {
    const std::lock_guard lock{mutex_};
    for (const Holder& holder : holders_) {
      Sum& sum = by_uid[holder.name.uid];
      sum.bytes += holder.bytes.load(std::memory_order_relaxed);
      sum.subtasks.insert(holder.name.subtask);
      sum.name = holder.name.name;
    }
  }
  const auto [uid, most] = *std::ranges::max_element(by_uid, {}, [](const auto& entry) { return entry.second.bytes; });
  throw Error{ErrorCode::kResourceExhausted, ErrorDomain::kUser, Retry::kNone,
              fmt::format("the state of this job takes {} of memory, and memory.state allows {}: most of it, {}, is held by operator "
                          "'{}' (uid {}) in {} subtask{} of this process; raise memory.state if the machine has more, give the "
                          "state a time to live (ttl), clear what is not needed any more, or keep less for each key, rule or "
                          "request",
                          in_mib(held_bytes()), in_mib(budget_bytes_), in_mib(most.bytes), most.name, uid,
                          most.subtasks.size(), most.subtasks.size() == 1 ? "" : "s")};
}

}  // namespace tidemark::detail
