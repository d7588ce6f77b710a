#include "tidemark/detail/state/keyed_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "env/env.h"
#include "state/finished_snapshot.h"
#include "state/hashmap_snapshot.h"
#include "state/incremental_snapshots.h"
#include "state/saved_store_files.h"
#include "state/state_name.h"
#include "state/unloaded_state.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark::detail {

namespace {

SnapshotFileHeader header_of(const SnapshotRequest& request, const OperatorContext& context) {
  return {.job = request.job,
          .uid = context.name.uid,
          .subtask = context.name.subtask,
          .checkpoint = request.barrier.id,
          .attempt = context.attempt,
          .order = is_savepoint(request.barrier.kind) ? EntryOrder::kKey : EntryOrder::kHash,
          .key_groups = context.key_groups(),
          .max_parallelism = context.max_parallelism};
}

}  // namespace

KeyedBackend::KeyedBackend(std::string key_schema, const void* cursor)
    : reachable_domain_{std::make_shared<CowDomain*>(&domain_)}, key_schema_{std::move(key_schema)}, cursor_{cursor} {}

KeyedBackend::~KeyedBackend() {
  *reachable_domain_ = nullptr;
  domain_.let_go();
}

Table* KeyedBackend::bind(StateDescriptor descriptor, std::unique_ptr<Table> (*make)(CowDomain&)) {
  check_name(descriptor.name);
  State& state = states_.emplace_back(State{.descriptor = std::move(descriptor), .table = make(domain_)});
  state.table->set_mark(SpilledTables::mark_of(bound_tables_.size()));
  bound_tables_.push_back(state.table.get());
  return state.table.get();
}

void KeyedBackend::add(CompositeState& state) {
  StateDescriptor descriptor = state.descriptor();
  check_name(descriptor.name);
  states_.push_back({.descriptor = std::move(descriptor), .table = nullptr, .composite = &state});
}

void KeyedBackend::check_name(const std::string& name) const {
  check_state_name(name, std::ranges::any_of(states_, [&](const State& s) { return s.descriptor.name == name; }));
}

std::vector<StateDescriptor> KeyedBackend::descriptors() const {
  std::vector<StateDescriptor> result;
  for (const State& state : states_) result.push_back(state.descriptor);
  return result;
}

std::size_t KeyedBackend::memory_bytes() const {
  std::size_t bytes = domain_.pages().mapped_bytes() + domain_.owned_bytes() + (spilled_ != nullptr ? spilled_->memory_bytes() : 0);
  for (const State& state : states_) bytes += state.composite != nullptr ? state.composite->memory_bytes() : 0;
  return bytes;
}

void KeyedBackend::keep_to_share() {
  std::uint64_t share_bytes = 0;
  if (env_->state_memory != nullptr) {
    // The rest is for tables in front of a store, where there are any; else for buffers, and what is merged.
    const std::uint64_t quarter = env_->state_memory->even_share_bytes() / 4;
    share_bytes = (spilled_ != nullptr ? quarter : 3 * quarter) / spilling_.size();
  } else if (env_->random != nullptr && (env_->random->next() >> 32) % 8 != 0) {
    return;  // nobody counts, as in tests: then chance decides
  }
  std::uint64_t held = 0;
  for (CompositeState* state : spilling_) {
    state->keep_to(share_bytes);
    held += state->memory_bytes();
  }
  if (spilled_ != nullptr) spilled_->set_held_beside(held);
}

void KeyedBackend::checkpoint_completed(CheckpointId id) {
  if (saved_store_ != nullptr) saved_store_->completed(id);
  if (incremental_ == nullptr) return;
  incremental_->completed(id);
  domain_.set_changes_needed_since(incremental_->oldest_since());
  drop_loaded_files();
}

void KeyedBackend::checkpoint_aborted(CheckpointId id) {
  if (saved_store_ != nullptr) saved_store_->aborted(id);
  if (incremental_ == nullptr) return;
  incremental_->aborted(id);
  domain_.set_changes_needed_since(incremental_->oldest_since());
  drop_loaded_files();
}

void KeyedBackend::namespace_dropped(const CompositeState& state, std::string_view namespace_bytes) {
  if (incremental_ == nullptr) return;
  const auto found = std::ranges::find(states_, &state, &State::composite);
  found->dropped.add(std::string{namespace_bytes}, domain_.epoch(), domain_.changes_needed_since());
}

// What a checkpoint writes of its states.
struct KeyedBackend::ChangesPlan {
  const IncrementalSnapshots& snapshots;
  IncrementalSnapshots::Plan plan;

