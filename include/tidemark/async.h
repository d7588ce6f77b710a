// Async I/O: a stream whose records are each asked about, without the task waiting for the answers.
//
//   orders.async()
//       .unordered()
//       .timeout(2s)
//       .retry(exponential_backoff(4, 100ms, 5s))
//       .process<Profiles>("profiles:8080")                            // an AsyncFunction (async_function.h)
//       .uid("profiles")
//
//   orders.async().map_on_threads(8, [](const Order& order) { return ask_and_wait(order); }).uid("profiles")
//
//   orders.lookup_join(&Order::customer)                               // the row of a key, in another system
//       .cache(10'000, 10min)
//       .from<Customers>("customers:8080")                             // an AsyncFunction<Key, Row>; or from_threads(8, f)
//       .left([](const Order& order, const Customer* customer) { return ...; })
//       .uid("with-customers")
//
// A result has its record's event time. Watermarks stay where they are: no result overtakes one, nor is overtaken. So
// unordered() mixes only the results of records between two watermarks.
//
// Requests that are out do not hold up a barrier: their records are in the checkpoint, under the uid, and are asked about
// again by the job that goes on from there, dealt out to its subtasks. At the end of the input all answers are waited for.
//
// It takes streams of records, not of changes or upserts (change.h). A job of another parallelism deals out the requests that were
// out, which would bring those of a row out of order; and the answer about a row that is taken away may not be the one that was
// given when it was added. Ask before the table is made.
//
// Look-ups happen when the record comes: they see the other system as it is then, and after a restore may see another state
// of it. So does the cache, which is in no checkpoint.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "tidemark/async_function.h"
#include "tidemark/detail/api/function_node.h"
#include "tidemark/detail/api/port.h"
#include "tidemark/detail/api/user_function.h"
#include "tidemark/detail/operators/async_bodies.h"
#include "tidemark/detail/operators/async_operator.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/lookup_join.h"
#include "tidemark/stream.h"

namespace tidemark {

namespace detail {

/// What can be said of all async I/O. Derived is the stream that it is said of; each call gives a changed copy.
template <class Derived>
class AsyncOptions {
 public:
  /// Results leave in the order of their records. The default.
  Derived ordered() const {
    return changed([](AsyncSettings& settings) { settings.policy.ordered = true; });
  }
  /// Results leave as they come; a slow one holds up no other before the next watermark.
  Derived unordered() const {
    return changed([](AsyncSettings& settings) { settings.policy.ordered = false; });
  }
  /// How long an answer may take, from the first request on; zero: for ever. A minute unless set. After that the function's
  /// timed_out() says what goes out.
  Derived timeout(Duration timeout) const {
    return changed([timeout](AsyncSettings& settings) { settings.policy.timeout_ns = nanoseconds(timeout); },
                   timeout < Duration{0} ? "timeout() takes a duration of zero or more" : nullptr);
  }
  /// Records of a subtask that are asked about and have not left. At so many the stream upstream waits, but for what is in
  /// line already, a batch at most. 100 unless set.
  Derived capacity(std::size_t records) const {
    return changed([records](AsyncSettings& settings) { settings.policy.capacity = records; },
                   records == 0 ? "capacity() takes a number of records, 1 at least" : nullptr);
  }
  /// fixed_delay() or exponential_backoff(); a request that failed is not made again unless set.
  Derived retry(const AsyncRetry& retry) const {
    const bool is_sound = retry.attempts() > 0 && retry.first_delay() >= Duration{0} && retry.longest_delay() >= Duration{0} && retry.factor() >= 1;
    return changed(
        [&retry](AsyncSettings& settings) {
          settings.policy.retry = {retry.attempts(), nanoseconds(retry.first_delay()), nanoseconds(retry.longest_delay()), retry.factor()};
          settings.may_help = retry.may_help();
        },
        is_sound ? nullptr : "retry() takes one attempt at least, pauses of zero or more, and a factor of 1 or more");
  }

 protected:
  explicit AsyncOptions(Location at) : at_{at} {}

