// A value with its schema, as bytes: for a file or an environment that another version of Tidemark may read.
//
// As with messages (message_line.h): a reader whose type differs converts field by field by the rules for saved state
// (codec/evolution.h), or says why it can't. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {

namespace detail {
std::string describe_value(const Type& type, std::string_view value);
/// The value's bytes as one of `wanted`.
Result<std::string> described_as(const Type& wanted, std::string_view described);
std::unexpected<Error> damaged_value();
}  // namespace detail

template <class T>
std::string to_described(const T& value) {
  detail::ByteWriter out;
  detail::encode(value, out);
  return detail::describe_value(detail::type_of<T>(), out.view());
}

/// kDataLoss for what is none, or damaged; kUnsupportedVersion for a type that can't become T.
template <class T>
Result<T> from_described(std::string_view described) {
  TIDEMARK_ASSIGN(bytes, detail::described_as(detail::type_of<T>(), described));
  T value;
  detail::ByteReader in{bytes};
  detail::decode(in, value);
  if (!in.ok() || in.remaining() != 0) return detail::damaged_value();
  return value;
}

}  // namespace tidemark
