// The hashmap backend of one operator subtask: its tables, their snapshots and their restore.
//
// Tables are written by the task's thread alone. snapshot() returns at once; the work it gives reads the tables beside the
// writer (see cow_domain.h) and writes one file, sorted by key group and hash, in savepoints by key group and key. Where
// checkpoints are incremental the file holds what changed, and lies in a folder that they share. The backend outlives its
// works: the task waits for them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/detail/state/dropped_namespaces.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/spilled_tables.h"
#include "tidemark/detail/state/state_binder.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/detail/state/table.h"
#include "tidemark/detail/state/ttl_clock.h"

namespace tidemark {
class ChainScope;
class IncrementalSnapshots;
class RestoredEntries;
class RunningSnapshot;
class SavedStoreFiles;
class SnapshotFileReader;
class UnloadedState;
struct Evolution;
struct SnapshotEntry;
struct SnapshotFileHeader;
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
  /// Takes an entry out that an older file put in, if it is there; of a state whose views can show changes. False if the
  /// bytes do not decode.
  virtual bool erase_entry(std::string_view namespace_bytes, std::uint64_t hash, std::string_view key) {
    static_cast<void>(namespace_bytes), static_cast<void>(hash), static_cast<void>(key);
    return false;
  }

  // What it may hold outside of the backend's domain.

