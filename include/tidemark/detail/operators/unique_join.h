// The join that is not bound in time, where one of the streams has at most one record a key: TableJoin's rows with less state.
//
// That record is kept for good, and by itself. Those of the other stream wait only until it comes: from then on each meets it
// as it arrives and is let go. A second record of a key on the side of the one breaks what the user has promised. What was let
// go can't meet it any more, so the job fails instead of giving fewer rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/co_process.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/table_join.h"
#include "tidemark/error.h"
#include "tidemark/state.h"

namespace tidemark::detail {

/// The one record of a key, where it matters whether others have met it.
template <class T>
struct RowWithPartners {
  T row{};
  std::int64_t partners = 0;  ///< of records that are only added just whether there are any: 0 or 1
};

/// InA, InB, F and MaybeTtl as of a TableJoin.
template <JoinKind kKind, Cardinality kCardinality, class K, class InA, class InB, class F, class MaybeTtl>
class UniqueJoin final : public KeyedCoProcess<K, InA, InB, typename TableJoinRows<kKind, InA, InB, F>::Output> {
  using Rows = TableJoinRows<kKind, InA, InB, F>;
  using Base = KeyedCoProcess<K, InA, InB, typename Rows::Output>;
  static constexpr bool kOneIsFirst = kCardinality == Cardinality::kOneToMany;
  using One = std::conditional_t<kOneIsFirst, InA, InB>;
  using OtherIn = std::conditional_t<kOneIsFirst, InB, InA>;
  using Other = RowOf<OtherIn>;
  static_assert(kCardinality != Cardinality::kManyToMany && !is_change_v<One>);

  // Whether the one gives a row, or takes one back, when it meets the first of the others.
  static constexpr bool kCounts = gives_alone(kKind, kOneIsFirst) || gives_met(kKind, kOneIsFirst);
  // Whether all that is asked of the others is that there are any.
  static constexpr bool kNeedsOneOther = kOneIsFirst && !gives_pairs(kKind) && !is_change_v<OtherIn>;
  using Kept = std::conditional_t<kCounts, RowWithPartners<One>, One>;

 public:
  using typename Base::Context;
  using typename Base::Output;

  UniqueJoin(Declare& declare, F f, MaybeTtl ttl)
      : rows_{std::move(f)}, one_{declare, kOneName, ttl}, waiting_{declare, kWaitingName, ttl} {}

  void process_first(const InA& record, Context&, Out<Output>& out) override {
    if constexpr (kOneIsFirst) {
      take_one(record, out);
    } else {
      take_other(record, out);
    }
  }
  void process_second(const InB& record, Context&, Out<Output>& out) override {
    if constexpr (kOneIsFirst) {
      take_other(record, out);
    } else {
      take_one(record, out);
    }
  }

 private:
  // By names of their own for each side and each type of what is kept, so that a job can't go on with what another join has
  // kept: what was let go there would be missing here.
  static constexpr const char* kOneName = kOneIsFirst ? (kCounts ? "unique-first-with-partners" : "unique-first")
                                                      : (kCounts ? "unique-second-with-partners" : "unique-second");
  static constexpr const char* kWaitingName = kOneIsFirst ? "waiting-second" : "waiting-first";

  void take_one(const One& one, Out<Output>& out) {
    if (const Kept* before = one_.find()) fail_second(row_in(*before));
    const std::vector<Other>& others = waiting_.get();
    if constexpr (kCounts) {
      one_.set({one, partners_of(others.size())});
    } else {
      one_.set(one);
    }
    if (others.empty()) {
      rows_.template put_alone<kOneIsFirst>(one, true, out);
      return;
    }
    rows_.template put_met<kOneIsFirst>(one, true, out);
    for (const Other& other : others) {
      rows_.template put_alone<!kOneIsFirst>(other, false, out);
      meet(one, other, true, out);
    }
    waiting_.clear();
    if (planted(PlantedBug::kUniqueRowLetGo)) one_.clear();
  }

  void take_other(const OtherIn& record, Out<Output>& out) {
    const Other& other = row_of(record);
    const bool added = adds_row(record);
    const Kept* one = one_.find();
    if (one == nullptr) {
      wait(other, added, out);
    } else if constexpr (kCounts) {
      count(*one, other, added, out);
    } else {
      meet(*one, other, added, out);
    }
  }

  void wait(const Other& other, bool added, Out<Output>& out) {
    if (!added) {
      if (!take_row(waiting_, other)) return;
    } else if (!kNeedsOneOther || waiting_.find() == nullptr) {
      waiting_.mutate([&](std::vector<Other>& others) { others.push_back(other); });
    }
    rows_.template put_alone<!kOneIsFirst>(other, added, out);
  }

  // `one` is what lies in the state, and is changed last.
  void count(const Kept& one, const Other& other, bool added, Out<Output>& out) {
    const std::int64_t before = one.partners;
    const std::int64_t partners = partners_of(static_cast<std::size_t>(before + (added ? 1 : -1)));
    if (before == 0) {
      rows_.template put_alone<kOneIsFirst>(one.row, false, out);
      rows_.template put_met<kOneIsFirst>(one.row, true, out);
    }
    meet(one.row, other, added, out);
    if (partners == 0) {
      rows_.template put_met<kOneIsFirst>(one.row, false, out);
      rows_.template put_alone<kOneIsFirst>(one.row, true, out);
    }
    if (partners != before) one_.mutate([partners](Kept& changed) { changed.partners = partners; });
  }

  void meet(const One& one, const Other& other, bool added, Out<Output>& out) {
    rows_.template put_met<!kOneIsFirst>(other, added, out);
    rows_.template put_pair<kOneIsFirst>(one, other, added, out);
  }

  static std::int64_t partners_of(std::size_t others) {
    return static_cast<std::int64_t>(is_change_v<OtherIn> ? others : std::min<std::size_t>(others, 1));
  }
  static const One& row_in(const Kept& kept) {
    if constexpr (kCounts) {
      return kept.row;
    } else {
      return kept;
    }
  }

  // The guard around this says which operator, which record.
  [[noreturn, gnu::noinline, gnu::cold]] static void fail_second(const One& before) {
    const std::string promise = kOneIsFirst ? "one_to_many()" : "many_to_one()";
    const std::string stream = kOneIsFirst ? "first" : "second";
    std::string content;
    append_json(before, content);
    throw Error{ErrorCode::kFailedPrecondition,
                promise + " says that the " + stream + " stream has at most one record a key, and this one has the key of " +
                    beginning_of(std::move(content)) + ": let one a key through, or leave " + promise +
                    " out and give the join another uid, as it then keeps both streams whole"};
  }

  Rows rows_;
  ValueState<K, Kept, MaybeTtl> one_;
  ValueState<K, std::vector<Other>, MaybeTtl> waiting_;
};

}  // namespace tidemark::detail
