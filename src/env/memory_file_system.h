// Files in memory that crash like real ones, for tests and the simulator.
//
// A file's content is a durable prefix and a tail that no sync() has reached; a folder's names are those of the last
// sync_directory() and a list of changes since. A crash of the machine decides by the given Random what of the rest is
// left: a tail is lost, kept, cut or filled with zeros at a random point; each change of a name happened or did not. A
// rename happened whole or not at all.
//
// Threads: any; one lock. Ownership: handles keep their file's content alive as an unlinked file's would be; a handle
// and a lock from before a crash fail ever after. Paths: "/a/b", "a/b" and "./a//b" are the same file.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "env/env.h"
#include "env/file_system.h"

namespace tidemark {

enum class FileOperation {
  kCreate,
  kOpen,
  kStat,
  kList,
  kMakeDirectories,
  kRename,
  kRemove,
  kRemoveDirectory,
  kSyncDirectory,
  kLock,
  kAppend,
  kSync,
  kClose,
  kRead,
};

std::string_view to_string(FileOperation operation) noexcept;
/// Whether a crash before and after the operation may leave different files.
bool changes_files(FileOperation operation) noexcept;

class MemoryFileSystem final : public FileSystem {
 public:
  /// Called before each operation without any lock held, so it may crash the file system: the operation then fails
  /// without effect. An error it returns is the operation's; a failed append leaves half of its bytes, and a failed
  /// append, sync or close breaks its handle for good. A rename passes its source.
  using Hook = std::function<std::optional<Error>(FileOperation, const std::string& path)>;

  /// `clock`, if any, dates the files.
  explicit MemoryFileSystem(const Clock* clock = nullptr);
  ~MemoryFileSystem() override;

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<> make_directories(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> remove_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  /// Holds for operations that start after return; nullptr for none.
  void set_hook(Hook hook);
  /// The power fails. What is not durable is lost, kept or torn as `random` says; handles and locks end.
  void crash_machine(Random& random);
  /// The process dies. Every byte and name stays; handles and locks end.
  void crash_process();

 private:
  struct State;
  class Writer;
  class Reader;
  class Lock;

  std::shared_ptr<State> state_;  // shared with the handles
};

}  // namespace tidemark
