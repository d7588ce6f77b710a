// The temporal join: each record of the first stream with the version of its key that was valid at its event time, the second
// stream being the versions, each valid from its event time until the next one's.
//
// A record waits until the watermark has passed it, so that its version is there. Of the versions before the watermark the
// newest is kept, and none of those before that. Late records are handed out or counted (late_records.h); a late version is
// taken if it is not older than the one that is kept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "tidemark/co_process.h"
#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/late_records.h"
#include "tidemark/detail/operators/timed_rows.h"
#include "tidemark/state.h"
#include "tidemark/time.h"

namespace tidemark::detail {

template <JoinKind kKind, class K, class A, class B, class F>
class TemporalJoin final : public KeyedCoProcess<K, A, B, typename JoinRow<kKind, A, B, F>::Type> {
  using Row = JoinRow<kKind, A, B, F>;
  using Base = KeyedCoProcess<K, A, B, typename Row::Type>;
  template <class T>
  using TimedRows = ValueState<K, std::vector<Timed<T>>>;

 public:
  using typename Base::Context;
  using typename Base::Output;

  TemporalJoin(Declare& declare, F f, const LateNames& late)
      : row_{std::move(f)},
        waiting_{declare, "waiting"},
        versions_{declare, "versions"},
        late_records_{declare, late.first},
        late_versions_{declare, late.second} {}

  void process_first(const A& record, Context& ctx, Out<Output>&) override {
    if (is_late(ctx.timestamp(), ctx.watermark())) {
      late_records_.take(record, ctx.timestamp());
      return;
    }
    waiting_.mutate([&](auto& rows) { insert_by_time(rows, Timed<A>{ctx.timestamp(), record}); });
    ctx.timers().at(timer_time(ctx.timestamp()));
  }

  void process_second(const B& version, Context& ctx, Out<Output>&) override {
    const auto& versions = versions_.get();
    // The first one is the one that is kept if the watermark has passed it. Otherwise there is none yet.
    const bool is_outdated = !versions.empty() && ctx.timestamp() < versions.front().at && is_late(versions.front().at, ctx.watermark());
    if (is_outdated) {
      late_versions_.take(version, ctx.timestamp());
      return;
    }
    versions_.mutate([&](auto& changed) { insert_by_time(changed, Timed<B>{ctx.timestamp(), version}); });
    ctx.timers().at(timer_time(ctx.timestamp()));
  }

  void on_timer(Timestamp, Context& ctx, Out<Output>& out) override {
    join_until(ctx.watermark(), out);
    forget_until(ctx.watermark());
  }

  std::uint64_t late_dropped() const { return late_records_.dropped() + late_versions_.dropped(); }

 private:
  void join_until(Timestamp watermark, Out<Output>& out) {
    const auto& rows = waiting_.get();
    const auto end = first_behind(rows, watermark);
    if (end == rows.begin()) return;
    const auto& versions = versions_.get();
    for (auto row = rows.begin(); row != end; ++row) {
      const auto next = first_behind(versions, row->at);
      if (next != versions.begin()) {
        out.emit(row->at, row_(&row->value, &std::prev(next)->value));
      } else if constexpr (kKind == JoinKind::kLeft) {
        out.emit(row->at, row_(&row->value, nullptr));
      }
    }
    if (end == rows.end()) {
      waiting_.clear();
    } else {
      waiting_.mutate([gone = end - rows.begin()](auto& changed) { changed.erase(changed.begin(), changed.begin() + gone); });
    }
  }
  void forget_until(Timestamp watermark) {
    const auto& versions = versions_.get();
    const auto gone = first_behind(versions, watermark) - versions.begin() - 1;
    if (gone > 0) versions_.mutate([gone](auto& changed) { changed.erase(changed.begin(), changed.begin() + gone); });
  }

  Row row_;
  TimedRows<A> waiting_;
  TimedRows<B> versions_;
  LateRecords<A> late_records_;
  LateRecords<B> late_versions_;
};

}  // namespace tidemark::detail
