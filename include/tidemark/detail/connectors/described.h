// Values of a user's types among what a source or a sink keeps as bytes: each stands with its schema, so that it can be converted
// when the type has changed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/model/operator_name.h"
#include "tidemark/detail/state/list_items.h"

namespace tidemark::detail {

/// `item` is a value of that schema.
std::string describe_item(const std::string& schema, std::string item);
/// The item in the encoding of `schema`. Throws Error for what describe_item() did not make, and where the types can't be
/// converted; `what` is the state's name in messages.
std::string described_item(std::string_view bytes, const std::string& schema, const OperatorName& op, std::string_view what);

template <class T>
std::string encode_described(const T& value) {
  return describe_item(schema_json_of<T>(), encode_item(value));
}

template <class T>
T decode_described(std::string_view bytes, const OperatorName& op, std::string_view what) {
  T value{};
  if (!decode_item(described_item(bytes, schema_json_of<T>(), op, what), value)) fail_damaged_state(op, what);
  return value;
}

}  // namespace tidemark::detail