  static std::int64_t nanoseconds(Duration duration) {
    constexpr auto kLongest = std::chrono::duration_cast<Duration>(std::chrono::nanoseconds::max());
    return std::chrono::nanoseconds{std::min(duration, kLongest)}.count();
  }
  template <class Change>
  Derived changed(Change change, const char* complaint = nullptr) const {
    Derived copy = static_cast<const Derived&>(*this);
    change(copy.settings_);
    if (complaint != nullptr) copy.builder().complain_at(at_, complaint);
    return copy;
  }

  AsyncSettings settings_;
  Location at_;
};

template <class F>
concept AsyncFunctionClass =
    requires { typename F::Input; typename F::Output; } && std::is_base_of_v<AsyncFunction<typename F::Input, typename F::Output>, F>;

}  // namespace detail

/// A stream of which it is said how its records are to be asked about.
template <class T>
class AsyncStream : public detail::AsyncOptions<AsyncStream<T>> {
  static_assert(!detail::says_what_becomes_of_rows_v<T>,
                "async() takes records, not changes or upserts of rows: answers could bring those of a row out of order; ask before the table is made, or map() the changes to what you mean");

 public:
  /// F is an AsyncFunction<T, Result>, made for each subtask from a Declare& and copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    static_assert(detail::AsyncFunctionClass<F>, "process() behind async() takes a class derived from AsyncFunction<Record, Result>");
    static_assert(std::same_as<typename F::Input, T>, "the first type of AsyncFunction must be the record type of the stream");
    return add<detail::AsyncMap<detail::FunctionAsker<F>>>("async", detail::maker_of<F>(std::move(args)...));
  }

  /// f(const T&) makes one record of one, and may wait for as long as it likes: it is called on other threads, by at most so
  /// many of each subtask at a time, each with a copy of f. What it throws is a failure. A task that stops waits for it.
  template <class F>
  auto map_on_threads(std::size_t threads, F f) const {
    static_assert(detail::Copied<F>, "map_on_threads() copies its callable to each thread: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::invocable<F&, const T&>, "map_on_threads() takes a callable for one record of the stream: [](const Order& order) { return ...; }");
    static_assert(!std::is_void_v<std::invoke_result_t<F&, const T&>>, "map_on_threads() takes a callable that returns the new record");
    using Asker = detail::ThreadsAsker<T, F>;
    if (threads == 0) builder().complain_at(this->at_, "map_on_threads() takes a number of threads, 1 at least");
    return add<detail::AsyncMap<Asker>>("async map", typename Asker::Make{threads, std::move(f)});
  }

 private:
  template <class>
  friend class Stream;
  template <class>
  friend class detail::AsyncOptions;
  template <class, class>
  friend class LookupStream;
  template <class, class, class>
  friend class LookedUpStream;

  AsyncStream(Stream<T> stream, detail::Location at) : detail::AsyncOptions<AsyncStream<T>>{at}, stream_{std::move(stream)} {}

  detail::JobBuilder& builder() const { return *stream_.builder_; }

  template <class Body, class Make>
  auto add(const char* name, Make make) const {
    using Op = detail::AsyncOperator<Body>;
    const typename Op::Make make_body = [make = std::move(make)](Declare& declare) { return std::make_unique<Body>(declare, make); };
    const NodeId node = detail::add_function_node(builder(), {.name = name, .location = this->at_, .keeps_state = true, .heads_task = true},
                                                  [make_body, settings = this->settings_] { return std::make_unique<Op>(make_body, settings); });
    detail::connect(builder(), stream_.ports_, node, Exchange::kForward, detail::plain_writer<T>());
    return Stream<typename Body::Output>::template output_of<Op>(builder(), node);
  }

  Stream<T> stream_;
};

/// A stream of which it is known where the rows of its keys are looked up, but not what becomes of them.
template <class T, class KeyFn, class Asker>
class LookedUpStream {
  using Row = typename Asker::Row;

