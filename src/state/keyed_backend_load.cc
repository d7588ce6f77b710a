// What a KeyedBackend loads of its restored state behind the restore.
#include <algorithm>
#include <utility>

#include "env/env.h"
#include "state/incremental_snapshots.h"
#include "state/restored_entries.h"
#include "state/unloaded_state.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/state/keyed_backend.h"

namespace tidemark::detail {

namespace {

std::uint64_t shared_by(KeyGroupRange a, KeyGroupRange b) {
  return a.intersects(b) ? std::min(a.end, b.end) - std::max(a.begin, b.begin) : 0;
}

}  // namespace

// Files that go when a newer checkpoint replaces theirs are read to their end only where open ones outlive that.
bool KeyedBackend::loads_behind(const OperatorContext& context, const RestoredEntries& files) const {
  const LazyRestore& lazy = context.restore.lazy;
  const bool can = may_load_behind_ && spilled_ == nullptr && context.env->snapshot_files().keeps_removed_open();
  if (!can || !lazy.on || !context.restore.stores.empty()) return false;
  std::uint64_t bytes = 0;
  for (const auto& file : files.files()) {
    for (std::uint32_t id = 0; id < file->states().size(); ++id) {
      const auto taker = std::ranges::find(states_, file->states()[id].name, [](const State& s) { return s.descriptor.name; });
      if (taker == states_.end() || taker->table == nullptr) continue;
      bytes += file->stored_bytes(id) * shared_by(file->header().key_groups, context.key_groups()) /
               std::max<std::uint64_t>(file->header().key_groups.size(), 1);
    }
  }
  return bytes >= std::max<std::uint64_t>(lazy.from_bytes, 1);
}

bool KeyedBackend::is_loaded(std::uint64_t hash) const {
  return unloaded_->is_loaded(hash) || planted(PlantedBug::kLoadedTooLate);
}

void KeyedBackend::load(std::uint64_t hash) {
  TIDEMARK_PROBE("state: a key group is loaded when it is asked for");
  unloaded_->load(hash);
  after_loading();
}

void KeyedBackend::load_next() {
  unloaded_->load_next();
  after_loading();
}

void KeyedBackend::tell_first_record() {
  if (!std::exchange(first_record_was_told_, true)) tell_loading({.kind = LoadEvent::Kind::kFirstRecord});
}

void KeyedBackend::tell_loading(const LoadEvent& event) const {
  if (tell_loading_) tell_loading_(event);
}

void KeyedBackend::after_loading() {
  tell_memory();
  if (!unloaded_->all_loaded()) return;
  TIDEMARK_PROBE("state: all restored entries are loaded");
  is_loading_ = false;
  tell_loading({.kind = LoadEvent::Kind::kAllLoaded});
  drop_loaded_files();
}

// Once no checkpoint to come has to list what they say was erased.
void KeyedBackend::drop_loaded_files() {
  if (unloaded_ == nullptr || is_loading_) return;
  if (incremental_ != nullptr && incremental_->oldest_since() < unloaded_->entries().files().size()) return;
  unloaded_.reset();
}

}  // namespace tidemark::detail
