// Which key the operator is at. State accessors look their row up once for each serial.
#pragma once

#include <cstdint>

#include "tidemark/detail/state/stored_key.h"

namespace tidemark::detail {

template <class K>
struct KeyCursor {
  std::uint64_t hash = 0;
  typename StoredKey<K>::Lookup key{};
  std::uint64_t serial = 0;  ///< grows with each record and timer; kNoKey where a call is about no key
  // What states leave for an operator that keeps only a part of its keys in memory: marks of their tables.
  mutable std::uint32_t changed = 0;  ///< of those whose entry of the key was put in, changed or removed
  mutable std::uint32_t erased = 0;   ///< of those whose entry was removed, and perhaps put in again
};

inline constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

/// Throws Error: a state of a key was used in a call that is about none.
[[noreturn]] void fail_without_key();

}  // namespace tidemark::detail
