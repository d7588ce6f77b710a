// Whether two values are the same to a reader of their fields: user types need no operator==.
#pragma once

#include <cstring>
#include <type_traits>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/reflect.h"

namespace tidemark::detail {

template <class T>
bool same_content(const T& a, const T& b) {
  if constexpr (std::has_unique_object_representations_v<T> && std::is_trivially_copyable_v<T> && !contains_views_v<T>) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
  } else {
    ByteWriter left;
    ByteWriter right;
    encode(a, left);
    encode(b, right);
    return left.view() == right.view();
  }
}

}  // namespace tidemark::detail
