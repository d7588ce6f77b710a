#include "env/local_copies.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {

namespace {

// Of a copy that is being written: a file of this name is never used.
constexpr std::string_view kUnfinished = ".part";

constexpr std::uint64_t kLookEveryBytes = 64u << 20;  // at the most

}  // namespace

/// Writes to both; the copy gets its name once the storage has the file.
class LocalCopies::Writer final : public WritableFile {
 public:
  Writer(LocalCopies& owner, std::unique_ptr<WritableFile> file, std::unique_ptr<WritableFile> copy, std::string copy_path)
      : owner_{owner}, file_{std::move(file)}, copy_{std::move(copy)}, copy_path_{std::move(copy_path)} {}
  ~Writer() override { drop_copy(); }

  Result<> append(std::string_view bytes) override {
    TIDEMARK_TRY(file_->append(bytes));
    if (copy_ != nullptr) keep_if(copy_->append(bytes));
    return {};
  }
  Result<> sync() override { return file_->sync(); }
  Result<> close() override {
    TIDEMARK_TRY(file_->close());
    if (copy_ != nullptr) keep_if(copy_->close());
    if (copy_ != nullptr) keep_if(owner_.local_.rename(unfinished(), copy_path_));
    if (copy_ != nullptr) owner_.copied(file_->size());
    copy_.reset();
    return {};
  }
  std::uint64_t size() const override { return file_->size(); }

 private:
  std::string unfinished() const { return copy_path_ + std::string{kUnfinished}; }
  void keep_if(const Result<>& result) {
    if (result) return;
    owner_.warn_once(result.error());
    drop_copy();
  }
  void drop_copy() {
    if (copy_ == nullptr) return;
    copy_.reset();
    static_cast<void>(owner_.local_.remove(unfinished()));
  }

  LocalCopies& owner_;
  const std::unique_ptr<WritableFile> file_;
  std::unique_ptr<WritableFile> copy_;  // null: there is none any more
  const std::string copy_path_;
};

