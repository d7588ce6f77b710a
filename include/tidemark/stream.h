// Streams: what main() builds a job from. A Stream<T> is the records of type T that an operator puts out.
//
//   bids.filter([](const Bid& b) { return b.price > 100; })
//       .key_by(&Bid::auction)
//       .window(sliding(10s, 2s))
//       .aggregate(count()).uid("bids-per-auction")
//       .to(write_files("out", as_json())).uid("out");
//
// Building only writes down what is to be done; job.run() does it. Callables are copied to each subtask, where one thread
// calls the copy. uid(), name() and parallelism() speak of the operator that was added last. An operator that keeps something
// in checkpoints needs a uid: its state is found again under it, so it stays when the code changes.
//
// Streams are cheap values, used only while their Job lives, by one thread. A stream may be read more than once: each reader
// gets all records. Faults of the graph are reported by job.run().
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/aggregate.h"
#include "tidemark/detail/api/callable.h"
#include "tidemark/detail/api/port.h"
#include "tidemark/detail/api/user_function.h"
#include "tidemark/detail/connectors/sink.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/process.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/functions.h"
#include "tidemark/process.h"
#include "tidemark/window.h"

namespace tidemark {

template <class T, class KeyFn>
class KeyedStream;
template <class T, class KeyFn, class Row>
class WindowedStream;
template <class T>
class BroadcastStream;
template <class T, class KeyFn, class Rule>
class BroadcastConnectedStream;

/// The name of a second output of an operator, with records of type T: late records, bad records.
template <class T>
class SideOutput {
 public:
  SideOutput(std::string name) : name_{std::move(name)} {}
  SideOutput(const char* name) : name_{name} {}
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// A sink that was given a stream.
class StreamSink {
 public:
  /// Under which checkpoints hold what the sink has not committed yet.
  StreamSink uid(std::string uid) const {
    builder_->set_uid(node_, std::move(uid));
    return *this;
  }
  /// For plans and messages.
  StreamSink name(std::string name) const {
    builder_->set_name(node_, std::move(name));
    return *this;
  }
  /// Instead of the job's.
  StreamSink parallelism(std::uint32_t subtasks) const {
    builder_->set_parallelism(node_, subtasks);
    return *this;
  }

 private:
  template <class>
  friend class Stream;
  StreamSink(detail::JobBuilder& builder, NodeId node) : builder_{&builder}, node_{node} {}
  detail::JobBuilder* builder_;
  NodeId node_;
};

template <class T>
class Stream {
 public:
  using Record = T;
  using Location = detail::Location;

