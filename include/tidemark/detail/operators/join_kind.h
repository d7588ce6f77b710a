// The kinds of joins, and how the user's callable makes a row of a pair of records. Compile time only.
//
// Every join says of its records that two have met, that one has met another for the first time, or that it is alone; what
// becomes a result is decided here, so that all joins mean the same by a kind.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <utility>

namespace tidemark::detail {

enum class JoinKind : std::uint8_t {
  kInner,  ///< pairs
  kLeft,   ///< pairs, and records of the first stream that have no partner
  kRight,  ///< pairs, and records of the second stream that have no partner
  kFull,   ///< pairs, and records of both that have no partner
  kSemi,   ///< records of the first stream that have a partner, once
  kAnti,   ///< records of the first stream that have none
};

constexpr bool gives_pairs(JoinKind kind) { return kind != JoinKind::kSemi && kind != JoinKind::kAnti; }
/// Whether records of the first (or the second) stream give a result when they are alone.
constexpr bool gives_alone(JoinKind kind, bool of_first) {
  if (of_first) return kind == JoinKind::kLeft || kind == JoinKind::kFull || kind == JoinKind::kAnti;
  return kind == JoinKind::kRight || kind == JoinKind::kFull;
}

/// Whether they give one, themselves, when they meet their first partner.
constexpr bool gives_met(JoinKind kind, bool of_first) { return kind == JoinKind::kSemi && of_first; }

/// How many records each stream has for a key.
enum class Cardinality : std::uint8_t {
  kManyToMany,  ///< both any number
  kOneToMany,   ///< the first at most one
  kManyToOne,   ///< the second at most one
};

/// For semi and anti joins, whose rows are the records of the first stream.
struct NoCallable {};

/// The row of a pair, where the kind says that neither is null, or of one that is alone.
template <JoinKind kKind, class A, class B, class F>
auto join_row(const F& f, const A* a, const B* b) {
  if constexpr (!gives_pairs(kKind)) {
    return A{*a};
  } else if constexpr (kKind == JoinKind::kInner) {
    return std::invoke(f, *a, *b);
  } else if constexpr (kKind == JoinKind::kLeft) {
    return std::invoke(f, *a, b);
  } else if constexpr (kKind == JoinKind::kRight) {
    return std::invoke(f, a, *b);
  } else {
    return std::invoke(f, a, b);
  }
}

template <JoinKind kKind, class A, class B, class F>
struct JoinRow {
  using Type = decltype(join_row<kKind, A, B>(std::declval<const F&>(), nullptr, nullptr));

  F f;

  Type operator()(const A* a, const B* b) const { return join_row<kKind, A, B>(f, a, b); }
  /// The row of a record of one stream and one of the other.
  template <bool kFirst, class Mine, class Other>
  Type of_pair(const Mine& mine, const Other& other) const {
    if constexpr (kFirst) {
      return (*this)(&mine, &other);
    } else {
      return (*this)(&other, &mine);
    }
  }
  /// The row of a record that is alone.
  template <bool kFirst, class Mine>
  Type of_one(const Mine& mine) const {
    if constexpr (kFirst) {
      return (*this)(&mine, nullptr);
    } else {
      return (*this)(nullptr, &mine);
    }
  }
};

}  // namespace tidemark::detail
