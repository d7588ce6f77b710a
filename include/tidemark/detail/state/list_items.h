// Items of an operator's list state: typed on one side, in the versioned binary encoding on the other. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/operator_name.h"

namespace tidemark::detail {

/// Throws Error.
[[noreturn]] void fail_damaged_state(const OperatorName& op, std::string_view state);

/// The items of `written` in the encoding of `schema`, which is what the operator declares now. Throws Error for an item
/// that is none of its saved type, and where the types can't be converted.
std::vector<std::string> converted_items(const OperatorName& op, const OperatorListState& written, std::string_view schema);

template <class T>
std::string encode_item(const T& item) {
  ByteWriter out;
  encode(item, out);
  return out.take();
}

/// False for bytes that are no T.
template <class T>
bool decode_item(std::string_view bytes, T& item) {
  ByteReader in{bytes};
  decode(in, item);
  return in.ok() && in.remaining() == 0;
}

/// The restored items of a state; none if it was not there. Throws Error for damaged ones.
template <class T>
std::vector<T> list_items(const OperatorRestore& restore, std::string_view name, const OperatorName& op) {
  std::vector<T> items;
  for (const OperatorListState& state : restore.list_states) {
    if (state.name != name) continue;
    for (const std::string& bytes : converted_items(op, state, schema_json_of<T>())) {
      if (!decode_item(bytes, items.emplace_back())) fail_damaged_state(op, name);
    }
  }
  return items;
}

}  // namespace tidemark::detail
