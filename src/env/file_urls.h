// A storage's files and the machine's own as one FileSystem: a path that begins with file:/// is the machine's, any other the
// storage's. So a job whose snapshots are on a storage takes a savepoint to a local folder, and goes on from one there.
//
// Threads: any. Both file systems outlive it and every file of its.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/file_system.h"

namespace tidemark {

/// The path of the file of this machine that a path may name as file:///path; any other stays as it is.
std::string without_file_scheme(const std::string& path);

class FileUrls final : public FileSystem {
 public:
  FileUrls(FileSystem& storage, FileSystem& local) : storage_{storage}, local_{local} {}

  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<> make_directories(const std::string& path) override;
  /// kInvalidArgument from the one to the other, as of link().
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> remove_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  bool keeps_removed_open() const override;
  Result<> link(const std::string& from, const std::string& to) override;
  std::string local_path(const std::string& path) const override;
  /// These keep their file://.
  std::string absolute_path(const std::string& path) const override;
  std::string real_path(const std::string& path) const override;

 private:
  struct Place {
    FileSystem& files;
    std::string path;  // as those files call it
    bool is_local = false;
  };
  Place find(const std::string& path) const;
  template <class F>
  Result<> within_one(const std::string& from, const std::string& to, F&& call);

  FileSystem& storage_;
  FileSystem& local_;
};

}  // namespace tidemark
