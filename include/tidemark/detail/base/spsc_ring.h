// A bounded queue between one producer thread and one consumer thread, without locks or calls into the kernel.
//
// Threads: try_push() from the producer only, try_pop() from the consumer only, the rest from any. Each side keeps a
// copy of the other's index and looks at the real one only when the copy says full or empty, so that in the steady
// state the two share no cache line but the slots themselves. What was written before try_push() is seen after the
// try_pop() of it.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace tidemark::detail {

template <class T>
class SpscRing {
  static_assert(std::is_nothrow_move_assignable_v<T> && std::is_default_constructible_v<T>);

 public:
  /// Holds `capacity` values, rounded up to a power of two.
  explicit SpscRing(std::size_t capacity)
      : mask_{std::bit_ceil(capacity > 0 ? capacity : 1) - 1}, slots_{std::make_unique<T[]>(mask_ + 1)} {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  /// False if it is full; `value` is then untouched.
  bool try_push(T&& value) noexcept {
    const std::size_t tail = producer_.index.load(std::memory_order_relaxed);
    if (tail - producer_.other > mask_) {
      producer_.other = consumer_.index.load(std::memory_order_acquire);
      if (tail - producer_.other > mask_) return false;
    }
    slots_[tail & mask_] = std::move(value);
    producer_.index.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool try_push(const T& value) noexcept
    requires std::is_nothrow_copy_constructible_v<T>
  {
    return try_push(T{value});
  }

  /// False if it is empty; `out` is then untouched.
  bool try_pop(T& out) noexcept {
    const std::size_t head = consumer_.index.load(std::memory_order_relaxed);
    if (head == consumer_.other) {
      consumer_.other = producer_.index.load(std::memory_order_acquire);
      if (head == consumer_.other) return false;
    }
    out = std::move(slots_[head & mask_]);
    consumer_.index.store(head + 1, std::memory_order_release);
    return true;
  }

  /// For the consumer: what try_pop() would give; null if it is empty.
  const T* front() noexcept {
    const std::size_t head = consumer_.index.load(std::memory_order_relaxed);
    if (head == consumer_.other) {
      consumer_.other = producer_.index.load(std::memory_order_acquire);
      if (head == consumer_.other) return nullptr;
    }
    return &slots_[head & mask_];
  }

  /// Values in it at some moment of the call.
  std::size_t size() const noexcept {
    const std::size_t head = consumer_.index.load(std::memory_order_acquire);
    const std::size_t tail = producer_.index.load(std::memory_order_acquire);
    const std::size_t n = tail - head;
    return n <= capacity() ? n : capacity();  // the producer may have gone round between the two loads
  }
  /// For the consumer: false is certain. For others: a guess.
  bool empty() const noexcept { return size() == 0; }
  std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  // Two lines, because processors fetch neighbours in pairs.
  static constexpr std::size_t kSeparation = 128;

  struct alignas(kSeparation) Side {
    std::atomic<std::size_t> index{0};  // of the next slot; written by its side only
    std::size_t other = 0;              // what its side last saw of the other one
  };

  Side producer_;
  Side consumer_;
  alignas(kSeparation) const std::size_t mask_;
  const std::unique_ptr<T[]> slots_;
};

}  // namespace tidemark::detail
