// Keeps a small table for each key and gives its changes: the function behind aggregate(), keep_first(), keep_last() and top()
// of a keyed stream.
//
// Rows is a policy: the Content that it keeps for a key, how a row gets in and out of it, and the rows that it shows. Given at
// once, a change is the difference between what was shown before and behind a record. Given later, it is that between what was
// given last, which is a state of its own, and what is shown then. A key that waits for a period has a timer of the wall clock; for
// the end of input it needs none: all keys are gone through then (keyed_function.h). Snapshots of earlier versions have one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/detail/codec/reflect.h"
#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/detail/operators/key_walk.h"
#include "tidemark/detail/operators/ordered_rows.h"
#include "tidemark/detail/operators/same_content.h"
#include "tidemark/detail/state/state_accessor.h"
#include "tidemark/error.h"
#include "tidemark/functions.h"
#include "tidemark/schema.h"

namespace tidemark::detail {

template <class Accumulator>
struct CountedAccumulator {
  Accumulator accumulator{};
  std::int64_t rows = 0;
};

/// One row of the key and its aggregate.
template <class K, class In, class Agg>
struct AggregatedRow {
  using T = RowOf<In>;
  using Row = Keyed<K, ResultOf<Agg, T>>;
  using Content = CountedAccumulator<AccumulatorOf<Agg, T>>;
  Agg aggregate;

  void check() const {}
  void add(Content& content, const T& row, Timestamp at) const {
    add_to(aggregate, content.accumulator, row, at.ms());
    ++content.rows;
  }
  void take(Content& content, const T& row) const {
    if constexpr (is_change_v<In>) {
      static_assert(Retracts<Agg, T>,
                    "the aggregate can't take back a row, as a stream of changes may: it has no void retract(Accumulator&, const Row&) const. "
                    "count(), count_if(), sum(), avg() and together() of these have one");
      aggregate.retract(content.accumulator, row);
      --content.rows;
    }
  }
  bool is_empty(const Content& content) const { return content.rows == 0; }
  void show(const Content& content, const K& key, std::vector<Row>& to) const {
    if (content.rows > 0) to.push_back({key, aggregate.result(content.accumulator)});
  }
};

template <class Content>
struct WaitingContent {
  [[no_unique_address]] Content content;  // the flag may lie in what it leaves of its last word
  bool waits = false;                     ///< something is still to be given
  static constexpr auto state_schema = schema(member("waits", &WaitingContent::waits), member("content", &WaitingContent::content));
};

/// From one state of a table to the next. Rows are compared place by place.
template <class Row>
void emit_difference(const std::vector<Row>& before, const std::vector<Row>& after, Out<Change<Row>>& out) {
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    if (i >= before.size()) {
      out.emit({ChangeKind::kInsert, after[i]});
    } else if (i >= after.size()) {
      out.emit({ChangeKind::kDelete, before[i]});
    } else if (!same_content(before[i], after[i])) {
      out.emit({ChangeKind::kUpdateBefore, before[i]});
      out.emit({ChangeKind::kUpdateAfter, after[i]});
    }
  }
}

template <class K, class In, class Rows>
class RowChanges final : public KeyedProcess<K, In, Change<typename Rows::Row>> {
  using Base = KeyedProcess<K, In, Change<typename Rows::Row>>;
  using Row = typename Rows::Row;
  using Content = typename Rows::Content;
  using Waiting = WaitingContent<Content>;

 public:
  using typename Base::Context;

  RowChanges(Declare& declare, Rows rows, Emit emit) : rows_{std::move(rows)}, emit_{emit} {
    rows_.check();
    if (emit_.when() == Emit::When::kEvery && emit_.period() < Duration{1}) {
      throw Error{ErrorCode::kInvalidArgument, "every() takes a period of a millisecond or more"};
    }
    // By other names, so that a job can't go on with what the other way has kept.
    if (gives_at_once()) {
      content_.emplace(declare, "rows");
    } else {
      const char* const name = waits_for_end() ? "rows-until-end" : "waiting-rows";
      waiting_.emplace(declare.binder(), name, StateDescriptor::Kind::kValue, NoTtl{});
      given_.emplace(declare, waits_for_end() ? "given-at-end" : "given-rows");
    }
  }

