#include "env/memory_file_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

struct Node;
using NodePtr = std::shared_ptr<Node>;

// A file or a folder, apart from its name.
struct Node {
  bool is_directory = false;
  std::int64_t modified_ms = 0;

  // A file's content; [0, durable_size) would survive a crash of the machine.
  std::string data;
  std::size_t durable_size = 0;
  std::optional<std::string> before_truncation;  // what a crash may bring back until the next sync
  const void* locked_by = nullptr;

  // A folder's names: as processes see them, and as they would be after a crash that loses every pending change.
  std::map<std::string, NodePtr, std::less<>> names;
  std::map<std::string, NodePtr, std::less<>> durable_names;

  // Where the node stands in durable_names, if anywhere.
  std::weak_ptr<Node> durable_folder;
  std::string durable_name;
};

// A name that was given (`from` empty), taken away (`to` empty) or moved, since the folders were last synced.
struct Change {
  NodePtr node;
  NodePtr from;
  std::string from_name;
  NodePtr to;
  std::string to_name;

  bool touches(const NodePtr& folder) const { return from == folder || to == folder; }
};

void unplace(Node& node) {
  if (const NodePtr folder = node.durable_folder.lock()) folder->durable_names.erase(node.durable_name);
  node.durable_folder.reset();
}

void make_durable(const Change& change) {
  const NodePtr node = change.node;
  if (!change.to) {
    const auto at = change.from->durable_names.find(change.from_name);
    if (at != change.from->durable_names.end() && at->second == node) unplace(*node);
    return;
  }
  unplace(*node);
  if (const auto at = change.to->durable_names.find(change.to_name); at != change.to->durable_names.end())
    unplace(*NodePtr{at->second});
  change.to->durable_names[change.to_name] = node;
  node->durable_folder = change.to;
  node->durable_name = change.to_name;
}

void tear(Node& file, Random& random) {
  if (file.before_truncation && random.next() % 2 == 0) {
    file.data = *file.before_truncation;
  } else if (const std::size_t tail = file.data.size() - file.durable_size; tail > 0) {
    const std::size_t cut = file.durable_size + random.next() % (tail + 1);
    switch (random.next() % 4) {
      case 0:
        file.data.resize(file.durable_size);
        break;
      case 1:
        break;
      case 2:
        file.data.resize(cut);
        break;
      default:
        std::fill(file.data.begin() + static_cast<std::ptrdiff_t>(cut), file.data.end(), '\0');
    }
  }
  file.before_truncation.reset();
  file.durable_size = file.data.size();
}

void fall_back_to_durable(Node& node, Random& random) {
  node.locked_by = nullptr;
  if (!node.is_directory) return tear(node, random);
  node.names = node.durable_names;
  for (const auto& [name, child] : node.names) fall_back_to_durable(*child, random);
}

void release_locks(Node& node) {
  node.locked_by = nullptr;
  for (const auto& [name, child] : node.names) release_locks(*child);
}

bool contains(const Node& folder, const Node& node) {
  return &folder == &node ||
         std::ranges::any_of(folder.names, [&](const auto& entry) { return contains(*entry.second, node); });
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
    begin = end + 1;
  }
  return parts;
}

std::unexpected<Error> failed(ErrorCode code, FileOperation operation, std::string_view path, std::string_view why) {
  return fail(code, fmt::format("cannot {} '{}' (in memory): {}", to_string(operation), path, why));
}

}  // namespace

std::string_view to_string(FileOperation operation) noexcept {
  switch (operation) {
    case FileOperation::kCreate:
      return "create";
    case FileOperation::kOpen:
      return "open";
    case FileOperation::kStat:
      return "look at";
    case FileOperation::kList:
      return "list";
    case FileOperation::kMakeDirectories:
      return "create folder";
    case FileOperation::kRename:
      return "rename";
    case FileOperation::kRemove:
      return "remove";
    case FileOperation::kRemoveDirectory:
      return "remove folder";
    case FileOperation::kSyncDirectory:
      return "sync folder";
    case FileOperation::kLock:
      return "lock";
    case FileOperation::kAppend:
      return "write to";
    case FileOperation::kSync:
      return "sync";
    case FileOperation::kClose:
      return "close";
    case FileOperation::kRead:
      return "read";
  }
  return "use";
}

bool changes_files(FileOperation operation) noexcept {
  switch (operation) {
    case FileOperation::kOpen:
    case FileOperation::kStat:
    case FileOperation::kList:
    case FileOperation::kClose:
    case FileOperation::kRead:
      return false;
    default:
      return true;
  }
}

