// The restore of a KeyedBackend: a checkpoint's files, one after the other, into its tables.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "env/env.h"
#include "graph/state_evolution.h"
#include "snapshot/snapshot_file_reader.h"
#include "state/chain_scope.h"
#include "state/incremental_snapshots.h"
#include "state/restored_entries.h"
#include "state/restored_value.h"
#include "state/unloaded_state.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/error.h"

namespace tidemark::detail {

struct KeyedBackend::RestoredFile {
  const SnapshotFileReader& reader;
  std::size_t index;  // among the checkpoint's files
  const ChainScope& scope;
  RestoredEntries* behind;                 // takes what is to be loaded behind; null: nothing is
  std::vector<SnapshotChain::Part> parts;  // of the stripes, where the chain will go on

  void count(const IncrementalSnapshots& snapshots, const SnapshotEntry& entry) {
    parts[snapshots.stripe_of(entry.key_group)].bytes += entry.key.size() + entry.name_space.size() + entry.value.size();
  }
  /// Of a state that is not read: about, as if each key group had as much.
  void count_unread(const IncrementalSnapshots& snapshots, std::uint32_t id) {
    const std::uint64_t bytes = reader.raw_bytes(id) / std::max(reader.header().key_groups.size(), 1u);
    for (const KeyGroupRange range : scope.key_groups(index, id)) {
      for (std::uint32_t group = range.begin; group < range.end; ++group) parts[snapshots.stripe_of(group)].bytes += bytes;
    }
  }
};

namespace {

// f of each entry that counts: an error of it ends the restore.
template <class F>
void for_each_counting(const SnapshotFileReader& reader, std::vector<KeyGroupRange> key_groups, std::uint32_t id,
                       KeyGroupRange all, F&& f) {
  for (KeyGroupRange range : key_groups) {
    if (planted(PlantedBug::kRestoreSkipsKeyGroup) && range.end == all.end) --range.end;
    value_or_throw(reader.for_each(id, range, f));
  }
}

}  // namespace

void KeyedBackend::open_scratch(const OperatorContext& context) {
  env_ = context.env;
  if (env_->state_stores == nullptr || env_->scratch == nullptr) return;
  for (const State& state : states_) {
    if (state.composite != nullptr && state.composite->spill_to(*env_->scratch)) spilling_.push_back(state.composite);
  }
  if (memory_ && !spilling_.empty()) memory_->spill();
}

void KeyedBackend::restore(const OperatorContext& context) {
  if (context.env->state_memory != nullptr) memory_.emplace(*context.env->state_memory, context.name);
  if (ttl_clock_.is_used()) ttl_clock_.read(*context.env);
  std::vector<std::unique_ptr<SnapshotFileReader>> files;
  for (const SnapshotFile& file : context.restore.keyed_files) files.push_back(open_file(context, file));
  keep_expired(files);
  open_store(context);
  open_scratch(context);
  // What has changed in a store its files show, if it gives any; else every checkpoint is whole.
  if (!context.shared_folder.empty() && spilled_ == nullptr) {
    incremental_ =
        std::make_unique<IncrementalSnapshots>(context.shared_folder, context.key_groups(), context.max_parallelism);
    domain_.remember_changes();
  }
  restore_stores(context);
  restore_files(context, std::move(files));
}

// What had expired when it was saved, and was still in the files, has expired under a longer life, too.
void KeyedBackend::keep_expired(const std::vector<std::unique_ptr<SnapshotFileReader>>& files) {
  if (!ttl_clock_.is_used()) return;
  for (const State& state : states_) {
    if (state.table == nullptr || !state.descriptor.has_ttl) continue;
    std::map<std::uint32_t, std::uint32_t> since_s;  // of each subtask's files, by its first key group
    for (const auto& file : files) {
      std::uint32_t& newest = since_s[file->header().key_groups.begin];
      const std::optional<std::uint32_t> id = file->find_state(state.descriptor.name);
      if (id) newest = std::max(newest, file->part(*id).living_since_s);
    }
    // Their clocks were read one after the other: what one of them took for living shall live. This machine's may be behind: then
    // what is written from now on shall, too.
    const auto oldest = std::ranges::min_element(since_s, {}, [](const auto& each) { return each.second; });
    if (oldest != since_s.end()) state.table->set_living_since(std::min(oldest->second, ttl_clock_.now_s()));
  }
}

void KeyedBackend::restore_files(const OperatorContext& context, std::vector<std::unique_ptr<SnapshotFileReader>> files) {
  const auto entries = std::make_shared<RestoredEntries>(std::move(files), context);
  const bool goes_on = can_build_upon(context, entries->files());
  const bool behind = loads_behind(context, *entries);
  std::vector<std::vector<SnapshotChain::Part>> parts;
  for (std::size_t i = 0; i < entries->files().size(); ++i) {
    RestoredFile file{*entries->files()[i], i, entries->scope(), behind ? entries.get() : nullptr, {}};
    if (goes_on) file.parts.assign(incremental_->stripe_count(), {.whole = true});
    restore_file(context, file);
    if (goes_on) forget_erased_before(file);
    // Each file's entries get an epoch of their own, so that later ones can take its place in the chain.
    domain_.end(domain_.begin());
    parts.push_back(std::move(file.parts));
  }
  if (behind) {
    TIDEMARK_PROBE("state: restored entries are loaded behind");
    entries->cut(context.restore.lazy.unit_bytes);
    unloaded_ = std::make_unique<UnloadedState>(entries, ttl_clock_.written_s());
    is_loading_ = true;
    tell_loading_ = context.tell_loading;
    tell_loading({LoadEvent::Kind::kLoadsBehind, entries->bytes()});
  }
  if (!goes_on) return;
  TIDEMARK_PROBE("state: a restored chain goes on");
  incremental_->restored(context.restore.keyed_files, parts);
  domain_.set_changes_needed_since(incremental_->oldest_since());
}

std::unique_ptr<SnapshotFileReader> KeyedBackend::open_file(const OperatorContext& context, const SnapshotFile& file) const {
  auto reader = value_or_throw(SnapshotFileReader::open(context.env->snapshot_files(), file.path, &file));
  if (reader->header().max_parallelism != context.max_parallelism) {
    throw Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{}: operator '{}' was saved with max parallelism {}, the job has {}: its key groups don't fit; "
                    "set the job's max parallelism back",
                    file.path, context.name.uid, reader->header().max_parallelism, context.max_parallelism)};
  }
  return reader;
}

