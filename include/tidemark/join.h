// Joins: what comes of the records of two streams that have the same key.
//
//   orders.key_by(&Order::id)
//       .join(payments.key_by(&Payment::order))
//       .between(-5min, 1h)                                 // which records meet
//       .inner([](const Order& order, const Payment& payment) { return Paid{order.id, payment.amount}; })    // what comes of them
//       .uid("paid")
//
// Which records meet:
//   .between(-5min, 1h)    by event time: a payment from 5 minutes before its order to an hour behind it, both included
//   .window(tumbling(1h))  those in the same window
//   .unbounded()           all, whenever they come; both streams are kept whole
//   .unbounded(ttl(24h))   the same, with a key's records of a stream kept for so long after the last of them came; inner() alone
//   .as_of()               each record of the first stream with the newest of the second that is not later: its version
//
// What comes of them, by a callable that makes a row:
//   .inner(f)  f(const A&, const B&)   pairs
//   .left(f)   f(const A&, const B*)   and null for a record of the first stream that meets none
//   .right(f)  f(const A*, const B&)   and null for a record of the second stream that meets none
//   .full(f)   f(const A*, const B*)   both
//   .semi()    the records of the first stream that meet one, once each
//   .anti()    the records of the first stream that meet none
//
// A row's event time is the later one of its pair, with unbounded() that of the record that it came with; of a record that
// between() finds alone it is the last one at which a partner might have been; with window() it is the last millisecond of the
// window, with as_of() that of the record. Records that are late by event time, with between(), window() and as_of(), go where
// late_to() says, or are counted as dropped.
//
// unbounded() has no end at which a record is known to be alone. It takes streams of records and of changes (change.h), and
// gives a stream of changes; inner() and semi() of two streams of records give plain records, as they only grow. A row that is
// taken away is looked for by its content among those of its key and stream, so upserts are refused: they don't say what a row was.
//
// Behind unbounded(), many_to_one() promises that the second stream has at most one record a key, one_to_many() that the first has:
//
//   bids.key_by(&Bid::auction).join(auctions.key_by(&Auction::id)).unbounded().many_to_one().inner(...)
//
// The rows are the same, for less: only that one record is kept for good, and records of the other stream until it comes. So
// filter() behind the join, not that stream before it, or what belongs to the records left out waits for good. A second record
// of a key, even one equal to the first, breaks the promise and fails the job. The promised stream is one of records, as changes
// take rows back; with a ttl both streams are, and the promise holds as long as the record is kept. What the join keeps is not what
// it keeps without the promise: give it another uid when that changes.
//
// One stream that never ends is no harm to the others, but what waits for its watermark waits on.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "tidemark/change.h"
#include "tidemark/co_group.h"
#include "tidemark/connected_streams.h"
#include "tidemark/detail/operators/interval_join.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/table_join.h"
#include "tidemark/detail/operators/temporal_join.h"
#include "tidemark/detail/operators/unique_join.h"
#include "tidemark/detail/operators/window_join.h"
#include "tidemark/stream.h"
#include "tidemark/ttl.h"
#include "tidemark/window.h"

namespace tidemark {

/// A join of which it is known which records meet. How adds the operator: add<kind>(f).
template <class A, class B, class How>
class Join {
  using First = detail::RowOf<A>;
  using Second = detail::RowOf<B>;

 public:
  explicit Join(How how) : how_{std::move(how)} {}

  /// Where records of each stream go that are late: result.side_output(late) is their stream. Without it, and where nobody
  /// reads them, they are counted.
  Join late_to(SideOutput<A> first, SideOutput<B> second) const {
    static_assert(requires(const How& how) { how.late_to(first, second); },
                  "late_to() is for joins by event time, between(), window() and as_of(): to unbounded() no record is late");
    return Join{how_.late_to(std::move(first), std::move(second))};
  }
  /// Of window() alone: a record that is late by no more than this makes its windows give all their rows again. 0 unless set.
  Join allowed_lateness(Duration lateness) const {
    static_assert(requires(const How& how) { how.allowed_lateness(lateness); },
                  "allowed_lateness() is for joins by window(), whose windows can give their rows again: by between() and as_of() let "
                  "the source wait longer, with out_of_order_by()");
    return Join{how_.allowed_lateness(lateness)};
  }

