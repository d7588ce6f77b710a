// Aggregations in two stages, against hot keys.
//
//   bids.key_by(&Bid::auction).window(tumbling(10s)).two_stage().aggregate(count()).uid("bids-per-auction")
//   bids.key_by(&Bid::auction).two_stage().aggregate(count()).uid("bids-so-far")
//
// Each subtask aggregates what it reads before the records are dealt out by key, and the partial results meet as the records
// would have: so a key that half of all records have is no more work for its subtask than any other. Of the results of windows,
// their times and the state nothing changes: a job may go on with the state of the same operator in one stage, and the
// other way round. Without a window a row changes once for all records of its key in a batch, instead of with each.
// What is lost where keys are many and cold: each record is looked up twice.
//
// The aggregate's merge() must be as exact as its add(); sums of floating point may differ in their last bits. Whether a record
// is too late for its windows is judged as in one stage, behind the exchange, unless somebody reads the late records: behind it
// there are none. With late_to() it is judged by the watermark of the subtask that reads the record, which may be ahead of the
// others, so some are late that would not be in one stage; and what is late only behind the exchange, after its subtask was
// idle or after a job in one stage was resumed, is counted and not handed out.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/operators/local_aggregate.h"
#include "tidemark/stream.h"

namespace tidemark {

namespace detail {

/// That of the operator that is read, so that the local stage runs in its task.
template <class T>
std::uint32_t local_parallelism(const JobBuilder& builder, const std::vector<Port<T>>& ports) {
  return ports.size() == 1 && ports.front().partition == nullptr ? builder.plan().nodes[ports.front().node].parallelism : 0;
}

}  // namespace detail

template <class T, class KeyFn>
class TwoStageKeyedStream {
  using K = typename KeyedStream<T, KeyFn>::Key;

 public:
  /// As KeyedStream's.
  template <class Agg>
  auto aggregate(Agg aggregate, Emit emit = every_change()) const {
    static_assert(!detail::says_what_becomes_of_rows_v<T>,
                  "two_stage() takes records, not changes or upserts of rows: their partial results can't be taken back");
    KeyedStream<T, KeyFn>::template check_aggregate<Agg>();
    using Partial = detail::Partial<K, detail::AccumulatorOf<Agg, T>>;
    using Local = detail::BatchAggregateOperator<T, KeyFn, Agg>;
    detail::JobBuilder& builder = *keyed_.stream_.builder_;
    const auto& ports = keyed_.stream_.ports_;
    const auto make = [key = keyed_.key_, aggregate] { return std::make_unique<Local>(key, aggregate); };
    const NodeId local = builder.add_node({.name = "local aggregate",
                                           .location = keyed_.at_,
                                           .parallelism = detail::local_parallelism(builder, ports),
                                           .factory = {make, {}}});
    detail::connect(builder, ports, local, Exchange::kForward, detail::plain_writer<T>());
    const auto partials = Stream<Partial>::template output_of<Local>(builder, local).key_by(&Partial::key, keyed_.at_);
    return partials.aggregate(detail::MergePartials<Agg>{std::move(aggregate)}, emit);
  }

 private:
  template <class, class>
  friend class KeyedStream;
  explicit TwoStageKeyedStream(KeyedStream<T, KeyFn> keyed) : keyed_{std::move(keyed)} {}

  KeyedStream<T, KeyFn> keyed_;
};

template <class T, class KeyFn>
auto KeyedStream<T, KeyFn>::two_stage() const {
  return TwoStageKeyedStream<T, KeyFn>{*this};
}

template <class T, class KeyFn, class Row>
class TwoStageWindowedStream {
  using Windows = WindowedStream<T, KeyFn, Row, WindowAssigner>;
  using K = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;

 public:
  /// As WindowedStream's.
  template <class Agg>
  auto aggregate(Agg aggregate, detail::Location at = detail::Location::current()) const {
    Windows::template check_aggregate<Agg>();
    using Partial = detail::Partial<K, detail::AccumulatorOf<Agg, T>>;
    using Local = detail::LocalAggregateOperator<T, KeyFn, Agg>;
    detail::JobBuilder& builder = *windows_.stream_.builder_;
    const auto& ports = windows_.stream_.ports_;
    const auto make = [key = windows_.key_, aggregate, spec = windows_.windows_.spec, lateness = windows_.allowed_lateness_] {
      return std::make_unique<Local>(key, aggregate, spec, lateness);
    };
    const NodeId local = builder.add_node({.name = "local aggregate",
                                           .location = at,
                                           .parallelism = detail::local_parallelism(builder, ports),
                                           .is_local_stage = true,
                                           .factory = {make, {}}});
    detail::connect(builder, ports, local, Exchange::kForward, detail::plain_writer<T>());
    auto partials = Stream<Partial>::template output_of<Local>(builder, local);
    auto result = merged(std::move(partials)).aggregate(detail::MergePartials<Agg>{std::move(aggregate)}, at);
    if (windows_.late_) {
      builder.add_side_output({result.node_, local, *windows_.late_, detail::FindOutput<T>{&Windows::template late_output<Local>}});
    }
    return result;
  }

  /// As WindowedStream's, where it doesn't matter in which order records are made one.
  template <class F>
  auto reduce(F f, detail::Location at = detail::Location::current()) const {
    Windows::template check_reduce<F>();
    return aggregate(detail::ReduceAggregate<F>{std::move(f)}, at);
  }

 private:
  template <class, class, class, class, class, class>
  friend class WindowedStream;
  explicit TwoStageWindowedStream(Windows windows) : windows_{std::move(windows)} {}

  template <class Partial>
  auto merged(Stream<Partial> partials) const {
    using PartialKey = std::conditional_t<std::is_same_v<KeyFn, detail::WholeStream>, detail::WholeStream, K Partial::*>;
    PartialKey key{};
    if constexpr (std::is_member_object_pointer_v<PartialKey>) key = &Partial::key;
    WindowedStream<Partial, PartialKey, Row, WindowAssigner> result{std::move(partials), key, windows_.windows_, windows_.at_};
    return result.allowed_lateness(windows_.allowed_lateness_);
  }

  Windows windows_;
};

template <class T, class KeyFn, class Row, class WindowsT, class Trigger, class Evicts>
auto WindowedStream<T, KeyFn, Row, WindowsT, Trigger, Evicts>::two_stage() const {
  static_assert(std::same_as<WindowsT, WindowAssigner>,
                "two_stage() is for windows that are cut by event time alone: tumbling(), sliding() or cumulative()");
  static_assert(std::same_as<Trigger, detail::OwnTrigger>,
                "two_stage() is for windows that fire at their end: with a trigger they see each record");
  static_assert(!kEvicts, "two_stage() is for windows that keep an aggregate: with an evictor they keep their records");
  return TwoStageWindowedStream<T, KeyFn, Row>{*this};
}

}  // namespace tidemark
