// A table as a stream: its changes, row by row.
//
// Behind key_by(), aggregate(), keep_first(), keep_last() and top() without a window, and the joins that are not bound in time
// (join.h), have results that later records change. Their streams say so: a Change<T> adds a row (+I, +U) or takes one away
// that was added before (-D, -U). Who applies all of them has the table as it stands, and at the end of all input the final one.
//
//   bids.key_by(&Bid::auction).aggregate(max(&Bid::price))                // Stream<Change<Keyed<std::int64_t, std::int64_t>>>
//
// The operators here take streams of changes as they take streams of records, so tables are made of tables; the key of a
// row is of_row(&Row::field):
//
//   highest.key_by(of_row([](const auto& auction) { return auction.key % 10; })).aggregate(...)
//
// write_files(..., as_json()), print() and collect() write a change as it is, with its kind as a field; a sink that takes rows
// that are only added refuses such a stream when the job is built. So does one that keeps one row a key: it takes the
// stream's upserts(), in which a row replaces the one of its key. Upserts are for sinks: what a row was before is not in them, so
// joins, windows and the operators here, which must take it back, refuse them.
//
// Those of a row come in their order, as long as one subtask hands them to one: so such a stream can't be dealt out evenly, by
// rebalance() and its like or to an operator of another parallelism; key_by() it. Nor does async I/O take it (async.h).
//
// What a changed row costs is bounded by Emit: a row may be given with each change, at most every so often, or at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "tidemark/out.h"
#include "tidemark/schema.h"
#include "tidemark/time.h"

namespace tidemark {

/// What becomes of a row.
enum class ChangeKind : std::uint8_t {
  kInsert = 0,        ///< +I: it is there now
  kUpdateBefore = 1,  ///< -U: it is there no more; what it has become follows
  kUpdateAfter = 2,   ///< +U: what the row before has become
  kDelete = 3,        ///< -D: it is there no more
};

template <>
struct state_schema_of<ChangeKind> {
  static constexpr auto state_schema =
      schema(enumerator(ChangeKind::kInsert, "+I"), enumerator(ChangeKind::kUpdateBefore, "-U"),
             enumerator(ChangeKind::kUpdateAfter, "+U"), enumerator(ChangeKind::kDelete, "-D"));
};

constexpr bool adds(ChangeKind kind) { return kind == ChangeKind::kInsert || kind == ChangeKind::kUpdateAfter; }

template <class T>
struct Change {
  ChangeKind kind = ChangeKind::kInsert;
  T row;
};

/// What becomes of the row of a key.
enum class UpsertKind : std::uint8_t {
  kUpsert = 0,  ///< it is this one now, be there one or not
  kDelete = 1,  ///< there is none any more
};

template <>
struct state_schema_of<UpsertKind> {
  static constexpr auto state_schema = schema(enumerator(UpsertKind::kUpsert, "upsert"), enumerator(UpsertKind::kDelete, "delete"));
};

/// A change of a table that has one row a key, for a sink that does.
template <class T>
struct Upsert {
  UpsertKind op = UpsertKind::kUpsert;
  T row;
};

/// A key, and what it has.
template <class K, class V>
struct Keyed {
  K key;
  V value;
};

/// A row of top().
template <class T>
struct Ranked {
  std::int64_t rank = 0;  ///< from 1 on
  T row;
};

/// When a changed row is given out. A job is resumed with the same, but for the period: what waits stands in checkpoints.
class Emit {
 public:
  enum class When : std::uint8_t {
    kEveryChange,  ///< at once
    kEvery,        ///< at most once in a period of the wall clock, and at the end of all input
    kAtEnd,        ///< at the end of all input
  };
  constexpr explicit Emit(When when, Duration period = Duration{0}) : when_{when}, period_{period} {}
  constexpr When when() const { return when_; }
  constexpr Duration period() const { return period_; }

 private:
  When when_;
  Duration period_;
};
constexpr Emit every_change() { return Emit{Emit::When::kEveryChange}; }
/// A period of at least a millisecond.
constexpr Emit every(Duration period) { return Emit{Emit::When::kEvery, period}; }
constexpr Emit at_end() { return Emit{Emit::When::kAtEnd}; }

namespace detail {

template <class T>
struct RowOfChange {
  using Type = T;
};
template <class T>
struct RowOfChange<Change<T>> {
  using Type = T;
};
/// What a record of a stream is a row of: T of a Change<T>, else itself.
template <class T>
using RowOf = typename RowOfChange<T>::Type;

template <class T>
inline constexpr bool is_change_v = !std::is_same_v<T, RowOf<T>>;

template <class T>
inline constexpr bool is_upsert_v = false;
template <class T>
inline constexpr bool is_upsert_v<Upsert<T>> = true;

/// The records of a row must be read in their order.
template <class T>
inline constexpr bool says_what_becomes_of_rows_v = is_change_v<T> || is_upsert_v<T>;

/// Of changes, upserts.
template <class T>
struct ToUpserts {
  bool updates_are_whole;  ///< behind each -U comes its +U, which replaces the row; else the -U may be the last of it

  void operator()(const Change<T>& change, Out<Upsert<T>>& out) const {
    if (updates_are_whole && change.kind == ChangeKind::kUpdateBefore) return;
    out.emit({adds(change.kind) ? UpsertKind::kUpsert : UpsertKind::kDelete, change.row});
  }
};

template <class T>
const RowOf<T>& row_of(const T& record) {
  if constexpr (is_change_v<T>) {
    return record.row;
  } else {
    return record;
  }
}
template <class T>
bool adds_row(const T& record) {
  if constexpr (is_change_v<T>) {
    return adds(record.kind);
  } else {
    return true;
  }
}

template <class F>
struct OfRow {
  F f;
  template <class T>
  auto operator()(const Change<T>& change) const -> std::decay_t<std::invoke_result_t<const F&, const T&>> {
    return std::invoke(f, change.row);
  }
};

}  // namespace detail

/// `f`, a member pointer or a callable for a row, as a callable for its changes.
template <class F>
detail::OfRow<F> of_row(F f) {
  return {std::move(f)};
}

}  // namespace tidemark