// Files of this very subtask in the folder that this job shares, with exactly the states that are declared: then what they
// hold is what the tables hold.
bool KeyedBackend::can_build_upon(const OperatorContext& context,
                                  const std::vector<std::unique_ptr<SnapshotFileReader>>& files) const {
  if (incremental_ == nullptr || files.empty()) return false;
  const auto is_declared = [&](const StateDescriptor& written) {
    return std::ranges::find(states_, written, &State::descriptor) != states_.end();
  };
  for (const auto& file : files) {
    const SnapshotFileHeader& header = file->header();
    const bool is_ours = header.order == EntryOrder::kHash && header.key_groups == context.key_groups() &&
                         incremental_->has(context.env->snapshot_files(), file->path());
    if (!is_ours || !std::ranges::all_of(file->states(), is_declared)) return false;
  }
  return std::ranges::all_of(states_, [&](const State& state) {
    return files.back()->find_state(state.descriptor.name).has_value();
  });
}

// A state that is whole where the file as a link of the chain is not had forgotten what was erased from it, and knows no more
// of it now.
void KeyedBackend::forget_erased_before(const RestoredFile& file) {
  for (std::uint32_t id = 0; id < file.reader.states().size(); ++id) {
    const StatePart& part = file.reader.part(id);
    if (part.kind != StatePart::Kind::kEntries) continue;
    const std::vector<bool> whole = incremental_->stripes_within(part.whole);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      if (!whole[i] || file.parts[i].whole) continue;
      const auto state = std::ranges::find(states_, file.reader.states()[id], &State::descriptor);
      if (state != states_.end()) state->dropped.forget(domain_.epoch());
    }
  }
}

// What was erased first, so that an entry that came back stays.
void KeyedBackend::restore_file(const OperatorContext& context, RestoredFile& file) {
  const SnapshotFileReader& reader = file.reader;
  const auto for_each_of = [&](StatePart::Kind kind, auto&& f) {
    for (std::uint32_t id = 0; id < reader.states().size(); ++id) {
      if (reader.part(id).kind == kind) f(id);
    }
  };
  for_each_of(StatePart::Kind::kErased, [&](std::uint32_t id) { restore_erased(context, file, id); });
  if (spilled_ != nullptr) spilled_->write();
  for_each_of(StatePart::Kind::kEntries, [&](std::uint32_t id) { restore_state(context, file, id); });
}

