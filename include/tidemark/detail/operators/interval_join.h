// The interval join: records of one key whose event times lie so near to one another as two bounds say.
//
// A record of the first stream at t meets those of the second from t + lower to t + upper. It is kept until the watermark says
// that no partner can come any more, and so are those of the second. A record that has met nobody by then gives what its
// kind of join gives of one that is alone, with the last time at which a partner might have been: by its own it would be late
// to whatever follows. Late records are handed out or counted (late_records.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/co_process.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/late_records.h"
#include "tidemark/detail/operators/timed_rows.h"
#include "tidemark/state.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// Both included.
struct Interval {
  Duration lower;
  Duration upper;
};

template <class T>
struct WaitingRow {
  Timestamp at;
  bool has_met = false;
  T row{};
};

template <JoinKind kKind, class K, class A, class B, class F>
class IntervalJoin final : public KeyedCoProcess<K, A, B, typename JoinRow<kKind, A, B, F>::Type> {
  using Row = JoinRow<kKind, A, B, F>;
  using Base = KeyedCoProcess<K, A, B, typename Row::Type>;
  template <class T>
  using Side = ValueState<K, std::vector<WaitingRow<T>>>;

 public:
  using typename Base::Context;
  using typename Base::Output;

  IntervalJoin(Declare& declare, F f, Interval partners, const LateNames& late)
      : row_{std::move(f)},
        of_first_{partners},
        of_second_{-partners.upper, -partners.lower},
        first_{declare, "first"},
        second_{declare, "second"},
        late_firsts_{declare, late.first},
        late_seconds_{declare, late.second} {}

  void process_first(const A& record, Context& ctx, Out<Output>& out) override {
    take_in<true>(first_, second_, of_first_, late_firsts_, record, ctx, out);
  }
  void process_second(const B& record, Context& ctx, Out<Output>& out) override {
    take_in<false>(second_, first_, of_second_, late_seconds_, record, ctx, out);
  }

  void on_timer(Timestamp, Context& ctx, Out<Output>& out) override {
    let_go<true>(first_, of_first_, ctx, out);
    let_go<false>(second_, of_second_, ctx, out);
  }

  std::uint64_t late_dropped() const { return late_firsts_.dropped() + late_seconds_.dropped(); }

 private:
  template <bool kFirst, class Mine, class Others, class T>
  void take_in(Mine& mine, Others& others, const Interval& partners, LateRecords<T>& late, const T& record, Context& ctx,
               Out<Output>& out) {
    const Timestamp at = ctx.timestamp();
    if (is_late(at, ctx.watermark())) {
      late.take(record, at);
      return;
    }
    const Timestamp last = at + partners.upper;
    const bool has_met = meet<kFirst>(others, record, {at + partners.lower, last}, at, out);
    if (!is_late(last, ctx.watermark())) {
      mine.mutate([&](auto& rows) { insert_by_time(rows, WaitingRow<T>{at, has_met, record}); });
      ctx.timers().at(timer_time(last));
    } else if (!has_met) {
      put_alone<kFirst>(record, at, out);
    }
  }

  struct Times {
    Timestamp first;
    Timestamp last;
  };
  // True if there was a partner.
  template <bool kFirst, class Others, class T>
  bool meet(Others& others, const T& record, Times times, Timestamp at, Out<Output>& out) {
    const auto& rows = others.get();
    const auto begin = first_from(rows, times.first);
    const auto end = first_behind(rows, times.last);
    if (begin == end || end < begin) return false;
    put_met<kFirst>(record, std::max(at, begin->at), out);
    bool is_first_time = false;
    for (auto partner = begin; partner != end; ++partner) {
      if (!partner->has_met) {
        is_first_time = true;
        put_met<!kFirst>(partner->row, std::max(at, partner->at), out);
      }
      if constexpr (gives_pairs(kKind)) out.emit(std::max(at, partner->at), row_.template of_pair<kFirst>(record, partner->row));
    }
    if (is_first_time && kRemembersMeeting) {
      others.mutate([first = begin - rows.begin(), last = end - rows.begin()](auto& changed) {
        for (auto i = first; i != last; ++i) changed[static_cast<std::size_t>(i)].has_met = true;
      });
    }
    return true;
  }

  template <bool kFirst, class Mine>
  void let_go(Mine& mine, const Interval& partners, const Context& ctx, Out<Output>& out) {
    const auto& rows = mine.get();
    const auto end = std::partition_point(rows.begin(), rows.end(), [&](const auto& each) { return is_late(each.at + partners.upper, ctx.watermark()); });
    if (end == rows.begin()) return;
    for (auto row = rows.begin(); row != end; ++row) {
      if (!row->has_met) put_alone<kFirst>(row->row, row->at + partners.upper, out);
    }
    if (end == rows.end()) {
      mine.clear();
    } else {
      mine.mutate([gone = end - rows.begin()](auto& changed) { changed.erase(changed.begin(), changed.begin() + gone); });
    }
  }

  template <bool kFirst, class T>
  void put_alone(const T& row, Timestamp at, Out<Output>& out) {
    if constexpr (gives_alone(kKind, kFirst)) out.emit(at, row_.template of_one<kFirst>(row));
  }
  template <bool kFirst, class T>
  void put_met(const T& row, Timestamp at, Out<Output>& out) {
    if constexpr (kKind == JoinKind::kSemi && kFirst) out.emit(at, row_.template of_one<kFirst>(row));
  }

  static constexpr bool kRemembersMeeting = kKind != JoinKind::kInner;

  Row row_;
  Interval of_first_;   // where partners lie, as seen from a record of the first stream
  Interval of_second_;  // likewise of the second
  Side<A> first_;
  Side<B> second_;
  LateRecords<A> late_firsts_;
  LateRecords<B> late_seconds_;
};

}  // namespace tidemark::detail