struct MemoryFileSystem::State {
  struct Place {
    NodePtr folder;
    std::string name;
    NodePtr node;  // null if the name is free
  };

  /// Runs the hook, then holds the lock. Fails if there was a crash meanwhile or, for a handle, since it was opened.
  Result<std::unique_lock<std::mutex>> enter(FileOperation operation, const std::string& path,
                                             std::optional<std::uint64_t> opened_in = {}) {
    std::unique_lock lock{mutex};
    const std::uint64_t begun_in = opened_in.value_or(incarnation);
    const std::shared_ptr<const Hook> now = hook;
    if (now && begun_in == incarnation) {
      lock.unlock();
      if (std::optional<Error> error = (*now)(operation, path)) return std::unexpected{std::move(*error)};
      lock.lock();
    }
    if (begun_in != incarnation) return failed(ErrorCode::kIo, operation, path, "its process or machine has crashed");
    return lock;
  }

  std::int64_t now_ms() const { return clock != nullptr ? clock->wall_ms() : 0; }

  NodePtr find(std::string_view path) const {
    NodePtr node = root;
    for (const std::string& part : components(path)) {
      const auto at = node->names.find(part);
      if (at == node->names.end()) return nullptr;
      node = at->second;
    }
    return node;
  }

  Result<Place> place(FileOperation operation, const std::string& path) const {
    std::vector<std::string> parts = components(path);
    if (parts.empty()) return failed(ErrorCode::kInvalidArgument, operation, path, "that is the root");
    Place place{.folder = root, .name = std::move(parts.back()), .node = nullptr};
    parts.pop_back();
    for (const std::string& part : parts) {
      const auto at = place.folder->names.find(part);
      if (at == place.folder->names.end() || !at->second->is_directory) {
        return failed(ErrorCode::kNotFound, operation, path, fmt::format("there is no folder '{}'", part));
      }
      place.folder = NodePtr{at->second};
    }
    if (const auto at = place.folder->names.find(place.name); at != place.folder->names.end()) place.node = at->second;
    return place;
  }

  Result<Place> existing(FileOperation operation, const std::string& path) const {
    TIDEMARK_ASSIGN(found, place(operation, path));
    if (!found.node) return failed(ErrorCode::kNotFound, operation, path, "there is nothing of that name");
    return found;
  }

  Result<NodePtr> folder(FileOperation operation, const std::string& path) const {
    const NodePtr node = find(path);
    if (!node) return failed(ErrorCode::kNotFound, operation, path, "there is nothing of that name");
    if (!node->is_directory) return failed(ErrorCode::kNotFound, operation, path, "it is not a folder");
    return node;
  }

  NodePtr add(const Place& place, bool is_directory) {
    const auto node = std::make_shared<Node>();
    node->is_directory = is_directory;
    node->modified_ms = now_ms();
    place.folder->names[place.name] = node;
    pending.push_back({.node = node, .from = nullptr, .from_name = {}, .to = place.folder, .to_name = place.name});
    return node;
  }

  void take_away(const Place& place) {
    place.folder->names.erase(place.name);
    pending.push_back(
        {.node = place.node, .from = place.folder, .from_name = place.name, .to = nullptr, .to_name = {}});
  }

  // A change that touches the folder takes along the earlier changes of its node, wherever they were made.
  void make_names_durable(const NodePtr& folder) {
    std::set<NodePtr> needed;
    std::vector<bool> selected(pending.size());
    for (std::size_t i = pending.size(); i-- > 0;) {
      selected[i] = pending[i].touches(folder) || needed.contains(pending[i].node);
      if (selected[i]) needed.insert(pending[i].node);
    }
    std::vector<Change> left;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (selected[i]) {
        make_durable(pending[i]);
      } else {
        left.push_back(std::move(pending[i]));
      }
    }
    pending = std::move(left);
  }

  mutable std::mutex mutex;
  const Clock* clock = nullptr;
  std::shared_ptr<const Hook> hook;
  std::uint64_t incarnation = 0;
  NodePtr root = std::make_shared<Node>(Node{.is_directory = true});
  std::vector<Change> pending;
};

class MemoryFileSystem::Writer final : public WritableFile {
 public:
  Writer(std::shared_ptr<State> state, NodePtr node, std::string path)
      : state_{std::move(state)}, node_{std::move(node)}, path_{std::move(path)}, incarnation_{state_->incarnation} {}