 public:
  /// A result for each row that is found.
  template <class F>
  auto inner(F f) const {
    static_assert(std::invocable<const F&, const T&, const Row&>,
                  "inner() takes a callable that makes a result of a record and a row: [](const Order& order, const Customer& customer) { return ...; }");
    return add<detail::JoinKind::kInner>(std::move(f));
  }
  /// The same, and one for each record for which none is found, with null.
  template <class F>
  auto left(F f) const {
    static_assert(std::invocable<const F&, const T&, const Row*>,
                  "left() takes a callable that makes a result of a record and a row that may be null: [](const Order& order, const Customer* customer) { return ...; }");
    return add<detail::JoinKind::kLeft>(std::move(f));
  }

 private:
  template <class, class>
  friend class LookupStream;
  LookedUpStream(AsyncStream<T> stream, KeyFn key, detail::LookupCachePolicy cache, typename Asker::Make asker)
      : stream_{std::move(stream)}, key_{std::move(key)}, cache_{cache}, asker_{std::move(asker)} {}

  template <detail::JoinKind kKind, class F>
  auto add(F f) const {
    using Body = detail::LookupJoin<kKind, T, KeyFn, Asker, F>;
    return stream_.template add<Body>("lookup join", typename Body::Make{key_, cache_, asker_, std::move(f)});
  }

  AsyncStream<T> stream_;
  KeyFn key_;
  detail::LookupCachePolicy cache_;
  typename Asker::Make asker_;
};

/// A stream for whose keys rows are to be looked up.
template <class T, class KeyFn>
class LookupStream : public detail::AsyncOptions<LookupStream<T, KeyFn>> {
  static_assert(!detail::says_what_becomes_of_rows_v<T>,
                "lookup_join() takes records, not changes or upserts of rows: what is found may not be what was found when a row was added; look up before the table is made, or "
                "map() the changes to what you mean");

 public:
  using Key = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;

  /// What each subtask keeps of what it has looked up: so many keys, those that were used last, and each for so long; zero:
  /// for good. That a key has no row is kept, too.
  LookupStream cache(std::size_t keys, Duration life = Duration{0}) const {
    LookupStream changed = *this;
    changed.cache_ = {keys, this->nanoseconds(life)};
    if (life < Duration{0}) builder().complain_at(this->at_, "cache() takes a duration of zero or more");
    return changed;
  }

  /// F is an AsyncFunction<Key, Row>, made for each subtask from a Declare& and copies of `args`: complete(row) for the row of a
  /// key, complete_with({}) for a key that has none.
  template <class F, class... Args>
  auto from(Args... args) const {
    static_assert(detail::AsyncFunctionClass<F>, "from() takes a class derived from AsyncFunction<Key, Row>");
    static_assert(std::same_as<typename F::Input, Key>, "the first type of AsyncFunction must be the type of the key that lookup_join() was given");
    return looked_up<detail::FunctionAsker<F>>(detail::maker_of<F>(std::move(args)...));
  }

  /// f(const Key&) gives a std::optional<Row> and may wait: it is called on other threads, by at most so many of each subtask
  /// at a time, each with a copy of f.
  template <class F>
  auto from_threads(std::size_t threads, F f) const {
    static_assert(detail::Copied<F>, "from_threads() copies its callable to each thread: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::invocable<F&, const Key&>, "from_threads() takes a callable for a key: [](std::int64_t id) -> std::optional<Customer> { ... }");
    using Asker = detail::ThreadsAsker<Key, F>;
    if (threads == 0) builder().complain_at(this->at_, "from_threads() takes a number of threads, 1 at least");
    return looked_up<Asker>(typename Asker::Make{threads, std::move(f)});
  }

 private:
  template <class>
  friend class Stream;
  template <class>
  friend class detail::AsyncOptions;

  LookupStream(Stream<T> stream, KeyFn key, detail::Location at)
      : detail::AsyncOptions<LookupStream<T, KeyFn>>{at}, stream_{std::move(stream), at}, key_{std::move(key)} {}

  detail::JobBuilder& builder() const { return stream_.builder(); }

  template <class Asker>
  LookedUpStream<T, KeyFn, Asker> looked_up(typename Asker::Make asker) const {
    AsyncStream<T> stream = stream_;
    stream.settings_ = this->settings_;
    return {std::move(stream), key_, cache_, std::move(asker)};
  }

  AsyncStream<T> stream_;
  KeyFn key_;
  detail::LookupCachePolicy cache_;
};

}  // namespace tidemark
