#include "tidemark/detail/state/spilled_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "env/env.h"
#include "state/changed_residents.h"
#include "state/hashmap_snapshot.h"
#include "state/resident_limit.h"
#include "state/spilled_view.h"
#include "state/store_key.h"
#include "state/store_link.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

// What is gathered before it is written: large enough to make a write cheap beside it.
constexpr std::size_t kWriteBytes = 1u << 20;

// While the store must stay as it is tables may outgrow their share by this part of their keys, then its files are waited for.
constexpr std::size_t kHeldOneIn = 8;

// A store's name may be that of a folder, for which 255 bytes are most file systems' limit.
constexpr std::size_t kLongestName = 128;

// Only letters, digits, '.', '_' and '-': others as _xx, so that different uids stay different. A long one ends in a hash.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    result += plain ? std::string(1, c) : fmt::format("_{:02x}", static_cast<unsigned char>(c));
  }
  if (result.size() <= kLongestName) return result;
  return fmt::format("{}_{:016x}", std::string_view{result}.substr(0, kLongestName), hash_bytes(text));
}

StateStoreOptions options_of(const OperatorContext& context, const std::vector<SpilledTables::State>& states,
                             const StateStoreOptions::Saved* saved) {
  StateStoreOptions options;
  options.name = SpilledTables::store_name(context);
  options.saved = saved;
  for (const auto& state : states) {
    options.states.push_back({state.name, nullptr});
    if (!state.expires) continue;
    options.states.back().is_expired = [clock = context.env->clock, table = state.table](std::string_view value) {
      const std::int64_t now_s = std::max<std::int64_t>(clock->wall_ms(), 0) / 1000;
      return table->is_over(value, static_cast<std::uint32_t>(now_s));
    };
  }
  return options;
}

// Without the side log, which comes and goes with each checkpoint: fewer keys would not make it shorter.
std::uint64_t pages_of(CowDomain& domain) { return domain.pages().used_bytes() - domain.log_bytes(); }

}  // namespace

std::string SpilledTables::store_name(const OperatorContext& context) {
  return fmt::format("{}-{}-{}", escaped(context.name.uid), context.name.subtask, context.attempt);
}

SpilledTables::StoredKeys::StoredKeys(std::shared_ptr<StateStoreSnapshot> snapshot, std::uint32_t state)
    : snapshot_{std::move(snapshot)}, entries_{snapshot_->entries(state)} {}

std::uint64_t SpilledTables::StoredKeys::hash() const { return hash_of_store_key(entries_->key()); }

std::string_view SpilledTables::StoredKeys::key() const { return key_of_store_key(entries_->key()); }

SpilledTables::SpilledTables(const OperatorContext& context, StateStores& stores, CowDomain& domain, std::vector<State> states,
                             const StateStoreOptions::Saved* saved)
    : name_{context.name},
      env_{*context.env},
      states_{std::move(states)},
      domain_{domain},
      store_{stores.open(options_of(context, states_, saved))},
      limit_{std::make_unique<ResidentLimit>(domain.pages().used_bytes())} {}

SpilledTables::~SpilledTables() { *reachable_residency_ = nullptr; }

std::uint32_t SpilledTables::state_of(const Table* table) const {
  const auto found = std::ranges::find(states_, table, &State::table);
  TIDEMARK_CHECK(found != states_.end(), "a table of another backend");
  return static_cast<std::uint32_t>(found - states_.begin());
}

std::string_view SpilledTables::store_key(std::uint64_t hash, std::string_view key) {
  key_.clear();
  append_store_key(hash, key, key_);
  return key_;
}

void SpilledTables::want(std::uint64_t hash, std::string_view key) {
  wanted_.push_back({hash, wanted_bytes_.size(), kHashBytes + key.size(), 0});
  append_store_key(hash, key, wanted_bytes_);
}

void SpilledTables::read_wanted() {
  std::ranges::sort(wanted_, {}, [this](const Wanted& wanted) { return key_of(wanted); });
  for (const Wanted& wanted : wanted_) wanted_keys_.push_back(key_of(wanted));
  for (std::uint32_t state = 0; state < states_.size(); ++state) read_state(state);
}

void SpilledTables::read_state(std::uint32_t state) {
  Table& table = *states_[state].table;
  store_->get(state, wanted_keys_, [&](std::size_t index, std::string_view value) {
    TIDEMARK_PROBE("state: a key comes back from the store");
    Wanted& wanted = wanted_[index];
    wanted.stored |= mark_of(state);
    if (!table.restore_entry(wanted.hash, key_of_store_key(key_of(wanted)), value)) fail_undecodable(state);
  });
}

void SpilledTables::forget_wanted() {
  wanted_.clear();
  wanted_bytes_.clear();
  wanted_keys_.clear();
}

void SpilledTables::fail_undecodable(std::uint32_t state) const {
  throw Error{ErrorCode::kDataLoss, ErrorDomain::kExternal, Retry::kRestart,
              fmt::format("state '{}' of operator '{}' (uid {}): its store holds bytes that are none of its type: the disk below "
                          "state.backend.rocksdb.localdir is damaged, or what was restored is; the job goes on from its last "
                          "checkpoint",
                          states_[state].name, name_.name, name_.uid)};
}

void SpilledTables::evict(std::uint64_t hash, std::string_view key, std::uint32_t changed, std::uint32_t stored) {
  if (planted(PlantedBug::kEvictionForgetsChange)) changed = 0;
  for (std::uint32_t state = 0; state < states_.size(); ++state) {
    const bool writes = changed & mark_of(state);
    value_.clear();
    if (states_[state].table->take_entry(hash, key, writes ? &value_ : nullptr)) {
      if (writes) changes_.put(state, store_key(hash, key), value_.view());
    } else if (writes && (stored & mark_of(state))) {
      changes_.erase(state, store_key(hash, key));
    }
  }
  if (changes_.bytes() >= kWriteBytes) write();
}

