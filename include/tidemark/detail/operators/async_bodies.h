// What async I/O asks, and what becomes of an answer.
//
// A body is made of an asker: a user's AsyncFunction, or a callable that waits and so is called on other threads. Its rows are
// the results, or what a look-up join makes results of.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/async_function.h"
#include "tidemark/detail/operators/owned_rows.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/task/failure.h"
#include "tidemark/error.h"
#include "tidemark/out.h"

namespace tidemark::detail {

/// Asks by a user's function, made by `make`.
template <class F>
class FunctionAsker {
 public:
  using Argument = typename F::Input;
  using Row = typename F::Output;
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  FunctionAsker(Declare& declare, const Make& make) : function_{make(declare)} {}

  void open(OperatorContext& context) {
    OpenContext open{context.name.subtask, context.parallelism};
    try {
      function_->F::open(open);
    } catch (...) {
      fail_user_code(context.name, [] { return std::string{"open()"}; });
    }
  }
  bool has_room() const { return true; }
  void ask(const Argument& argument, AsyncResult<Row> result) { function_->F::request(argument, std::move(result)); }
  std::vector<Row> timed_out(const Argument& argument) { return function_->F::timed_out(argument); }
  std::vector<Row> failed(const Argument& argument, const Error& error) { return function_->F::failed(argument, error); }

 private:
  std::unique_ptr<F> function_;
};

/// What a callable for a record gives: one row, or one or none.
template <class T>
struct RowOfCall {
  using Type = T;
};
template <class T>
struct RowOfCall<std::optional<T>> {
  using Type = T;
};

/// Asks by calls of a callable, which may wait: so many at a time, each of them with a copy of its own.
template <class Arg, class F>
class ThreadsAsker {
  using Result = std::decay_t<std::invoke_result_t<F&, const Arg&>>;

 public:
  using Argument = Arg;
  using Row = typename RowOfCall<Result>::Type;

  struct Make {
    std::size_t threads;
    F f;
  };

  ThreadsAsker(Declare&, const Make& make) : copies_{std::make_shared<Copies>()} {
    for (std::size_t i = 0; i < make.threads; ++i) copies_->idle.push_back(std::make_shared<F>(make.f));
  }

  void open(OperatorContext& context) { run_call_ = context.run_call; }
  bool has_room() const {
    const std::lock_guard lock{copies_->mutex};
    return !copies_->idle.empty();
  }
  void ask(const Argument& argument, AsyncResult<Row> result) {
    const std::shared_ptr<F> f = copies_->take();
    const auto owned = std::make_shared<const OwnedRows<Argument>>(argument);
    try {
      run_call_([f, owned, result = std::move(result), copies = copies_] {
        call(*f, owned->row(), result);
        copies->give_back(f);  // before the task hears that the call has returned
      });
    } catch (...) {
      copies_->give_back(f);
      throw;
    }
  }
  std::vector<Row> timed_out(const Argument&) {
    throw Error{ErrorCode::kTimeout, "the call did not return in time: see to what it calls, or give it a longer timeout()"};
  }
  std::vector<Row> failed(const Argument&, const Error& error) { throw error; }

 private:
  struct Copies {
    std::shared_ptr<F> take() {
      const std::lock_guard lock{mutex};
      std::shared_ptr<F> f = std::move(idle.back());
      idle.pop_back();
      return f;
    }
    void give_back(std::shared_ptr<F> f) {
      const std::lock_guard lock{mutex};
      idle.push_back(std::move(f));
    }
    std::mutex mutex;
    std::vector<std::shared_ptr<F>> idle;  // guarded by mutex
  };

  static void call(F& f, const Argument& argument, const AsyncResult<Row>& result) {
    try {
      result.complete_with(rows_of(std::invoke(f, argument)));
    } catch (const Error& error) {
      result.fail(error);
    } catch (...) {
      result.fail(current_exception_text());
    }
  }
  static std::vector<Row> rows_of(Result&& result) {
    std::vector<Row> rows;
    if constexpr (std::is_same_v<Result, std::optional<Row>>) {
      if (result) rows.push_back(std::move(*result));
    } else {
      rows.push_back(std::move(result));
    }
    return rows;
  }

  std::shared_ptr<Copies> copies_;
  std::function<void(std::function<void()>)> run_call_;
};

/// The answers are the results.
template <class Asker>
class AsyncMap {
 public:
  using Input = typename Asker::Argument;
  using Row = typename Asker::Row;
  using Output = Row;

  AsyncMap(Declare& declare, const typename Asker::Make& make) : asker_{declare, make} {}

  void open(OperatorContext& context) { asker_.open(context); }
  bool has_room() const { return asker_.has_room(); }
  std::shared_ptr<const OwnedRows<Row>> known(const Input&) { return nullptr; }
  void ask(const Input& record, AsyncResult<Row> result) { asker_.ask(record, std::move(result)); }
  std::vector<Row> timed_out(const Input& record) { return asker_.timed_out(record); }
  std::vector<Row> failed(const Input& record, const Error& error) { return asker_.failed(record, error); }
  void learn(const Input&, const std::shared_ptr<const OwnedRows<Row>>&) {}
  void hand_on(const Input&, const std::vector<Row>& rows, Out<Output>& out) {
    for (const Row& row : rows) out.emit(row);
  }

 private:
  Asker asker_;
};

}  // namespace tidemark::detail
