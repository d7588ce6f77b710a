// The memory that state takes in one process, against the budget that it has (memory.state): the job fails with an error
// that says what to do, before the kernel ends the process.
//
// Each keyed backend has a share and tells it between two batches how much it holds, and so does what an operator keeps
// without a key. So the budget may be exceeded by what one batch adds. Threads: any for a StateMemory; a Share is its holder's,
// whose task's thread alone uses it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <utility>

#include "tidemark/detail/model/operator_name.h"

namespace tidemark::detail {

class StateMemory {
 public:
  static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

  /// `reserved_bytes` of the budget are what stores behind tables take (state_store.h): they count as held. Who can spill gets
  /// no more than `most_each_bytes`, whatever the budget is.
  explicit StateMemory(std::uint64_t budget_bytes, std::uint64_t reserved_bytes = 0, std::uint64_t most_each_bytes = kUnlimited)
      : budget_bytes_{budget_bytes},
        reserved_bytes_{reserved_bytes},
        most_each_bytes_{most_each_bytes},
        held_bytes_{reserved_bytes} {}
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;

  std::uint64_t budget_bytes() const { return budget_bytes_; }
  std::uint64_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  /// Of the budget, for a holder that can spill: it keeps to this, so that those that can't have theirs.
  std::uint64_t even_share_bytes() const {
    const std::uint64_t taken = reserved_bytes_ + taken_ahead_bytes_.load(std::memory_order_relaxed);
    const std::uint64_t all = budget_bytes_ - std::min(budget_bytes_, taken);
    const std::uint64_t sharers = std::max<std::uint64_t>(sharer_count_.load(std::memory_order_relaxed), 1);
    return std::min(most_each_bytes_, all / 16 * 15 / sharers);
  }

  /// An operator subtask.
  struct Holder {
    explicit Holder(OperatorName operator_name) : name{std::move(operator_name)} {}
    const OperatorName name;
    std::atomic<std::uint64_t> bytes{0};
  };

  /// What a holder has a right to.
  enum class Claim : std::uint8_t {
    kEvenShare,  ///< as much as each of the others
    kAhead,      ///< whatever it holds: mostly little, so that an even share would lie idle
  };

  class Share {
   public:
    /// Of one operator subtask, which may have several; `memory` must outlive it.
    Share(StateMemory& memory, const OperatorName& holder, Claim claim = Claim::kEvenShare);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// So many bytes are held now. Throws Error, which no restart mends, if the shares of all that can't spill exceed the budget.
    /// (Those that can make room for them, at their next batch.)
    void set(std::uint64_t bytes) {
      if (bytes != shown_bytes_) [[unlikely]] change(bytes);
    }
    /// Before the first set(): this holder keeps to its share by itself, and set() never fails.
    void spill() { spills_ = true; }

   private:
    void change(std::uint64_t bytes);

    StateMemory& memory_;
    const Claim claim_;
    std::list<Holder>::iterator holder_;
    std::uint64_t shown_bytes_ = 0;
    bool spills_ = false;
  };

 private:
  [[noreturn]] void fail_exceeded();

  const std::uint64_t budget_bytes_;
  const std::uint64_t reserved_bytes_;
  const std::uint64_t most_each_bytes_;
  std::atomic<std::uint64_t> held_bytes_;
  std::atomic<std::uint64_t> spilling_bytes_{0};  // of these, by holders that can spill
  std::atomic<std::uint64_t> taken_ahead_bytes_{0};
  std::atomic<std::uint64_t> sharer_count_{0};  // of even shares
  std::mutex mutex_;
  std::list<Holder> holders_;  // under mutex_, but for the bytes
};

}  // namespace tidemark::detail
