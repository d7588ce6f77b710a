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

/// InA and InB are records or Changes of them. MaybeTtl as of a state: the rows of a key and side go so long after the last of
/// them came.
template <JoinKind kKind, class K, class InA, class InB, class F, class MaybeTtl>
struct TableJoinTypes {
  using Row = JoinRow<kKind, RowOf<InA>, RowOf<InB>, F>;
  static constexpr bool kOnlyGrows = (kKind == JoinKind::kInner || kKind == JoinKind::kSemi) && !is_change_v<InA> && !is_change_v<InB>;
  using Output = std::conditional_t<kOnlyGrows, typename Row::Type, Change<typename Row::Type>>;
  using Base = KeyedCoProcess<K, InA, InB, Output>;
};

template <JoinKind kKind, class K, class InA, class InB, class F, class MaybeTtl>
class TableJoin final : public TableJoinTypes<kKind, K, InA, InB, F, MaybeTtl>::Base {
  using Types = TableJoinTypes<kKind, K, InA, InB, F, MaybeTtl>;
  template <class T>
  using Side = ValueState<K, std::vector<T>, MaybeTtl>;

 public:
  using Output = typename Types::Output;
  using typename Types::Base::Context;

  TableJoin(Declare& declare, F f, MaybeTtl ttl) : row_{std::move(f)}, first_{declare, "first", ttl}, second_{declare, "second", ttl} {}

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
    } else if (!take(mine, row)) {
      return;
    }
    const auto& partners = others.get();
    if (added && was_empty) {
      for (const auto& partner : partners) {
        put_alone<!kFirst>(partner, false, out);
        put_met<!kFirst>(partner, true, out);
      }
    }
    if (partners.empty()) put_alone<kFirst>(row, added, out);
    if (!partners.empty()) put_met<kFirst>(row, added, out);
    if constexpr (gives_pairs(kKind)) {
      for (const auto& partner : partners) put(row_.template of_pair<kFirst>(row, partner), added, out);
    }
    if (!added && mine.get().empty()) {
      for (const auto& partner : partners) {
        put_met<!kFirst>(partner, false, out);
        put_alone<!kFirst>(partner, true, out);
      }
    }
  }

  // False if it is not there: its key's rows may have expired.
  template <class Mine, class T>
  static bool take(Mine& mine, const T& row) {
    const auto& rows = mine.get();
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const T& each) { return same_content(each, row); });
    if (found == rows.end()) return false;
    if (rows.size() == 1) {
      mine.clear();
    } else {
      mine.mutate([at = found - rows.begin()](auto& changed) { changed.erase(changed.begin() + at); });
    }
    return true;
  }

  template <bool kFirst, class T>
  void put_alone(const T& row, bool added, Out<Output>& out) {
    if constexpr (gives_alone(kKind, kFirst)) put(row_.template of_one<kFirst>(row), added, out);
  }
  template <bool kFirst, class T>
  void put_met(const T& row, bool added, Out<Output>& out) {
    if constexpr (kKind == JoinKind::kSemi && kFirst) put(row_.template of_one<kFirst>(row), added, out);
  }
  static void put(typename Types::Row::Type row, bool added, Out<Output>& out) {
    if constexpr (Types::kOnlyGrows) {
      out.emit(std::move(row));
    } else {
      out.emit({added ? ChangeKind::kInsert : ChangeKind::kDelete, std::move(row)});
    }
  }

  typename Types::Row row_;
  Side<RowOf<InA>> first_;
  Side<RowOf<InB>> second_;
};

}  // namespace tidemark::detail