/// Reads the copy until it fails or is said to be damaged.
class LocalCopies::Reader final : public ReadableFile {
 public:
  Reader(LocalCopies& owner, std::string path, std::unique_ptr<ReadableFile> file, std::unique_ptr<ReadableFile> copy)
      : owner_{owner}, path_{std::move(path)}, file_{std::move(file)}, copy_{std::move(copy)} {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const override {
    if (uses_copy_.load(std::memory_order_relaxed)) {
      // Where the copy has become shorter the storage says whether the file has, too.
      if (const Result<std::size_t> read = copy_->read(offset, out); read && *read == out.size()) return read;
    }
    return file_->read(offset, out);
  }
  Result<std::uint64_t> size() const override { return file_->size(); }
  bool use_other_copy() const override;

 private:
  LocalCopies& owner_;
  const std::string path_;
  const std::unique_ptr<ReadableFile> file_;
  const std::unique_ptr<ReadableFile> copy_;
  mutable std::atomic<bool> uses_copy_ = true;
};

bool LocalCopies::Reader::use_other_copy() const {
  if (!uses_copy_.exchange(false)) return false;
  TIDEMARK_PROBE("env: a damaged local copy is given up");
  owner_.warn_once(Error{ErrorCode::kDataLoss, path_ + ": its local copy is damaged"});
  owner_.remove_copy(path_);
  return true;
}

namespace {

// Cheap to read from a far storage, and different for any two of the engine's own files, which end with a checksum of their
// index. Of others the reader knows a checksum.
constexpr std::uint64_t kTailBytes = 64;

bool have_same_end(const ReadableFile& a, const ReadableFile& b) {
  const std::uint64_t size = a.size().value_or(0);
  if (size == 0 || b.size().value_or(0) != size) return false;
  const auto tail_of = [size](const ReadableFile& file) {
    std::string tail(std::min(size, kTailBytes), '\0');
    tail.resize(file.read(size - tail.size(), {tail.data(), tail.size()}).value_or(0));
    return tail;
  };
  const std::string tail = tail_of(a);
  return !tail.empty() && tail_of(b) == tail;
}

}  // namespace

LocalCopies::LocalCopies(FileSystem& storage, const std::string& folder, FileSystem& local, std::string local_folder, Remover remover)
    : storage_{storage}, folder_{storage.absolute_path(folder)}, local_{local}, local_folder_{std::move(local_folder)}, remover_{remover} {
  look_at_bytes_ = std::max(remove_stale({}, Unfinished::kRemoved), kLookEveryBytes);
}

Result<std::unique_ptr<WritableFile>> LocalCopies::create(const std::string& path, CreateMode mode) {
  remove_copy(path);
  TIDEMARK_ASSIGN(file, storage_.create(path, mode));
  std::optional<std::string> copy_path = copy_of(path);
  if (!copy_path) return file;
  Result<std::unique_ptr<WritableFile>> copy = create_copy(*copy_path);
  if (!copy) {
    warn_once(copy.error());
    return file;
  }
  return std::make_unique<Writer>(*this, std::move(file), *std::move(copy), std::move(*copy_path));
}

Result<std::unique_ptr<WritableFile>> LocalCopies::create_copy(const std::string& copy_path) {
  TIDEMARK_TRY(local_.make_directories(parent_path(copy_path)));
  return local_.create(copy_path + std::string{kUnfinished}, CreateMode::kTruncate);
}

Result<std::unique_ptr<ReadableFile>> LocalCopies::open(const std::string& path) {
  TIDEMARK_ASSIGN(file, storage_.open(path));
  const std::optional<std::string> copy_path = copy_of(path);
  if (!copy_path) return file;
  Result<std::unique_ptr<ReadableFile>> copy = local_.open(*copy_path);
  if (!copy) return file;
  if (!have_same_end(*file, **copy)) {
    TIDEMARK_PROBE("env: a local copy that is cut is not used");
    return file;
  }
  TIDEMARK_PROBE("env: a file is read from its local copy");
  return std::make_unique<Reader>(*this, path, std::move(file), *std::move(copy));
}

Result<> LocalCopies::rename(const std::string& from, const std::string& to) {
  remove_copy(from);
  remove_copy(to);
  return storage_.rename(from, to);
}

Result<> LocalCopies::remove(const std::string& path) {
  remove_copy(path);
  return storage_.remove(path);
}

Result<> LocalCopies::remove_directory(const std::string& path) {
  if (const auto copy = copy_of(path)) static_cast<void>(local_.remove_directory(*copy));
  return storage_.remove_directory(path);
}

std::optional<std::string> LocalCopies::copy_of(const std::string& path) const {
  const std::string absolute = storage_.absolute_path(path);
  if (absolute.size() <= folder_.size() || !absolute.starts_with(folder_) || absolute[folder_.size()] != '/') return std::nullopt;
  const std::string within = absolute.substr(folder_.size() + 1);
  if (within.starts_with('/') || within.find("..") != std::string::npos) return std::nullopt;
  return join_path(local_folder_, within);
}

void LocalCopies::remove_copy(const std::string& path) {
  if (const auto copy = copy_of(path)) static_cast<void>(local_.remove(*copy));
}

// What a process has left that died while it wrote, and what another has removed from the storage since. The copies are listed first: the
// storage has had the file of each by then.
std::uint64_t LocalCopies::remove_stale(const std::string& within, Unfinished unfinished) {
  const auto copies = local_.list(join_path(local_folder_, within));
  if (!copies) return 0;
  const auto files = storage_.list(join_path(folder_, within));
  const bool is_known = files || files.error().code() == ErrorCode::kNotFound;
  std::set<std::string> names;
  for (const DirectoryEntry& entry : files.value_or(std::vector<DirectoryEntry>{})) names.insert(entry.name);
  std::uint64_t kept_bytes = 0;
  for (const DirectoryEntry& entry : *copies) {
    const std::string name = join_path(within, entry.name);
    const std::string copy = join_path(local_folder_, name);
    const bool is_gone = is_known && !names.contains(entry.name);
    if (entry.is_directory) {
      kept_bytes += remove_stale(name, unfinished);
      if (is_gone) static_cast<void>(local_.remove_directory(copy));
    } else if (entry.name.ends_with(kUnfinished)) {
      if (unfinished == Unfinished::kRemoved) static_cast<void>(local_.remove(copy));
    } else if (is_gone) {
      TIDEMARK_PROBE("env: a local copy goes as its file has gone");
      static_cast<void>(local_.remove(copy));
    } else if (const auto info = local_.stat(copy)) {
      kept_bytes += info->size;
    }
  }
  return kept_bytes;
}

void LocalCopies::copied(std::uint64_t bytes) {
  if (remover_ == Remover::kThisProcess || (copied_bytes_ += bytes) < look_at_bytes_ || looks_.exchange(true)) return;
  const std::uint64_t kept_bytes = remove_stale({}, Unfinished::kKept);
  look_at_bytes_ = copied_bytes_ + std::max(kept_bytes, kLookEveryBytes);
  looks_ = false;
}

void LocalCopies::warn_once(const Error& error) {
  if (!warned_.exchange(true)) log_warning(std::string{error.what()} + "; the job goes on without that copy");
}

}  // namespace tidemark
