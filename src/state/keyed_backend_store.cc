// The checkpoints of a KeyedBackend that consist of its store's own files, and the restore from such files.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "env/env.h"
#include "graph/state_evolution.h"
#include "snapshot/file_copy.h"
#include "snapshot/snapshot_file_reader.h"
#include "state/hashmap_snapshot.h"
#include "state/placed_stores.h"
#include "state/restored_value.h"
#include "state/saved_store_files.h"
#include "state/store_key.h"
#include "state/store_snapshot.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/state/changed_since.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

// A store's states are those tables of which the data file beside its files has entries, in that order.
std::vector<std::uint32_t> states_in_store(const SnapshotFileReader& tables) {
  std::vector<std::uint32_t> ids;
  for (std::uint32_t id = 0; id < tables.states().size(); ++id) {
    const bool is_table = tables.states()[id].kind <= StateDescriptor::Kind::kMap;
    if (is_table && tables.part(id).kind == StatePart::Kind::kEntries) ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> names_in_store(const SnapshotFileReader& tables) {
  std::vector<std::string> names;
  for (const std::uint32_t id : states_in_store(tables)) names.push_back(tables.states()[id].name);
  return names;
}

std::uint32_t place_of(const std::string& state, const std::vector<std::string>& in_store) {
  return static_cast<std::uint32_t>(std::ranges::find(in_store, state) - in_store.begin());
}

// A store knows its states by their places, so those stay, whatever the order in which the states are declared now.
std::vector<std::uint32_t> places_in(const std::vector<std::string>& in_store, const std::vector<SpilledTables::State>& states) {
  std::vector<std::uint32_t> places;
  for (const SpilledTables::State& state : states) places.push_back(place_of(state.name, in_store));
  return places;
}

StateStoreOptions::Saved saved_by(const Env& env, const StoreFiles& from) {
  StateStoreOptions::Saved saved;
  for (const StoreFile& file : from.files) saved.names.push_back(file.name);
  const auto with = [&env, &from](auto get_file) {
    return [&env, &from, get_file](const std::string& name, const std::string& path) {
      const SnapshotFile& file = std::ranges::find(from.files, name, &StoreFile::name)->file;
      value_or_throw(get_file(env.snapshot_files(), file, *env.files, path));
      return file.path;
    };
  };
  saved.fetch = with(fetch_file);
  saved.copy = with(copy_file);
  return saved;
}

StateStores& stores_that_open(const OperatorContext& context, const StoreFiles& from) {
  for (StateStores* stores : {context.env->state_stores, context.env->other_stores}) {
    if (stores != nullptr && stores->files_format() == from.format) return *stores;
  }
  throw Error{ErrorCode::kFailedPrecondition,
              fmt::format("state of operator '{}' (uid {}) was saved as files of a store of the sort '{}', which none of this "
                          "job's stores can open: give it the stores that it had; to change them, stop it with a savepoint "
                          "first and resume from that",
                          context.name.name, context.name.uid, from.format)};
}

// The files that a store's error may be about: the one that is not what was saved or else all.
std::string suspects(FileSystem& files, const StoreFiles& from, const Error& error) {
  for (const StoreFile& each : from.files) {
    if (error.code() != ErrorCode::kDataLoss) break;
    const auto verified = verify_snapshot_file(files, each.file.path, each.file);
    if (!verified && verified.error().code() == ErrorCode::kDataLoss) return fmt::format("'{}', which is damaged", each.file.path);
  }
  return fmt::format("'{}' and the {} files beside it", from.files.front().file.path, from.files.size() - 1);
}

// f(), whose errors say which files of the checkpoint it is about: a store knows them under names of its own.
template <class F>
void named_by(const OperatorContext& context, const StoreFiles& from, F&& f) {
  try {
    f();
  } catch (const Error& error) {
    if (from.files.empty()) throw;
    throw error.within(fmt::format("operator '{}' (uid {}) goes on from {}", context.name.name, context.name.uid,
                                   suspects(context.env->snapshot_files(), from, error)));
  }
}

KeyGroupRange intersection(KeyGroupRange a, KeyGroupRange b) {
  return {std::max(a.begin, b.begin), std::max(std::max(a.begin, b.begin), std::min(a.end, b.end))};
}

// What the keys of the group and of those behind it begin with.
std::string first_store_key(std::uint32_t key_group, std::uint32_t max_parallelism) {
  std::string key;
  append_store_key(key_group == 0 ? 0 : last_hash_below(key_group, max_parallelism) + 1, {}, key);
  return key;
}

}  // namespace

std::unique_ptr<SnapshotFileReader> KeyedBackend::open_tables_of(const OperatorContext& context, const StoreFiles& store) const {
  for (const SnapshotFile& file : context.restore.keyed_files) {
    if (file.key_groups == store.key_groups) return open_file(context, file);
  }
  throw Error{ErrorCode::kDataLoss,
              fmt::format("the checkpoint is damaged: it lists files of a store of operator '{}' (uid {}), and no data file "
                          "beside them; resume from another checkpoint with --resume=PATH",
                          context.name.name, context.name.uid)};
}

// Of this very subtask, with exactly the states that are declared.
const StoreFiles* KeyedBackend::own_store_files(const OperatorContext& context) const {
  const StateStores* const stores = context.env->state_stores;
  const OperatorRestore& restore = context.restore;
  if (stores == nullptr || restore.stores.size() != 1 || restore.keyed_files.size() != 1) return nullptr;
  const StoreFiles& saved = restore.stores.front();
  if (saved.format != stores->files_format() || saved.key_groups != context.key_groups()) return nullptr;
  const auto tables = open_tables_of(context, saved);
  std::vector<StateDescriptor> written;
  for (const std::uint32_t id : states_in_store(*tables)) written.push_back(tables->states()[id]);
  std::vector<StateDescriptor> declared;
  for (const State& state : states_) {
    if (state.table != nullptr) declared.push_back(state.descriptor);
  }
  return std::ranges::is_permutation(written, declared) ? &saved : nullptr;
}

void KeyedBackend::open_store(const OperatorContext& context) {
  StateStores* const stores = context.env->state_stores;
  if (stores == nullptr || bound_tables_.empty()) return;
  std::vector<SpilledTables::State> states;
  std::vector<std::string> in_store;  // by their places
  for (const State& state : states_) {
    if (state.table == nullptr) continue;
    states.push_back({state.descriptor.name, state.table.get(), state.descriptor.has_ttl});
    in_store.push_back(state.descriptor.name);
  }
  const StoreFiles* const own = own_store_files(context);
  if (own != nullptr) {
    const auto tables = open_tables_of(context, *own);
    in_store = names_in_store(*tables);
    PlacedStores placed{*stores, places_in(in_store, states)};
    const StateStoreOptions::Saved saved = saved_by(*context.env, *own);
    named_by(context, *own, [&] {
      StateStores& used = placed.are_as_they_are() ? *stores : placed;
      spilled_ = std::make_unique<SpilledTables>(context, used, domain_, std::move(states), &saved);
    });
  } else {
    spilled_ = std::make_unique<SpilledTables>(context, *stores, domain_, std::move(states));
  }
  begins_with_store_files_ = own != nullptr;
  if (memory_) memory_->spill();
  const std::string format = stores->files_format();
  if (context.shared_folder.empty() || format.empty()) return;
  saved_store_ = std::make_unique<SavedStoreFiles>(context.shared_folder, format, context.key_groups());
  saved_store_->set_states(std::move(in_store));
  if (own != nullptr) saved_store_->restored(context.env->snapshot_files(), *own);
}

void KeyedBackend::restore_stores(const OperatorContext& context) {
  if (begins_with_store_files_) {
    TIDEMARK_PROBE("state: a store begins with the files of a checkpoint");
    return;
  }
  for (std::size_t i = 0; i < context.restore.stores.size(); ++i) restore_store(context, i);
}

// Through a store of its own, which is gone afterwards.
void KeyedBackend::restore_store(const OperatorContext& context, std::size_t index) {
  TIDEMARK_PROBE("state: files of a store are read entry by entry");
  const StoreFiles& from = context.restore.stores[index];
  const auto tables = open_tables_of(context, from);
  const std::vector<std::uint32_t> ids = states_in_store(*tables);
  StateStoreOptions options{.name = fmt::format("{}-from-{}", SpilledTables::store_name(context), index), .states = {}};
  for (const std::uint32_t id : ids) options.states.push_back({tables->states()[id].name, nullptr});
  const StateStoreOptions::Saved saved = saved_by(*context.env, from);
  options.saved = &saved;
  StateStores& stores = stores_that_open(context, from);
  named_by(context, from, [&] {
    const std::unique_ptr<StateStore> store = stores.open(options);
    const std::unique_ptr<StateStoreSnapshot> content = store->snapshot();
    for (std::uint32_t place = 0; place < ids.size(); ++place) {
      const KeyGroupRange wanted = intersection(from.key_groups, context.key_groups());
      const auto entries = content->entries_from(place, first_store_key(wanted.begin, context.max_parallelism));
      restore_stored(context, tables->states()[ids[place]], tables->path(), wanted, *entries);
    }
  });
}

void KeyedBackend::restore_stored(const OperatorContext& context, const StateDescriptor& written, const std::string& path,
                                  KeyGroupRange wanted, StateEntries& entries) {
  State* const state = taker_of(written, context, path);
  if (state == nullptr) return;
  const Evolution evolution = evolution_of(context, written, *state, path);
  RestoredValue restored{written, state->descriptor, evolution.conversion, ttl_clock_.written_s()};
  const auto require = [&](bool is_intact) {
    if (is_intact) return;
    throw Error{ErrorCode::kDataLoss,
                fmt::format("{}: the files of the store beside it hold an entry of state '{}' of operator '{}' (uid {}) that is "
                            "damaged: resume from another checkpoint with --resume=PATH",
                            path, written.name, context.name.name, context.name.uid)};
  };
  while (entries.next()) {
    require(entries.key().size() >= kStoreKeyHashBytes);
    const std::uint64_t hash = hash_of_store_key(entries.key());
    const std::uint32_t key_group = key_group_of(hash, context.max_parallelism);
    if (key_group >= wanted.end) break;
    const std::string_view key = key_of_store_key(entries.key());
    require(hash_of_encoded(key) == hash);
    const std::optional<std::string_view> value = restored.of(entries.value());
    require(value.has_value());
    require(restore_entry(*state, hash, {.key_group = key_group, .key = key, .name_space = {}, .map_key = {}, .value = *value}, *value));
    tell_memory();
  }
  if (spilled_ == nullptr) return;
  spilled_->finish_restore();
  spilled_->write();
}

std::unique_ptr<SnapshotWork> KeyedBackend::snapshot_of_store(const SnapshotRequest& request, const OperatorContext& context,
                                                              SnapshotFileHeader header,
                                                              std::unique_ptr<RunningSnapshot> running,
                                                              const std::function<void(std::function<void()>)>& post_end,
                                                              OperatorSnapshot result) {
  std::shared_ptr<StoreLink> link = spilled_->link();
  const auto residency = std::make_shared<RunningSnapshot>(spilled_->reachable_residency(), post_end);
  std::vector<HashmapSnapshot::State> states;
  for (State& state : states_) {
    states.push_back({state.descriptor, {}});
    if (state.composite != nullptr) {
      states.back().views = state.composite->views(running->bound());
    } else {
      states.back().views.push_back({{}, spilled_->changed_view(*state.table, running->bound(), residency)});
      states.back().part = StatePart{.living_since_s = state.table->living_since_s()};
    }
  }
  std::ranges::stable_sort(states, {}, [this](const HashmapSnapshot::State& state) {
    return place_of(state.descriptor.name, saved_store_->states());
  });
  header.partial = true;
  std::string path = join_path(request.folder, request.file_prefix + ".snap");
  auto tables = std::make_unique<HashmapSnapshot>(context.env->snapshot_files(), std::move(path), std::move(header),
                                                  std::move(running), std::move(states), std::move(result));
  return std::make_unique<StoreSnapshot>(*context.env, std::move(link), saved_store_->begin(request.barrier.id),
                                         saved_store_->folder(),
                                         fmt::format("{}-{}-{}-", context.attempt, request.barrier.id, request.file_prefix),
                                         std::move(tables));
}

}  // namespace tidemark::detail
