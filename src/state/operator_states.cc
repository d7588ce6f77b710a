#include "tidemark/detail/state/operator_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "env/env.h"
#include "state/finished_snapshot.h"
#include "state/state_name.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

Redistribution redistribution_of(StateDescriptor::Kind kind) {
  switch (kind) {
    case StateDescriptor::Kind::kSplitList:
      return Redistribution::kSplit;
    case StateDescriptor::Kind::kUnionList:
      return Redistribution::kUnion;
    default:
      break;
  }
  TIDEMARK_CHECK(kind == StateDescriptor::Kind::kBroadcast, "a kind of operator state");
  return Redistribution::kBroadcast;
}

class AddingSnapshot final : public SnapshotWork {
 public:
  AddingSnapshot(std::unique_ptr<SnapshotWork> to, std::vector<OperatorListState> states)
      : to_{std::move(to)}, states_{std::move(states)} {}
  bool step() override { return to_->step(); }
  OperatorSnapshot take_result() override {
    OperatorSnapshot result = to_->take_result();
    std::ranges::move(states_, std::back_inserter(result.list_states));
    return result;
  }
  std::uint64_t bytes_written() const override { return to_->bytes_written(); }

 private:
  std::unique_ptr<SnapshotWork> to_;
  std::vector<OperatorListState> states_;
};

}  // namespace

struct OperatorStates::State {
  StateDescriptor descriptor;
  std::string item_schema;
  std::unique_ptr<OperatorStateContent> content;
};

OperatorStates::OperatorStates() = default;
OperatorStates::~OperatorStates() = default;

void OperatorStates::add(StateDescriptor descriptor, std::string item_schema,
                         std::unique_ptr<OperatorStateContent> content) {
  check_state_name(descriptor.name,
                   std::ranges::any_of(states_, [&](const State& s) { return s.descriptor.name == descriptor.name; }));
  states_.push_back({std::move(descriptor), std::move(item_schema), std::move(content)});
}

void OperatorStates::check_apart_from(const std::vector<StateDescriptor>& others) const {
  for (const State& state : states_) {
    check_state_name(state.descriptor.name,
                     std::ranges::find(others, state.descriptor.name, &StateDescriptor::name) != others.end());
  }
}

std::vector<StateDescriptor> OperatorStates::descriptors() const {
  std::vector<StateDescriptor> result;
  for (const State& state : states_) result.push_back(state.descriptor);
  return result;
}

void OperatorStates::restore(const OperatorContext& context) {
  if (!states_.empty() && context.env->state_memory != nullptr) {
    memory_.emplace(*context.env->state_memory, context.name, StateMemory::Claim::kAhead);
  }
  for (State& state : states_) {
    for (const OperatorListState& written : context.restore.list_states) {
      if (written.name == state.descriptor.name) restore_list(context.name, written, state);
    }
  }
  tell_memory();
}

std::size_t OperatorStates::memory_bytes() const {
  std::size_t bytes = 0;
  for (const State& state : states_) bytes += state.content->memory_bytes();
  return bytes;
}

void OperatorStates::restore_list(const OperatorName& op, const OperatorListState& written, State& to) {
  if (written.items.empty()) return;  // of whatever type it was
  const Redistribution redistribution = redistribution_of(to.descriptor.kind);
  if (written.redistribution != redistribution) {
    throw Error{
        ErrorCode::kInvalidArgument,
        fmt::format("operator '{}' (uid {}): the checkpoint deals out its state '{}' in another way than a {}: declare "
                    "the saved kind again, or give the new state another name",
                    op.name, op.uid, written.name, to_string(to.descriptor.kind))};
  }
  for (const std::string& item : converted_items(op, written, to.item_schema)) {
    if (!to.content->restore_item(item)) fail_damaged_state(op, written.name);
  }
}

OperatorListState OperatorStates::written(const State& state, std::uint32_t subtask) const {
  const Redistribution redistribution = redistribution_of(state.descriptor.kind);
  const bool anothers = redistribution == Redistribution::kBroadcast && subtask != 0;
  return {state.descriptor.name, redistribution, state.item_schema,
          anothers ? std::vector<std::string>{} : state.content->encode_items()};
}

std::unique_ptr<SnapshotWork> OperatorStates::snapshot(const SnapshotRequest& request, const OperatorName& op,
                                                       std::unique_ptr<SnapshotWork> besides) const {
  if (request.folder.empty() || states_.empty()) return besides;
  std::vector<OperatorListState> lists;
  for (const State& state : states_) lists.push_back(written(state, op.subtask));
  if (besides != nullptr) return std::make_unique<AddingSnapshot>(std::move(besides), std::move(lists));
  OperatorSnapshot result{.uid = op.uid, .subtask = op.subtask, .list_states = std::move(lists)};
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

Table* UnkeyedBinder::bind(StateDescriptor descriptor, std::unique_ptr<Table> (*)(CowDomain&)) {
  throw Error{
      ErrorCode::kInvalidArgument,
      fmt::format("the state '{}' is kept for each key, and this function has none: declare it in a function behind "
                  "key_by(), or make it a SplitListState or a UnionListState",
                  descriptor.name)};
}

OperatorStates& operator_states_of(StateBinder& binder, std::string_view name) {
  if (OperatorStates* states = binder.operator_states()) return *states;
  throw Error{
      ErrorCode::kInvalidArgument,
      fmt::format("the state '{}' belongs to no key, and a KeyedProcess keeps all its state by key: make it a "
                  "ValueState, ListState, "
                  "MapState, ReducingState or AggregatingState, or declare it in a Process, a BroadcastProcess or a "
                  "KeyedBroadcastProcess",
                  name)};
}

}  // namespace tidemark::detail