std::uint32_t SpilledTables::write_back(std::uint64_t hash, std::string_view key, std::uint32_t changed, std::uint32_t stored) {
  TIDEMARK_PROBE("state: a key that stays resident is written to the store");
  for (std::uint32_t state = 0; state < states_.size(); ++state) {
    const std::uint32_t mark = mark_of(state);
    if (!(changed & mark)) continue;
    value_.clear();
    if (states_[state].table->read_entry(hash, key, value_)) {
      changes_.put(state, store_key(hash, key), value_.view());
      stored |= mark;
    } else if (stored & mark) {
      changes_.erase(state, store_key(hash, key));
    }
  }
  return stored;
}

std::uint32_t SpilledTables::erase(std::uint64_t hash, std::string_view key, std::uint32_t erased, std::uint32_t stored) {
  if (planted(PlantedBug::kStoreKeepsErased)) return stored & ~erased;
  for (std::uint32_t state = 0; state < states_.size(); ++state) {
    const std::uint32_t mark = mark_of(state);
    if (!(erased & stored & mark) || states_[state].table->contains(hash, key)) continue;
    TIDEMARK_PROBE("state: an erased key is erased in the store");
    changes_.erase(state, store_key(hash, key));
    if (state < kLastMark) stored &= ~mark;
  }
  return stored;
}

void SpilledTables::write() {
  if (changes_.empty()) return;
  settle();
  store_->write(changes_);
  changes_.clear();
}

bool SpilledTables::must_stay(std::size_t resident) {
  if (link_ == nullptr) return false;
  const bool may_wait = goes_by_chance() || keys_to_evict(resident) <= resident / kHeldOneIn;
  if (!link_->is_settled() && may_wait) {
    TIDEMARK_PROBE("state: keys stay resident until the files of a store are there");
    return true;
  }
  settle();
  return false;
}

void SpilledTables::settle() {
  if (link_ == nullptr) return;
  link_->settle();
  link_.reset();
}

std::size_t SpilledTables::memory_bytes() const { return residency_.pages().mapped_bytes() + residency_.owned_bytes(); }

std::size_t SpilledTables::keys_to_evict(std::size_t resident) {
  const std::uint64_t all_bytes = env_.state_memory->even_share_bytes();
  const std::uint64_t share_bytes = all_bytes - std::min(held_beside_, all_bytes / 2);
  const std::uint64_t pages = pages_of(domain_) + pages_of(residency_);
  const std::uint64_t in_use = pages - domain_.free_block_bytes() - residency_.free_block_bytes();
  // What came back is for blocks of the same size alone: so pages are bounded, too, with some room for that.
  const std::uint64_t page_bytes = std::max(in_use, pages / 8 * 7);
  // Keys and values of the tables that lie in pools go with their keys, and make room for others.
  const std::uint64_t owned = domain_.owned_bytes() + residency_.owned_bytes();
  const std::uint64_t pooled = domain_.entry_bytes() - std::min<std::uint64_t>(domain_.entry_bytes(), domain_.owned_bytes());
  return limit_->keys_to_evict(share_bytes, page_bytes - std::min(page_bytes, pooled), owned + pooled, resident);
}

bool SpilledTables::goes_by_chance() const { return env_.state_memory == nullptr; }

bool SpilledTables::chance() {
  // The middle of the word: every generator's best bits.
  return env_.random == nullptr || (env_.random->next() >> 32) % 2 == 0;
}

void SpilledTables::restore_entry(const Table* table, std::uint32_t key_group, std::uint64_t hash, std::string_view key,
                                  std::string_view value) {
  if (loader_ == nullptr) {
    loading_state_ = state_of(table);
    loading_group_ = key_group;
    loader_ = store_->load(loading_state_);
  }
  if (key_group != loading_group_) load_key_group();
  loading_group_ = key_group;
  loading_.push_back({std::string{store_key(hash, key)}, std::string{value}});
}

// A snapshot's order within a key group is another one in a savepoint, and of keys with one hash it has none.
void SpilledTables::load_key_group() {
  std::ranges::sort(loading_, {}, &Restored::key);
  for (const Restored& entry : loading_) loader_->add(entry.key, entry.value);
  loading_.clear();
}

void SpilledTables::finish_restore() {
  if (loader_ == nullptr) return;
  load_key_group();
  loader_->finish();
  loader_.reset();
}

void SpilledTables::erase_restored(const Table* table, std::uint64_t hash, std::string_view key) {
  changes_.erase(state_of(table), store_key(hash, key));
  if (changes_.bytes() >= kWriteBytes) write();
}

std::shared_ptr<StateStoreSnapshot> SpilledTables::snapshot() {
  settle();
  write();
  return store_->snapshot();
}

std::shared_ptr<StoreLink> SpilledTables::link() {
  settle();
  write();
  link_ = std::make_shared<StoreLink>(*store_);
  ++links_;
  return link_;
}

std::unique_ptr<TableView> SpilledTables::changed_view(Table& table, std::uint32_t bound,
                                                       const std::shared_ptr<RunningSnapshot>& residency) {
  if (residents_ == nullptr) return table.view_of_all(bound);
  return std::make_unique<ChangedResidents>(table.view_of_all(bound), residents_->view(residency->bound()), residency,
                                            mark_of(state_of(&table)));
}

std::unique_ptr<TableView> SpilledTables::view(Table& table, std::uint32_t bound,
                                               std::shared_ptr<StateStoreSnapshot> snapshot) {
  return table.living(std::make_unique<SpilledView>(table.view_of_all(bound), std::move(snapshot), state_of(&table)));
}

}  // namespace tidemark::detail
