// An edge: a bounded queue of elements from one task to one input channel of another. Its two ends are interfaces, since
// they may lie in two processes (src/channel/remote_edge.h). In one process it is a queue and a second one on which the
// emptied batches go back to the task that made them. A batch's memory is therefore made, filled and freed by one thread,
// and moving one costs two pointer-sized queue operations and no atomic reference count.
//
// Threads: the sending end's calls from the producing task's thread, the receiving one's from the consuming one's, but for those
// that say otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/spsc_ring.h"
#include "tidemark/detail/model/element.h"

namespace tidemark::detail {

/// Whoever runs a task and sleeps when it cannot go on.
class Wakeable {
 public:
  virtual void wake() noexcept = 0;

 protected:
  ~Wakeable() = default;
};

/// Elements that are on their way, and how many may be.
struct EdgeLoad {
  std::size_t elements = 0;
  std::size_t capacity = 0;
  EdgeLoad& operator+=(const EdgeLoad& more) {
    elements += more.elements;
    capacity += more.capacity;
    return *this;
  }
};

/// What the producer has of an edge.
class SendingEnd {
 public:
  /// False if the edge is full. An element that is refused is offered again, before any other. Throws Error if it can never go.
  virtual bool try_push(const Element& element) = 0;
  /// An emptied batch, if one has come back.
  virtual Batch* take_back() = 0;
  /// At some moment of the call. Any thread.
  virtual EdgeLoad load() const = 0;
  /// To another process, so far. Any thread.
  virtual std::uint64_t bytes_sent() const { return 0; }

 protected:
  ~SendingEnd() = default;
};

/// What the consumer has of it.
class ReceivingEnd {
 public:
  /// False if there is nothing. Throws Error if what came can't be read.
  virtual bool try_pop(Element& element) = 0;
  /// Whether a batch comes next.
  virtual bool has_batch() = 0;
  /// A batch that it has read.
  virtual void give_back(Batch* batch) = 0;
  /// At some moment of the call. Any thread.
  virtual EdgeLoad load() const = 0;

 protected:
  ~ReceivingEnd() = default;
};

class Edge final : public SendingEnd, public ReceivingEnd {
 public:
  /// Elements in flight before the producer has to wait.
  static constexpr std::size_t kCapacity = 16;

  explicit Edge(std::size_t capacity = kCapacity) : forward_{capacity}, back_{2 * capacity} {}
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  /// Before the first element: who is woken by what the other side does. Either may be null.
  void connect(Wakeable* producer, Wakeable* consumer) {
    producer_ = producer;
    consumer_ = consumer;
  }

  bool try_push(const Element& element) override {
    if (!forward_.try_push(element)) return false;
    if (consumer_ != nullptr) consumer_->wake();
    return true;
  }
  Batch* take_back() override {
    Batch* batch = nullptr;
    return back_.try_pop(batch) ? batch : nullptr;
  }

  bool try_pop(Element& element) override {
    if (!forward_.try_pop(element)) return false;
    if (producer_ != nullptr) producer_->wake();
    return true;
  }
  EdgeLoad load() const override { return {.elements = forward_.size(), .capacity = forward_.capacity()}; }
  bool has_element() { return !forward_.empty(); }
  bool has_batch() override {
    const Element* next = forward_.front();
    return next != nullptr && next->kind == Element::Kind::kBatch;
  }
  /// There is always room: the producer empties the way back before it pushes.
  void give_back(Batch* batch) override { TIDEMARK_CHECK(back_.try_push(batch), "more batches came back than were in flight"); }

 private:
  SpscRing<Element> forward_;
  SpscRing<Batch*> back_;
  Wakeable* producer_ = nullptr;
  Wakeable* consumer_ = nullptr;
};

}  // namespace tidemark::detail