  /// Of unbounded() alone: the second stream has at most one record a key. The first may have, too.
  auto many_to_one() const { return promise<detail::Cardinality::kManyToOne, B>(); }
  /// Likewise the first stream.
  auto one_to_many() const { return promise<detail::Cardinality::kOneToMany, A>(); }

  template <class F>
  auto inner(F f) const {
    static_assert(std::invocable<const F&, const First&, const Second&>, "inner() takes a callable that makes a row of two records: [](const A& a, const B& b) { return ...; }");
    return how_.template add<detail::JoinKind::kInner>(std::move(f));
  }
  template <class F>
  auto left(F f) const {
    static_assert(std::invocable<const F&, const First&, const Second*>, "left() takes a callable that makes a row of a record and one that may be null: [](const A& a, const B* b) { return ...; }");
    return how_.template add<detail::JoinKind::kLeft>(std::move(f));
  }
  template <class F>
  auto right(F f) const {
    static_assert(std::invocable<const F&, const First*, const Second&>, "right() takes a callable that makes a row of a record that may be null and one: [](const A* a, const B& b) { return ...; }");
    return how_.template add<detail::JoinKind::kRight>(std::move(f));
  }
  template <class F>
  auto full(F f) const {
    static_assert(std::invocable<const F&, const First*, const Second*>, "full() takes a callable that makes a row of two records of which one may be null: [](const A* a, const B* b) { return ...; }");
    return how_.template add<detail::JoinKind::kFull>(std::move(f));
  }
  auto semi() const { return how_.template add<detail::JoinKind::kSemi>(detail::NoCallable{}); }
  auto anti() const { return how_.template add<detail::JoinKind::kAnti>(detail::NoCallable{}); }

 private:
  template <detail::Cardinality kCardinality, class One>
  auto promise() const {
    static_assert(requires(const How& how) { how.template promise<kCardinality>(); },
                  "many_to_one() and one_to_many() are for joins by unbounded(), one of them and once: other joins keep no record for good");
    static_assert(!detail::is_change_v<One>,
                  "many_to_one() and one_to_many() need records on the side of the one, not changes, which take rows back: leave it out, and both streams are kept whole");
    auto promised = how_.template promise<kCardinality>();
    return Join<A, B, decltype(promised)>{std::move(promised)};
  }

  How how_;
};

/// Two keyed streams, before it is said which of their records meet.
template <class A, class KeyA, class B, class KeyB>
class JoinedStreams {
  using Connected = ConnectedStreams<A, KeyA, B, KeyB>;
  using Key = typename Connected::Key;