  Result<> append(std::string_view bytes) override {
    TIDEMARK_TRY(usable(FileOperation::kAppend));
    auto lock = state_->enter(FileOperation::kAppend, path_, incarnation_);
    if (!lock) {
      add_half(bytes);
      return broken(std::move(lock.error()));
    }
    node_->data.append(bytes);
    node_->modified_ms = state_->now_ms();
    size_ += bytes.size();
    return {};
  }

  Result<> sync() override {
    TIDEMARK_TRY(usable(FileOperation::kSync));
    auto lock = state_->enter(FileOperation::kSync, path_, incarnation_);
    if (!lock) return broken(std::move(lock.error()));
    node_->durable_size = node_->data.size();
    node_->before_truncation.reset();
    return {};
  }

  Result<> close() override {
    if (std::exchange(closed_, true)) return {};
    auto lock = state_->enter(FileOperation::kClose, path_, incarnation_);
    if (!lock) return broken(std::move(lock.error()));
    return {};
  }

  std::uint64_t size() const override { return size_; }

 private:
  Result<> usable(FileOperation operation) const {
    if (failure_) return std::unexpected{*failure_};
    if (closed_) return failed(ErrorCode::kFailedPrecondition, operation, path_, "it is closed");
    return {};
  }
  std::unexpected<Error> broken(Error error) {
    failure_ = error;
    return std::unexpected{std::move(error)};
  }
  void add_half(std::string_view bytes) {
    const std::lock_guard lock{state_->mutex};
    if (state_->incarnation == incarnation_) node_->data.append(bytes.substr(0, bytes.size() / 2));
  }

  std::shared_ptr<State> state_;
  NodePtr node_;
  std::string path_;
  std::uint64_t incarnation_;
  std::uint64_t size_ = 0;
  bool closed_ = false;
  std::optional<Error> failure_;
};

class MemoryFileSystem::Reader final : public ReadableFile {
 public:
  Reader(std::shared_ptr<State> state, NodePtr node, std::string path)
      : state_{std::move(state)}, node_{std::move(node)}, path_{std::move(path)}, incarnation_{state_->incarnation} {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const override {
    TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kRead, path_, incarnation_));
    if (offset >= node_->data.size()) return std::size_t{0};
    return node_->data.copy(out.data(), out.size(), offset);
  }

  Result<std::uint64_t> size() const override {
    TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kStat, path_, incarnation_));
    return node_->data.size();
  }

 private:
  std::shared_ptr<State> state_;
  NodePtr node_;
  std::string path_;
  std::uint64_t incarnation_;
};

class MemoryFileSystem::Lock final : public FileLock {
 public:
  Lock(std::shared_ptr<State> state, NodePtr node) : state_{std::move(state)}, node_{std::move(node)} {
    node_->locked_by = this;
  }
  ~Lock() override {
    const std::lock_guard lock{state_->mutex};
    if (node_->locked_by == this) node_->locked_by = nullptr;
  }

 private:
  std::shared_ptr<State> state_;
  NodePtr node_;
};

MemoryFileSystem::MemoryFileSystem(const Clock* clock) : state_{std::make_shared<State>()} { state_->clock = clock; }
MemoryFileSystem::~MemoryFileSystem() = default;

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::create(const std::string& path, CreateMode mode) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kCreate, path));
  TIDEMARK_ASSIGN(place, state_->place(FileOperation::kCreate, path));
  if (!place.node) return std::make_unique<Writer>(state_, state_->add(place, false), path);
  if (mode == CreateMode::kExclusive)
    return failed(ErrorCode::kAlreadyExists, FileOperation::kCreate, path, "it exists");
  if (place.node->is_directory)
    return failed(ErrorCode::kInvalidArgument, FileOperation::kCreate, path, "it is a folder");
  Node& file = *place.node;
  if (!file.before_truncation) file.before_truncation = file.data.substr(0, file.durable_size);
  file.data.clear();
  file.durable_size = 0;
  file.modified_ms = state_->now_ms();
  return std::make_unique<Writer>(state_, place.node, path);
}

Result<std::unique_ptr<ReadableFile>> MemoryFileSystem::open(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kOpen, path));
  const NodePtr node = state_->find(path);
  if (!node) return failed(ErrorCode::kNotFound, FileOperation::kOpen, path, "there is nothing of that name");
  if (node->is_directory) return failed(ErrorCode::kInvalidArgument, FileOperation::kOpen, path, "it is a folder");
  return std::make_unique<Reader>(state_, node, path);
}

