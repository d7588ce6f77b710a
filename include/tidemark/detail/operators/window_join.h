// The window join: records of one key that lie in the same window. Both streams become one of EitherRecord, of which the
// general window operator keeps what its kind of join needs; what is here makes rows of that.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/late_records.h"
#include "tidemark/window_process.h"

namespace tidemark::detail {

/// A record of one of two streams.
template <class A, class B>
struct EitherRecord {
  std::optional<A> first;
  std::optional<B> second;
};

template <class KeyA, class KeyB>
struct EitherKey {
  KeyA of_first;
  KeyB of_second;
  template <class A, class B>
  std::decay_t<std::invoke_result_t<const KeyA&, const A&>> operator()(const EitherRecord<A, B>& record) const {
    if (record.first) return std::invoke(of_first, *record.first);
    return std::invoke(of_second, *record.second);
  }
};

/// The late ones of each stream.
template <class A, class B>
class LateRecords<EitherRecord<A, B>> {
 public:
  using Names = LateNames;

  LateRecords(Declare& declare, const Names& names) : firsts_{declare, names.first}, seconds_{declare, names.second} {}

  bool hands_out(const EitherRecord<A, B>& record) const {
    return record.first ? firsts_.hands_out(*record.first) : seconds_.hands_out(*record.second);
  }
  void take(const EitherRecord<A, B>& record, Timestamp at) {
    if (record.first) {
      firsts_.take(*record.first, at);
    } else {
      seconds_.take(*record.second, at);
    }
  }
  std::uint64_t dropped() const { return firsts_.dropped() + seconds_.dropped(); }

 private:
  LateRecords<A> firsts_;
  LateRecords<B> seconds_;
};

/// What a window holds. Of records of the second stream that are in no row it is enough to know that they came.
template <JoinKind kKind, class A, class B>
struct JoinedRecords {
  using Seconds = std::conditional_t<gives_pairs(kKind), std::vector<B>, std::int64_t>;
  std::vector<A> firsts;
  Seconds seconds{};
};

/// An aggregate that only gathers; its result is valid as long as the window's content.
template <JoinKind kKind, class A, class B>
struct GatherRecords {
  using Accumulator = JoinedRecords<kKind, A, B>;

  void add(Accumulator& records, const EitherRecord<A, B>& record) const {
    if (record.first) {
      records.firsts.push_back(*record.first);
    } else if constexpr (gives_pairs(kKind)) {
      records.seconds.push_back(*record.second);
    } else {
      ++records.seconds;
    }
  }
  void merge(Accumulator& into, const Accumulator& from) const {
    into.firsts.insert(into.firsts.end(), from.firsts.begin(), from.firsts.end());
    if constexpr (gives_pairs(kKind)) {
      into.seconds.insert(into.seconds.end(), from.seconds.begin(), from.seconds.end());
    } else {
      into.seconds += from.seconds;
    }
  }
  const Accumulator* result(const Accumulator& records) const { return &records; }
};

template <JoinKind kKind, class K, class A, class B, class F>
class WindowJoin final : public WindowProcess<K, const JoinedRecords<kKind, A, B>*, typename JoinRow<kKind, A, B, F>::Type> {
  using Records = JoinedRecords<kKind, A, B>;
  using Row = JoinRow<kKind, A, B, F>;
  using Base = WindowProcess<K, const Records*, typename Row::Type>;

 public:
  using typename Base::Context;
  using typename Base::Output;

  WindowJoin(Declare&, F f) : row_{std::move(f)} {}

  void process(const Records* const& records, Context&, Out<Output>& out) override {
    if constexpr (gives_pairs(kKind)) {
      for (const A& a : records->firsts) {
        for (const B& b : records->seconds) out.emit(row_.template of_pair<true>(a, b));
      }
      if (records->firsts.empty()) put_alone<false>(records->seconds, out);
      if (records->seconds.empty()) put_alone<true>(records->firsts, out);
    } else if ((records->seconds > 0) == (kKind == JoinKind::kSemi)) {
      for (const A& a : records->firsts) out.emit(row_.template of_one<true>(a));
    }
  }

 private:
  template <bool kFirst, class T>
  void put_alone(const std::vector<T>& records, Out<Output>& out) {
    if constexpr (gives_alone(kKind, kFirst)) {
      for (const T& record : records) out.emit(row_.template of_one<kFirst>(record));
    }
  }

  Row row_;
};

}  // namespace tidemark::detail