  /// A state whose views know what changed shows only that, as far as the plan says.
  void restrict(const DroppedNamespaces& dropped, HashmapSnapshot::State& state) const {
    if (state.views.empty()) return;
    std::uint32_t known = dropped.known_since();
    for (const StateView& view : state.views) {
      const std::optional<std::uint32_t> since = view.view->changes_known_since();
      if (!since) return;
      known = std::max(known, *since);
    }
    state.part = StatePart{.dropped_namespaces = dropped.since(oldest_since())};
    if (has_any(state.views, state.part->dropped_namespaces)) known = std::numeric_limits<std::uint32_t>::max();
    state.part->whole = snapshots.whole(plan, known);
    const auto since = std::make_shared<const ChangedSince>(snapshots.changed_since(plan, known));
    for (StateView& view : state.views) view.view->show_changes(since);
  }

 private:
  // Of the stripes that are not written whole.
  std::uint32_t oldest_since() const {
    std::uint32_t oldest = std::numeric_limits<std::uint32_t>::max();
    for (const std::uint32_t since : plan.since) oldest = since == ChangedSince::kAlways ? oldest : std::min(oldest, since);
    return oldest;
  }
  // A namespace that has come back: older files hold entries of it that count no more beside others that do.
  static bool has_any(const std::vector<StateView>& views, const std::vector<std::string>& dropped) {
    return std::ranges::any_of(
        views, [&](const StateView& view) { return std::ranges::binary_search(dropped, view.namespace_bytes); });
  }
};

std::unique_ptr<SnapshotWork> KeyedBackend::snapshot(const SnapshotRequest& request, const OperatorContext& context,
                                                     std::vector<KeyGroupWatermark> watermarks) {
  if (request.folder.empty()) return nullptr;
  if (ttl_clock_.is_used()) ttl_clock_.read(*context.env);
  OperatorSnapshot result{
      .uid = context.name.uid, .subtask = context.name.subtask, .watermarks = std::move(watermarks)};
  if (states_.empty()) {
    if (result.watermarks.empty()) return nullptr;
    return std::make_unique<FinishedSnapshot>(std::move(result));
  }
  SnapshotFileHeader header = header_of(request, context);
  // What the snapshot held is free again with its end. No more is done here: the task may have failed, and its state with it.
  const auto post_end = [this, reachable = reachable_domain_, post = context.post_mail](std::function<void()> mail) {
    post([this, reachable, mail = std::move(mail)] {
      mail();
      if (*reachable != nullptr && memory_) memory_->set(memory_bytes());
    });
  };
  auto running = std::make_unique<RunningSnapshot>(reachable_domain_, post_end);
  if (saved_store_ != nullptr && !is_savepoint(request.barrier.kind)) {
    return snapshot_of_store(request, context, std::move(header), std::move(running), post_end, std::move(result));
  }
  std::optional<ChangesPlan> changes;
  std::string path = join_path(request.folder, request.file_prefix + ".snap");
  if (incremental_ != nullptr && !is_savepoint(request.barrier.kind)) {
    changes.emplace(*incremental_, incremental_->begin(request.barrier.id, running->bound()));
    domain_.set_changes_needed_since(incremental_->oldest_since());
    path = join_path(incremental_->folder(),
                     fmt::format("{}-{}-{}.snap", context.attempt, request.barrier.id, request.file_prefix));
    result.keyed_files = changes->plan.older;
  }
  const std::shared_ptr<StateStoreSnapshot> stored = spilled_ != nullptr ? spilled_->snapshot() : nullptr;
  std::vector<HashmapSnapshot::State> states;
  for (State& state : states_) {
    states.push_back({state.descriptor, views_of(state, running->bound(), stored)});
    if (changes) changes->restrict(state.dropped, states.back());
    if (state.table != nullptr && states.back().part) states.back().part->living_since_s = state.table->living_since_s();
  }
  header.partial = std::ranges::any_of(states, [&](const HashmapSnapshot::State& state) {
    return state.part && state.part->whole != std::vector{header.key_groups};
  });
  return std::make_unique<HashmapSnapshot>(context.env->snapshot_files(), std::move(path), std::move(header),
                                           std::move(running), std::move(states), std::move(result),
                                           changes ? changes->plan.written : nullptr);
}

std::vector<StateView> KeyedBackend::views_of(State& state, std::uint32_t bound,
                                              const std::shared_ptr<StateStoreSnapshot>& stored) {
  if (state.composite != nullptr) return state.composite->views(bound);
  std::unique_ptr<TableView> view;
  if (spilled_ != nullptr) {
    view = spilled_->view(*state.table, bound, stored);
  } else if (unloaded_ != nullptr && !planted(PlantedBug::kSnapshotWithoutUnloaded)) {
    view = unloaded_->view(*state.table, bound);
  }
  std::vector<StateView> views;
  views.push_back({{}, view != nullptr ? std::move(view) : state.table->view(bound)});
  return views;
}

}  // namespace tidemark::detail