Result<FileInfo> MemoryFileSystem::stat(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kStat, path));
  const NodePtr node = state_->find(path);
  if (!node) return failed(ErrorCode::kNotFound, FileOperation::kStat, path, "there is nothing of that name");
  return FileInfo{.is_directory = node->is_directory, .size = node->data.size(), .modified_ms = node->modified_ms};
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::list(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kList, path));
  TIDEMARK_ASSIGN(folder, state_->folder(FileOperation::kList, path));
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : folder->names) entries.push_back({name, node->is_directory});
  return entries;
}

Result<> MemoryFileSystem::make_directories(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kMakeDirectories, path));
  NodePtr folder = state_->root;
  for (const std::string& name : components(path)) {
    const auto at = folder->names.find(name);
    NodePtr next =
        at != folder->names.end() ? at->second : state_->add({.folder = folder, .name = name, .node = nullptr}, true);
    if (!next->is_directory) {
      return failed(ErrorCode::kAlreadyExists, FileOperation::kMakeDirectories, path,
                    fmt::format("'{}' is a file", name));
    }
    folder = std::move(next);
  }
  return {};
}

Result<> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kRename, from));
  TIDEMARK_ASSIGN(source, state_->existing(FileOperation::kRename, from));
  TIDEMARK_ASSIGN(target, state_->place(FileOperation::kRename, to));
  if (target.node == source.node) return {};
  if (target.node && target.node->is_directory != source.node->is_directory) {
    return failed(ErrorCode::kInvalidArgument, FileOperation::kRename, to, "one is a file and one a folder");
  }
  if (target.node && !target.node->names.empty()) {
    return failed(ErrorCode::kFailedPrecondition, FileOperation::kRename, to, "the folder is not empty");
  }
  if (contains(*source.node, *target.folder)) {
    return failed(ErrorCode::kInvalidArgument, FileOperation::kRename, from, "a folder can't move into itself");
  }
  source.folder->names.erase(source.name);
  target.folder->names[target.name] = source.node;
  state_->pending.push_back({.node = source.node,
                             .from = source.folder,
                             .from_name = source.name,
                             .to = target.folder,
                             .to_name = target.name});
  return {};
}

Result<> MemoryFileSystem::remove(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kRemove, path));
  TIDEMARK_ASSIGN(place, state_->existing(FileOperation::kRemove, path));
  if (place.node->is_directory)
    return failed(ErrorCode::kInvalidArgument, FileOperation::kRemove, path, "it is a folder");
  state_->take_away(place);
  return {};
}

Result<> MemoryFileSystem::remove_directory(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kRemoveDirectory, path));
  TIDEMARK_ASSIGN(place, state_->existing(FileOperation::kRemoveDirectory, path));
  if (!place.node->is_directory)
    return failed(ErrorCode::kNotFound, FileOperation::kRemoveDirectory, path, "it is not a folder");
  if (!place.node->names.empty()) {
    return failed(ErrorCode::kFailedPrecondition, FileOperation::kRemoveDirectory, path, "it is not empty");
  }
  state_->take_away(place);
  return {};
}

Result<> MemoryFileSystem::sync_directory(const std::string& path) {
  TIDEMARK_ASSIGN(lock, state_->enter(FileOperation::kSyncDirectory, path));
  TIDEMARK_ASSIGN(folder, state_->folder(FileOperation::kSyncDirectory, path));
  state_->make_names_durable(folder);
  return {};
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path) {
  TIDEMARK_ASSIGN(held, state_->enter(FileOperation::kLock, path));
  TIDEMARK_ASSIGN(place, state_->place(FileOperation::kLock, path));
  const NodePtr node = place.node ? place.node : state_->add(place, false);
  if (node->is_directory) return failed(ErrorCode::kInvalidArgument, FileOperation::kLock, path, "it is a folder");
  if (node->locked_by != nullptr)
    return failed(ErrorCode::kFailedPrecondition, FileOperation::kLock, path, "it is locked");
  return std::make_unique<Lock>(state_, node);
}

void MemoryFileSystem::set_hook(Hook hook) {
  const std::lock_guard lock{state_->mutex};
  state_->hook = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
}

void MemoryFileSystem::crash_machine(Random& random) {
  const std::lock_guard lock{state_->mutex};
  ++state_->incarnation;
  for (const Change& change : std::exchange(state_->pending, {})) {
    if (random.next() % 2 == 0) make_durable(change);
  }
  fall_back_to_durable(*state_->root, random);
}

void MemoryFileSystem::crash_process() {
  const std::lock_guard lock{state_->mutex};
  ++state_->incarnation;
  release_locks(*state_->root);
}

}  // namespace tidemark
