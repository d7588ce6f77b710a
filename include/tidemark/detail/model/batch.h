// The unit in which records travel: up to capacity() of them as columns (values, event times, hashes of keys) of one block.
//
// Type-erased outside, TypedBatch<T> inside a kernel. Text: views in the values point into the batch's own arena, or into
// the bytes that borrowed_text() names, which live as long as the batch is being handled (a source's buffer). So a batch's
// text is valid during the pass through the chain that handles it; whatever outlives the pass copies: an exchange into the
// arena of its own batch, state into a block of its own.
// One thread at a time; batches that crossed an edge go back to the task that made them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/reflect.h"

namespace tidemark::detail {

/// A run of bytes that views may point into.
struct TextRange {
  const char* begin = nullptr;
  const char* end = nullptr;
  bool contains(const char* at) const { return at >= begin && at < end; }
};

class Batch {
 public:
  static constexpr std::uint32_t kCapacity = 1024;

  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  virtual ~Batch() = default;

  std::uint32_t size() const { return size_; }
  std::uint32_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  /// Event times in ms since 1970.
  std::int64_t* timestamps() { return timestamps_; }
  const std::int64_t* timestamps() const { return timestamps_; }
  /// Hashes of the records' keys, where it has them: behind a key_by.
  std::uint64_t* hashes() { return hashes_; }
  const std::uint64_t* hashes() const { return hashes_; }

  bool has_hashes() const { return has_hashes_; }
  void set_has_hashes(bool has_hashes) { has_hashes_ = has_hashes; }

  Arena& arena() { return arena_; }
  TextRange borrowed_text() const { return borrowed_text_; }
  void set_borrowed_text(TextRange range) { borrowed_text_ = range; }

  /// True if the receiver is the only one, and so may change the batch in place.
  bool exclusive() const { return exclusive_; }
  void set_exclusive(bool exclusive) { exclusive_ = exclusive; }

  /// Destroys the records, resets the arena.
  virtual void clear() = 0;

 protected:
  Batch() = default;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::int64_t* timestamps_ = nullptr;
  std::uint64_t* hashes_ = nullptr;
  TextRange borrowed_text_;
  Arena arena_;
  bool exclusive_ = true;
  bool has_hashes_ = false;
};

template <class T>
class TypedBatch final : public Batch {
  static_assert(alignof(T) <= 64, "a record aligned to more than a cache line");

 public:
  explicit TypedBatch(std::uint32_t capacity = kCapacity) {
    capacity_ = capacity;
    const std::size_t values_bytes = (capacity * sizeof(T) + 63) / 64 * 64;
    const std::size_t column_bytes = (capacity * sizeof(std::int64_t) + 63) / 64 * 64;
    block_ = static_cast<std::byte*>(::operator new(values_bytes + 2 * column_bytes, std::align_val_t{64}));
    values_ = reinterpret_cast<T*>(block_);
    timestamps_ = reinterpret_cast<std::int64_t*>(block_ + values_bytes);
    hashes_ = reinterpret_cast<std::uint64_t*>(block_ + values_bytes + column_bytes);
  }
  ~TypedBatch() override {
    std::destroy_n(values_, size_);
    ::operator delete(block_, std::align_val_t{64});
  }

  T* values() { return values_; }
  const T* values() const { return values_; }

  /// Records [0, size) must be constructed.
  void set_size(std::uint32_t size) { size_ = size; }

  /// A copy of `value` at the end, its text in this batch's arena unless it lies in `stable`.
  void append(const T& value, std::int64_t timestamp, TextRange stable = {}) {
    TIDEMARK_CHECK(size_ < capacity_, "a batch is not appended to beyond its capacity");
    T* to = new (values_ + size_) T(value);
    own_text(*to, stable);
    timestamps_[size_++] = timestamp;
  }

  /// Copies the text of a record that now lies in this batch, except what lies in `stable`.
  void own_text(T& value, TextRange stable) {
    if constexpr (contains_views_v<T>) {
      for_each_view(value, [&](std::string_view& view) {
        if (!view.empty() && !stable.contains(view.data())) view = arena_.copy(view);
      });
    }
  }

  void clear() override {
    if constexpr (!std::is_trivially_destructible_v<T>) std::destroy_n(values_, size_);
    size_ = 0;
    if constexpr (contains_views_v<T>) arena_.reset();
    borrowed_text_ = {};
    exclusive_ = true;
  }

 private:
  std::byte* block_;
  T* values_;
};

/// What takes batches: the next operator of a chain, or the writer of an exchange. It may read the batch until it returns
/// and may change it if exclusive(); the sender clears it.
class BatchReceiver {
 public:
  virtual void receive(Batch& batch) = 0;

 protected:
  ~BatchReceiver() = default;
};

}  // namespace tidemark::detail
