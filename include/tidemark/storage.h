// Where a job's checkpoints and savepoints lie, if not in the machine's own files: an interface to implement for a storage
// that Tidemark does not know. Job::store_snapshots_in() takes one. docs/storage.md has a whole example.
//
// Paths are what the job was given (--checkpoint-dir) and what lies below it, and for the making of folders what lies above:
// names with '/' between, which a storage is free to read as it likes, none beginning with file:///. Files are written once,
// from begin to end, and never changed; what replaces another is written under a name of its own and renamed.
//
// Errors: whatever goes wrong is thrown as an Error that names the path: kNotFound, kAlreadyExists and kFailedPrecondition
// where it says so below, kResourceExhausted for a full storage, else kIo. An Error that is thrown while a checkpoint is
// written fails that checkpoint and not the job.
//
// Threads: every call of a Storage may come from any thread. A writer belongs to one thread at a time; a reader is called by
// any. Ownership: writers, readers and locks live no longer than their storage.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/error.h"

namespace tidemark {

/// A new file. Destroyed before close() it may leave any part of itself.
class StorageWriter {
 public:
  virtual ~StorageWriter() = default;
  virtual void append(std::string_view bytes) = 0;
  /// Returns when everything appended so far would survive the loss of this machine, or of as much as the storage is meant to
  /// survive: a checkpoint is complete, and input may be forgotten, because this returned.
  virtual void sync() = 0;
  virtual void close() = 0;
};

/// A file that is there, read at any place.
class StorageReader {
 public:
  virtual ~StorageReader() = default;
  /// Reads up to to.size() bytes from `offset` on and says how many; fewer only at the end of the file.
  virtual std::size_t read(std::uint64_t offset, std::span<char> to) const = 0;
  virtual std::uint64_t size() const = 0;
};

/// Held until destroyed, or until the process ends, however it ends.
class StorageLock {
 public:
  virtual ~StorageLock() = default;
};

struct StorageEntry {
  std::string name;  ///< without its folder
  bool is_directory = false;
  std::uint64_t size = 0;  ///< bytes; of a folder 0
};

class Storage {
 public:
  virtual ~Storage() = default;

  /// A file of this name, empty. `replace`: whatever has the name before; else kAlreadyExists if there is something.
  virtual std::unique_ptr<StorageWriter> create(const std::string& path, bool replace) = 0;
  /// kNotFound if there is none.
  virtual std::unique_ptr<StorageReader> open(const std::string& path) = 0;
  /// kNotFound if nothing has that name.
  virtual StorageEntry stat(const std::string& path) = 0;
  /// What lies in a folder, sorted by name; kNotFound if there is none.
  virtual std::vector<StorageEntry> list(const std::string& path) = 0;
  /// Makes the folder and those above it; nothing if it is there.
  virtual void make_directories(const std::string& path) = 0;
  /// Gives a file another name, in place of a file that has it: at every moment, and after a crash, a reader of `to` finds the
  /// one or the other, whole.
  virtual void rename(const std::string& from, const std::string& to) = 0;
  /// A file; kNotFound if there is none.
  virtual void remove(const std::string& path) = 0;
  /// An empty folder; kNotFound if there is none.
  virtual void remove_directory(const std::string& path) = 0;
  /// Returns when files that were created, renamed or removed in this folder would be so after a crash, too. Nothing to do for
  /// a storage where that holds at once.
  virtual void sync_directory(const std::string& path) = 0;
  /// Keeps every other process, on every machine that has the storage, from taking the same lock. Does not wait:
  /// kFailedPrecondition if somebody has it.
  virtual std::unique_ptr<StorageLock> lock(const std::string& path) = 0;
};

}  // namespace tidemark
