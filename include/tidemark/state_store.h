// Where state lies that is larger than memory: an ordered store of bytes behind the tables of an operator.
//
// The engine's own store is RocksDB (state.backend.type: rocksdb). Who has another one implements the classes below and hands
// them to the job: job.keep_state_in(...). docs/state-backends.md shows a whole one in sixty lines.
//
// A store belongs to one subtask of one operator, and lives from one start of the job to its next: it begins empty or
// with files of a checkpoint, the engine fills it, and nothing in it has to outlive the process. So it needs no log, no sync, and no
// knowledge of types: keys and values are bytes. In front of it the engine keeps the entries in use as typed tables, asks for
// the keys of a whole batch at once, and writes what has changed when it takes a key out of its tables.
//
// Keys are given so that their order as bytes is the order in which checkpoints are written. A state's keys are a space of
// their own.
//
// A store that keeps its content in files which never change may give them away (StateStore::files()): an incremental
// checkpoint then consists of those, each saved once however many checkpoints need it, and of what the tables in front hold;
// and a job that goes on from it begins with them. Without that every checkpoint is written entry by entry, whole.
//
// Any call may throw tidemark::Error: the task fails with it, and the job restarts from its last checkpoint as
// its restart strategy says. So an error names the folder or the server, says what went wrong, and what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

/// Changes that are to be made at once. Those of one key are made in the order in which they stand here.
class StateChanges {
 public:
  void put(std::uint32_t state, std::string_view key, std::string_view value) { add(state, key, value, false); }
  void erase(std::uint32_t state, std::string_view key) { add(state, key, {}, true); }

  /// f(state, key, value): no value where the entry of the key is to be removed, if there is one.
  template <class F>
  void for_each(F&& f) const {
    std::string_view rest = bytes_;
    for (const Change& change : changes_) {
      const std::string_view key = rest.substr(0, change.key_size);
      const std::string_view value = rest.substr(change.key_size, change.value_size);
      rest.remove_prefix(change.key_size + change.value_size);
      f(change.state, key, change.erased ? std::nullopt : std::optional{value});
    }
  }
  bool empty() const { return changes_.empty(); }
  std::size_t size() const { return changes_.size(); }
  /// Of keys and values.
  std::size_t bytes() const { return bytes_.size(); }
  void clear() {
    changes_.clear();
    bytes_.clear();
  }

 private:
  struct Change {
    std::size_t key_size;
    std::size_t value_size;
    std::uint32_t state;
    bool erased;
  };
  void add(std::uint32_t state, std::string_view key, std::string_view value, bool erased) {
    changes_.push_back({key.size(), value.size(), state, erased});
    bytes_.append(key).append(value);
  }

  std::vector<Change> changes_;
  std::string bytes_;  // key and value of each, one after the other
};

/// Entries in the ascending order of their keys. One thread.
class StateEntries {
 public:
  virtual ~StateEntries() = default;
  /// To the next entry; the first call goes to the first. False behind the last.
  virtual bool next() = 0;
  /// Valid until the next call of next().
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
};

/// What a store held at one moment. Read and destroyed on another thread than the store's, while that goes on; always
/// destroyed before the store.
class StateStoreSnapshot {
 public:
  virtual ~StateStoreSnapshot() = default;
  virtual std::unique_ptr<StateEntries> entries(std::uint32_t state) = 0;
  /// Those whose key is not less than `from`.
  virtual std::unique_ptr<StateEntries> entries_from(std::uint32_t state, std::string_view from);
};

/// A file of a store: a part of what it holds. It never changes.
struct StateStoreFile {
  /// Among those that a checkpoint needs, and that the store will ever give until it is destroyed or begun with: a name
  /// means one content. At most 128 letters, digits, '.', '_' and '-'.
  std::string name;
  std::string path;  ///< where it lies, on this machine
};

/// Files that together hold what a store held at one moment. Read and destroyed on any thread, while the store goes on;
/// always destroyed before the store. They need not last longer.
class StateStoreFiles {
 public:
  virtual ~StateStoreFiles() = default;
  virtual const std::vector<StateStoreFile>& files() const = 0;
};

/// Takes many entries of one state in the ascending order of their keys, each key once. The task's thread.
class StateLoader {
 public:
  /// Not finished before, it may have put in any part of what it was given.
  virtual ~StateLoader() = default;
  virtual void add(std::string_view key, std::string_view value) = 0;
  /// All of them are in the store, in place of what it held for the same keys.
  virtual void finish() = 0;
};

/// The states of one subtask of one operator. The task's thread alone calls it.
class StateStore {
 public:
  virtual ~StateStore() = default;

  /// Where get() puts what it finds: the key's place among those asked for, and its value, which is valid during the call.
  using Found = std::function<void(std::size_t index, std::string_view value)>;
  /// Looks up many keys of one state, which ascend.
  virtual void get(std::uint32_t state, std::span<const std::string_view> keys, const Found& found) = 0;
  /// All or, where it throws, any part of it: the task then fails.
  virtual void write(const StateChanges& changes) = 0;
  /// Entries in large numbers, when the job starts.
  virtual std::unique_ptr<StateLoader> load(std::uint32_t state) = 0;
  /// Must be quick whatever the store holds: no record is processed meanwhile.
  virtual std::unique_ptr<StateStoreSnapshot> snapshot() = 0;
  /// What the store holds now, as files; null where StateStores::files_format() is empty. Any thread, one call at a time, and
  /// perhaps beside get(), but the engine changes nothing and takes no snapshot before it has returned. A store that goes on
  /// from the files of another gives those among them that it still has under the names they had there, and no others under
  /// these names.
  virtual std::unique_ptr<StateStoreFiles> files() { return nullptr; }
};

/// What a store is opened for.
struct StateStoreOptions {
  struct State {
    std::string name;
    /// True for a value that has expired: the store may drop such entries by itself, and must give them up in no other way.
    /// Null where nothing expires. Any thread.
    std::function<bool(std::string_view value)> is_expired;
  };
  /// Different for each store of a job that is open at a time; only letters, digits, '.', '_' and '-'.
  std::string name;
  std::vector<State> states;  ///< in all calls a state is its place here

  /// Files that another store gave, whose states had the same places.
  struct Saved {
    std::vector<std::string> names;
    /// Makes the file's content readable under `path`, which must be free: as a link to it where there can be one, so
    /// nothing may be written into it, and damage is found by whoever reads it. Gives the checkpoint's name for the file, for
    /// errors to say.
    std::function<std::string(const std::string& name, const std::string& path)> fetch;
    /// The same as a copy, which is compared with the checksum of what was saved: for files in which the store itself would
    /// not find all damage. It may be written into.
    std::function<std::string(const std::string& name, const std::string& path)> copy;
  };
  /// Not null: the store begins with what these hold; they are there until open() returns. Only where
  /// StateStores::files_format() is the one that they were saved with.
  const Saved* saved = nullptr;
};

/// Opens the stores of a job. Any thread; outlives its stores.
class StateStores {
 public:
  virtual ~StateStores() = default;
  /// A store that is empty, or begins with what the options say.
  virtual std::unique_ptr<StateStore> open(const StateStoreOptions& options) = 0;
  /// What all stores together take of the process's memory at most: it is taken off memory.state, and the rest is for the
  /// tables in front of them.
  virtual std::uint64_t memory_bytes() const { return 0; }
  /// What sort of files its stores give and can begin with, for checkpoints to say; a new one when they change so that
  /// older ones can't be read. Empty: they give none.
  virtual std::string files_format() const { return {}; }
};

}  // namespace tidemark
