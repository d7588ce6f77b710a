// The operator state of one operator subtask: lists and broadcast maps, which belong to the subtask and to no key.
//
// They lie in memory as the user's types and, encoded item by item, in the checkpoint's metadata: state to be counted in
// thousands of items. One owner, the task's thread; a snapshot is encoded at the barrier.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/state/list_items.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/state_binder.h"

namespace tidemark::detail {

/// The content of one state, whose types are known below.
class OperatorStateContent {
 public:
  virtual ~OperatorStateContent() = default;
  virtual std::vector<std::string> encode_items() const = 0;
  /// False if the bytes are no item.
  virtual bool restore_item(std::string_view bytes) = 0;
};

template <class T>
class ListContent final : public OperatorStateContent {
 public:
  std::vector<std::string> encode_items() const override {
    std::vector<std::string> encoded;
    for (const T& item : items) encoded.push_back(encode_item(item));
    return encoded;
  }
  bool restore_item(std::string_view bytes) override { return decode_item(bytes, items.emplace_back()); }

  std::vector<T> items;
};

/// An entry of a broadcast state as an item.
template <class MapKey, class V>
struct BroadcastEntry {
  MapKey key;
  V value;
};

template <class MapKey, class V>
class BroadcastContent final : public OperatorStateContent {
 public:
  std::vector<std::string> encode_items() const override {
    std::vector<std::string> encoded;
    for (const auto& [key, value] : entries) encoded.push_back(encode_item(BroadcastEntry<MapKey, V>{key, value}));
    return encoded;
  }
  bool restore_item(std::string_view bytes) override {
    BroadcastEntry<MapKey, V> entry{};
    if (!decode_item(bytes, entry)) return false;
    entries.insert_or_assign(std::move(entry.key), std::move(entry.value));
    return true;
  }

  std::map<MapKey, V> entries;
};

class OperatorStates {
 public:
  OperatorStates();
  ~OperatorStates();
  OperatorStates(const OperatorStates&) = delete;
  OperatorStates& operator=(const OperatorStates&) = delete;

  /// A state of one of the kinds of operator state; `item_schema` is that of an encoded item. Throws Error for a name that
  /// is taken or that no state may have.
  void add(StateDescriptor descriptor, std::string item_schema, std::unique_ptr<OperatorStateContent> content);
  /// Throws Error if a state has the name of one of these, which are the same operator's.
  void check_apart_from(const std::vector<StateDescriptor>& others) const;

  /// In the order of declaration.
  std::vector<StateDescriptor> descriptors() const;

  /// Items of a type that has changed are converted. Throws Error for an item that is none, and for a state that can't be
  /// restored as what it is declared as.
  void restore(const OperatorContext& context);
  /// These states, added to what the operator keeps besides, if it does. Null if nothing is to be persisted.
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request, const OperatorName& op,
                                         std::unique_ptr<SnapshotWork> besides = nullptr) const;

 private:
  struct State;

  static void restore_list(const OperatorName& op, const OperatorListState& written, State& to);
  OperatorListState written(const State& state, std::uint32_t subtask) const;

  std::vector<State> states_;
};

/// Where a function that has no key declares: operator state alone.
class UnkeyedBinder final : public StateBinder {
 public:
  explicit UnkeyedBinder(OperatorStates& states) : states_{states} {}
  /// Throws Error.
  Table* bind(StateDescriptor descriptor, std::unique_ptr<Table> (*make)(CowDomain&)) override;
  const void* cursor() const override { return nullptr; }
  const std::string& key_schema() const override { return none_; }
  OperatorStates* operator_states() override { return &states_; }

 private:
  OperatorStates& states_;
  std::string none_;
};

/// Where a function with a key declares that may have operator state, too.
class JointBinder final : public StateBinder {
 public:
  JointBinder(StateBinder& keyed, OperatorStates& states) : keyed_{keyed}, states_{states} {}
  Table* bind(StateDescriptor descriptor, std::unique_ptr<Table> (*make)(CowDomain&)) override {
    return keyed_.bind(std::move(descriptor), make);
  }
  const void* cursor() const override { return keyed_.cursor(); }
  const std::string& key_schema() const override { return keyed_.key_schema(); }
  TtlClock* ttl_clock() override { return keyed_.ttl_clock(); }
  OperatorStates* operator_states() override { return &states_; }

 private:
  StateBinder& keyed_;
  OperatorStates& states_;
};

/// Of the function that declares the state `name`. Throws Error if such a function has none.
OperatorStates& operator_states_of(StateBinder& binder, std::string_view name);

}  // namespace tidemark::detail
