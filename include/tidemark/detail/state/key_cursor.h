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
};

inline constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

/// Throws Error: a state of a key was used in a call that is about none.
[[noreturn]] void fail_without_key();

}  // namespace tidemark::detail
