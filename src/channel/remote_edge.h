// The two ends of an edge whose tasks are in different processes. Each stands in for the whole edge: what a task pushes into the
// sending end goes out as a frame, and what came as one is popped from the receiving end. Tasks, writers and alignment see ends of
// edges and nothing else. A batch is written and read by the thread of its task; a large one goes in several frames.
//
// Credits are room at the receiving end: the sending end begins with as many as that holds, a frame takes one, and they come back
// as the task is done with elements. So what arrives always finds room, and a slow task makes the fast one wait, across the network as
// within a process.
//
// Threads: an end's calls from its task's, but for load() and bytes_sent(); grant(), wake() and arrive() from the one that has the connection. Ownership: everything that an
// end refers to outlives it, and the connection the task.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "channel/edge_frame.h"
#include "env/transport.h"
#include "tidemark/detail/base/spsc_ring.h"
#include "tidemark/detail/channel/batch_codec.h"
#include "tidemark/detail/channel/edge.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// The folders of checkpoints that are being taken: they travel with the barriers, as the master's word of them may come later.
class CheckpointFolders {
 public:
  /// Empty where nothing is persisted. Any thread.
  virtual std::string folder_of(CheckpointId id) = 0;
  /// From another worker, before the barrier is in an edge. Any thread.
  virtual void set_folder(CheckpointId id, std::string folder) = 0;

 protected:
  ~CheckpointFolders() = default;
};

/// The way to another worker.
struct WorkerLine {
  std::atomic<Connection*> connection{nullptr};  ///< null until there is one
  std::atomic<std::uint64_t> times_writable{0};  ///< how often its queue was long and is short again
};

class RemoteSender final : public detail::SendingEnd {
 public:
  RemoteSender(ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& producer, WorkerLine& line,
               CheckpointFolders& folders, std::uint32_t credits)
      : channel_{channel}, codec_{codec}, producer_{producer}, line_{line}, folders_{folders}, capacity_{credits}, credits_{credits} {}

  bool try_push(const detail::Element& element) override;
  detail::Batch* take_back() override;
  detail::EdgeLoad load() const override {
    return {.elements = capacity_ - std::min(capacity_, credits_.load(std::memory_order_relaxed)), .capacity = capacity_};
  }
  std::uint64_t bytes_sent() const override { return bytes_sent_.load(std::memory_order_relaxed); }

  /// An error: more than this edge holds, so whoever granted is no receiver of it.
  Result<> grant(std::uint32_t credits);
  /// The line takes more than it did.
  void wake() { producer_.wake(); }

 private:
  bool push_batch(detail::Batch& batch);
  bool send(std::string payload);
  bool may_send() const;

  const ChannelNumber channel_;
  const detail::BatchCodec& codec_;
  detail::Wakeable& producer_;
  WorkerLine& line_;
  CheckpointFolders& folders_;
  const std::uint32_t capacity_;
  std::atomic<std::uint32_t> credits_;
  std::atomic<std::uint64_t> bytes_sent_{0};
  // The producer's.
  std::optional<std::uint64_t> full_since_;  // the line's queue was long, and had been short again so often
  std::uint32_t next_ = 0;                   // of the batch that is being pushed: the first record that has not gone
  std::size_t last_bytes_ = 0;               // what the next frame is likely to take
  std::vector<detail::Batch*> written_;      // on their way home
};

class RemoteReceiver final : public detail::ReceivingEnd {
 public:
  /// `capacity`: as many credits as the sender begins with.
  RemoteReceiver(ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& consumer, WorkerLine& line,
                 CheckpointFolders& folders, std::uint32_t capacity);
  RemoteReceiver(const RemoteReceiver&) = delete;
  RemoteReceiver& operator=(const RemoteReceiver&) = delete;
  ~RemoteReceiver();

  bool try_pop(detail::Element& element) override;
  bool has_batch() override;
  void give_back(detail::Batch* batch) override;
  detail::EdgeLoad load() const override { return {.elements = arrived_.size(), .capacity = capacity_}; }

  /// An element's frame. An error leaves it and the edge as they were: bytes that do not fit, or more than there was credit for.
  Result<> arrive(std::string& payload);

 private:
  struct Slot;

  detail::Batch* read(ArrivedElement arrived);
  std::unique_ptr<Slot> slot_for(std::uint32_t capacity);
  void owe_one();

  const ChannelNumber channel_;
  const detail::BatchCodec& codec_;
  detail::Wakeable& consumer_;
  WorkerLine& line_;
  CheckpointFolders& folders_;
  const std::uint32_t capacity_;
  detail::SpscRing<ArrivedElement> arrived_;
  // The consumer's.
  std::vector<std::unique_ptr<Slot>> in_use_;
  std::vector<std::unique_ptr<Slot>> idle_;
  std::uint32_t owed_ = 0;  // credits to be granted again
};

}  // namespace tidemark
