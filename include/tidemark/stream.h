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
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/aggregate.h"
#include "tidemark/change.h"
#include "tidemark/detail/api/callable.h"
#include "tidemark/detail/api/function_node.h"
#include "tidemark/detail/api/port.h"
#include "tidemark/detail/api/user_function.h"
#include "tidemark/detail/connectors/sink.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/late_records.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/process.h"
#include "tidemark/detail/operators/row_changes.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/detail/operators/window_function.h"
#include "tidemark/functions.h"
#include "tidemark/process.h"
#include "tidemark/side_output.h"
#include "tidemark/trigger.h"
#include "tidemark/window.h"
#include "tidemark/window_process.h"

namespace tidemark {

template <class T, class KeyFn>
class KeyedStream;
template <class T, class KeyFn, class Row, class Windows, class Trigger = detail::OwnTrigger, class Evicts = detail::NoEvictors>
class WindowedStream;
template <class T>
class BroadcastStream;
template <class T, class KeyFn, class Rule>
class BroadcastConnectedStream;
template <class T, class KeyFn>
class TwoStageKeyedStream;
template <class T, class KeyFn, class Row>
class TwoStageWindowedStream;
template <class A, class KeyA, class B, class KeyB>
class ConnectedStreams;
template <class A, class KeyA, class B, class KeyB>
class JoinedStreams;
template <class A, class KeyA, class B, class KeyB>
class CoGroupedStreams;
template <class K, class A, class B, class Windowed>
class CoGroupedWindows;
template <class A, class B>
class UnkeyedConnectedStreams;
template <class T>
class AsyncStream;
template <class T, class KeyFn>
class LookupStream;

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
    auto mapped = add_chained<detail::MapOperator<T, F>, Result>("map", std::move(f), at);
    mapped.updates_are_whole_ = updates_are_whole_;
    return mapped;
  }

  /// Keeps the records for which f(const T&) is true.
  template <class F>
  Stream<T> filter(F f, Location at = Location::current()) const {
    static_assert(detail::Copied<F>, "filter() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::predicate<F&, const T&>, "filter() takes a callable that says whether a record stays: [](const Bid& bid) { return bid.price > 0; }");
    static_assert(!detail::is_upsert_v<T>,
                  "filter() of upserts would leave rows in the sink that no longer pass it: filter() the changes before their upserts(), or map() the upserts that don't pass to deletes");
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

  // How a stream is dealt out to the subtasks of its next operator; without any of these, and where both run in as many
  // subtasks, the next operator runs in the same task. What comes from one subtask to another keeps its order. An operator
  // that says itself how it is dealt to, as one behind key_by(), heeds none of these.

  /// Evenly, in turn, wherever the records come from.
  Stream<T> rebalance() const {
    check_needs_no_order();
    return dealt_out(Exchange::kRebalance, detail::plain_writer<T>());
  }
  /// The same, but each subtask deals to a few of the next ones, which only it deals to, or several deal to one.
  Stream<T> rescale() const {
    check_needs_no_order();
    return dealt_out(Exchange::kRescale, detail::plain_writer<T>());
  }
  /// Each record to a subtask picked at random.
  Stream<T> shuffle() const {
    check_needs_no_order();
    return dealt_out(Exchange::kShuffle, detail::shuffle_writer<T>());
  }
  /// All to one: the next operator runs in one subtask.
  Stream<T> global() const { return dealt_out(Exchange::kGlobal, detail::plain_writer<T>()); }
  /// Each record to subtask function(key, n) of n, from 0 on; `key` is a member pointer or a callable for a record.
  template <class F, class KeyFn>
  Stream<T> partition_by(F function, KeyFn key) const {
    static_assert(detail::Copied<F> && detail::Copied<KeyFn>,
                  "partition_by() copies its callables to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::invocable<KeyFn&, const T&>, "partition_by() takes a function and a member pointer or callable for a record of the stream: partition_by(f, &Bid::auction)");
    static_assert(std::integral<std::invoke_result_t<F&, std::invoke_result_t<KeyFn&, const T&>, std::uint32_t>>,
                  "partition_by() takes a function of a key and the number of subtasks, which gives one of them: "
                  "[](std::int64_t key, std::uint32_t n) { return key % n; }");
    return dealt_out(Exchange::kCustom, detail::custom_writer<T>(std::move(function), std::move(key)));
  }

  /// For connect(): each record goes to every subtask.
  BroadcastStream<T> broadcast() const { return BroadcastStream<T>{*this}; }

  /// This stream and `rules`, for a function over both: connect(rules.broadcast()).process<F>().
  template <class Rule>
  BroadcastConnectedStream<T, detail::NoKey, Rule> connect(BroadcastStream<Rule> rules, Location at = Location::current()) const {
    return {*this, detail::NoKey{}, std::move(rules), at};
  }

  /// This stream and another of any type, for a function over both (co_process.h): connect(other).process<F>(). Where what
  /// they have in common is a key, connect keyed streams.
  template <class B>
  UnkeyedConnectedStreams<T, B> connect(Stream<B> other, Location at = Location::current()) const {
    return {*this, std::move(other), at};
  }

  /// Results that come later, while other records go on (async.h): async().timeout(2s).process<F>().
  AsyncStream<T> async(Location at = Location::current()) const { return {*this, at}; }

  /// The rows of each record's key, which are in another system (async.h): lookup_join(&Order::customer).from<Customers>().left(f).
  template <class KeyFn>
  LookupStream<T, KeyFn> lookup_join(KeyFn key, Location at = Location::current()) const {
    static_assert(detail::Copied<KeyFn>, "lookup_join() copies its callable to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(std::invocable<const KeyFn&, const T&>, "lookup_join() takes a member pointer or a callable for a record of the stream: &Order::customer");
    return {*this, std::move(key), at};
  }

  /// Windows over all records together, in one subtask.
  template <class Windows>
  WindowedStream<T, detail::WholeStream, detail::WholeRow, Windows> window_all(Windows windows, Location at = Location::current()) const {
    return {*this, detail::WholeStream{}, std::move(windows), at};
  }

  /// The records of both, in no order.
  Stream<T> union_with(const Stream<T>& other) const {
    Stream<T> both{*builder_, detail::kNoNode, ports_};
    both.ports_.insert(both.ports_.end(), other.ports_.begin(), other.ports_.end());
    return both;
  }

  /// A second output of the operator that was added last: what its function declares as a SideOut, or late_to() or a source's
  /// on_error(side_output(...)) name. side_output<BadRecord>("bad").
  template <class U>
  Stream<U> side_output(SideOutput<U> which) const {
    const detail::SideOutputPort* output = builder_->find_side_output(node_, which.name());
    if (output == nullptr) return Stream<U>{*builder_, detail::kNoNode, {}};
    const auto* find = std::any_cast<detail::FindOutput<U>>(&output->port);
    if (find == nullptr) {
      builder_->complain_at(node_, "the side output '" + which.name() + "' has records of another type than it was asked for");
      return Stream<U>{*builder_, detail::kNoNode, {}};
    }
    return Stream<U>{*builder_, detail::kNoNode, {{output->node, which.name(), *find}}};
  }

  /// Changes of a table with one row a key, as that of aggregate(), keep_first() and keep_last(), for a sink that keeps one row
  /// a key, too (change.h). A row that changes is one upsert; behind anything but map() that stands between the table and here, and
  /// so may have dropped what it has become, it is a delete and an upsert.
  auto upserts() const {
    static_assert(detail::is_change_v<T>, "upserts() are made of the changes of a table: a stream of Change<Row>, as behind key_by().aggregate()");
    using Row = detail::RowOf<T>;
    return flat_map<Upsert<Row>>(detail::ToUpserts<Row>{updates_are_whole_}).name("upserts");
  }

  /// Ends in a sink: write_files(), print(), collect().
  template <class Sink>
  StreamSink to(const Sink& sink, Location at = Location::current()) const {
    check_sink<Sink>();
    const SinkDescription<T> description = sink;
    if (description.problem()) builder_->complain_at(at, description.problem()->message());
    if (detail::is_change_v<T> && !description.takes_changes()) {
      builder_->complain_at(at, description.takes_upserts()
                                    ? "the sink '" + description.name() + "' keeps one row a key, and this stream has changes that add and take rows (change.h): give it their upserts()"
                                    : "the sink '" + description.name() + "' takes rows that are only added, and this stream has changes of rows (change.h): "
                                      "give it at_end() and map() it to its rows, or write it to a sink that takes changes");
    }
    if (detail::is_upsert_v<T> && !description.takes_upserts()) {
      builder_->complain_at(at, "the sink '" + description.name() + "' takes rows that are only added, and this stream replaces and deletes rows (change.h): "
                                "write it to a sink that keeps one row a key, or that takes changes");
    }
    const NodeId node = builder_->add_node({.name = description.name(),
                                            .location = at,
                                            .keeps_state = description.keeps_state(),
                                            .must_be_read = false,
                                            .kept = description.kept(),
                                            .sink_kind = description.keeps_state() ? description.name() : "",
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
  template <class, class, class, class, class, class>
  friend class WindowedStream;
  template <class, class>
  friend class TwoStageKeyedStream;
  template <class, class, class>
  friend class TwoStageWindowedStream;
  template <class, class, class>
  friend class BroadcastConnectedStream;
  template <class, class, class, class>
  friend class ConnectedStreams;
  template <class, class, class, class>
  friend class JoinedStreams;
  template <class, class, class, class>
  friend class CoGroupedStreams;
  template <class, class>
  friend class UnkeyedConnectedStreams;
  template <class>
  friend class AsyncStream;
  friend class Job;

  Stream(detail::JobBuilder& builder, NodeId node, std::vector<detail::Port<T>> ports)
      : builder_{&builder}, node_{node}, ports_{std::move(ports)} {}

  /// The main output of a node whose operator is an Op.
  template <class Op>
  static Stream<T> output_of(detail::JobBuilder& builder, NodeId node) {
    return {builder, node, {{node, {}, &detail::main_output<Op>}}};
  }

  static consteval void check_needs_no_order() {
    static_assert(!detail::says_what_becomes_of_rows_v<T>,
                  "rebalance(), rescale() and shuffle() would bring the changes or upserts of a row out of order: key_by() the stream instead");
  }
  // A sink of one type of records says by it what it takes.
  template <class Sink>
  static consteval void check_sink() {
    constexpr bool kFits = detail::SinkOf<Sink, T>;
    if constexpr (!kFits && detail::says_what_becomes_of_rows_v<T>) {
      using Row = decltype(T::row);
      static_assert(!detail::SinkOf<Sink, Upsert<Row>>,
                    "the sink keeps one row a key, as its records are upserts, and this stream has changes that add and take rows (change.h): give it their upserts()");
      static_assert(!detail::SinkOf<Sink, Change<Row>>,
                    "the sink takes changes that add and take rows, and this stream replaces and deletes rows (change.h): give it the stream before its upserts()");
      static_assert(detail::is_upsert_v<T> || !detail::SinkOf<Sink, Row>,
                    "the sink takes rows that are only added, and this stream has changes of rows (change.h): give it at_end() and map() it to its rows, or write it to a sink that takes changes");
      static_assert(detail::is_change_v<T> || !detail::SinkOf<Sink, Row>,
                    "the sink takes rows that are only added, and this stream replaces and deletes rows (change.h): write it to a sink that keeps one row a key, or that takes changes");
    }
    static_assert(kFits, "to() takes a sink that writes records of the stream's type: write_files(...), print(), collect(...)");
  }
  Stream<T> dealt_out(Exchange exchange, detail::MakeWriter make_writer) const {
    Stream<T> result{*builder_, detail::kNoNode, ports_};
    const detail::Partition* partition = builder_->add_partition({exchange, std::move(make_writer)});
    for (detail::Port<T>& port : result.ports_) port.partition = partition;
    return result;
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
    const NodeId node = detail::add_function_node(*builder_, {.name = "process", .location = at}, [make] { return std::make_unique<Op>(make); });
    detail::connect(*builder_, ports_, node, Exchange::kForward, detail::plain_writer<T>());
    return Stream<typename F::Output>::template output_of<Op>(*builder_, node);
  }

  detail::JobBuilder* builder_;
  NodeId node_;  // what uid() and its like speak of
  std::vector<detail::Port<T>> ports_;
  bool updates_are_whole_ = false;  // of changes: behind each -U comes its +U
};

template <class T, class KeyFn>
class KeyedStream {
 public:
  using Key = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;

  /// Windows of each key: tumbling(), session() and the like, or your own (window.h).
  template <class Windows>
  WindowedStream<T, KeyFn, detail::KeyedRow, Windows> window(Windows windows, detail::Location at = detail::Location::current()) const {
    return {stream_, key_, std::move(windows), at};
  }

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
    const NodeId node = detail::add_function_node(builder, {.name = "keyed process", .location = at_, .keeps_state = true},
                                                  [make, key = key_] { return std::make_unique<Op>(make, key); });
    detail::connect(builder, stream_.ports_, node, Exchange::kHash, detail::key_by_writer<T>(key_));
    return Stream<typename F::Output>::template output_of<Op>(builder, node);
  }

  /// This stream and `rules`, for a function over both: connect(rules.broadcast()).process<F>().
  template <class Rule>
  BroadcastConnectedStream<T, KeyFn, Rule> connect(BroadcastStream<Rule> rules, detail::Location at = detail::Location::current()) const {
    return {stream_, key_, std::move(rules), at};
  }

  /// This stream and another one with keys of the same type, for a function that keeps state for each key over both:
  /// connect(other).process<F>().
  template <class B, class KeyB>
  ConnectedStreams<T, KeyFn, B, KeyB> connect(KeyedStream<B, KeyB> other, detail::Location at = detail::Location::current()) const {
    return {*this, std::move(other), at};
  }

  /// Pairs of records of both with the same key: join(other).between(-5min, 0min).inner(f); join.h has the others.
  template <class B, class KeyB>
  JoinedStreams<T, KeyFn, B, KeyB> join(KeyedStream<B, KeyB> other, detail::Location at = detail::Location::current()) const {
    return {*this, std::move(other), at};
  }

  /// All records of both with the same key and window at once (co_group.h): co_group(other).window(tumbling(1h)).apply(f).
  template <class B, class KeyB>
  CoGroupedStreams<T, KeyFn, B, KeyB> co_group(KeyedStream<B, KeyB> other, detail::Location at = detail::Location::current()) const {
    return {*this, std::move(other), at};
  }

  /// Aggregates in each subtask before the records are dealt out by key, for hot keys (two_stage.h): aggregate() follows.
  auto two_stage() const;

  /// For each key one row, in a stream of its changes (change.h): the aggregate of all records so far.
  template <class Agg>
  auto aggregate(Agg aggregate, Emit emit = every_change()) const {
    check_aggregate<Agg>();
    return changes<detail::AggregatedRow<Key, T, Agg>>("aggregate", {std::move(aggregate)}, emit);
  }
  /// The record for which `by` is largest; the earlier one of equals. Without `by` the one of the latest event time, and then
  /// the later one of equals.
  template <class By>
  auto keep_last(By by, Emit emit = every_change()) const {
    return changes<detail::KeptRow<T, By, true>>("keep last", {std::move(by)}, emit);
  }
  auto keep_last(Emit emit = every_change()) const { return keep_last(detail::ByEventTime{}, emit); }
  /// The record for which `by` is smallest, without it that of the earliest event time; the earlier one of equals.
  template <class By>
  auto keep_first(By by, Emit emit = every_change()) const {
    return changes<detail::KeptRow<T, By, false>>("keep first", {std::move(by)}, emit);
  }
  auto keep_first(Emit emit = every_change()) const { return keep_first(detail::ByEventTime{}, emit); }
  /// The n records for which `by` is largest, each with its rank from 1 on; the earlier one of equals first.
  template <class By>
  auto top(std::size_t n, By by, Emit emit = every_change()) const {
    return changes<detail::TopRows<T, By>>("top", {std::move(by), n}, emit);
  }

 private:
  template <class>
  friend class Stream;
  template <class, class, class, class>
  friend class ConnectedStreams;
  template <class, class, class, class>
  friend class JoinedStreams;
  template <class, class, class, class>
  friend class CoGroupedStreams;

  template <class, class>
  friend class TwoStageKeyedStream;

  template <class Agg>
  static void check_aggregate() {
    static_assert(requires { typename Agg::Accumulator; } || requires { typename Agg::template AccumulatorFor<detail::RowOf<T>>; },
                  "aggregate() takes an aggregate: count(), sum(&Bid::price), or a struct with an Accumulator, a Result, and const add(), merge() "
                  "and result()");
  }
  template <class Rows>
  auto changes(const char* name, Rows rows, Emit emit) const {
    static_assert(!detail::is_upsert_v<T>, "a table is made of records or of the changes of another table, not of upserts: give it the stream before its upserts()");
    auto table = process<detail::RowChanges<Key, T, Rows>>(std::move(rows), emit).name(name);
    table.updates_are_whole_ = true;
    return table;
  }

  KeyedStream(Stream<T> stream, KeyFn key, detail::Location at) : stream_{std::move(stream)}, key_{std::move(key)}, at_{at} {}

  Stream<T> stream_;
  KeyFn key_;
  detail::Location at_;
};

/// A stream cut into windows, before it is said what becomes of them.
template <class T, class KeyFn, class Row, class Windows, class Trigger, class Evicts>
class WindowedStream {
  using K = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;
  static constexpr bool kWhole = std::same_as<KeyFn, detail::WholeStream>;
  static constexpr bool kEvicts = !std::same_as<Evicts, detail::NoEvictors>;

  static_assert(!detail::is_change_v<T>,
                "window() takes records, not changes of a table: it would count a row that was taken back; map() the changes to what you mean");
  static_assert(!detail::is_upsert_v<T>,
                "window() takes records, not upserts of rows: it would count a row that was replaced; map() the upserts to what you mean");
  static_assert(requires(const Windows& windows, const T& record, std::vector<Window>& to) { windows.assign(record, Timestamp{}, to); },
                "window() takes windows: tumbling(10s), sliding(10s, 2s), session(30s), global(), or a struct with "
                "void assign(const Record&, Timestamp, std::vector<Window>& to) const");

 public:
  /// A record that is late by no more than this makes its windows give their results again. 0 unless set.
  WindowedStream allowed_lateness(Duration lateness) const {
    WindowedStream changed = *this;
    changed.allowed_lateness_ = lateness;
    return changed;
  }

  /// Where records go that are too late: result.side_output(late) is their stream. Without it, and where nobody reads them, they
  /// are counted. Records for whose time there can be no window, as they have none or it is millions of years from 1970, go
  /// there, too; where nobody reads those they fail the job.
  WindowedStream late_to(SideOutput<T> late) const {
    WindowedStream changed = *this;
    changed.late_ = late.name();
    return changed;
  }

  /// When a window gives its result, in place of its end: count_trigger(100), or one of your own (trigger.h).
  template <class Other>
  auto trigger(Other trigger) const {
    static_assert(detail::Copied<Other>, "trigger() copies the trigger to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(requires { typename Other::State; } || requires { typename Other::template StateFor<T>; },
                  "trigger() takes a trigger: count_trigger(100), continuous_trigger(1min), or a struct with a State and on_record()");
    static_assert(requires(const Other& t, detail::TriggerState<Other, T>& state, const T& record, TriggerContext& ctx) {
      { t.on_record(state, record, ctx) } -> std::same_as<TriggerResult>;
    }, "the trigger has no TriggerResult on_record(State&, const Record&, TriggerContext&) const for the records of the stream");
    static_assert(!detail::merges<Windows>() || detail::MergingTrigger<Other, detail::TriggerState<Other, T>>,
                  "sessions merge, and this trigger can't: it has no void on_merge(State& into, const State& from, TriggerContext&) const");
    return with<Other, Evicts>(std::move(trigger), evicts_);
  }

  /// Which records a window forgets before it gives its result: count_evictor(10), or one of your own (trigger.h). A window
  /// with an evictor keeps its records, instead of an aggregate of them.
  template <class Evictor>
  auto evict(Evictor evictor) const {
    static_assert(kIsEvictor<Evictor>, "evict() takes an evictor: count_evictor(10), or a struct with void evict(WindowRecords<Record>&) const");
    using Changed = detail::Evictors<Evictor, decltype(Evicts::after)>;
    return with<Trigger, Changed>(trigger_, Changed{std::move(evictor), evicts_.after});
  }
  /// The same behind the result.
  template <class Evictor>
  auto evict_after(Evictor evictor) const {
    static_assert(kIsEvictor<Evictor>, "evict_after() takes an evictor: count_evictor(10), or a struct with void evict(WindowRecords<Record>&) const");
    using Changed = detail::Evictors<decltype(Evicts::before), Evictor>;
    return with<Trigger, Changed>(trigger_, Changed{evicts_.before, std::move(evictor)});
  }

  /// Aggregates in each subtask before the records are dealt out by key, for hot keys (two_stage.h): aggregate() or reduce()
  /// follows.
  auto two_stage() const;

  /// One result a window and key: Windowed<Key, Result> behind key_by(), WindowedAll<Result> behind window_all().
  template <class Agg>
  auto aggregate(Agg aggregate, detail::Location at = detail::Location::current()) const {
    check_aggregate<Agg>();
    if constexpr (std::same_as<Windows, WindowAssigner> && std::same_as<Trigger, detail::OwnTrigger> && !kEvicts) {
      using Op = detail::WindowAggregateOperator<T, KeyFn, Agg, Row>;
      return add<Op>("window aggregate", at, [key = key_, aggregate = std::move(aggregate), spec = windows_.spec, lateness = allowed_lateness_] {
        return std::make_unique<Op>(key, aggregate, spec, lateness);
      });
    } else {
      auto content = content_of(std::move(aggregate));
      using Rows = detail::WindowRows<K, typename decltype(content)::Result, Row>;
      return add_general<Rows>(at, std::move(content), [](Declare&) { return Rows{}; });
    }
  }

  /// The aggregate's result goes to F, a WindowProcess<Key, Result, OutT>, made for each subtask from a Declare& and copies of
  /// `args`.
  template <class F, class Agg, class... Args>
  auto aggregate(Agg aggregate, Args... args) const {
    check_aggregate<Agg>();
    return add_process<F>(content_of(std::move(aggregate)), std::move(args)...);
  }

  /// The records of a window are made one, two by two: f(const T&, const T&) -> T. One result as of aggregate().
  template <class F>
  auto reduce(F f, detail::Location at = detail::Location::current()) const {
    check_reduce<F>();
    return aggregate(detail::ReduceAggregate<F>{std::move(f)}, at);
  }

  /// All records of a window go to F, a WindowProcess<Key, WindowRecords<T>, OutT>, made for each subtask from a Declare& and
  /// copies of `args`.
  template <class F, class... Args>
  auto process(Args... args) const {
    return add_process<F>(detail::RecordContent<T, Evicts>{evicts_}, std::move(args)...);
  }

 private:
  template <class>
  friend class Stream;
  template <class, class>
  friend class KeyedStream;
  template <class, class, class, class, class, class>
  friend class WindowedStream;
  template <class, class, class>
  friend class TwoStageWindowedStream;
  template <class, class, class, class>
  friend class CoGroupedWindows;

  template <class Evictor>
  static constexpr bool kIsEvictor = requires(const Evictor& evictor, WindowRecords<T>& records) { evictor.evict(records); };

  WindowedStream(Stream<T> stream, KeyFn key, Windows windows, detail::Location at)
      : stream_{std::move(stream)}, key_{std::move(key)}, windows_{std::move(windows)}, at_{at} {}

  template <class OtherTrigger, class OtherEvicts>
  auto with(OtherTrigger trigger, OtherEvicts evicts) const {
    WindowedStream<T, KeyFn, Row, Windows, OtherTrigger, OtherEvicts> changed{stream_, key_, windows_, at_};
    changed.trigger_ = std::move(trigger);
    changed.evicts_ = std::move(evicts);
    changed.allowed_lateness_ = allowed_lateness_;
    changed.late_ = late_;
    return changed;
  }

  template <class F>
  static void check_reduce() {
    static_assert(std::is_invocable_r_v<T, const F&, const T&, const T&>,
                  "reduce() takes a callable that makes one record of two: [](const Bid& a, const Bid& b) { return a.price < b.price ? b : a; }");
  }
  template <class Agg>
  static void check_aggregate() {
    static_assert(detail::Copied<Agg>, "aggregate() copies the aggregate to each subtask: capture values or a std::shared_ptr, nothing that can only be moved");
    static_assert(requires { typename Agg::Accumulator; } || requires { typename Agg::template AccumulatorFor<T>; },
                  "aggregate() takes an aggregate: count(), sum(&Bid::price), or a struct with an Accumulator, a Result, and const add(), merge() "
                  "and result()");
    static_assert(detail::WantsTime<Agg, T> || requires(const Agg& agg, detail::AccumulatorOf<Agg, T>& accumulator, const T& record) {
      agg.add(accumulator, record);
    }, "the aggregate has no void add(Accumulator&, const Record&) const for the records of the stream");
    static_assert(requires(const Agg& agg, detail::AccumulatorOf<Agg, T>& into, const detail::AccumulatorOf<Agg, T>& from) { agg.merge(into, from); },
                  "the aggregate has no void merge(Accumulator& into, const Accumulator& from) const: windows share their parts, so it needs one");
    static_assert(requires(const Agg& agg, const detail::AccumulatorOf<Agg, T>& accumulator) { agg.result(accumulator); },
                  "the aggregate has no Result result(const Accumulator&) const");
  }
  template <class Agg>
  auto content_of(Agg aggregate) const {
    if constexpr (kEvicts) {
      return detail::AggregatedRecords<T, Evicts, Agg>{{evicts_}, std::move(aggregate)};
    } else {
      return detail::AccumulatedContent<T, Agg>{std::move(aggregate)};
    }
  }
  auto trigger_in_use() const {
    if constexpr (!std::same_as<Trigger, detail::OwnTrigger>) {
      return trigger_;
    } else if constexpr (detail::by_processing_time<Windows>()) {
      return processing_time_trigger();
    } else {
      return event_time_trigger();
    }
  }

  template <class F, class Content, class... Args>
  auto add_process(Content content, Args... args) const {
    static_assert(detail::WindowProcessClass<F>, "process() behind window() takes a class derived from WindowProcess<Key, Content, OutT>");
    static_assert(std::same_as<typename F::Key, K>,
                  "the first type of WindowProcess must be the type that key_by() gives; behind window_all() derive from WindowAllProcess");
    static_assert(std::same_as<typename F::Input, typename Content::Result>,
                  "the second type of WindowProcess must be WindowRecords<Record>, or behind an aggregate its result");
    static_assert(!detail::merges<Windows>() || std::same_as<typename F::WindowState, NoWindowState>,
                  "sessions merge, and a function's state of a window can't: keep it in a state of the key");
    using Processed = detail::ProcessedWindows<F>;
    const auto make = detail::maker_of<F>(std::move(args)...);
    return add_general<Processed>(at_, std::move(content), [make](Declare& declare) { return Processed{make(declare)}; });
  }
  template <class Result, class Content, class MakeResult>
  auto add_general(const detail::Location& at, Content content, MakeResult make_result) const {
    auto trigger = trigger_in_use();
    using Function = detail::WithClock<detail::WindowFunction<K, T, Windows, decltype(trigger), Content, Result>>;
    using Op = detail::WindowOperator<Function, KeyFn>;
    const typename Function::Setup setup{windows_, std::move(trigger), std::move(content), allowed_lateness_, late_};
    const auto make_function = [setup, make_result](Declare& declare) { return std::make_unique<Function>(declare, setup, make_result(declare)); };
    return add<Op>("window", at, [key = key_, make_function] { return std::make_unique<Op>(make_function, key); });
  }
  template <class Op, class Make>
  auto add(const char* name, const detail::Location& at, Make make) const {
    detail::JobBuilder& builder = *stream_.builder_;
    // An operator is made only of windows that there can be.
    const auto checked = [make = std::move(make), problem = problem()] {
      if (problem) throw *problem;
      return make();
    };
    const Duration windows_stay = std::same_as<Windows, GlobalWindows> ? Duration::max() : allowed_lateness_;
    detail::NewNode described{
        .name = name, .location = at, .parallelism = kWhole ? 1u : 0u, .keeps_state = true, .windows_stay = windows_stay};
    const NodeId node = detail::add_function_node(builder, std::move(described), checked);
    detail::connect(builder, stream_.ports_, node, kWhole ? Exchange::kGlobal : Exchange::kHash, detail::key_by_writer<T>(key_));
    // Other operators are functions, which declare it themselves.
    if constexpr (requires(Op& op) { op.late_out(); }) {
      if (late_) builder.add_side_output(node, *late_, detail::FindOutput<T>{&late_output<Op>});
    }
    return Stream<typename Op::Output>::template output_of<Op>(builder, node);
  }
  template <class Op>
  static Out<T>& late_output(detail::Operator& op) {
    return static_cast<Op&>(op).late_out();
  }

  std::optional<Error> problem() const {
    if (const auto problem = detail::problem_of(windows_, trigger_)) return problem;
    if (const auto problem = detail::problem_of(evicts_.before, evicts_.after)) return problem;
    if (allowed_lateness_ < Duration{0}) return Error{ErrorCode::kInvalidArgument, "allowed_lateness() takes a duration of zero or more"};
    if (detail::by_processing_time<Windows>() && allowed_lateness_ > Duration{0}) {
      return Error{ErrorCode::kInvalidArgument, "allowed_lateness() is for windows of event time: by processing time no record is late"};
    }
    return std::nullopt;
  }

  Stream<T> stream_;
  KeyFn key_;
  Windows windows_;
  Trigger trigger_{};
  Evicts evicts_{};
  detail::Location at_;
  Duration allowed_lateness_{0};
  typename detail::LateRecords<T>::Names late_;
};

}  // namespace tidemark
