// The tables of one backend in front of a store: they hold the keys in use, the store holds all the others.
//
// A key is resident with all its entries or not at all. Before it is used it is wanted and loaded; once it has not been used
// for a while it is evicted: what changed is written, and its entries leave the tables. In between the tables are the truth
// about it, but for one thing: an entry that the tables have no more is erased in the store, too, before a snapshot is taken.
// So a snapshot is what the tables show and, for keys without an entry there, what the store does.
//
// Where the store gives files, a checkpoint has those, and of the tables what had changed. Until the files are there, on
// another thread, the store stays as it is: keys stay resident, and what was erased waits.
//
// Entries that have expired may stand in either; whoever reads them drops them. The typed half is resident_keys.h.
//
// The task's thread alone, but for views, which are read beside it. Lives as long as the backend; destroyed after the last
// view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/state/cow_domain.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/state/table.h"
#include "tidemark/state_store.h"

namespace tidemark {
class ResidentLimit;
class RunningSnapshot;
class StoreLink;
}  // namespace tidemark

namespace tidemark::detail {

class SpilledTables {
 public:
  struct State {
    std::string name;
    Table* table;
    bool expires;  // what it holds has a time to live
  };

  /// Keys that the store had entries of a state for, in the order of their hashes. Destroyed before the tables.
  class StoredKeys {
   public:
    StoredKeys(std::shared_ptr<StateStoreSnapshot> snapshot, std::uint32_t state);
    /// To the next one; the first call goes to the first. False behind the last.
    bool next() { return entries_->next(); }
    std::uint64_t hash() const;
    /// Encoded; valid until the next call of next().
    std::string_view key() const;

   private:
    std::shared_ptr<StateStoreSnapshot> snapshot_;
    std::unique_ptr<StateEntries> entries_;
  };

  /// `states` are marked as mark_of() says. `domain` is theirs. `saved`: what the store begins with; null: nothing.
  SpilledTables(const OperatorContext& context, StateStores& stores, CowDomain& domain, std::vector<State> states,
                const StateStoreOptions::Saved* saved = nullptr);
  ~SpilledTables();

  /// Different for each subtask of a job, and in each attempt.
  static std::string store_name(const OperatorContext& context);

  /// The keys that are resident, each with a word in whose lowest bits are the marks of the states that have changed. A table
  /// of residency(); outlives the last snapshot.
  void set_residents(Table& residents) { residents_ = &residents; }

  /// In a cursor's marks. The last one stands for several states.
  static std::uint32_t mark_of(std::size_t state) { return std::uint32_t{1} << (state < kLastMark ? state : kLastMark); }

  /// A key that is not resident. load() makes it so.
  void want(std::uint64_t hash, std::string_view key);
  /// Then calls loaded(hash, key, stored) for each wanted key: the marks of the states that the store has entries of.
  template <class F>
  void load(F&& loaded) {
    if (wanted_.empty()) return;
    read_wanted();
    for (const Wanted& key : wanted_) loaded(key.hash, key_of(key).substr(kHashBytes), key.stored);
    forget_wanted();
  }

  /// Takes a resident key out of the tables, and writes the entries of the states in `changed`.
  void evict(std::uint64_t hash, std::string_view key, std::uint32_t changed, std::uint32_t stored);
  /// Keys with these hashes were evicted.
  void merge_thin(HashSpan span) {
    for (const State& state : states_) state.table->merge_thin(span);
  }
  /// Likewise, but the key stays resident, and none of its states has changed any more. Gives what is `stored` then.
  std::uint32_t write_back(std::uint64_t hash, std::string_view key, std::uint32_t changed, std::uint32_t stored);
  /// The key's entries of these states were removed, and perhaps put in again. Gives what is left of `stored`.
  std::uint32_t erase(std::uint64_t hash, std::string_view key, std::uint32_t erased, std::uint32_t stored);
  /// What evict() and erase() have gathered is in the store.
  void write();
  /// True if the store is to stay as it is: none of the `resident` keys should be evicted, nor anything be written.
  bool must_stay(std::size_t resident);
  /// The store may be changed.
  void settle();

