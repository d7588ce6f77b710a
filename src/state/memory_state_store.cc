#include "state/memory_state_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tidemark/detail/base/bytes.h"

namespace tidemark {
namespace {

using Entries = std::map<std::string, std::string, std::less<>>;
using States = std::vector<std::shared_ptr<Entries>>;

struct Named {
  std::string store;
  MemoryStateStores::Hook hook;
  void before(StoreOperation operation) const {
    if (!hook) return;
    if (const auto error = hook(operation, store)) throw *error;
  }
};

class MapEntries final : public StateEntries {
 public:
  MapEntries(std::shared_ptr<const Entries> entries, std::string_view from)
      : entries_{std::move(entries)}, next_{entries_->lower_bound(from)} {}
  bool next() override {
    if (next_ == entries_->end()) return false;
    at_ = next_++;
    return true;
  }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }

 private:
  std::shared_ptr<const Entries> entries_;
  Entries::const_iterator next_;
  Entries::const_iterator at_;
};

class MapSnapshot final : public StateStoreSnapshot {
 public:
  MapSnapshot(const Named& name, States states) : name_{name}, states_{std::move(states)} {}
  std::unique_ptr<StateEntries> entries(std::uint32_t state) override { return entries_from(state, {}); }
  std::unique_ptr<StateEntries> entries_from(std::uint32_t state, std::string_view from) override {
    name_.before(StoreOperation::kRead);
    return std::make_unique<MapEntries>(states_[state], from);
  }

 private:
  const Named& name_;
  const States states_;
};

// A file that is there as long as a store or somebody whom it was given to needs it.
struct Part {
  FileSystem& files;
  std::string name;
  std::string path;
  ~Part() { static_cast<void>(files.remove(path)); }
};

class MapFiles final : public StateStoreFiles {
 public:
  explicit MapFiles(std::vector<std::shared_ptr<const Part>> parts) : parts_{std::move(parts)} {
    for (const auto& part : parts_) found_.push_back({part->name, part->path});
  }
  const std::vector<StateStoreFile>& files() const override { return found_; }

 private:
  std::vector<std::shared_ptr<const Part>> parts_;
  std::vector<StateStoreFile> found_;
};

// What changed, as a file has it: for each key its state, whether it has a value, and that.
class Parts {
 public:
  Parts(FileSystem& files, std::string folder) : files_{files}, folder_{std::move(folder)} {}

  void note(std::uint32_t state, std::string_view key) { changed_.emplace(state, key); }

  /// What `states` hold is in the files afterwards.
  std::vector<std::shared_ptr<const Part>> write(const States& states) {
    const bool is_whole = parts_.size() >= kMostParts;
    if (changed_.empty() && !parts_.empty() && !is_whole) return parts_;
    auto part = write(is_whole ? everything(states) : changes(states));
    if (is_whole) parts_.clear();
    parts_.push_back(std::move(part));
    changed_.clear();
    return parts_;
  }

  /// put(state, key, value) of each change in them, in their order.
  template <class Put>
  void read(const StateStoreOptions::Saved& saved, Put&& put) {
    std::map<std::uint64_t, std::string> by_number;
    for (const std::string& name : saved.names) by_number.emplace(number_of(name), name);
    value_or_throw(files_.make_directories(folder_));
    for (const auto& [number, name] : by_number) {
      parts_.push_back(std::make_shared<const Part>(files_, name, join_path(folder_, name)));
      saved.fetch(name, parts_.back()->path);
      const std::string content = value_or_throw(read_file(files_, parts_.back()->path));
      detail::ByteReader in{content};
      while (in.remaining() > 0 && in.ok()) {
        const std::uint32_t state = in.get_u32();
        const bool has_value = in.get_u8() != 0;
        const std::string_view key = in.get_string();
        const std::string_view value = in.get_string();
        if (in.ok() && !put(state, key, has_value ? std::optional{value} : std::nullopt)) in.fail();
      }
      if (!in.ok()) throw Error{ErrorCode::kDataLoss, fmt::format("{}: it is no file of a store in memory", name)};
      next_ = number + 1;
    }
  }

 private:
  static constexpr std::size_t kMostParts = 4;

