// Out<T>: where a user function puts its results.
//
// emit() never blocks and never refuses: backpressure stops the next input, not the function. Records are handed on in
// batches; text that does not live in the input batch is copied. Owned by the operator; use it only inside the call that
// passed it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/task/failure.h"
#include "tidemark/time.h"

namespace tidemark {

namespace detail {

/// What outputs of all types have in common. One that is taken along by another has that one's times and text, and hands on
/// when that does.
class OutputBase {
 public:
  void set_timestamp(std::int64_t ms) { timestamp_ = ms; }
  std::int64_t timestamp_ms() const { return timestamp_; }

  /// Text in `stable` outlives every batch emitted until the next call: it need not be copied.
  void set_stable_text(TextRange stable) {
    stable_ = stable;
    for (OutputBase* other : taken_along_) other->set_stable_text(stable);
  }
  TextRange stable_text() const { return stable_; }

  /// Hands on what was emitted so far.
  virtual void flush() = 0;

  /// As long as this one lives.
  void take_along(OutputBase& other) { taken_along_.push_back(&other); }

 protected:
  OutputBase() = default;
  ~OutputBase() = default;

  [[gnu::always_inline]] void flush_taken_along() {
    for (OutputBase* other : taken_along_) other->flush();
  }

  std::int64_t timestamp_ = 0;
  TextRange stable_;

 private:
  std::vector<OutputBase*> taken_along_;
};

}  // namespace detail

template <class T>
class Out final : public detail::OutputBase {
 public:
  /// With the event time of the record (or timer) that is being handled.
  void emit(T value) { put(std::move(value), timestamp_); }

  /// With an event time of its own.
  void emit(Timestamp timestamp, T value) { put(std::move(value), timestamp.ms()); }

  // The rest is the engine's.

  explicit Out(std::uint32_t capacity = detail::Batch::kCapacity) : batch_{capacity}, values_{batch_.values()}, timestamps_{batch_.timestamps()} {}
  ~Out() { batch_.set_size(size_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  void add_receiver(detail::BatchReceiver& receiver) { receivers_.push_back(&receiver); }
  bool has_receivers() const { return !receivers_.empty(); }

  /// The batch under construction, for kernels that fill it themselves: empty between flushes.
  detail::TypedBatch<T>& batch() { return batch_; }
  void adopt_size(std::uint32_t size) { size_ = size; }

  void flush() override {
    flush_taken_along();
    if (size_ == 0) return;
    batch_.set_size(size_);
    batch_.set_borrowed_text(stable_);
    forward(batch_);
    batch_.clear();
    size_ = 0;
  }

  /// Hands on a batch that is not this output's own: an input that was filtered in place.
  void forward(detail::TypedBatch<T>& batch) {
    if (batch.empty()) return;
    emitted_ += batch.size();
    for (std::size_t i = 0; i < receivers_.size(); ++i) {
      batch.set_exclusive(i + 1 == receivers_.size());
      detail::hand_on(*receivers_[i], batch);
    }
  }

  /// Records handed on since the operator was made.
  std::uint64_t emitted() const { return emitted_; }

 private:
  void put(T&& value, std::int64_t timestamp) {
    if (size_ == batch_.capacity()) [[unlikely]] flush_full();
    T* to = new (values_ + size_) T(std::move(value));
    batch_.own_text(*to, stable_);
    timestamps_[size_++] = timestamp;
  }
  [[gnu::noinline]] void flush_full() { flush(); }

  detail::TypedBatch<T> batch_;
  T* values_;
  std::int64_t* timestamps_;
  std::uint32_t size_ = 0;
  std::vector<detail::BatchReceiver*> receivers_;
  std::uint64_t emitted_ = 0;
};

}  // namespace tidemark