  /// Of `resident` keys. Many at a time.
  std::size_t keys_to_evict(std::size_t resident);
  /// True where nobody counts memory, as in tests: then chance decides of each key whether it stays.
  bool goes_by_chance() const;
  bool chance();

  /// Of what says which keys are resident: no snapshot needs it.
  CowDomain& residency() { return residency_; }
  std::size_t memory_bytes() const;
  /// What other state of the backend holds of the share.
  void set_held_beside(std::uint64_t bytes) { held_beside_ = bytes; }

  /// An entry of a snapshot. Entries come by key group; finish_restore() ends each file and state.
  void restore_entry(const Table* table, std::uint32_t key_group, std::uint64_t hash, std::string_view key, std::string_view value);
  void finish_restore();
  /// Takes an entry out that an older file put in; with the next write().
  void erase_restored(const Table* table, std::uint64_t hash, std::string_view key);

  /// What the store held at the trigger; for view() of that snapshot.
  std::shared_ptr<StateStoreSnapshot> snapshot();
  /// As they are now. A resident key may be among them that has an entry no more.
  StoredKeys stored_keys(const Table& table) { return {snapshot(), state_of(&table)}; }
  /// A snapshot by files instead, where StateStores::files_format() says that there are such: the files of the store; the
  /// snapshot of residency(), begun before; and for each state the entries that the files have not.
  std::shared_ptr<StoreLink> link();
  /// How many of these there were.
  std::uint64_t links() const { return links_; }
  std::shared_ptr<CowDomain*> reachable_residency() const { return reachable_residency_; }
  std::unique_ptr<TableView> changed_view(Table& table, std::uint32_t bound, const std::shared_ptr<RunningSnapshot>& residency);

  /// All entries of the state at the snapshot's trigger that have not expired.
  std::unique_ptr<TableView> view(Table& table, std::uint32_t bound, std::shared_ptr<StateStoreSnapshot> snapshot);

 private:
  static constexpr std::size_t kLastMark = 29;  // a resident key's marks, twice, its uses and a flag are one word
  static constexpr std::size_t kHashBytes = sizeof(std::uint64_t);

  struct Wanted {
    std::uint64_t hash;
    std::size_t key_at;  // in wanted_bytes_: as the store has it
    std::size_t key_size;
    std::uint32_t stored;
  };
  struct Restored {
    std::string key;
    std::string value;
  };

  std::uint32_t state_of(const Table* table) const;
  std::string_view key_of(const Wanted& wanted) const {
    return std::string_view{wanted_bytes_}.substr(wanted.key_at, wanted.key_size);
  }
  std::string_view store_key(std::uint64_t hash, std::string_view key);
  void read_wanted();
  void read_state(std::uint32_t state);
  void forget_wanted();
  void load_key_group();
  [[noreturn]] void fail_undecodable(std::uint32_t state) const;

  const OperatorName name_;
  const Env& env_;
  const std::vector<State> states_;
  CowDomain& domain_;
  CowDomain residency_;
  const std::shared_ptr<CowDomain*> reachable_residency_ = std::make_shared<CowDomain*>(&residency_);  // empty at the end
  Table* residents_ = nullptr;
  std::unique_ptr<StateStore> store_;
  std::uint64_t links_ = 0;
  std::shared_ptr<StoreLink> link_;  // not null: the store stays as it is until this is settled
  std::unique_ptr<ResidentLimit> limit_;
  std::uint64_t held_beside_ = 0;

  std::vector<Wanted> wanted_;
  std::string wanted_bytes_;
  std::vector<std::string_view> wanted_keys_;  // as store_->get() takes them
  StateChanges changes_;
  std::string key_;  // of store_key()
  ByteWriter value_;

  std::unique_ptr<StateLoader> loader_;  // of the file and state that are being restored
  std::uint32_t loading_state_ = 0;
  std::uint32_t loading_group_ = 0;
  std::vector<Restored> loading_;  // the entries of the key group
};

}  // namespace tidemark::detail