  void process(const In& record, Context& ctx, Out<Change<Row>>& out) override {
    if (gives_at_once()) {
      give_at_once(record, ctx, out);
    } else {
      let_wait(record, ctx);
    }
  }
  // The end of all input: nothing will change any more.
  void on_timer(Timestamp, Context& ctx, Out<Change<Row>>& out) override {
    give(ctx, out);
    waiting_->erase();
    given_->clear();
  }
  void on_processing_timer(Timestamp, Context& ctx, Out<Change<Row>>& out) override {
    give(ctx, out);
    keep_as_given();
  }

  // A watermark gets so far at the end of all input alone.
  static constexpr Timestamp kEnd = Timestamp::max() - Duration{1};
  /// The keys that on_timer() is to be called for at kEnd though they have no timer.
  std::optional<KeyWalk<K, Waiting>> keys_at_end(SpilledTables* spilled) {
    if (gives_at_once()) return {};
    return std::optional<KeyWalk<K, Waiting>>{std::in_place, waiting_->table(), spilled};
  }

 private:
  bool gives_at_once() const { return emit_.when() == Emit::When::kEveryChange; }
  bool waits_for_end() const { return emit_.when() == Emit::When::kAtEnd; }

  void change(Content& content, const In& record, const Context& ctx) const {
    if (adds_row(record)) {
      rows_.add(content, row_of(record), ctx.timestamp());
    } else {
      rows_.take(content, row_of(record));
    }
  }
  void show(const Content* content, const Context& ctx, std::vector<Row>& to) const {
    to.clear();
    if (content != nullptr) rows_.show(*content, ctx.key(), to);
  }

  void give_at_once(const In& record, Context& ctx, Out<Change<Row>>& out) {
    show(content_->find(), ctx, before_);
    if constexpr (contains_views_v<Content>) {
      // The text of the rows before lies in the state: they are given before that changes.
      Content changed = content_->get();
      change(changed, record, ctx);
      show(&changed, ctx, after_);
      emit_difference(before_, after_, out);
      if (rows_.is_empty(changed)) return content_->clear();
      content_->set(changed);
    } else {
      bool is_empty = false;
      content_->mutate([&](Content& content) {
        change(content, record, ctx);
        show(&content, ctx, after_);
        is_empty = rows_.is_empty(content);
      });
      emit_difference(before_, after_, out);
      if (is_empty) content_->clear();
    }
  }

  void let_wait(const In& record, Context& ctx) {
    bool began = false;
    waiting_->mutate([&](Waiting& waiting) {
      change(waiting.content, record, ctx);
      began = !std::exchange(waiting.waits, true);
    });
    if (!began || waits_for_end()) return;
    ctx.timers().at_processing_time(next_period(ctx.processing_time()));
  }
  // All keys at once, as a table is looked at.
  Timestamp next_period(Timestamp now) const {
    const std::int64_t period = emit_.period().count();
    return Timestamp{now.ms() - ((now.ms() % period) + period) % period} + emit_.period();
  }

  void give(Context& ctx, Out<Change<Row>>& out) {
    const Waiting* waiting = waiting_->find();
    if (waiting == nullptr || !waiting->waits) return;
    show(&waiting->content, ctx, after_);
    emit_difference(given_->get(), after_, out);
  }
  void keep_as_given() {
    const Waiting* waiting = waiting_->find();
    if (waiting == nullptr || !waiting->waits) return;
    if (rows_.is_empty(waiting->content)) {
      waiting_->erase();
      given_->clear();
    } else {
      given_->set(after_);
      waiting_->mutate([](Waiting& given) { given.waits = false; });
    }
  }

  Rows rows_;
  Emit emit_;
  // The first of these, or the other two.
  std::optional<ValueState<K, Content>> content_;
  std::optional<StateAccessor<K, Waiting>> waiting_;  // as a ValueState does
  std::optional<ValueState<K, std::vector<Row>>> given_;
  // Of the call at hand; members for the sake of their memory.
  std::vector<Row> before_;
  std::vector<Row> after_;
};

}  // namespace tidemark::detail
