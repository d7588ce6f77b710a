// The way back of answers: from whatever thread has them to the task whose operator asked.
//
// Threads: put() from any; the rest from the task's. Ownership: shared by the operator and every request that is out, so that
// an answer may come when the operator is gone: then it is dropped.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/operators/async_queue.h"
#include "tidemark/detail/operators/owned_rows.h"
#include "tidemark/error.h"

namespace tidemark::detail {

template <class Row>
struct AsyncAnswer {
  AsyncQueue::Request request;
  std::shared_ptr<const OwnedRows<Row>> rows;  ///< null if it failed
  std::optional<Error> error;
};

template <class Row>
class AsyncAnswers {
 public:
  /// `wake` makes the operator look; from any thread.
  explicit AsyncAnswers(std::function<void()> wake) : wake_{std::move(wake)} {}
  AsyncAnswers(const AsyncAnswers&) = delete;
  AsyncAnswers& operator=(const AsyncAnswers&) = delete;

  void put(AsyncAnswer<Row> answer) {
    {
      const std::lock_guard lock{mutex_};
      if (is_closed_) return;
      answers_.push_back(std::move(answer));
      if (any_.exchange(true, std::memory_order_relaxed)) return;
    }
    wake_();
  }

  bool any() const { return any_.load(std::memory_order_relaxed); }
  std::vector<AsyncAnswer<Row>> take() {
    const std::lock_guard lock{mutex_};
    any_.store(false, std::memory_order_relaxed);
    return std::exchange(answers_, {});
  }
  /// Whatever comes from now on is dropped.
  void close() {
    const std::lock_guard lock{mutex_};
    is_closed_ = true;
    answers_.clear();
  }

 private:
  const std::function<void()> wake_;
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  bool is_closed_ = false;                 // guarded by mutex_
  std::vector<AsyncAnswer<Row>> answers_;  // guarded by mutex_
};

/// A request that is out; the first answer to it counts.
template <class Row>
class AsyncRequest {
 public:
  AsyncRequest(std::shared_ptr<AsyncAnswers<Row>> answers, AsyncQueue::Request request) : answers_{std::move(answers)}, request_{request} {}
  ~AsyncRequest() {
    if (!is_answered_.load(std::memory_order_relaxed)) {
      fail(Error{ErrorCode::kUserCode, "its AsyncResult was destroyed without an answer: call complete() or fail()"});
    }
  }
  AsyncRequest(const AsyncRequest&) = delete;
  AsyncRequest& operator=(const AsyncRequest&) = delete;

  void complete(std::vector<Row> rows) {
    if (is_answered_.exchange(true)) return;
    answers_->put({request_, std::make_shared<const OwnedRows<Row>>(std::move(rows)), std::nullopt});
  }
  void fail(Error error) {
    if (is_answered_.exchange(true)) return;
    answers_->put({request_, nullptr, std::move(error)});
  }

 private:
  const std::shared_ptr<AsyncAnswers<Row>> answers_;
  const AsyncQueue::Request request_;
  std::atomic<bool> is_answered_{false};
};

}  // namespace tidemark::detail