  static std::uint64_t number_of(std::string_view name) {
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
  }
  static void put(std::uint32_t state, std::string_view key, std::optional<std::string_view> value, detail::ByteWriter& to) {
    to.put_u32(state);
    to.put_u8(value ? 1 : 0);
    to.put_string(key);
    to.put_string(value.value_or(std::string_view{}));
  }
  static std::string everything(const States& states) {
    detail::ByteWriter out;
    for (std::uint32_t state = 0; state < states.size(); ++state) {
      for (const auto& [key, value] : *states[state]) put(state, key, value, out);
    }
    return out.take();
  }
  std::string changes(const States& states) const {
    detail::ByteWriter out;
    for (const auto& [state, key] : changed_) {
      const auto at = states[state]->find(key);
      put(state, key, at != states[state]->end() ? std::optional<std::string_view>{at->second} : std::nullopt, out);
    }
    return out.take();
  }
  std::shared_ptr<const Part> write(const std::string& content) {
    value_or_throw(files_.make_directories(folder_));
    const std::string name = fmt::format("{}.part", next_++);
    auto part = std::make_shared<const Part>(files_, name, join_path(folder_, name));
    const auto file = value_or_throw(files_.create(part->path, CreateMode::kExclusive));
    value_or_throw(file->append(content));
    value_or_throw(file->close());
    return part;
  }

  FileSystem& files_;
  const std::string folder_;
  std::set<std::pair<std::uint32_t, std::string>> changed_;  // since the newest part
  std::vector<std::shared_ptr<const Part>> parts_;           // oldest first
  std::uint64_t next_ = 1;
};

class MapStore final : public StateStore {
 public:
  MapStore(Named name, std::size_t states) : name_{std::move(name)}, seen_(states, false) {
    for (std::size_t i = 0; i < states; ++i) states_.push_back(std::make_shared<Entries>());
  }

  void give_files(FileSystem& files, std::string folder) { parts_.emplace(files, std::move(folder)); }
  void begin_with(const StateStoreOptions::Saved& saved) {
    parts_->read(saved, [this](std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
      if (state >= states_.size()) return false;
      change(state, key, value);
      return true;
    });
  }

  void get(std::uint32_t state, std::span<const std::string_view> keys, const Found& found) override {
    name_.before(StoreOperation::kGet);
    const Entries& entries = *states_[state];
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (const auto at = entries.find(keys[i]); at != entries.end()) found(i, at->second);
    }
  }

  void write(const StateChanges& changes) override {
    name_.before(StoreOperation::kWrite);
    changes.for_each([this](std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
      if (parts_) parts_->note(state, key);
      change(state, key, value);
    });
  }

  std::unique_ptr<StateLoader> load(std::uint32_t state) override { return std::make_unique<Loader>(*this, state); }

  std::unique_ptr<StateStoreSnapshot> snapshot() override {
    name_.before(StoreOperation::kSnapshot);
    seen_.assign(seen_.size(), true);
    return std::make_unique<MapSnapshot>(name_, states_);
  }

  std::unique_ptr<StateStoreFiles> files() override {
    name_.before(StoreOperation::kFiles);
    if (!parts_) return nullptr;
    return std::make_unique<MapFiles>(parts_->write(states_));
  }

 private:
  class Loader final : public StateLoader {
   public:
    Loader(MapStore& store, std::uint32_t state) : store_{store}, state_{state} {}
    void add(std::string_view key, std::string_view value) override { changes_.put(state_, key, value); }
    void finish() override {
      store_.name_.before(StoreOperation::kLoad);
      store_.write(changes_);
    }

   private:
    MapStore& store_;
    std::uint32_t state_;
    StateChanges changes_;
  };

  void change(std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
    Entries& entries = own(state);
    if (value) {
      entries.insert_or_assign(std::string{key}, std::string{*value});
    } else if (const auto at = entries.find(key); at != entries.end()) {
      entries.erase(at);
    }
  }

  // A map that a snapshot may read is never changed.
  Entries& own(std::uint32_t state) {
    if (seen_[state]) states_[state] = std::make_shared<Entries>(*states_[state]);
    seen_[state] = false;
    return *states_[state];
  }

  const Named name_;
  States states_;
  std::vector<bool> seen_;  // by a snapshot, since the map was made
  std::optional<Parts> parts_;  // where it gives files
};

}  // namespace

std::unique_ptr<StateStore> MemoryStateStores::open(const StateStoreOptions& options) {
  const Named name{options.name, hook_};
  name.before(StoreOperation::kOpen);
  auto store = std::make_unique<MapStore>(name, options.states.size());
  if (files_ != nullptr) store->give_files(*files_, join_path(folder_, options.name));
  if (options.saved != nullptr) store->begin_with(*options.saved);
  return store;
}

}  // namespace tidemark
