// Copies one file from one file system into another, a piece at a time, and says what was copied.
//
// One thread at a time. Both file systems outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/file_system.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

class FileCopy {
 public:
  /// The copy gets the name `to_path`, which must be free.
  static Result<FileCopy> begin(FileSystem& from, const std::string& path, FileSystem& to, const std::string& to_path);
  FileCopy(FileCopy&&) noexcept;
  ~FileCopy();

  /// Copies a bounded piece. True when all of it is there; finish() makes it durable.
  Result<bool> step();
  /// After step() has returned true. Without a sync the copy may be lost with the machine.
  Result<> finish(bool sync);

  /// What was read is not what was once written: true if another beginning reads another copy of it.
  bool use_other_source() const { return from_->use_other_copy(); }

  std::uint64_t size() const { return size_; }
  /// Of what was copied so far, as SnapshotFile has it.
  std::uint64_t checksum() const;

 private:
  struct Hasher;
  FileCopy(std::unique_ptr<ReadableFile> from, std::unique_ptr<WritableFile> to);

  std::unique_ptr<ReadableFile> from_;
  std::unique_ptr<WritableFile> to_;
  std::unique_ptr<Hasher> hasher_;
  std::string buffer_;
  std::uint64_t size_ = 0;
};

/// A checkpoint's file, whose path is such as `from` opens, under the name `path` in `to`: a copy, which is compared with the
/// checksum and not synced.
Result<> copy_file(FileSystem& from, const SnapshotFile& file, FileSystem& to, const std::string& path);

/// As copy_file(), but a link to it where there can be one. Of that only the size is compared.
Result<> fetch_file(FileSystem& from, const SnapshotFile& file, FileSystem& to, const std::string& path);

}  // namespace tidemark
