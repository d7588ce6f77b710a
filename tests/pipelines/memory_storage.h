// A storage of one's own, as docs/storage.md shows it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/storage.h"

using tidemark::Error;
using tidemark::ErrorCode;

class MemoryStorage : public tidemark::Storage {
 public:
  std::unique_ptr<tidemark::StorageWriter> create(const std::string& path, bool replace) override {
    std::lock_guard guard{mutex_};
    if (!replace && files_.contains(path)) throw Error{ErrorCode::kAlreadyExists, path + ": there is such a file already"};
    return std::make_unique<Writer>(files_[path] = std::make_shared<File>());
  }
  std::unique_ptr<tidemark::StorageReader> open(const std::string& path) override {
    std::lock_guard guard{mutex_};
    return std::make_unique<Reader>(find(path)->second);
  }
  tidemark::StorageEntry stat(const std::string& path) override {
    std::lock_guard guard{mutex_};
    if (folders_.contains(path)) return {name_of(path), true, 0};
    return {name_of(path), false, find(path)->second->size()};
  }
  std::vector<tidemark::StorageEntry> list(const std::string& path) override {
    std::lock_guard guard{mutex_};
    if (!folders_.contains(path)) throw not_found(path);
    std::vector<tidemark::StorageEntry> entries;
    for (const auto& [file, bytes] : files_) {
      if (lies_in(path, file)) entries.push_back({name_of(file), false, bytes->size()});
    }
    for (const auto& folder : folders_) {
      if (lies_in(path, folder)) entries.push_back({name_of(folder), true, 0});
    }
    std::ranges::sort(entries, {}, &tidemark::StorageEntry::name);
    return entries;
  }
  void make_directories(const std::string& path) override {
    std::lock_guard guard{mutex_};
    for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
      folders_.insert(path.substr(0, end));
    }
    folders_.insert(path);
  }
  void rename(const std::string& from, const std::string& to) override {
    std::lock_guard guard{mutex_};
    const auto file = find(from);
    files_[to] = file->second;
    files_.erase(file);
  }
  void remove(const std::string& path) override {
    std::lock_guard guard{mutex_};
    files_.erase(find(path));
  }
  void remove_directory(const std::string& path) override {
    std::lock_guard guard{mutex_};
    if (folders_.erase(path) == 0) throw not_found(path);
  }
  void sync_directory(const std::string&) override {}
  std::unique_ptr<tidemark::StorageLock> lock(const std::string& path) override {
    std::lock_guard guard{mutex_};
    files_.try_emplace(path, std::make_shared<File>());
    std::weak_ptr<int>& holder = locks_[path];
    if (!holder.expired()) throw Error{ErrorCode::kFailedPrecondition, path + ": locked by another job"};
    auto held = std::make_unique<Lock>();
    holder = held->token;
    return held;
  }

 private:
  // Listed and read while it is written.
  class File {
   public:
    void append(std::string_view more) {
      std::lock_guard guard{mutex_};
      bytes_.append(more);
    }
    std::uint64_t size() const {
      std::lock_guard guard{mutex_};
      return bytes_.size();
    }
    std::size_t read(std::uint64_t offset, std::span<char> to) const {
      std::lock_guard guard{mutex_};
      return offset < bytes_.size() ? bytes_.copy(to.data(), to.size(), offset) : 0;
    }

   private:
    mutable std::mutex mutex_;
    std::string bytes_;
  };
  struct Writer : tidemark::StorageWriter {
    explicit Writer(std::shared_ptr<File> to) : file{std::move(to)} {}
    void append(std::string_view more) override { file->append(more); }
    void sync() override {}  // it survives as long as the process: enough for an example
    void close() override {}
    std::shared_ptr<File> file;
  };
  struct Reader : tidemark::StorageReader {
    explicit Reader(std::shared_ptr<const File> from) : file{std::move(from)} {}
    std::size_t read(std::uint64_t offset, std::span<char> to) const override { return file->read(offset, to); }
    std::uint64_t size() const override { return file->size(); }
    std::shared_ptr<const File> file;
  };
  struct Lock : tidemark::StorageLock {
    std::shared_ptr<int> token = std::make_shared<int>();
  };
  using Files = std::map<std::string, std::shared_ptr<File>>;

  Files::iterator find(const std::string& path) {
    const auto file = files_.find(path);
    if (file == files_.end()) throw not_found(path);
    return file;
  }
  static Error not_found(const std::string& path) { return {ErrorCode::kNotFound, path + ": there is nothing of that name"}; }
  static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  static bool lies_in(const std::string& folder, const std::string& path) {
    return path.starts_with(folder + "/") && path.find('/', folder.size() + 1) == std::string::npos;
  }

  std::mutex mutex_;
  Files files_;
  std::set<std::string> folders_;
  std::map<std::string, std::weak_ptr<int>> locks_;
};