  template <class MaybeTtl, detail::Cardinality kCardinality = detail::Cardinality::kManyToMany>
  struct ByKey {
    Connected streams;
    MaybeTtl ttl;
    template <detail::Cardinality kPromised>
      requires(kCardinality == detail::Cardinality::kManyToMany)
    ByKey<MaybeTtl, kPromised> promise() const {
      static_assert(std::same_as<MaybeTtl, detail::NoTtl> || (!detail::is_change_v<A> && !detail::is_change_v<B>),
                    "many_to_one() and one_to_many() with unbounded(ttl(...)) take records, not changes: of a row that is let go it is not known whether it has expired");
      return {streams, ttl};
    }
    template <detail::JoinKind kKind, class F>
    auto add(F f) const {
      static_assert(kKind == detail::JoinKind::kInner || std::same_as<MaybeTtl, detail::NoTtl>,
                    "unbounded(ttl(...)) joins inner(): where records expire, none is known to be alone");
      using Function = std::conditional_t<kCardinality == detail::Cardinality::kManyToMany, detail::TableJoin<kKind, Key, A, B, F, MaybeTtl>,
                                          detail::UniqueJoin<kKind, kCardinality, Key, A, B, F, MaybeTtl>>;
      return streams.template process<Function>(std::move(f), ttl).name("join");
    }
  };
  struct ByTime {
    Connected streams;
    detail::Interval interval;
    detail::LateNames late = {};
    ByTime late_to(SideOutput<A> first, SideOutput<B> second) const {
      return {streams, interval, {first.name(), second.name()}};
    }
    template <detail::JoinKind kKind, class F>
    auto add(F f) const {
      using Function = detail::IntervalJoin<kKind, Key, A, B, F>;
      return streams.template process<Function>(std::move(f), interval, late).name("interval join");
    }
  };
  struct ByVersion {
    Connected streams;
    detail::LateNames late = {};
    ByVersion late_to(SideOutput<A> first, SideOutput<B> second) const {
      return {streams, {first.name(), second.name()}};
    }
    template <detail::JoinKind kKind, class F>
    auto add(F f) const {
      static_assert(kKind == detail::JoinKind::kInner || kKind == detail::JoinKind::kLeft, "as_of() joins inner() or left(): a version alone is no row");
      return streams.template process<detail::TemporalJoin<kKind, Key, A, B, F>>(std::move(f), late).name("temporal join");
    }
  };
  template <class Windows>
  struct ByWindow {
    Windows windows;
    ByWindow late_to(SideOutput<A> first, SideOutput<B> second) const {
      return {windows.late_to(std::move(first), std::move(second))};
    }
    ByWindow allowed_lateness(Duration lateness) const { return {windows.allowed_lateness(lateness)}; }
    template <detail::JoinKind kKind, class F>
    auto add(F f) const {
      using Function = detail::WindowJoin<kKind, Key, A, B, F>;
      return windows.template add<Function>("window join", detail::GatherRecords<kKind, A, B>{}, std::move(f));
    }
  };

 public:
  /// A record of the first stream at t meets those of the second from t + lower to t + upper, both included.
  Join<A, B, ByTime> between(Duration lower, Duration upper) const {
    check_records();
    if (upper < lower || lower < -Duration::max() || upper < -Duration::max()) {
      builder().complain_at(streams_.at_, "between() takes a lower bound and an upper one that is not below it");
    }
    return Join<A, B, ByTime>{{streams_, {lower, upper}}};
  }
  /// Windows of each key: tumbling(), sliding(), session() with one gap for all, or your own (window.h).
  template <class Windows>
  auto window(Windows windows) const {
    check_records();
    auto cut = CoGroupedStreams<A, KeyA, B, KeyB>{streams_.first_, streams_.second_, streams_.at_}.window(std::move(windows));
    return Join<A, B, ByWindow<decltype(cut)>>{{std::move(cut)}};
  }
  Join<A, B, ByKey<detail::NoTtl>> unbounded() const {
    check_no_upserts();
    return Join<A, B, ByKey<detail::NoTtl>>{{streams_, {}}};
  }
  Join<A, B, ByKey<Ttl>> unbounded(Ttl ttl) const {
    check_no_upserts();
    return Join<A, B, ByKey<Ttl>>{{streams_, ttl}};
  }
  /// The second stream are versions of what its key means: inner() and left().
  Join<A, B, ByVersion> as_of() const {
    check_records();
    return Join<A, B, ByVersion>{{streams_}};
  }

 private:
  template <class, class>
  friend class KeyedStream;
  JoinedStreams(KeyedStream<A, KeyA> first, KeyedStream<B, KeyB> second, detail::Location at) : streams_{std::move(first), std::move(second), at} {}

  static consteval void check_no_upserts() {
    static_assert(!detail::is_upsert_v<A> && !detail::is_upsert_v<B>,
                  "a join takes streams of records or of changes, not of upserts, which don't say what a row was before: give it the streams before their upserts()");
  }
  static consteval void check_records() {
    check_no_upserts();
    static_assert(!detail::is_change_v<A> && !detail::is_change_v<B>, "a join by event time takes streams of records; of changes (change.h) unbounded() makes a table");
  }
  detail::JobBuilder& builder() const { return *streams_.first_.stream_.builder_; }

  Connected streams_;
};

}  // namespace tidemark
