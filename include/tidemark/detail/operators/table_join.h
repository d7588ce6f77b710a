// The join that is not bound in time: every record of a key with every one of the other stream, whenever they come. Its
// result is a table, given as changes; an inner or semi join of records that are only added only grows, and gives plain rows.
//
// For each key both sides are kept whole. A row taken away is looked for by its content among those of its key.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/co_process.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/same_content.h"
#include "tidemark/state.h"

namespace tidemark::detail {

/// What becomes of records that meet or are alone, of streams of InA and InB, which are records or Changes of them.
template <JoinKind kKind, class InA, class InB, class F>
class TableJoinRows {
  using Row = JoinRow<kKind, RowOf<InA>, RowOf<InB>, F>;
  static constexpr bool kOnlyGrows =
      (kKind == JoinKind::kInner || kKind == JoinKind::kSemi) && !is_change_v<InA> && !is_change_v<InB>;

 public:
  using Output = std::conditional_t<kOnlyGrows, typename Row::Type, Change<typename Row::Type>>;

  explicit TableJoinRows(F f) : row_{std::move(f)} {}

  /// A pair that is there now or, not `added`, no more. kFirst: `row` is of the first stream.
  template <bool kFirst, class Mine, class Other>
  void put_pair(const Mine& row, const Other& partner, bool added, Out<Output>& out) const {
    if constexpr (gives_pairs(kKind)) put(row_.template of_pair<kFirst>(row, partner), added, out);
  }
  /// Of a record that is alone now or no more.
  template <bool kFirst, class T>
  void put_alone(const T& row, bool added, Out<Output>& out) const {
    if constexpr (gives_alone(kKind, kFirst)) put(row_.template of_one<kFirst>(row), added, out);
  }
  /// Of a record that has partners now or no more.
  template <bool kFirst, class T>
  void put_met(const T& row, bool added, Out<Output>& out) const {
    if constexpr (gives_met(kKind, kFirst)) put(row_.template of_one<kFirst>(row), added, out);
  }

 private:
  static void put(typename Row::Type row, bool added, Out<Output>& out) {
    if constexpr (kOnlyGrows) {
      out.emit(std::move(row));
    } else {
      out.emit({added ? ChangeKind::kInsert : ChangeKind::kDelete, std::move(row)});
    }
  }

  Row row_;
};

/// Of a key's rows one with the content of `row`. False if there is none: they may have expired.
template <class Rows, class T>
bool take_row(Rows& from, const T& row) {
  const auto& rows = from.get();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const T& each) { return same_content(each, row); });
  if (found == rows.end()) return false;
  if (rows.size() == 1) {
    from.clear();
  } else {
    from.mutate([at = found - rows.begin()](auto& changed) { changed.erase(changed.begin() + at); });
  }
  return true;
}

/// MaybeTtl as of a state: the rows of a key and side go so long after the last of them came.
template <JoinKind kKind, class K, class InA, class InB, class F, class MaybeTtl>
class TableJoin final : public KeyedCoProcess<K, InA, InB, typename TableJoinRows<kKind, InA, InB, F>::Output> {
  using Rows = TableJoinRows<kKind, InA, InB, F>;
  using Base = KeyedCoProcess<K, InA, InB, typename Rows::Output>;
  template <class T>
  using Side = ValueState<K, std::vector<T>, MaybeTtl>;

 public:
  using typename Base::Context;
  using typename Base::Output;

  TableJoin(Declare& declare, F f, MaybeTtl ttl)
      : rows_{std::move(f)}, first_{declare, "first", ttl}, second_{declare, "second", ttl} {}

  void process_first(const InA& record, Context&, Out<Output>& out) override { change<true>(first_, second_, record, out); }
  void process_second(const InB& record, Context&, Out<Output>& out) override { change<false>(second_, first_, record, out); }

 private:
  template <bool kFirst, class Mine, class Others, class In>
  void change(Mine& mine, Others& others, const In& record, Out<Output>& out) {
    const auto& row = row_of(record);
    const bool added = adds_row(record);
    const bool was_empty = mine.get().empty();
    if (added) {
      mine.mutate([&](auto& rows) { rows.push_back(row); });
    } else if (!take_row(mine, row)) {
      return;
    }
    const auto& partners = others.get();
    if (added && was_empty) {
      for (const auto& partner : partners) {
        rows_.template put_alone<!kFirst>(partner, false, out);
        rows_.template put_met<!kFirst>(partner, true, out);
      }
    }
    if (partners.empty()) rows_.template put_alone<kFirst>(row, added, out);
    if (!partners.empty()) rows_.template put_met<kFirst>(row, added, out);
    for (const auto& partner : partners) rows_.template put_pair<kFirst>(row, partner, added, out);
    if (!added && mine.get().empty()) {
      for (const auto& partner : partners) {
        rows_.template put_met<!kFirst>(partner, false, out);
        rows_.template put_alone<!kFirst>(partner, true, out);
      }
    }
  }

  Rows rows_;
  Side<RowOf<InA>> first_;
  Side<RowOf<InB>> second_;
};

}  // namespace tidemark::detail
