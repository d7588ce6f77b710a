// A FileSystem for snapshots whose new files have copies on a local disk: a job that starts again on the same host reads
// those, and its far storage is asked for what is not here.
//
// A copy is made of every file that is created below one folder of the storage, as it is written; removing or renaming the
// file removes the copy. Nothing depends on a copy: where the local disk fails, is full, or has lost something, the file
// has none. A copy is used if it has the size and the last bytes of the file; a reader that finds its content damaged says so
// by use_other_copy(), and gets the storage's from then on. Copies are not synced.
//
// Where another process removes the storage's files, as a job's master does those of its workers, their copies are looked for now and
// then: copies take no more than twice what is kept, and some 64 MiB.
//
// Threads: any. Both file systems outlive it and every file of its.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/file_system.h"

namespace tidemark {

class LocalCopies final : public FileSystem {
 public:
  /// Who removes files from the storage.
  enum class Remover { kThisProcess, kAnother };
  /// Copies of what lies below `folder` of `storage` go below `local_folder` of `local`, which belongs to them alone: what
  /// lies there without being a copy, as after a crash, is removed.
  LocalCopies(FileSystem& storage, const std::string& folder, FileSystem& local, std::string local_folder, Remover remover = Remover::kThisProcess);

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<FileInfo> stat(const std::string& path) override { return storage_.stat(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return storage_.list(path); }
  Result<> make_directories(const std::string& path) override { return storage_.make_directories(path); }
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> remove_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override { return storage_.sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return storage_.lock(path); }
  bool keeps_removed_open() const override { return storage_.keeps_removed_open(); }
  Result<> link(const std::string& from, const std::string& to) override { return storage_.link(from, to); }
  /// Never that of a copy, which nobody may take for more than it is.
  std::string local_path(const std::string& path) const override { return storage_.local_path(path); }
  std::string absolute_path(const std::string& path) const override { return storage_.absolute_path(path); }
  std::string real_path(const std::string& path) const override { return storage_.real_path(path); }

 private:
  class Writer;
  class Reader;

  std::optional<std::string> copy_of(const std::string& path) const;
  Result<std::unique_ptr<WritableFile>> create_copy(const std::string& copy_path);
  void remove_copy(const std::string& path);
  enum class Unfinished { kRemoved, kKept };
  std::uint64_t remove_stale(const std::string& within, Unfinished unfinished);
  void copied(std::uint64_t bytes);
  void warn_once(const Error& error);

  FileSystem& storage_;
  const std::string folder_;  // absolute
  FileSystem& local_;
  const std::string local_folder_;
  const Remover remover_;
  std::atomic<std::uint64_t> copied_bytes_ = 0;
  std::atomic<std::uint64_t> look_at_bytes_ = 0;  // copied: then copies are looked for that the storage has no file of
  std::atomic<bool> looks_ = false;
  std::atomic<bool> warned_ = false;
};

}  // namespace tidemark
