#include "env/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "env/descriptor.h"

namespace tidemark {
namespace {

struct Advice {
  ErrorCode code;
  std::string_view text;
};

Advice advice_for(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {ErrorCode::kNotFound, "check the path"};
    case EEXIST:
      return {ErrorCode::kAlreadyExists, "choose another name or remove it"};
    case EACCES:
    case EPERM:
      return {ErrorCode::kPermissionDenied, "check owner and mode of the path and of its folders"};
    case EROFS:
      return {ErrorCode::kPermissionDenied, "choose a folder on a writable file system"};
    case ENOSPC:
      return {ErrorCode::kResourceExhausted, "free space there or choose a folder on another disk"};
    case EDQUOT:
      return {ErrorCode::kResourceExhausted, "free space within the quota or have it raised"};
    case EFBIG:
      return {ErrorCode::kResourceExhausted, "the file system or `ulimit -f` allows no file of this size"};
    case EMFILE:
    case ENFILE:
      return {ErrorCode::kResourceExhausted, "raise the limit on open files (`ulimit -n`)"};
    case ENOMEM:
      return {ErrorCode::kResourceExhausted, "free memory"};
    case EISDIR:
      return {ErrorCode::kInvalidArgument, "name a file, not a folder"};
    case ENOTEMPTY:
      return {ErrorCode::kFailedPrecondition, "empty the folder first"};
    case EXDEV:
      return {ErrorCode::kInvalidArgument, "keep both names on one file system"};
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
      return {ErrorCode::kInvalidArgument, "choose another path"};
    default:
      return {ErrorCode::kIo, "check the disk and the kernel's log"};
  }
}

std::unexpected<Error> failed(int error, std::string_view operation, std::string_view path) {
  const Advice advice = advice_for(error);
  return fail(advice.code, fmt::format("cannot {} '{}': {}; {}", operation, path,
                                       std::generic_category().message(error), advice.text));
}

template <class Call>
auto retry_interrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

Result<Descriptor> open_path(const std::string& path, int flags, std::string_view operation) {
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); });
  if (fd < 0) return failed(errno, operation, path);
  return Descriptor{fd};
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(Descriptor fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  Result<> append(std::string_view bytes) override {
    TIDEMARK_TRY(usable("write to"));
    while (!bytes.empty()) {
      const ssize_t n = retry_interrupted([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
      if (n < 0) return broken(errno, "write to");
      bytes.remove_prefix(static_cast<std::size_t>(n));
      size_ += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Result<> sync() override {
    TIDEMARK_TRY(usable("sync"));
    if (retry_interrupted([&] { return ::fsync(fd_.get()); }) != 0) return broken(errno, "sync");
    return {};
  }

  Result<> close() override {
    const int fd = fd_.release();
    // An interrupted close has closed the descriptor on Linux.
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return broken(errno, "close");
    return {};
  }

  std::uint64_t size() const override { return size_; }

 private:
  Result<> usable(std::string_view operation) const {
    if (failure_) return std::unexpected{*failure_};
    if (fd_.get() < 0)
      return fail(ErrorCode::kFailedPrecondition, fmt::format("cannot {} '{}': it is closed", operation, path_));
    return {};
  }
  std::unexpected<Error> broken(int error, std::string_view operation) {
    auto result = failed(error, operation, path_);
    failure_ = result.error();
    return result;
  }

  Descriptor fd_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::optional<Error> failure_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(Descriptor fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = retry_interrupted(
          [&] { return ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done)); });
      if (n < 0) return failed(errno, "read", path_);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Result<std::uint64_t> size() const override {
    struct stat info;
    if (::fstat(fd_.get(), &info) != 0) return failed(errno, "look at", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

// flock belongs to the open file, so a second lock of this process is refused like one of another process.
class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_{std::move(fd)} {}

 private:
  Descriptor fd_;
};

std::string holder_of(int fd) {
  char text[32];
  const ssize_t n = ::pread(fd, text, sizeof text, 0);
  long pid = 0;
  if (n <= 0 || std::from_chars(text, text + n, pid).ec != std::errc{}) return "another process";
  return fmt::format("process {}", pid);
}

// For people who look for the process; the lock holds without it, so a full disk does not matter.
void write_holder(int fd) {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]]
    const ssize_t ignored = ::pwrite(fd, text.data(), text.size(), 0);
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override {
    const int flags = O_WRONLY | O_CREAT | (mode == CreateMode::kExclusive ? O_EXCL : O_TRUNC);
    TIDEMARK_ASSIGN(fd, open_path(path, flags, "create"));
    return std::make_unique<PosixWritableFile>(std::move(fd), path);
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    // Without O_NONBLOCK opening a pipe would wait for its writer.
    TIDEMARK_ASSIGN(fd, open_path(path, O_RDONLY | O_NONBLOCK, "open"));
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return failed(errno, "open", path);
    if (S_ISDIR(info.st_mode)) return failed(EISDIR, "open", path);
    if (!S_ISREG(info.st_mode)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("cannot open '{}': it is not a regular file", path));
    }
    return std::make_unique<PosixReadableFile>(std::move(fd), path);
  }

  Result<FileInfo> stat(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return failed(errno, "look at", path);
    return FileInfo{.is_directory = S_ISDIR(info.st_mode),
                    .size = static_cast<std::uint64_t>(info.st_size),
                    .modified_ms = info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000};
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(path.c_str()), ::closedir};
    if (!directory) return failed(errno, "list", path);
    std::vector<DirectoryEntry> entries;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") entries.push_back({std::string{name}, is_directory(directory.get(), *entry)});
    }
    if (errno != 0) return failed(errno, "list", path);
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return entries;
  }

  Result<> make_directories(const std::string& path) override {
    for (std::size_t end = path.find('/', 1); true; end = path.find('/', end + 1)) {
      const std::string prefix = path.substr(0, end);
      if (::mkdir(prefix.c_str(), 0777) != 0 && errno != EEXIST) return failed(errno, "create folder", prefix);
      if (end == std::string::npos) break;
    }
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return failed(errno, "create folder", path);
    if (!S_ISDIR(info.st_mode)) return failed(EEXIST, "create folder", path);
    return {};
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return failed(errno, fmt::format("rename '{}' to", from), to);
  }

  Result<> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return {};
    return failed(errno, fmt::format("link '{}' to", from), to);
  }

  std::string local_path(const std::string& path) const override { return path; }

  Result<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return failed(errno, "remove", path);
    return {};
  }

  Result<> remove_directory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return failed(errno, "remove folder", path);
    return {};
  }

  Result<> sync_directory(const std::string& path) override {
    TIDEMARK_ASSIGN(fd, open_path(path, O_RDONLY | O_DIRECTORY, "sync folder"));
    if (retry_interrupted([&] { return ::fsync(fd.get()); }) != 0) return failed(errno, "sync folder", path);
    return {};
  }

  std::string absolute_path(const std::string& path) const override {
    std::error_code failure;
    const std::filesystem::path absolute = std::filesystem::absolute(path, failure);
    return failure ? path : absolute.lexically_normal().string();
  }

  std::string real_path(const std::string& path) const override {
    std::error_code failure;
    const std::filesystem::path absolute = std::filesystem::absolute(path, failure);
    if (failure) return path;
    const std::filesystem::path real = std::filesystem::weakly_canonical(absolute, failure);
    return failure ? absolute_path(path) : real.string();
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    TIDEMARK_ASSIGN(fd, open_path(path, O_RDWR | O_CREAT, "lock"));
    if (retry_interrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return failed(errno, "lock", path);
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("cannot lock '{}': {} holds it; stop that one first or choose another folder", path,
                              holder_of(fd.get())));
    }
    write_holder(fd.get());
    return std::make_unique<PosixFileLock>(std::move(fd));
  }

 private:
  static bool is_directory(DIR* directory, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    struct stat info;
    return ::fstatat(::dirfd(directory), entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem instance;
  return instance;
}

}  // namespace tidemark
