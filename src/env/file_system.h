// Files: the few calls that durable state needs, with their guarantees on a crash spelled out.
//
// A written byte survives a crash of the machine only after sync() of its file; a created, renamed or removed name only
// after sync_directory() of its folder. A crash of the process alone loses nothing that append() returned for.
// Errors name the path and say what to do; a full disk is kResourceExhausted, a refusal kPermissionDenied.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark {

/// One writer, appending. Not for sharing between threads. The destructor closes without syncing.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// All of `bytes` or an error; after an error the file's tail is unspecified.
  virtual Result<> append(std::string_view bytes) = 0;
  /// Returns when everything appended so far would survive a crash of the machine.
  virtual Result<> sync() = 0;
  virtual Result<> close() = 0;
  /// Bytes appended so far, those found at opening included.
  virtual std::uint64_t size() const = 0;
};

/// Positioned reads; any thread.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// Reads up to out.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const = 0;
  /// The size now: a file may grow, shrink or be replaced while it is open.
  virtual Result<std::uint64_t> size() const = 0;
  /// What was read is not what was once written: true if the file has another copy, which is read from now on.
  virtual bool use_other_copy() const { return false; }
};

/// Held until destroyed, or until the process ends however it ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FileInfo {
  bool is_directory = false;
  std::uint64_t size = 0;
  std::int64_t modified_ms = 0;  ///< since 1970 UTC
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

enum class CreateMode {
  kExclusive,  ///< kAlreadyExists if the name is taken
  kTruncate,   ///< an existing file is emptied
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  /// kNotFound if nothing has that name.
  virtual Result<FileInfo> stat(const std::string& path) = 0;
  /// Sorted by name; without . and .. A symbolic link is no directory here; stat() follows it.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  /// Makes the folder and its parents; no error if it is there.
  virtual Result<> make_directories(const std::string& path) = 0;
  /// Replaces an existing file at `to` atomically.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  /// kNotFound if there is no such file.
  virtual Result<> remove(const std::string& path) = 0;
  /// An empty folder; kNotFound if there is none.
  virtual Result<> remove_directory(const std::string& path) = 0;
  virtual Result<> sync_directory(const std::string& path) = 0;
  /// Creates `path` if need be and locks it without waiting; kFailedPrecondition if another process (or another lock of
  /// this one) holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  /// True if whoever has a file open can read it to its end though it was removed.
  virtual bool keeps_removed_open() const { return true; }
  /// A second name for the file `from`, in the folder of `to`, which must be free. An error where there is no such thing, as
  /// across file systems: then copy it.
  virtual Result<> link(const std::string& from, const std::string& to);
  /// Under which path the process's own file system has the file; empty if it has not.
  virtual std::string local_path(const std::string& path) const {
    static_cast<void>(path);
    return {};
  }
  /// The same file under a name that does not depend on the process's working directory.
  virtual std::string absolute_path(const std::string& path) const { return path; }
  /// The same file under the one absolute name that has neither symbolic links nor . and .. in it; what is not there keeps
  /// its name.
  virtual std::string real_path(const std::string& path) const { return absolute_path(path); }
};

/// Whole small files. Reading checks that no more than `limit` bytes are there.
Result<std::string> read_file(FileSystem& files, const std::string& path, std::uint64_t limit = 64u << 20);
/// Where content is written that is to be renamed to `path`. A writer that died may have left it there.
std::string temporary_path(const std::string& path);
/// After return the new content is durable and the old is gone; a crash before leaves the one or the other, whole.
Result<> replace_file(FileSystem& files, const std::string& path, std::string_view content);
/// Makes the folder and its parents; after return each name that was missing is durable, and the last one also if it was
/// there already: another process may have made it and died before it was.
Result<> make_durable_directories(FileSystem& files, const std::string& path);
/// A folder with all that is in it; no error if it is not there. Links are removed, not followed.
Result<> remove_tree(FileSystem& files, const std::string& path);
/// The files and folders that match `pattern`, sorted: * and ? and [..] within a path component, ** for any depth, \ before
/// a character that stands for itself. A leading dot matches only a dot. kNotFound if none.
Result<std::vector<std::string>> glob(FileSystem& files, const std::string& pattern);

/// "a/b" of "a" and "b"; `b` alone if it is absolute or `a` is empty.
std::string join_path(std::string_view a, std::string_view b);
/// "a/b" of "a/b/c"; "." where there is no slash.
std::string parent_path(std::string_view path);

}  // namespace tidemark
