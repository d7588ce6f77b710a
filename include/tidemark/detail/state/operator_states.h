// The operator state of one operator subtask: lists and broadcast maps, which belong to the subtask and to no key.
//
// They lie in memory as the user's types and, encoded item by item, in the checkpoint's metadata: state to be counted in
// thousands of items. What they take counts against memory.state, with every backend: it can't be spilled. One owner, the
// task's thread; a snapshot is encoded at the barrier.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/state/list_items.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/owned_bytes.h"
#include "tidemark/detail/state/state_binder.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark::detail {

/// The content of one state, whose types are known below.
class OperatorStateContent {
 public:
  virtual ~OperatorStateContent() = default;
  virtual std::vector<std::string> encode_items() const = 0;
  /// False if the bytes are no item.
  virtual bool restore_item(std::string_view bytes) = 0;
  /// What it takes, about; asked once a batch, so that it must cost little however much there is.
  virtual std::size_t memory_bytes() const = 0;
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
  /// A few items speak for all; of many, the largest one that is asked does not: it may be the only one of its size.
  std::size_t memory_bytes() const override {
    if (items.capacity() == 0) return 0;
    return block_bytes(items.capacity() * sizeof(T)) + items_own();
  }

  std::vector<T> items;

 private:
  static constexpr std::size_t kMostAsked = 16;

  std::size_t items_own() const {
    if constexpr (std::is_trivially_copyable_v<T>) return 0;
    const std::size_t asked = std::min(items.size(), kMostAsked);
    std::size_t sum = 0;
    std::size_t largest = 0;
    for (std::size_t i = 0; i < asked; ++i) {
      const std::size_t owned = owned_bytes<T>(items[items.size() * i / asked]);
      sum += owned;
      largest = std::max(largest, owned);
    }
    if (asked == items.size()) return sum;
    return (sum - largest) * items.size() / (asked - 1);
  }
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
    for (const auto& [key, value] : entries_) encoded.push_back(encode_item(BroadcastEntry<MapKey, V>{key, value}));
    return encoded;
  }
  bool restore_item(std::string_view bytes) override {
    BroadcastEntry<MapKey, V> entry{};
    if (!decode_item(bytes, entry)) return false;
    mutate(entry.key, [&](V& value) { value = std::move(entry.value); });
    return true;
  }
  std::size_t memory_bytes() const override { return owned_bytes_; }

  const std::map<MapKey, V>& entries() const { return entries_; }
  /// f(V&) changes the value under `key`, or a V{} that is put in.
  template <class F>
  void mutate(const MapKey& key, F&& f) {
    const auto [at, is_new] = entries_.try_emplace(key);
    if (!is_new) owned_bytes_ -= bytes_of(*at);
    try {
      f(at->second);
    } catch (...) {
      owned_bytes_ += bytes_of(*at);
      throw;
    }
    owned_bytes_ += bytes_of(*at);
  }
  void remove(const MapKey& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    owned_bytes_ -= bytes_of(*found);
    entries_.erase(found);
  }
  void clear() {
    entries_.clear();
    owned_bytes_ = 0;
  }

 private:
  using Entry = typename std::map<MapKey, V>::value_type;
  static std::size_t bytes_of(const Entry& entry) {
    return block_bytes(kMapNodeBytes + sizeof(Entry)) + owned_bytes(entry.first) + owned_bytes(entry.second);
  }

  std::map<MapKey, V> entries_;
  std::size_t owned_bytes_ = 0;  // of all entries: each may be of another size
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

  /// Items of a type that has changed are converted. Throws Error for an item that is none, for a state that can't be
  /// restored as what it is declared as, and if there is no memory for all.
  void restore(const OperatorContext& context);
  /// From restore() on, between two batches. Throws Error if all state of the process has outgrown its memory.
  void tell_memory() {
    if (memory_) memory_->set(memory_bytes());
  }
  /// These states, added to what the operator keeps besides, if it does. Null if nothing is to be persisted.
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request, const OperatorName& op,
                                         std::unique_ptr<SnapshotWork> besides = nullptr) const;

 private:
  struct State;

  static void restore_list(const OperatorName& op, const OperatorListState& written, State& to);
  OperatorListState written(const State& state, std::uint32_t subtask) const;
  std::size_t memory_bytes() const;

  std::vector<State> states_;
  std::optional<StateMemory::Share> memory_;  // where there are states and anybody counts
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
