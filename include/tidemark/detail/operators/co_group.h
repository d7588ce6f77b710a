// Co-groups: of a window over two streams (window_join.h), the records of each.
#pragma once

#include <span>
#include <utility>

#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/window_join.h"
#include "tidemark/window_process.h"

namespace tidemark {

/// The records of a key and window, of the first stream and of the second, each in the order of arrival; one of the two may
/// have none. Valid until the end of the callback.
template <class A, class B>
struct CoGroup {
  std::span<const A> first;
  std::span<const B> second;
};

namespace detail {

/// An aggregate that only gathers.
template <class A, class B>
struct GatherGroups : GatherRecords<JoinKind::kFull, A, B> {
  using typename GatherRecords<JoinKind::kFull, A, B>::Accumulator;
  CoGroup<A, B> result(const Accumulator& records) const { return {records.firsts, records.seconds}; }
};

/// Gives a co-group to a callable.
template <class K, class A, class B, class OutT, class F>
class ApplyToGroups final : public WindowProcess<K, CoGroup<A, B>, OutT> {
 public:
  using typename WindowProcess<K, CoGroup<A, B>, OutT>::Context;

  ApplyToGroups(Declare&, F f) : f_{std::move(f)} {}
  void process(const CoGroup<A, B>& group, Context&, Out<OutT>& out) override { f_(group.first, group.second, out); }

 private:
  F f_;
};

}  // namespace detail
}  // namespace tidemark
