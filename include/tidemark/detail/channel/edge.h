// An edge in one process: a bounded queue of elements from one task to one input channel of another, and a second queue on
// which the emptied batches go back to the task that made them. A batch's memory is therefore made, filled and freed by one
// thread, and moving one costs two pointer-sized queue operations and no atomic reference count.
//
// Threads: the producer's calls from the producing task's thread, the consumer's from the consuming one's.
#pragma once

#include <cstddef>

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

class Edge {
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

  /// Producer: false if the edge is full.
  bool try_push(const Element& element) {
    if (!forward_.try_push(element)) return false;
    if (consumer_ != nullptr) consumer_->wake();
    return true;
  }
  /// Producer: an emptied batch, if one has come back.
  Batch* take_back() {
    Batch* batch = nullptr;
    return back_.try_pop(batch) ? batch : nullptr;
  }

  /// Consumer: false if there is nothing.
  bool try_pop(Element& element) {
    if (!forward_.try_pop(element)) return false;
    if (producer_ != nullptr) producer_->wake();
    return true;
  }
  bool has_element() { return !forward_.empty(); }
  /// Consumer: whether a batch comes next.
  bool has_batch() {
    const Element* next = forward_.front();
    return next != nullptr && next->kind == Element::Kind::kBatch;
  }
  /// Consumer: a batch that it has read. There is always room: the producer empties the way back before it pushes.
  void give_back(Batch* batch) { TIDEMARK_CHECK(back_.try_push(batch), "more batches came back than were in flight"); }

 private:
  SpscRing<Element> forward_;
  SpscRing<Batch*> back_;
  Wakeable* producer_ = nullptr;
  Wakeable* consumer_ = nullptr;
};

}  // namespace tidemark::detail
