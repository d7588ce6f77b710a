// The hashmap backend of one operator subtask: its tables, their snapshots and their restore.
//
// Tables are written by the task's thread alone. snapshot() returns at once; the work it gives reads the tables beside the
// writer (see cow_domain.h) and writes one file, sorted by key group and hash, in savepoints by key group and key. The
// backend outlives its works: the task waits for them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/state_binder.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/detail/state/table.h"
#include "tidemark/detail/state/ttl_clock.h"

namespace tidemark {
class SnapshotFileReader;
struct SnapshotEntry;
}  // namespace tidemark

namespace tidemark::detail {

/// Part of a state's content at a trigger: the entries of one namespace, or of all where they come with their own.
struct StateView {
  std::string namespace_bytes;
  std::unique_ptr<TableView> view;
};

/// A state that is more than one table: the slices of windows, the timers.
class CompositeState {
 public:
  virtual StateDescriptor descriptor() const = 0;
  virtual std::vector<StateView> views(std::uint32_t bound) = 0;
  /// False if the bytes do not decode.
  virtual bool restore_entry(std::string_view namespace_bytes, std::uint64_t hash, std::string_view key, std::string_view value) = 0;

 protected:
  ~CompositeState() = default;
};

class KeyedBackend final : public StateBinder {
 public:
  KeyedBackend(std::string key_schema, const void* cursor);
  ~KeyedBackend() override;

  Table* bind(StateDescriptor descriptor, std::unique_ptr<Table> (*make)(CowDomain&)) override;
  const void* cursor() const override { return cursor_; }
  const std::string& key_schema() const override { return key_schema_; }
  TtlClock* ttl_clock() override { return &ttl_clock_; }

  /// Before the records of a batch, and before timers fire: what they see of states with a time to live is of this moment.
  /// Throws Error if state has outgrown its memory.
  void begin_batch(const Env& env) {
    tell_memory();
    if (!ttl_clock_.is_used()) return;
    ttl_clock_.read(env);
    ttl_clock_.sweep();
  }

  /// Like bind(), for a state that the operator holds itself. `state` must outlive the backend's use of it.
  void add(CompositeState& state);

  CowDomain& domain() { return domain_; }
  /// Of tables, side log and what waits to be recycled, and about what keys and values hold outside of the tables.
  std::size_t memory_bytes() const;
  const std::vector<Table*>& bound_tables() const { return bound_tables_; }
  /// Of every state, in the order of declaration.
  std::vector<StateDescriptor> descriptors() const;

  /// Reads the operator's files; every state must be bound. Values of a type that has changed are converted, entry by entry.
  /// Throws Error naming the file, and a state whose type does not fit.
  void restore(const OperatorContext& context);

  /// Between two records. `watermarks` are the operator's, for its key groups. Null if nothing is to be persisted. The
  /// work may run on any thread; once read, it posts a mail to the task, which lets the tables forget the snapshot.
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request, const OperatorContext& context,
                                         std::vector<KeyGroupWatermark> watermarks);

 private:
  struct State {
    StateDescriptor descriptor;
    std::unique_ptr<Table> table;          // of a bound state
    CompositeState* composite = nullptr;   // of the others
  };

  void tell_memory() {
    if (memory_) memory_->set(memory_bytes());
  }
  void check_name(const std::string& name) const;
  State* taker_of(const StateDescriptor& written, const OperatorContext& context, const std::string& path);
  void restore_file(const OperatorContext& context, const SnapshotFile& file);
  void restore_state(const OperatorContext& context, const SnapshotFileReader& from, std::uint32_t id);
  static bool restore_entry(State& to, std::uint64_t hash, const SnapshotEntry& entry, std::string_view value);

  // What mail of a finished snapshot finds the domain by; empty once the backend is gone.
  std::shared_ptr<CowDomain*> reachable_domain_;
  std::string key_schema_;
  const void* cursor_;
  CowDomain domain_;
  std::optional<StateMemory::Share> memory_;  // while open, where anybody counts
  TtlClock ttl_clock_;
  std::vector<State> states_;
  std::vector<Table*> bound_tables_;
};

}  // namespace tidemark::detail
