#include "tidemark/detail/state/keyed_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "env/env.h"
#include "graph/state_evolution.h"
#include "snapshot/snapshot_file_reader.h"
#include "state/finished_snapshot.h"
#include "state/hashmap_snapshot.h"
#include "state/restored_value.h"
#include "state/state_name.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/error.h"

namespace tidemark::detail {

KeyedBackend::KeyedBackend(std::string key_schema, const void* cursor)
    : reachable_domain_{std::make_shared<CowDomain*>(&domain_)}, key_schema_{std::move(key_schema)}, cursor_{cursor} {}

KeyedBackend::~KeyedBackend() { *reachable_domain_ = nullptr; }

Table* KeyedBackend::bind(StateDescriptor descriptor, std::unique_ptr<Table> (*make)(CowDomain&)) {
  check_name(descriptor.name);
  State& state = states_.emplace_back(State{.descriptor = std::move(descriptor), .table = make(domain_)});
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

std::size_t KeyedBackend::memory_bytes() const { return domain_.pages().mapped_bytes() + domain_.owned_bytes(); }

void KeyedBackend::restore(const OperatorContext& context) {
  if (context.env->state_memory != nullptr) memory_.emplace(*context.env->state_memory, context.name);
  if (ttl_clock_.is_used()) ttl_clock_.read(*context.env);
  for (const SnapshotFile& file : context.restore.keyed_files) restore_file(context, file);
}

void KeyedBackend::restore_file(const OperatorContext& context, const SnapshotFile& file) {
  const auto reader = value_or_throw(SnapshotFileReader::open(*context.env->files, file.path, &file));
  if (reader->header().max_parallelism != context.max_parallelism) {
    throw Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{}: operator '{}' was saved with max parallelism {}, the job has {}: its key groups don't fit; "
                    "set the job's max parallelism back",
                    file.path, context.name.uid, reader->header().max_parallelism, context.max_parallelism)};
  }
  for (std::uint32_t id = 0; id < reader->states().size(); ++id) restore_state(context, *reader, id);
}

void KeyedBackend::restore_state(const OperatorContext& context, const SnapshotFileReader& from, std::uint32_t id) {
  const StateDescriptor& written = from.states()[id];
  State* const state = taker_of(written, context, from.path());
  if (state == nullptr) return;
  const Evolution evolution = evolve_state(written, state->descriptor);
  if (evolution.kind == Evolution::Kind::kRefused) {
    throw Error{ErrorCode::kInvalidArgument,
                fmt::format("{}: state '{}' of operator '{}' can't be restored: {}", from.path(), written.name,
                            context.name.uid, fmt::join(evolution.refusals, "; "))};
  }
  KeyGroupRange key_groups = context.key_groups();
  if (planted(PlantedBug::kRestoreSkipsKeyGroup)) --key_groups.end;
  const auto damaged = [&](const SnapshotEntry& entry, std::string_view what) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("{}: an entry of state '{}' of operator '{}' in key group {} {}: the file is damaged; restore an "
                            "older checkpoint",
                            from.path(), written.name, context.name.uid, entry.key_group, what));
  };
  RestoredValue restored{written, state->descriptor, evolution.conversion, ttl_clock_.written_s()};
  const auto restore = [&](const SnapshotEntry& entry) -> Result<> {
    const std::uint64_t hash = hash_of_encoded(entry.key);
    if (key_group_of(hash, context.max_parallelism) != entry.key_group) {
      return damaged(entry, "has a key of another key group");
    }
    const std::optional<std::string_view> value = restored.of(entry.value);
    if (!value) return damaged(entry, "is none of its saved type");
    if (!restore_entry(*state, hash, entry, *value)) return damaged(entry, "does not decode");
    tell_memory();
    return {};
  };
  value_or_throw(from.for_each(id, key_groups, restore));
}

bool KeyedBackend::restore_entry(State& to, std::uint64_t hash, const SnapshotEntry& entry, std::string_view value) {
  if (to.composite != nullptr) return to.composite->restore_entry(entry.name_space, hash, entry.key, value);
  return to.table->restore_entry(hash, entry.key, value);
}

/// None for a state that is to be dropped.
KeyedBackend::State* KeyedBackend::taker_of(const StateDescriptor& written, const OperatorContext& context,
                                            const std::string& path) {
  for (State& state : states_) {
    if (state.descriptor.name == written.name) return &state;
  }
  const auto& dropped = context.restore.dropped_states;
  if (std::ranges::find(dropped, written.name) != dropped.end()) return nullptr;
  throw Error{ErrorCode::kInvalidArgument,
              fmt::format("{}: operator '{}' was saved with state '{}', which it doesn't declare any more: declare it again, or "
                          "start with --allow-non-restored-state to drop it",
                          path, context.name.uid, written.name)};
}

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
  SnapshotFileHeader header{.job = request.job,
                            .uid = context.name.uid,
                            .subtask = context.name.subtask,
                            .checkpoint = request.barrier.id,
                            .attempt = context.attempt,
                            .order = is_savepoint(request.barrier.kind) ? EntryOrder::kKey : EntryOrder::kHash,
                            .key_groups = context.key_groups(),
                            .max_parallelism = context.max_parallelism};
  auto running = std::make_unique<RunningSnapshot>(reachable_domain_, context.post_mail);
  std::vector<HashmapSnapshot::State> states;
  for (State& state : states_) {
    std::vector<StateView> views;
    if (state.composite != nullptr) {
      views = state.composite->views(running->bound());
    } else {
      views.push_back({{}, state.table->view(running->bound())});
    }
    states.push_back({state.descriptor, std::move(views)});
  }
  return std::make_unique<HashmapSnapshot>(*context.env->files,
                                           join_path(request.folder, request.file_prefix + ".snap"), std::move(header),
                                           std::move(running), std::move(states), std::move(result));
}

}  // namespace tidemark::detail
