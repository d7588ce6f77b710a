// What a source of the user's reads, on its way to the stream: batches that are filled off the task's thread and handed on by
// it, and what the source itself says of event time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tidemark/detail/model/batch.h"
#include "tidemark/error.h"
#include "tidemark/time.h"

namespace tidemark {

/// What a Source's read() came to.
enum class ReadOutcome : std::uint8_t {
  kMore,        ///< there is more to read at once
  kNothingNow,  ///< there may be more later: read() is called again after a pause
  kEnd,         ///< the split was read to its end
};

/// Where a Source's read() puts records, in their order. Text in them is copied.
template <class T>
class SourceOut {
 public:
  /// Its event time is what the source's event_time() says; without that it has none.
  void emit(T record) { put(std::move(record), Timestamp::min()); }
  /// With an event time of its own, which counts if the source has no event_time().
  void emit(Timestamp time, T record) { put(std::move(record), time); }

  /// A promise for the split: none of its records up to `until`, inclusive, follows this call of read(). A promise lower than
  /// one before changes nothing, and none is the end of input: a split ends by kEnd. A promise shows that the split is
  /// alive, so one that goes on promising is never idle. Throws Error in a source whose makes_watermarks() is false.
  void watermark(Timestamp until) {
    if (!takes_watermarks_) {
      throw Error{ErrorCode::kInvalidArgument,
                  "watermark() of a source whose watermarks are made from its records: override makes_watermarks() to return true"};
    }
    if (until > watermark_) watermark_ = until;
    has_watermark_ = true;
    is_idle_ = false;
  }
  /// The split is silent: from the end of this call of read() it holds no watermark back, until its next record or promise,
  /// whatever idle_after() says.
  void idle() { is_idle_ = true; }

  /// Enough for one call of read(): more is taken, and held in memory.
  bool full() const { return size_ >= most_; }
  std::size_t size() const { return size_; }

  // The rest is the engine's.

  using Batches = std::vector<std::unique_ptr<detail::TypedBatch<T>>>;

  void begin(std::size_t most, bool takes_watermarks) {
    for (auto& batch : batches_) batch->clear();
    used_ = size_ = 0;
    most_ = most;
    newest_ = watermark_ = Timestamp::min();
    takes_watermarks_ = takes_watermarks;
    has_watermark_ = is_idle_ = false;
  }
  /// f(batch) of each that is not empty.
  template <class F>
  void for_each_batch(F&& f) {
    for (std::size_t i = 0; i < used_; ++i) f(*batches_[i]);
  }
  Timestamp newest() const { return newest_; }
  /// -infinity without a promise.
  Timestamp promised() const { return watermark_; }
  /// Neither a record nor a promise.
  bool is_empty() const { return size_ == 0 && !has_watermark_; }
  bool is_idle() const { return is_idle_; }

 private:
  void put(T&& record, Timestamp time) {
    if (used_ == 0 || batches_[used_ - 1]->size() == detail::Batch::kCapacity) add_batch();
    batches_[used_ - 1]->append(record, time.ms());
    ++size_;
    is_idle_ = false;
    if (time > newest_) newest_ = time;
  }
  void add_batch() {
    if (used_ == batches_.size()) batches_.push_back(std::make_unique<detail::TypedBatch<T>>());
    ++used_;
  }

  Batches batches_;
  std::size_t used_ = 0;  // of batches_
  std::size_t size_ = 0;
  std::size_t most_ = detail::Batch::kCapacity;
  Timestamp newest_ = Timestamp::min();
  Timestamp watermark_ = Timestamp::min();
  bool takes_watermarks_ = false;
  bool has_watermark_ = false;
  bool is_idle_ = false;
};

}  // namespace tidemark