void KeyedBackend::restore_erased(const OperatorContext& context, const RestoredFile& file, std::uint32_t id) {
  State* const state = taker_of(file.reader.states()[id], context, file.reader.path());
  if (state == nullptr) return;
  if (file.behind != nullptr && state->table != nullptr) {
    return file.behind->add(state->descriptor, *state->table, file.index, id, true);
  }
  const auto erase = [&](const SnapshotEntry& entry) -> Result<> {
    const auto damaged = [&](std::string_view what) {
      return std::unexpected{damaged_entry(file.reader, id, entry.key_group, what)};
    };
    const std::uint64_t hash = hash_of_encoded(entry.key);
    if (key_group_of(hash, context.max_parallelism) != entry.key_group) {
      return damaged("has a key of another key group");
    }
    if (!erase_entry(*state, hash, entry)) return damaged("does not decode");
    return {};
  };
  for_each_counting(file.reader, file.scope.key_groups(file.index, id), id, context.key_groups(), erase);
}

void KeyedBackend::restore_state(const OperatorContext& context, RestoredFile& file, std::uint32_t id) {
  const SnapshotFileReader& from = file.reader;
  const StateDescriptor& written = from.states()[id];
  State* const state = taker_of(written, context, from.path());
  if (state == nullptr) return;
  Evolution evolution = evolution_of(context, written, *state, from.path());
  const bool goes_on = !file.parts.empty();
  const bool counts_bytes = goes_on && written.kind != StateDescriptor::Kind::kTimers;
  if (goes_on) {
    for (const std::string& name : from.part(id).dropped_namespaces) state->dropped.add(name, domain_.epoch(), 0);
    const std::vector<bool> whole = incremental_->stripes_within(from.part(id).whole);
    for (std::size_t i = 0; i < whole.size(); ++i) file.parts[i].whole = file.parts[i].whole && whole[i];
  }
  if (file.behind != nullptr && state->table != nullptr) {
    if (counts_bytes) file.count_unread(*incremental_, id);
    return file.behind->add(state->descriptor, *state->table, file.index, id, false, std::move(evolution));
  }
  const bool has_dropped = file.scope.has_dropped(file.index, id);
  RestoredValue restored{written, state->descriptor, evolution.conversion, ttl_clock_.written_s()};
  const auto restore = [&](const SnapshotEntry& entry) -> Result<> {
    const auto damaged = [&](std::string_view what) {
      return std::unexpected{damaged_entry(from, id, entry.key_group, what)};
    };
    if (has_dropped && file.scope.is_dropped(file.index, id, entry.name_space)) return {};
    const std::uint64_t hash = hash_of_encoded(entry.key);
    if (key_group_of(hash, context.max_parallelism) != entry.key_group) {
      return damaged("has a key of another key group");
    }
    const std::optional<std::string_view> value = restored.of(entry.value);
    if (!value) return damaged("is none of its saved type");
    if (!restore_entry(*state, hash, entry, *value)) return damaged("does not decode");
    if (counts_bytes) file.count(*incremental_, entry);
    tell_memory();
    return {};
  };
  for_each_counting(from, file.scope.key_groups(file.index, id), id, context.key_groups(), restore);
  if (spilled_ != nullptr) {
    spilled_->finish_restore();
    spilled_->write();
  }
}

bool KeyedBackend::restore_entry(State& to, std::uint64_t hash, const SnapshotEntry& entry, std::string_view value) {
  if (to.composite != nullptr) return to.composite->restore_entry(entry.name_space, hash, entry.key, value);
  if (spilled_ == nullptr) return to.table->restore_entry(hash, entry.key, value);
  if (to.table->is_over(value, ttl_clock_.now_s())) {
    spilled_->erase_restored(to.table.get(), hash, entry.key);  // an older file may hold it
  } else {
    spilled_->restore_entry(to.table.get(), entry.key_group, hash, entry.key, value);
  }
  return true;
}

bool KeyedBackend::erase_entry(State& from, std::uint64_t hash, const SnapshotEntry& entry) {
  if (from.composite != nullptr) return from.composite->erase_entry(entry.name_space, hash, entry.key);
  if (spilled_ != nullptr) {
    spilled_->erase_restored(from.table.get(), hash, entry.key);
  } else {
    from.table->take_entry(hash, entry.key, nullptr);
  }
  return true;
}

Evolution KeyedBackend::evolution_of(const OperatorContext& context, const StateDescriptor& written, const State& taker,
                                     const std::string& path) const {
  Evolution evolution = evolve_state(written, taker.descriptor);
  if (evolution.kind != Evolution::Kind::kRefused) return evolution;
  throw Error{ErrorCode::kInvalidArgument, fmt::format("{}: state '{}' of operator '{}' can't be restored: {}", path,
                                                       written.name, context.name.uid, fmt::join(evolution.refusals, "; "))};
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

}  // namespace tidemark::detail
