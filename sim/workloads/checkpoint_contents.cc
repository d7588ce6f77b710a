#include "sim/workloads/checkpoint_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "env/memory_file_system.h"
#include "snapshot/file_copy.h"
#include "snapshot/snapshot_file_reader.h"
#include "state/memory_state_store.h"
#include "state/store_key.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/connectors/assigned_splits.h"

namespace tidemark {
namespace {

/// The numbers from `next` on to `end` are still to be read.
struct Unread {
  std::uint64_t next = 0;
  std::uint64_t end = 0;
};

std::optional<Unread> unread_of(const detail::SplitState& state) {
  const std::size_t dash = state.split.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto begin = number_in(std::string_view{state.split}.substr(0, dash));
  const auto end = number_in(std::string_view{state.split}.substr(dash + 1));
  const auto next = state.position.empty() ? begin : number_in(state.position);
  if (!begin || !end || !next || *next < *begin || *next > *end) return std::nullopt;
  return Unread{*next, *end};
}

const CheckpointMetadata::Operator* find_operator(const CheckpointMetadata& checkpoint, const std::string& uid) {
  const auto found = std::ranges::find(checkpoint.operators, uid, &CheckpointMetadata::Operator::uid);
  return found == checkpoint.operators.end() ? nullptr : &*found;
}

/// The entries of one state of one subtask, as its files leave them one after the other.
class Folded {
 public:
  Folded(FileSystem& files, std::string_view state) : files_{files}, state_{state} {}

  /// What a store's files hold of it; `tables` is the data file beside them. Before that is added.
  Result<> add_store(const StoreFiles& store, const SnapshotFile& tables) {
    TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files_, tables.path, &tables));
    std::vector<std::string> states;
    for (std::uint32_t id = 0; id < reader->states().size(); ++id) {
      const StateDescriptor& state = reader->states()[id];
      const bool is_table = state.kind <= StateDescriptor::Kind::kMap;
      if (is_table && reader->part(id).kind == StatePart::Kind::kEntries) states.push_back(state.name);
    }
    const auto found = std::ranges::find(states, state_);
    if (found == states.end()) return {};
    for (std::uint32_t group = store.key_groups.begin; group < store.key_groups.end; ++group) based_.insert(group);
    try {
      read_store(store, states, static_cast<std::uint32_t>(found - states.begin()), reader->header().max_parallelism);
    } catch (const Error& error) {
      return std::unexpected{error};
    }
    return {};
  }

  Result<> add(const std::string& path, const SnapshotFile& file) {
    TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files_, path, &file));
    for (std::uint32_t id = 0; id < reader->states().size(); ++id) {
      if (reader->states()[id].name == state_ && reader->part(id).kind == StatePart::Kind::kErased) {
        TIDEMARK_TRY(erase(path, file, *reader, id));
      }
    }
    const auto id = reader->find_state(state_);
    if (!id) return {};
    note_bases(file, reader->part(*id));
    drop(reader->part(*id));
    return put(path, file, *reader, *id);
  }

  Result<> for_each(const std::function<bool(const SnapshotEntry&)>& take) const {
    if (!unbased_.empty()) {
      return fail(ErrorCode::kDataLoss, fmt::format("of '{}' no file has all that there was in key group {}", state_, *unbased_.begin()));
    }
    for (const auto& [at, value] : entries_) {
      if (!take({.key_group = at.key_group, .key = at.key, .name_space = at.name_space, .map_key = at.map_key, .value = value})) {
        return fail(ErrorCode::kDataLoss, fmt::format("an entry of '{}' is none of its type, or doubled", state_));
      }
    }
    return {};
  }

 private:
  struct Place {
    std::uint32_t key_group = 0;
    std::string key, name_space, map_key;
    auto operator<=>(const Place&) const = default;
  };

  void read_store(const StoreFiles& store, const std::vector<std::string>& states, std::uint32_t wanted, std::uint32_t groups) {
    MemoryFileSystem local;
    MemoryStateStores stores;
    stores.give_files(local, "/");
    StateStoreOptions options{.name = "observed", .states = {}};
    for (const std::string& state : states) options.states.push_back({state, nullptr});
    StateStoreOptions::Saved saved;
    for (const StoreFile& file : store.files) saved.names.push_back(file.name);
    saved.fetch = [&](const std::string& name, const std::string& path) {
      const auto file = std::ranges::find(store.files, name, &StoreFile::name);
      value_or_throw(fetch_file(files_, file->file, local, path));
      return file->file.path;
    };
    options.saved = &saved;
    const auto opened = stores.open(options);
    const auto content = opened->snapshot();
    for (const auto entries = content->entries(wanted); entries->next();) {
      const std::string_view key = key_of_store_key(entries->key());
      const std::uint32_t group = key_group_of(detail::hash_of_encoded(key), groups);
      if (!store.key_groups.contains(group)) {
        throw Error{ErrorCode::kDataLoss, fmt::format("a store has a key of group {} in '{}'", group, state_)};
      }
      entries_.insert_or_assign(Place{group, std::string{key}, {}, {}}, std::string{entries->value()});
    }
  }

  static Place place_of(const SnapshotEntry& entry) {
    return {entry.key_group, std::string{entry.key}, std::string{entry.name_space}, std::string{entry.map_key}};
  }

  /// f of each entry, with its place.
  template <class F>
  static Result<> for_each_of(const std::string& path, const SnapshotFile& file, const SnapshotFileReader& reader, std::uint32_t id,
                              F&& f) {
    const std::uint32_t groups = reader.header().max_parallelism;
    return reader.for_each(id, KeyGroupRange{0, groups}, [&](const SnapshotEntry& entry) -> Result<> {
      const std::uint32_t group = key_group_of(detail::hash_of_encoded(entry.key), groups);
      if (group != entry.key_group || !file.key_groups.contains(group)) {
        return fail(ErrorCode::kDataLoss, fmt::format("'{}' has a key of group {} in group {}", path, group, entry.key_group));
      }
      return f(entry, place_of(entry));
    });
  }

  Result<> erase(const std::string& path, const SnapshotFile& file, const SnapshotFileReader& reader, std::uint32_t id) {
    return for_each_of(path, file, reader, id, [&](const SnapshotEntry&, const Place& place) -> Result<> {
      entries_.erase(place);
      return {};
    });
  }

  // Each key group must be whole in some file; what older ones hold of it is void then.
  void note_bases(const SnapshotFile& file, const StatePart& part) {
    for (std::uint32_t group = file.key_groups.begin; group < file.key_groups.end; ++group) {
      const bool whole = std::ranges::any_of(part.whole, [&](KeyGroupRange range) { return range.contains(group); });
      if (whole) based_.insert(group);
      if (!based_.contains(group)) unbased_.insert(group);
      if (whole) unbased_.erase(group);
    }
  }

  void drop(const StatePart& part) {
    std::erase_if(entries_, [&](const auto& one) {
      const Place& at = one.first;
      return std::ranges::any_of(part.whole, [&](KeyGroupRange range) { return range.contains(at.key_group); }) ||
             std::ranges::count(part.dropped_namespaces, at.name_space) > 0;
    });
  }

  Result<> put(const std::string& path, const SnapshotFile& file, const SnapshotFileReader& reader, std::uint32_t id) {
    std::set<Place> here;
    return for_each_of(path, file, reader, id, [&](const SnapshotEntry& entry, Place place) -> Result<> {
      if (!here.insert(place).second) return fail(ErrorCode::kDataLoss, fmt::format("'{}' has an entry of '{}' twice", path, state_));
      entries_.insert_or_assign(std::move(place), std::string{entry.value});
      return {};
    });
  }

  FileSystem& files_;
  const std::string_view state_;
  std::set<std::uint32_t> based_, unbased_;  // key groups of the files
  std::map<Place, std::string> entries_;
};

}  // namespace

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && rest == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