  /// f(const T&) makes one record of one; it keeps its event time.
  template <class F>
  auto map(F f, Location at = Location::current()) const {
    static_assert(detail::Copied<F>, "map() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::invocable<F&, const T&>, "map() takes a callable for one record of the stream: [](const Bid& bid) { return ...; }");
    using Result = std::decay_t<std::invoke_result_t<F&, const T&>>;
    static_assert(!std::is_void_v<Result>, "map() takes a callable that returns the new record");
    return add_chained<detail::MapOperator<T, F>, Result>("map", std::move(f), at);
  }

  /// Keeps the records for which f(const T&) is true.
  template <class F>
  Stream<T> filter(F f, Location at = Location::current()) const {
    static_assert(detail::Copied<F>, "filter() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::predicate<F&, const T&>, "filter() takes a callable that says whether a record stays: [](const Bid& bid) { return bid.price > 0; }");
    return add_chained<detail::FilterOperator<T, F>, T>("filter", std::move(f), at);
  }

  /// f(const T&, Out<U>&) emits any number of records. U is read off the callable; for a generic one give it: flat_map<U>(f).
  template <class U = void, class F>
  auto flat_map(F f, Location at = Location::current()) const {
    static_assert(detail::Copied<F>, "flat_map() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    using Result = std::conditional_t<std::is_void_v<U>, detail::EmittedBy<F>, U>;
    static_assert(!std::is_void_v<Result>, "flat_map() takes a callable of a record and an output: [](const Line& line, Out<Word>& out) { out.emit(...); }");
    static_assert(std::invocable<F&, const T&, Out<Result>&>, "flat_map()'s callable must accept a record of the stream: (const T&, Out<U>&)");
    return add_chained<detail::FlatMapOperator<T, Result, F>, Result>("flat map", std::move(f), at);
  }

  /// Records with the same key meet in the same subtask. `key` is a member pointer or a callable: bool, number, enum, text,
  /// time, or an aggregate of these.
  template <class KeyFn>
  auto key_by(KeyFn key, Location at = Location::current()) const {
    static_assert(detail::Copied<KeyFn>, "key_by() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::invocable<const KeyFn&, const T&>, "key_by() takes a member pointer or a callable for a record of the stream: &Bid::auction");
    static_assert(detail::is_key<std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>>(),
                  "key_by() takes what gives a key: a bool, number, enum, text or time, or an aggregate, pair or tuple of these");
    return KeyedStream<T, KeyFn>{*this, std::move(key), at};
  }

  /// A function that is a class and may have operator state: F is a Process<T, Result>, made for each subtask from a Declare&
  /// and copies of the arguments. More of them than three go into a struct.
  template <class F>
  auto process(Location at = Location::current()) const {
    return add_process<F>(at);
  }
  template <class F, class A>
  auto process(A a, Location at = Location::current()) const {
    return add_process<F>(at, std::move(a));
  }
  template <class F, class A, class B>
  auto process(A a, B b, Location at = Location::current()) const {
    return add_process<F>(at, std::move(a), std::move(b));
  }
  template <class F, class A, class B, class C>
  auto process(A a, B b, C c, Location at = Location::current()) const {
    return add_process<F>(at, std::move(a), std::move(b), std::move(c));
  }

  /// For connect(): each record goes to every subtask.
  BroadcastStream<T> broadcast() const { return BroadcastStream<T>{*this}; }

  /// This stream and `rules`, for a function over both: connect(rules.broadcast()).process<F>().
  template <class Rule>
  BroadcastConnectedStream<T, detail::NoKey, Rule> connect(BroadcastStream<Rule> rules, Location at = Location::current()) const {
    return {*this, detail::NoKey{}, std::move(rules), at};
  }

  /// Windows over all records together, in one subtask.
  WindowedStream<T, detail::WholeStream, detail::WholeRow> window_all(WindowAssigner windows) const {
    return {*this, detail::WholeStream{}, windows};
  }

  /// The records of both, in no order.
  Stream<T> union_with(const Stream<T>& other) const {
    Stream<T> both{*builder_, detail::kNoNode, ports_};
    both.ports_.insert(both.ports_.end(), other.ports_.begin(), other.ports_.end());
    return both;
  }

  /// A second output of the operator that was added last, such as late_to() or a source's on_error(side_output(...)) name:
  /// side_output<BadRecord>("bad").
  template <class U>
  Stream<U> side_output(SideOutput<U> which) const {
    using Accessor = Out<U>& (*)(detail::Operator&);
    const std::any* port = builder_->find_side_output(node_, which.name());
    if (port == nullptr) return Stream<U>{*builder_, detail::kNoNode, {}};
    const auto* accessor = std::any_cast<Accessor>(port);
    if (accessor == nullptr) {
      builder_->complain_at(node_, "the side output '" + which.name() + "' has records of another type than it was asked for");
      return Stream<U>{*builder_, detail::kNoNode, {}};
    }
    return Stream<U>{*builder_, detail::kNoNode, {{node_, which.name(), *accessor}}};
  }

  /// Ends in a sink: write_files(), print(), collect().
  template <class Sink>
  StreamSink to(const Sink& sink, Location at = Location::current()) const {
    static_assert(std::convertible_to<const Sink&, SinkDescription<T>>, "to() takes a sink that writes records of the stream's type: write_files(...), print(), collect(...)");
    const SinkDescription<T> description = sink;
    if (description.problem()) builder_->complain_at(at, description.problem()->message());
    const NodeId node = builder_->add_node({.name = description.name(),
                                            .location = at,
                                            .keeps_state = description.keeps_state(),
                                            .must_be_read = false,
                                            .factory = {[description] { return description.make_writer(); },
                                                        [description](const detail::SinkRecovery& recovery) { description.recover(recovery); }}});
    detail::connect(*builder_, ports_, node, Exchange::kForward, detail::plain_writer<T>());
    return {*builder_, node};
  }

  /// Under which checkpoints hold the operator's state.
  Stream<T> uid(std::string uid) const {
    builder_->set_uid(node_, std::move(uid));
    return *this;
  }
  /// For plans and messages.
  Stream<T> name(std::string name) const {
    builder_->set_name(node_, std::move(name));
    return *this;
  }
  /// Instead of the job's.
  Stream<T> parallelism(std::uint32_t subtasks) const {
    builder_->set_parallelism(node_, subtasks);
    return *this;
  }

 private:
  template <class>
  friend class Stream;
  template <class, class>
  friend class KeyedStream;
  template <class, class, class>
  friend class WindowedStream;
  template <class, class, class>
  friend class BroadcastConnectedStream;
  friend class Job;

  Stream(detail::JobBuilder& builder, NodeId node, std::vector<detail::Port<T>> ports)
      : builder_{&builder}, node_{node}, ports_{std::move(ports)} {}

  /// The main output of a node whose operator is an Op.
  template <class Op>
  static Stream<T> output_of(detail::JobBuilder& builder, NodeId node) {
    return {builder, node, {{node, {}, &detail::main_output<Op>}}};
  }

  template <class Op, class Result, class F>
  Stream<Result> add_chained(const char* name, F f, const Location& at) const {
    const NodeId node = builder_->add_node({.name = name, .location = at, .factory = {[f = std::move(f)] { return std::make_unique<Op>(f); }, {}}});
    detail::connect(*builder_, ports_, node, Exchange::kForward, detail::plain_writer<T>());
    return Stream<Result>::template output_of<Op>(*builder_, node);
  }

  template <class F, class... Args>
  auto add_process(const Location& at, Args... args) const {
    static_assert(detail::ProcessClass<F>, "process() takes a class derived from Process<Record, Result>; behind key_by() one derived from KeyedProcess");
    static_assert(!detail::WithBroadcast<F>, "a BroadcastProcess needs its rules: stream.connect(rules.broadcast()).process<F>()");
    static_assert(std::same_as<typename F::Input, T>, "the first type of Process must be the record type of the stream");
    using Op = detail::ProcessOperator<F>;
    const auto make = detail::maker_of<F>(std::move(args)...);
    std::vector<StateDescriptor> states;
    builder_->guard(at, [&] { states = Op{make}.descriptors(); });
    const bool keeps_state = !states.empty();
    const NodeId node = builder_->add_node({.name = "process",
                                            .location = at,
                                            .keeps_state = keeps_state,
                                            .states = std::move(states),
                                            .factory = {[make] { return std::make_unique<Op>(make); }, {}}});
    detail::connect(*builder_, ports_, node, Exchange::kForward, detail::plain_writer<T>());
    return Stream<typename F::Output>::template output_of<Op>(*builder_, node);
  }

  detail::JobBuilder* builder_;
  NodeId node_;  // what uid() and its like speak of
  std::vector<detail::Port<T>> ports_;
};

template <class T, class KeyFn>
class KeyedStream {
 public:
  using Key = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;

  /// By event time; the watermark completes a window.
  WindowedStream<T, KeyFn, detail::KeyedRow> window(WindowAssigner windows) const { return {stream_, key_, windows}; }

  /// A function with state and timers for each key: F is a KeyedProcess<Key, T, Result>, made for each subtask from a
  /// Declare& and copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    static_assert(detail::KeyedProcessClass<F>, "process() behind key_by() takes a class derived from KeyedProcess<Key, Record, Result>");
    static_assert(!detail::WithBroadcast<F>, "a KeyedBroadcastProcess needs its rules: keyed.connect(rules.broadcast()).process<F>()");
    static_assert(std::same_as<typename F::Key, Key>, "the first type of KeyedProcess must be the type that key_by() gives");
    static_assert(std::same_as<typename F::Input, T>, "the second type of KeyedProcess must be the record type of the stream");
    using Op = detail::KeyedProcessOperator<F, KeyFn>;
    const auto make = detail::maker_of<F>(std::move(args)...);
    detail::JobBuilder& builder = *stream_.builder_;
    std::vector<StateDescriptor> states;
    builder.guard(at_, [&] { states = Op{make, key_}.descriptors(); });
    const NodeId node = builder.add_node({.name = "keyed process",
                                          .location = at_,
                                          .keeps_state = true,
                                          .states = std::move(states),
                                          .factory = {[make, key = key_] { return std::make_unique<Op>(make, key); }, {}}});
    detail::connect(builder, stream_.ports_, node, Exchange::kHash, detail::key_by_writer<T>(key_));
    return Stream<typename F::Output>::template output_of<Op>(builder, node);
  }

  /// This stream and `rules`, for a function over both: connect(rules.broadcast()).process<F>().
  template <class Rule>
  BroadcastConnectedStream<T, KeyFn, Rule> connect(BroadcastStream<Rule> rules, detail::Location at = detail::Location::current()) const {
    return {stream_, key_, std::move(rules), at};
  }

 private:
  template <class>
  friend class Stream;
  KeyedStream(Stream<T> stream, KeyFn key, detail::Location at) : stream_{std::move(stream)}, key_{std::move(key)}, at_{at} {}

  Stream<T> stream_;
  KeyFn key_;
  detail::Location at_;
};

/// A stream cut into windows, before it is said what becomes of them.
template <class T, class KeyFn, class Row>
class WindowedStream {
 public:
  /// A record that is late by no more than this makes its windows give their results again. 0 unless set.
  WindowedStream allowed_lateness(Duration lateness) const {
    WindowedStream changed = *this;
    changed.allowed_lateness_ = lateness;
    return changed;
  }

  /// Where records go that are too late: result.side_output(late) is their stream. Without it they are counted.
  WindowedStream late_to(SideOutput<T> late) const {
    WindowedStream changed = *this;
    changed.late_ = late.name();
    return changed;
  }

  /// One result a window and key: Windowed<Key, Result> behind key_by(), WindowedAll<Result> behind window_all().
  template <class Agg>
  auto aggregate(Agg aggregate, detail::Location at = detail::Location::current()) const {
    static_assert(detail::Copied<Agg>, "aggregate() copies the aggregate to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(requires { typename Agg::Accumulator; } || requires { typename Agg::template AccumulatorFor<T>; },
                  "aggregate() takes an aggregate: count(), sum(&Bid::price), or a struct with an Accumulator, a Result, and const add(), merge() "
                  "and result()");
    static_assert(requires(const Agg& agg, detail::AccumulatorOf<Agg, T>& accumulator, const T& record) { agg.add(accumulator, record); },
                  "the aggregate has no void add(Accumulator&, const Record&) const for the records of the stream");
    static_assert(requires(const Agg& agg, detail::AccumulatorOf<Agg, T>& into, const detail::AccumulatorOf<Agg, T>& from) { agg.merge(into, from); },
                  "the aggregate has no void merge(Accumulator& into, const Accumulator& from) const: windows share their parts, so it needs one");
    static_assert(requires(const Agg& agg, const detail::AccumulatorOf<Agg, T>& accumulator) { agg.result(accumulator); },
                  "the aggregate has no Result result(const Accumulator&) const");
    using Op = detail::WindowAggregateOperator<T, KeyFn, Agg, Row>;
    detail::JobBuilder& builder = *stream_.builder_;
    const auto make = [key = key_, aggregate = std::move(aggregate), spec = spec_, lateness = allowed_lateness_] {
      return std::make_unique<Op>(key, aggregate, spec, lateness);
    };
    std::vector<StateDescriptor> states;
    builder.guard(at, [&] {
      check();
      states = make()->descriptors();
    });
    constexpr bool kWhole = std::same_as<KeyFn, detail::WholeStream>;
    const NodeId node = builder.add_node({.name = "window aggregate",
                                          .location = at,
                                          .parallelism = kWhole ? 1u : 0u,
                                          .keeps_state = true,
                                          .states = std::move(states),
                                          .factory = {make, {}}});
    detail::connect(builder, stream_.ports_, node, kWhole ? Exchange::kGlobal : Exchange::kHash, detail::key_by_writer<T>(key_));
    if (!late_.empty()) builder.add_side_output(node, late_, static_cast<Out<T>& (*)(detail::Operator&)>(&late_output<Op>));
    return Stream<typename Op::Output>::template output_of<Op>(builder, node);
  }

 private:
  template <class>
  friend class Stream;
  template <class, class>
  friend class KeyedStream;

  WindowedStream(Stream<T> stream, KeyFn key, const WindowAssigner& windows)
      : stream_{std::move(stream)}, key_{std::move(key)}, spec_{windows.spec} {}

  template <class Op>
  static Out<T>& late_output(detail::Operator& op) {
    return static_cast<Op&>(op).late_out();
  }

  void check() const {
    if (const auto problem = spec_.problem()) throw *problem;
    if (spec_.slide_ms > spec_.size_ms) {
      throw Error{ErrorCode::kInvalidArgument, "sliding(size, slide): the slide, " + std::to_string(spec_.slide_ms) + " ms, is longer than the size, " +
                                                   std::to_string(spec_.size_ms) + " ms, so records between two windows would be in none: swap them, or "
                                                   "filter() those records out and take tumbling windows"};
    }
    if (allowed_lateness_ < Duration{0}) throw Error{ErrorCode::kInvalidArgument, "allowed_lateness() takes a duration of zero or more"};
  }

  Stream<T> stream_;
  KeyFn key_;
  detail::WindowSpec spec_;
  Duration allowed_lateness_{0};
  std::string late_;
};

}  // namespace tidemark
