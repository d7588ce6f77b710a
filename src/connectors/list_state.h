// The list state of a source, and the bytes that sources and sinks keep in checkpoints. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/verdict.h"
#include "state/finished_snapshot.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/state/list_items.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

/// As decode_item(), for what a source or a sink keeps as bytes of its own, whose first field is their version.
template <class T>
bool decode_versioned(std::string_view bytes, T& item) {
  return !bytes.empty() && static_cast<std::uint8_t>(bytes.front()) == T::kVersion && decode_item(bytes, item);
}

template <class T>
OperatorListState list_state(std::string_view name, const std::vector<T>& items) {
  OperatorListState state{std::string{name}, Redistribution::kSplit, schema_json_of<T>(), {}};
  for (const T& item : items) state.items.push_back(encode_item(item));
  return state;
}

/// Says in a sink's snapshot what kind of sink has prepared what is there.
inline OperatorListState sink_kind_state(std::string_view kind) { return list_state<std::string>(kSinkKindList, {std::string{kind}}); }

/// A snapshot of this list state and nothing else.
template <class T>
std::unique_ptr<SnapshotWork> list_snapshot(const OperatorName& op, std::string_view name, const std::vector<T>& items) {
  OperatorSnapshot result{.uid = op.uid, .subtask = op.subtask};
  result.list_states.push_back(list_state(name, items));
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

}  // namespace tidemark::detail
