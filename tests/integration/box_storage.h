// A storage that other programs know nothing of and that outlives its process: "box://bucket/x" is bucket/x below a folder.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tidemark/storage.h"

class BoxStorage : public tidemark::Storage {
 public:
  explicit BoxStorage(std::filesystem::path root) : root_{std::move(root)} {}

  std::unique_ptr<tidemark::StorageWriter> create(const std::string& path, bool replace) override {
    const int how = O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
    return std::make_unique<Writer>(opened(path, how), path);
  }
  std::unique_ptr<tidemark::StorageReader> open(const std::string& path) override {
    return std::make_unique<Reader>(opened(path, O_RDONLY | O_CLOEXEC), path);
  }
  tidemark::StorageEntry stat(const std::string& path) override {
    const auto file = file_of(path);
    if (!std::filesystem::exists(file)) throw failed(ENOENT, path);
    return entry_of(file);
  }
  std::vector<tidemark::StorageEntry> list(const std::string& path) override {
    std::vector<tidemark::StorageEntry> entries;
    checked(path, [&](std::error_code& code) {
      for (const auto& found : std::filesystem::directory_iterator{file_of(path), code}) {
        entries.push_back(entry_of(found.path()));
      }
    });
    std::ranges::sort(entries, {}, &tidemark::StorageEntry::name);
    return entries;
  }
  void make_directories(const std::string& path) override {
    checked(path, [&](std::error_code& code) { std::filesystem::create_directories(file_of(path), code); });
  }
  void rename(const std::string& from, const std::string& to) override {
    checked(from, [&](std::error_code& code) { std::filesystem::rename(file_of(from), file_of(to), code); });
  }
  void remove(const std::string& path) override { remove_either(path); }
  void remove_directory(const std::string& path) override { remove_either(path); }
  void sync_directory(const std::string&) override {}
  std::unique_ptr<tidemark::StorageLock> lock(const std::string& path) override {
    auto held = std::make_unique<Lock>(opened(path, O_RDWR | O_CREAT | O_CLOEXEC));
    if (::flock(held->fd, LOCK_EX | LOCK_NB) == 0) return held;
    throw tidemark::Error{tidemark::ErrorCode::kFailedPrecondition, path + ": another job has it"};
  }

 private:
  struct Lock : tidemark::StorageLock {
    explicit Lock(int opened) : fd{opened} {}
    ~Lock() override { ::close(fd); }
    const int fd;
  };
  struct Writer : tidemark::StorageWriter {
    Writer(int opened, std::string name) : fd{opened}, path{std::move(name)} {}
    ~Writer() override { ::close(fd); }
    void append(std::string_view bytes) override {
      while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) throw failed(errno, path);
        bytes.remove_prefix(static_cast<std::size_t>(written));
      }
    }
    void sync() override {
      if (::fsync(fd) != 0) throw failed(errno, path);
    }
    void close() override {}
    const int fd;
    const std::string path;
  };
  struct Reader : tidemark::StorageReader {
    Reader(int opened, std::string name) : fd{opened}, path{std::move(name)} {}
    ~Reader() override { ::close(fd); }
    std::size_t read(std::uint64_t offset, std::span<char> to) const override {
      const ssize_t count = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
      if (count < 0) throw failed(errno, path);
      return static_cast<std::size_t>(count);
    }
    std::uint64_t size() const override { return static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_END)); }
    const int fd;
    const std::string path;
  };

  static tidemark::Error failed(int error, const std::string& path) {
    using Code = tidemark::ErrorCode;
    const Code code = error == ENOENT ? Code::kNotFound : error == EEXIST ? Code::kAlreadyExists : Code::kIo;
    return {code, path + ": " + std::generic_category().message(error)};
  }
  template <class F>
  static void checked(const std::string& path, F&& call) {
    std::error_code code;
    call(code);
    if (code) throw failed(code.value(), path);
  }

  /// "box:" and "." are what lies above "box://bucket".
  std::filesystem::path file_of(const std::string& path) const {
    if (path == "." || path == "box:") return root_;
    if (path.starts_with("box://")) return root_ / path.substr(6);
    throw tidemark::Error{tidemark::ErrorCode::kInvalidArgument, path + ": a path of this storage begins with box://"};
  }
  int opened(const std::string& path, int how) const {
    const int fd = ::open(file_of(path).c_str(), how, 0644);
    if (fd < 0) throw failed(errno, path);
    return fd;
  }
  static tidemark::StorageEntry entry_of(const std::filesystem::path& file) {
    const bool is_directory = std::filesystem::is_directory(file);
    return {file.filename().string(), is_directory, is_directory ? 0 : std::filesystem::file_size(file)};
  }
  void remove_either(const std::string& path) {
    checked(path, [&](std::error_code& code) {
      const bool was_there = std::filesystem::remove(file_of(path), code);
      if (!was_there && !code) code = std::make_error_code(std::errc::no_such_file_or_directory);
    });
  }

  const std::filesystem::path root_;
};
