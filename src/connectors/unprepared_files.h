// Files of a sink that are closed and not yet durable under their pending names.
//
// A checkpoint's work prepares all of them, also those of an earlier checkpoint whose work failed or never ran: their
// records lie before the barrier. A file that could not be synced is written again from what can be read of it; pieces are
// checked by their hashes, since the kernel may drop what it failed to write.
//
// Threads: add() by the task, prepare_step() by any, one at a time; add() does not wait for it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "env/file_system.h"
#include "tidemark/error.h"

namespace tidemark::detail {

/// A file as it was written, piece by piece.
struct WrittenFile {
  struct Piece {
    std::size_t size = 0;
    std::uint64_t hash = 0;
  };
  std::string directory;
  std::string name;  ///< the one it gets when committed
  std::unique_ptr<WritableFile> file;
  std::vector<Piece> pieces;
  std::uint64_t size = 0;

  /// Throws Error.
  void append(std::string_view bytes);
};

class UnpreparedFiles {
 public:
  explicit UnpreparedFiles(FileSystem& files) : files_{files} {}

  void add(WrittenFile file);
  /// Files added and not prepared.
  std::size_t size() const;

  /// Prepares one file, or makes the names of all that are prepared durable; true if nothing is left. Throws Error; what
  /// failed is tried again at the next call.
  bool prepare_step();

  /// Planted bug kCommitOnTrigger: publishes what no checkpoint holds yet.
  void commit(const std::vector<std::string>& committables);

  /// Set when a file is lost for good: only a restart, which replays its records, helps.
  std::optional<Error> lost() const;

 private:
  void prepare(WrittenFile& file);
  void write_again(const WrittenFile& file);
  void copy_pieces(const WrittenFile& file, WritableFile& to);
  void finish_prepared();

  FileSystem& files_;
  std::mutex preparing_mutex_;
  std::deque<WrittenFile> in_hand_;           // guarded by preparing_mutex_
  std::vector<std::string> renamed_;          // folders to be synced, of files not counted off yet; guarded by preparing_mutex_
  std::size_t renamed_files_ = 0;             // guarded by preparing_mutex_
  mutable std::mutex mutex_;
  std::deque<WrittenFile> added_;  // guarded by mutex_
  std::size_t size_ = 0;           // guarded by mutex_
  std::optional<Error> lost_;      // guarded by mutex_
};

}  // namespace tidemark::detail
