// Items of an operator's list state: typed on one side, encoded on the other. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/finished_snapshot.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

[[noreturn]] void fail_damaged_state(const OperatorName& op, std::string_view state);

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

/// The same for what a source or a sink keeps as bytes of its own, whose first field is their version.
template <class T>
bool decode_versioned(std::string_view bytes, T& item) {
  return !bytes.empty() && static_cast<std::uint8_t>(bytes.front()) == T::kVersion && decode_item(bytes, item);
}

/// The restored items of a state; none if it was not there. Throws Error for damaged ones.
template <class T>
std::vector<T> list_items(const OperatorRestore& restore, std::string_view name, const OperatorName& op) {
  std::vector<T> items;
  for (const OperatorListState& state : restore.list_states) {
    if (state.name != name) continue;
    for (const std::string& bytes : state.items) {
      if (!decode_item(bytes, items.emplace_back())) fail_damaged_state(op, name);
    }
  }
  return items;
}

/// A snapshot of this list state and nothing else.
template <class T>
std::unique_ptr<SnapshotWork> list_snapshot(const OperatorName& op, std::string_view name, const std::vector<T>& items) {
  OperatorListState state{std::string{name}, Redistribution::kSplit, schema_json_of<T>(), {}};
  for (const T& item : items) state.items.push_back(encode_item(item));
  OperatorSnapshot result{.uid = op.uid, .subtask = op.subtask};
  result.list_states.push_back(std::move(state));
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

}  // namespace tidemark::detail
