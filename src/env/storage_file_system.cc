#include "env/storage_file_system.h"

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace tidemark {
namespace {

/// What `call` returns; what it throws, with the path where that is no Error of the storage's own.
template <class F>
auto guarded(const std::string& path, F&& call) noexcept -> Result<std::invoke_result_t<F&>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      call();
      return {};
    } else {
      return call();
    }
  } catch (const Error& error) {
    return std::unexpected{error};
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo, path + ": the storage failed: " + error.what());
  } catch (...) {
    return fail(ErrorCode::kIo, path + ": the storage threw something that is no std::exception");
  }
}

template <class T>
std::unique_ptr<T> require(std::unique_ptr<T> made, const std::string& path) {
  if (made == nullptr) throw Error{ErrorCode::kInternal, path + ": the storage returned null"};
  return made;
}

class Writer final : public WritableFile {
 public:
  Writer(std::unique_ptr<StorageWriter> to, std::string path) : to_{std::move(to)}, path_{std::move(path)} {}

  Result<> append(std::string_view bytes) override {
    TIDEMARK_TRY(guarded(path_, [&] { to_->append(bytes); }));
    size_ += bytes.size();
    return {};
  }
  Result<> sync() override {
    return guarded(path_, [&] { to_->sync(); });
  }
  Result<> close() override {
    return guarded(path_, [&] { to_->close(); });
  }
  std::uint64_t size() const override { return size_; }

 private:
  const std::unique_ptr<StorageWriter> to_;
  const std::string path_;
  std::uint64_t size_ = 0;
};

class Reader final : public ReadableFile {
 public:
  Reader(std::unique_ptr<StorageReader> from, std::string path) : from_{std::move(from)}, path_{std::move(path)} {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const override {
    TIDEMARK_ASSIGN(bytes, guarded(path_, [&] { return from_->read(offset, out); }));
    if (bytes > out.size()) return fail(ErrorCode::kInternal, path_ + ": the storage says that it read more than was asked for");
    return bytes;
  }
  Result<std::uint64_t> size() const override {
    return guarded(path_, [&] { return from_->size(); });
  }

 private:
  const std::unique_ptr<StorageReader> from_;
  const std::string path_;
};

class Lock final : public FileLock {
 public:
  explicit Lock(std::unique_ptr<StorageLock> held) : held_{std::move(held)} {}

 private:
  const std::unique_ptr<StorageLock> held_;
};

class StorageFileSystem final : public FileSystem {
 public:
  explicit StorageFileSystem(std::shared_ptr<Storage> storage) : storage_{std::move(storage)} {}

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override {
    return guarded(path, [&]() -> std::unique_ptr<WritableFile> {
      return std::make_unique<Writer>(require(storage_->create(path, mode == CreateMode::kTruncate), path), path);
    });
  }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    return guarded(path, [&]() -> std::unique_ptr<ReadableFile> {
      return std::make_unique<Reader>(require(storage_->open(path), path), path);
    });
  }
  Result<FileInfo> stat(const std::string& path) override {
    TIDEMARK_ASSIGN(entry, guarded(path, [&] { return storage_->stat(path); }));
    return FileInfo{.is_directory = entry.is_directory, .size = entry.size};
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    TIDEMARK_ASSIGN(found, guarded(path, [&] { return storage_->list(path); }));
    std::vector<DirectoryEntry> entries;
    for (StorageEntry& entry : found) entries.push_back({std::move(entry.name), entry.is_directory});
    return entries;
  }
  Result<> make_directories(const std::string& path) override {
    return guarded(path, [&] { storage_->make_directories(path); });
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    return guarded(from, [&] { storage_->rename(from, to); });
  }
  Result<> remove(const std::string& path) override {
    return guarded(path, [&] { storage_->remove(path); });
  }
  Result<> remove_directory(const std::string& path) override {
    return guarded(path, [&] { storage_->remove_directory(path); });
  }
  Result<> sync_directory(const std::string& path) override {
    return guarded(path, [&] { storage_->sync_directory(path); });
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return guarded(path, [&]() -> std::unique_ptr<FileLock> { return std::make_unique<Lock>(require(storage_->lock(path), path)); });
  }
  bool keeps_removed_open() const override { return false; }

 private:
  const std::shared_ptr<Storage> storage_;
};

}  // namespace

std::unique_ptr<FileSystem> make_storage_file_system(std::shared_ptr<Storage> storage) {
  return std::make_unique<StorageFileSystem>(std::move(storage));
}

}  // namespace tidemark