Result<std::vector<bool>> numbers_read(const CheckpointMetadata& checkpoint, const std::string& uid,
                                       std::uint64_t count) {
  const auto wrong = [&](std::string_view what) { return fail(ErrorCode::kDataLoss, fmt::format("source '{}': {}", uid, what)); };
  TIDEMARK_ASSIGN(enumerator, read_list_state<EnumeratorState>(checkpoint, uid, "enumerator"));
  TIDEMARK_ASSIGN(splits, read_list_state<detail::SplitState>(checkpoint, uid, "splits"));
  const auto given = enumerator.size() == 1 ? number_in(enumerator.front().unassigned) : std::nullopt;
  if (!given || *given > count) return wrong("its enumerator's position is damaged");
  std::vector<bool> read(count, false);
  std::fill_n(read.begin(), *given, true);
  for (const detail::SplitState& state : splits) {
    const auto unread = unread_of(state);
    if (!unread || unread->end > *given) return wrong(fmt::format("split '{}' at '{}' is damaged", state.split, state.position));
    for (std::uint64_t n = unread->next; n < unread->end; ++n) {
      if (!read[n]) return wrong(fmt::format("number {} is in two splits", n));
      read[n] = false;
    }
  }
  return read;
}

Result<> read_items(const CheckpointMetadata& checkpoint, const std::string& uid, std::string_view state,
                    const std::function<bool(std::string_view)>& take) {
  const CheckpointMetadata::Operator* op = find_operator(checkpoint, uid);
  if (op == nullptr) return fail(ErrorCode::kDataLoss, fmt::format("'{}' is not in checkpoint {}", uid, checkpoint.id));
  for (const OperatorSnapshot& subtask : op->subtasks) {
    for (const OperatorListState& list : subtask.list_states) {
      if (list.name != state) continue;
      for (const std::string& bytes : list.items) {
        if (!take(bytes)) return fail(ErrorCode::kDataLoss, fmt::format("an item of '{}' in '{}' is damaged", state, uid));
      }
    }
  }
  return {};
}

Result<> read_entries(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint,
                      const std::string& uid, std::string_view state,
                      const std::function<bool(const SnapshotEntry&)>& take) {
  const CheckpointMetadata::Operator* op = find_operator(checkpoint, uid);
  if (op == nullptr) return fail(ErrorCode::kDataLoss, fmt::format("'{}' is not in checkpoint {}", uid, checkpoint.id));
  std::vector<KeyGroupRange> seen;
  for (const OperatorSnapshot& subtask : op->subtasks) {
    Folded folded{files, state};
    const std::size_t before = seen.size();
    if (!subtask.store.format.empty()) {
      if (subtask.keyed_files.size() != 1) return fail(ErrorCode::kDataLoss, fmt::format("'{}' has a store and no data file", uid));
      TIDEMARK_TRY(folded.add_store(subtask.store, subtask.keyed_files.front()));
    }
    for (const SnapshotFile& file : subtask.keyed_files) {
      const auto others = std::span{seen}.first(before);
      if (std::ranges::any_of(others, [&](KeyGroupRange other) { return other.intersects(file.key_groups); })) {
        return fail(ErrorCode::kDataLoss, fmt::format("'{}' has key groups that another subtask has", file.path));
      }
      seen.push_back(file.key_groups);
      TIDEMARK_TRY(folded.add(join_path(folder, file.path), file));
    }
    TIDEMARK_TRY(folded.for_each(take));
  }
  return {};
}

}  // namespace tidemark
