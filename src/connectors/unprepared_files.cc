#include "connectors/unprepared_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "env/crash_point.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark::detail {

void WrittenFile::append(std::string_view bytes) {
  value_or_throw(file->append(bytes));
  pieces.push_back({bytes.size(), hash_bytes(bytes)});
  size += bytes.size();
}

void UnpreparedFiles::add(WrittenFile file) {
  const std::lock_guard lock{mutex_};
  added_.push_back(std::move(file));
  ++size_;
}

std::size_t UnpreparedFiles::size() const {
  const std::lock_guard lock{mutex_};
  return size_;
}

std::optional<Error> UnpreparedFiles::lost() const {
  const std::lock_guard lock{mutex_};
  return lost_;
}

bool UnpreparedFiles::prepare_step() {
  const std::lock_guard preparing{preparing_mutex_};
  {
    const std::lock_guard lock{mutex_};
    std::ranges::move(added_, std::back_inserter(in_hand_));
    added_.clear();
  }
  if (in_hand_.empty()) {
    finish_prepared();
    return true;
  }
  WrittenFile& file = in_hand_.front();
  prepare(file);
  if (std::ranges::find(renamed_, file.directory) == renamed_.end()) renamed_.push_back(file.directory);
  ++renamed_files_;
  in_hand_.pop_front();
  return false;
}

void UnpreparedFiles::prepare(WrittenFile& file) {
  const std::string from = join_path(file.directory, in_progress_name(file.name));
  const std::string to = join_path(file.directory, pending_name(file.name));
  if (file.file == nullptr) return write_again(file);
  if (auto synced = file.file->sync(); !synced) {
    TIDEMARK_PROBE("sink: a file can't be synced");
    file.file.reset();  // a handle that failed once can't be trusted any more
    throw synced.error();
  }
  value_or_throw(files_.rename(from, to));
  std::ignore = file.file->close();  // synced: closing can't lose anything
}

void UnpreparedFiles::write_again(const WrittenFile& file) {
  TIDEMARK_PROBE("sink: a file is written again");
  const std::string original = join_path(file.directory, in_progress_name(file.name));
  const std::string copy = join_path(file.directory, rewrite_name(file.name));
  const std::unique_ptr<WritableFile> to = value_or_throw(files_.create(copy, CreateMode::kTruncate));
  try {
    copy_pieces(file, *to);
    value_or_throw(to->sync());
    value_or_throw(to->close());
    value_or_throw(files_.rename(copy, join_path(file.directory, pending_name(file.name))));
  } catch (const Error&) {
    std::ignore = files_.remove(copy);
    throw;
  }
  std::ignore = files_.remove(original);  // else recovery does
}

void UnpreparedFiles::copy_pieces(const WrittenFile& file, WritableFile& to) {
  const std::string path = join_path(file.directory, in_progress_name(file.name));
  const std::unique_ptr<ReadableFile> from = value_or_throw(files_.open(path));
  std::string bytes;
  std::uint64_t offset = 0;
  for (const WrittenFile::Piece& piece : file.pieces) {
    bytes.resize(piece.size);
    const std::size_t read = value_or_throw(from->read(offset, bytes));
    if (read != piece.size || hash_bytes(bytes) != piece.hash) {
      TIDEMARK_PROBE("sink: content is lost with a failed sync");
      const Error error{ErrorCode::kDataLoss, ErrorDomain::kExternal, Retry::kRestart,
                        fmt::format("'{}' could not be synced, and what was written at byte {} is lost; a restart from the last "
                                    "checkpoint writes it again",
                                    path, offset)};
      const std::lock_guard lock{mutex_};
      lost_ = error;
      throw error;
    }
    value_or_throw(to.append(bytes));
    offset += piece.size;
  }
}

void UnpreparedFiles::commit(const std::vector<std::string>& committables) {
  for (const std::string& bytes : committables) {
    FileCommittable file;
    if (!decode_versioned(bytes, file)) continue;
    commit_file(files_, file);
    value_or_throw(files_.sync_directory(file.directory));
  }
}

void UnpreparedFiles::finish_prepared() {
  if (renamed_files_ == 0) return;
  for (const std::string& directory : renamed_) value_or_throw(files_.sync_directory(directory));
  crash_point(CrashPoint::kSinkPrepared);
  const std::lock_guard lock{mutex_};
  size_ -= renamed_files_;
  renamed_files_ = 0;
  renamed_.clear();
}

}  // namespace tidemark::detail
