#include "tidemark/detail/state/state_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>

#include "tidemark/error.h"

namespace tidemark::detail {

namespace {

std::string in_mib(std::uint64_t bytes) { return fmt::format("{} MiB", (bytes + (1u << 20) - 1) >> 20); }

}  // namespace

StateMemory::Share::Share(StateMemory& memory, const OperatorName& holder) : memory_{memory} {
  const std::lock_guard lock{memory_.mutex_};
  holder_ = memory_.holders_.emplace(memory_.holders_.end(), holder);
  memory_.holder_count_.store(memory_.holders_.size(), std::memory_order_relaxed);
}

StateMemory::Share::~Share() {
  memory_.held_bytes_.fetch_sub(shown_bytes_, std::memory_order_relaxed);
  const std::lock_guard lock{memory_.mutex_};
  memory_.holders_.erase(holder_);
  memory_.holder_count_.store(memory_.holders_.size(), std::memory_order_relaxed);
}

void StateMemory::Share::change(std::uint64_t bytes) {
  const bool grows = bytes > shown_bytes_;
  holder_->bytes.store(bytes, std::memory_order_relaxed);
  // Modulo 2^64, so that it may shrink, too.
  const std::uint64_t held =
      memory_.held_bytes_.fetch_add(bytes - shown_bytes_, std::memory_order_relaxed) + (bytes - shown_bytes_);
  shown_bytes_ = bytes;
  if (grows && !spills_ && held > memory_.budget_bytes_) memory_.fail_exceeded();
}

void StateMemory::fail_exceeded() {
  struct Sum {
    std::uint64_t bytes = 0;
    int subtasks = 0;
    std::string name;
  };
  std::map<std::string, Sum> by_uid;
  {
    const std::lock_guard lock{mutex_};
    for (const Holder& holder : holders_) {
      Sum& sum = by_uid[holder.name.uid];
      sum.bytes += holder.bytes.load(std::memory_order_relaxed);
      sum.subtasks += 1;
      sum.name = holder.name.name;
    }
  }
  const auto [uid, most] = *std::ranges::max_element(by_uid, {}, [](const auto& entry) { return entry.second.bytes; });
  throw Error{ErrorCode::kResourceExhausted, ErrorDomain::kUser, Retry::kNone,
              fmt::format("the state of this job takes {} of memory, and memory.state allows {}: most of it, {}, is held by operator "
                          "'{}' (uid {}) in {} subtask{} of this process; raise memory.state if the machine has more, give the "
                          "state a time to live (ttl), clear what is not needed any more, or keep less for each key",
                          in_mib(held_bytes()), in_mib(budget_bytes_), in_mib(most.bytes), most.name, uid, most.subtasks,
                          most.subtasks == 1 ? "" : "s")};
}

}  // namespace tidemark::detail