  virtual std::size_t memory_bytes() const { return 0; }
  /// A part of it may be kept in `files`, which outlive the state. Before the first entry; false if it has no use for them.
  virtual bool spill_to(ScratchFiles& files) {
    static_cast<void>(files);
    return false;
  }
  /// If so, between two batches: no more shall stay in memory.
  virtual void keep_to(std::size_t share_bytes) { static_cast<void>(share_bytes); }

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
    // What a table in front of a store forgets would come back from there.
    if (spilled_ == nullptr) ttl_clock_.sweep();
  }

  /// Where state has changed outside of a batch. Throws Error if it has outgrown its memory.
  void tell_memory() {
    if (!spilling_.empty()) keep_to_share();
    count_memory();
  }
  /// Likewise, and no state keeps to its share yet.
  void count_memory() {
    if (memory_) memory_->set(memory_bytes());
  }

  /// Like bind(), for a state that the operator holds itself. `state` must outlive the backend's use of it.
  void add(CompositeState& state);

  CowDomain& domain() { return domain_; }
  const CowDomain& domain() const { return domain_; }
  /// Of tables, side log and what waits to be recycled, and about what keys and values hold outside of the tables, and timers.
  std::size_t memory_bytes() const;
  const std::vector<Table*>& bound_tables() const { return bound_tables_; }
  /// From restore() on, where the tables of bound states stand in front of a store: then a key must be made resident before
  /// it is used. Else null.
  SpilledTables* spilled_tables() { return spilled_.get(); }
  /// Of every state, in the order of declaration.
  std::vector<StateDescriptor> descriptors() const;

  /// Before restore(): whoever uses a key of a bound state asks is_loaded() first, so that entries may be read behind.
  void may_load_behind() { may_load_behind_ = true; }
  /// Reads the operator's files; every state must be bound. Values of a type that has changed are converted, entry by entry.
  /// Throws Error naming the file, and a state whose type does not fit.
  void restore(const OperatorContext& context);
  /// From restore() on: some entries of bound states are not in their tables.
  bool is_loading() const { return is_loading_; }
  /// While is_loading(): true if none of those is of a key with this hash.
  bool is_loaded(std::uint64_t hash) const;
  /// Puts those of the hash's key group and its neighbours into the tables. Throws Error if they can't be read, or state has
  /// outgrown its memory.
  void load(std::uint64_t hash);
  /// Likewise a part of those that are left, while is_loading().
  void load_next();
  /// A record was processed though is_loading() was true before it.
  void tell_first_record();

  /// Between two records. `watermarks` are the operator's, for its key groups. Null if nothing is to be persisted. The
  /// work may run on any thread; once read, it posts a mail to the task, which lets the tables forget the snapshot.
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request, const OperatorContext& context,
                                         std::vector<KeyGroupWatermark> watermarks);

  /// As Operator has them: only what is complete can be built upon by the checkpoints that follow.
  void checkpoint_completed(CheckpointId id);
  void checkpoint_aborted(CheckpointId id);

  /// A namespace of the state, encoded, is gone with all its entries, and none will come into it again.
  void namespace_dropped(const CompositeState& state, std::string_view namespace_bytes);

 private:
  struct State {
    StateDescriptor descriptor;
    std::unique_ptr<Table> table;          // of a bound state
    CompositeState* composite = nullptr;   // of the others
    DroppedNamespaces dropped;             // where changes are remembered
  };
  struct ChangesPlan;   // of one incremental checkpoint
  struct RestoredFile;  // of a checkpoint's files the one at hand

  void check_name(const std::string& name) const;
  std::vector<StateView> views_of(State& state, std::uint32_t bound, const std::shared_ptr<StateStoreSnapshot>& stored);
  State* taker_of(const StateDescriptor& written, const OperatorContext& context, const std::string& path);
  std::unique_ptr<SnapshotFileReader> open_file(const OperatorContext& context, const SnapshotFile& file) const;
  void keep_expired(const std::vector<std::unique_ptr<SnapshotFileReader>>& files);
  void restore_files(const OperatorContext& context, std::vector<std::unique_ptr<SnapshotFileReader>> files);
  void restore_file(const OperatorContext& context, RestoredFile& file);
  void forget_erased_before(const RestoredFile& file);
  void restore_erased(const OperatorContext& context, const RestoredFile& file, std::uint32_t id);
  void restore_state(const OperatorContext& context, RestoredFile& file, std::uint32_t id);
  bool can_build_upon(const OperatorContext& context, const std::vector<std::unique_ptr<SnapshotFileReader>>& files) const;
  bool erase_entry(State& from, std::uint64_t hash, const SnapshotEntry& entry);
  bool restore_entry(State& to, std::uint64_t hash, const SnapshotEntry& entry, std::string_view value);
  Evolution evolution_of(const OperatorContext& context, const StateDescriptor& written, const State& taker,
                         const std::string& path) const;
  void open_store(const OperatorContext& context);
  std::unique_ptr<SnapshotFileReader> open_tables_of(const OperatorContext& context, const StoreFiles& store) const;
  const StoreFiles* own_store_files(const OperatorContext& context) const;
  void restore_stores(const OperatorContext& context);
  void restore_store(const OperatorContext& context, std::size_t index);
  void restore_stored(const OperatorContext& context, const StateDescriptor& written, const std::string& path,
                      KeyGroupRange wanted, StateEntries& entries);
  std::unique_ptr<SnapshotWork> snapshot_of_store(const SnapshotRequest& request, const OperatorContext& context,
                                                  SnapshotFileHeader header, std::unique_ptr<RunningSnapshot> running,
                                                  const std::function<void(std::function<void()>)>& post_end,
                                                  OperatorSnapshot result);
  void open_scratch(const OperatorContext& context);
  void keep_to_share();
  bool loads_behind(const OperatorContext& context, const RestoredEntries& files) const;
  void tell_loading(const LoadEvent& event) const;
  void after_loading();
  void drop_loaded_files();

  // What mail of a finished snapshot finds the domain by; empty once the backend is gone.
  std::shared_ptr<CowDomain*> reachable_domain_;
  std::string key_schema_;
  const void* cursor_;
  CowDomain domain_;
  std::optional<StateMemory::Share> memory_;  // while open, where anybody counts
  TtlClock ttl_clock_;
  std::vector<State> states_;
  std::vector<Table*> bound_tables_;
  std::unique_ptr<IncrementalSnapshots> incremental_;  // from restore() on, where checkpoints are
  std::unique_ptr<SpilledTables> spilled_;  // after the tables that it knows
  bool begins_with_store_files_ = false;    // of a checkpoint, as they were
  std::unique_ptr<SavedStoreFiles> saved_store_;  // from restore() on, where checkpoints have files of the store
  const Env* env_ = nullptr;                // from restore() on
  std::vector<CompositeState*> spilling_;   // likewise, those that keep a part of what they hold in files
  bool may_load_behind_ = false;
  bool is_loading_ = false;
  bool first_record_was_told_ = false;
  std::function<void(const LoadEvent&)> tell_loading_;
  std::unique_ptr<UnloadedState> unloaded_;  // while is_loading_, and as long as a checkpoint needs what its files say
};

}  // namespace tidemark::detail
