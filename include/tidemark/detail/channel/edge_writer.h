// The sending side of an exchange: one output of a task, to every subtask of the consuming vertex.
//
// A typed writer (exchange.h) scatters records into one batch a target; here is what does not know the type: the outbox,
// the order of control elements, and the batches' way home. The outbox is unbounded on purpose: user code never sees a
// refused emit; the task takes no further input while drain() leaves something behind, and that is the backpressure.
//
// Batches that came back wait to be filled again, as many as can be on their way when the outbox is empty; what a burst
// made beyond that is freed.
//
// A watermark rides behind the next batch of its target instead of forcing a small one out; flush() sends both.
// Owned by its task; one thread, but for what says otherwise.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tidemark/detail/channel/edge.h"
#include "tidemark/detail/model/batch.h"

namespace tidemark::detail {

/// Where a writer stands.
struct WriterPlace {
  std::uint32_t subtask = 0;  ///< of the task that writes
  std::string consumer;       ///< as messages name it
  std::uint64_t seed = 0;     ///< of a writer that picks at random
};

class EdgeWriter : public BatchReceiver {
 public:
  /// One edge a target, in the order of the consumer's subtasks.
  explicit EdgeWriter(std::vector<SendingEnd*> edges);
  EdgeWriter(const EdgeWriter&) = delete;
  EdgeWriter& operator=(const EdgeWriter&) = delete;
  virtual ~EdgeWriter();

  /// Before the first record.
  virtual void open(const WriterPlace& place) { static_cast<void>(place); }

  /// Behind everything received so far, at the latest with the next flush().
  void send_watermark(Timestamp watermark);
  /// To every target, at once, behind everything received so far.
  void broadcast(const Element& element);
  /// Hands every partial batch and waiting watermark to the outbox.
  void flush();
  /// Moves the outbox on; true if it is empty now.
  bool drain();

  std::uint64_t records_out() const { return records_out_; }
  /// How many elements drain() has handed to the edges.
  std::uint64_t elements_out() const { return elements_out_; }
  /// Of all its edges together. Any thread.
  EdgeLoad load() const;
  std::uint64_t bytes_sent() const;
  /// How many batches there are: being filled, on their way, or idle.
  std::size_t batches() const { return batches_.size(); }

  /// No batch of more records, from the next one made on; for tests of backpressure.
  void limit_batches(std::uint32_t records) { batch_limit_ = records; }

 protected:
  std::uint32_t targets() const { return static_cast<std::uint32_t>(targets_.size()); }
  /// The batch being filled for a target; null before acquire().
  Batch* current(std::uint32_t target) { return targets_[target].current; }
  /// An empty batch for the target: one that came back, or a new one.
  Batch* acquire(std::uint32_t target);
  /// Hands the target's current batch to its outbox.
  void ship(std::uint32_t target);
  void count_records(std::uint32_t n) { records_out_ += n; }
  std::uint32_t batch_limit() const { return batch_limit_; }

  virtual std::unique_ptr<Batch> make_batch() = 0;

 private:
  struct Target {
    SendingEnd* edge;
    Batch* current = nullptr;
    Timestamp watermark = Timestamp::min();  // waits behind the current batch
    bool watermark_waits = false;
    std::deque<Element> outbox;
  };

  /// An emptied batch: kept for the next one to fill, unless there are plenty.
  void put_back(Batch* batch);
  void reclaim(Target& target);
  void release_watermark(Target& target);

  std::vector<Target> targets_;
  std::unordered_map<Batch*, std::unique_ptr<Batch>> batches_;  // all that there are, wherever they are
  std::vector<Batch*> idle_;
  std::uint64_t records_out_ = 0;
  std::uint64_t elements_out_ = 0;
  std::uint32_t batch_limit_ = Batch::kCapacity;
};

/// From a catch block: what the key function threw at `record` (JSON), as an Error.
[[noreturn]] void fail_key_function(const std::string& record);
/// The same about the function of a partition_by() before `consumer`.
[[noreturn]] void fail_partition_function(const std::string& consumer, const std::string& record);
/// A partition_by()'s function gave no subtask: for that function's catch block.
[[noreturn]] void refuse_partition(std::int64_t partition, std::uint32_t targets);

}  // namespace tidemark::detail
