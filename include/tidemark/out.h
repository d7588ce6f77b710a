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

template <class T>
class Out {
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

  /// Text in `stable` outlives every batch emitted until the next call: it need not be copied.
  void set_stable_text(detail::TextRange stable) { stable_ = stable; }
  detail::TextRange stable_text() const { return stable_; }
  void set_timestamp(std::int64_t ms) { timestamp_ = ms; }

  /// The batch under construction, for kernels that fill it themselves: empty between flushes.
  detail::TypedBatch<T>& batch() { return batch_; }
  void adopt_size(std::uint32_t size) { size_ = size; }

  /// Hands on what was emitted so far.
  void flush() {
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
  std::int64_t timestamp_ = 0;
  detail::TextRange stable_;
  std::vector<detail::BatchReceiver*> receivers_;
  std::uint64_t emitted_ = 0;
};

}  // namespace tidemark
