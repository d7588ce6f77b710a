// Timers in a scratch file: sorted by its writer in one order or another, read from any place on.
//
// A file is blocks of a header (size and hash of what follows) and entries. Writers and cursors are one thread's, a file is
// everybody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/detail/event_time/timer_slot.h"
#include "tidemark/error.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// What was done last to a timer.
template <class Key>
struct TimerEntry {
  Timestamp time;
  std::uint64_t hash = 0;
  TimerKeyView<Key> key{};
  bool deleted = false;
};

/// Sealed.
struct TimerFile {
  std::unique_ptr<ScratchFile> bytes;
  std::uint64_t entries = 0;
  Timestamp last;  ///< of what was added last
};

inline constexpr std::size_t kTimerBlockBytes = 16u << 10;
inline constexpr std::size_t kTimerBlockHeaderBytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);

template <class Key>
class TimerFileWriter {
 public:
  explicit TimerFileWriter(ScratchFiles& files) { file_.bytes = files.create(); }

  void add(const TimerEntry<Key>& entry) {
    block_.put_i64(entry.time.ms());
    block_.put_u64(entry.hash);
    block_.put_u8(entry.deleted ? 1 : 0);
    if constexpr (std::is_same_v<Key, std::string>) {
      block_.put_string(entry.key);
    } else {
      block_.put_u64(entry.key);
    }
    ++file_.entries;
    file_.last = entry.time;
    if (block_.size() >= kTimerBlockBytes) end_block();
  }

  std::shared_ptr<const TimerFile> finish() {
    if (!block_.empty()) end_block();
    file_.bytes->seal();
    return std::make_shared<const TimerFile>(std::move(file_));
  }

 private:
  void end_block() {
    ByteWriter header;
    header.put_u32(static_cast<std::uint32_t>(block_.size()));
    header.put_u64(hash_bytes(block_.view()));
    file_.bytes->append(header.view());
    file_.bytes->append(block_.view());
    block_.clear();
  }

  TimerFile file_;
  ByteWriter block_;
};

/// Where in a file an entry begins.
struct TimerFilePlace {
  std::uint64_t block = 0;   ///< its offset in the file
  std::size_t in_block = 0;  ///< behind the header
};

template <class Key>
class TimerFileCursor {
 public:
  /// At the entry that begins at `place`.
  explicit TimerFileCursor(std::shared_ptr<const TimerFile> file, TimerFilePlace place = {})
      : file_{std::move(file)}, block_at_{place.block} {
    read_block();
    at_ = place.in_block;
    read_entry();
  }
  TimerFileCursor(const TimerFileCursor&) = delete;
  TimerFileCursor& operator=(const TimerFileCursor&) = delete;

  bool at_end() const { return block_.empty(); }
  /// Unless it is at the end; valid until next().
  const TimerEntry<Key>& entry() const { return entry_; }
  void next() {
    at_ = behind_;
    if (at_ == block_.size()) {
      block_at_ += kTimerBlockHeaderBytes + block_.size();
      read_block();
      at_ = 0;
    }
    read_entry();
  }
  /// Of the entry.
  TimerFilePlace place() const { return {block_at_, at_}; }

 private:
  void read_block() {
    block_.clear();
    if (block_at_ == file_->bytes->size()) return;
    char header_bytes[kTimerBlockHeaderBytes];
    file_->bytes->read(block_at_, header_bytes);
    ByteReader header{{header_bytes, sizeof header_bytes}};
    const std::uint32_t size = header.get_u32();
    const std::uint64_t hash = header.get_u64();
    if (size > file_->bytes->size() - block_at_ - kTimerBlockHeaderBytes) fail_damaged();
    block_.resize(size);
    file_->bytes->read(block_at_ + kTimerBlockHeaderBytes, block_);
    if (hash_bytes(block_) != hash) fail_damaged();
  }
  void read_entry() {
    if (at_end()) return;
    ByteReader reader{std::string_view{block_}.substr(at_)};
    entry_.time = Timestamp{reader.get_i64()};
    entry_.hash = reader.get_u64();
    entry_.deleted = reader.get_u8() != 0;
    if constexpr (std::is_same_v<Key, std::string>) {
      entry_.key = reader.get_string();
    } else {
      entry_.key = reader.get_u64();
    }
    behind_ = at_ + reader.position();
  }
  [[noreturn]] void fail_damaged() const {
    throw Error{ErrorCode::kDataLoss, ErrorDomain::kExternal, Retry::kRestart,
                file_->bytes->path() + ": timers in it do not have their checksum: see to the disk; the job goes on from its "
                                       "last checkpoint"};
  }

  std::shared_ptr<const TimerFile> file_;
  std::uint64_t block_at_;
  std::string block_;
  std::size_t at_ = 0;      // in block_, of the entry
  std::size_t behind_ = 0;  // likewise, of the next one
  TimerEntry<Key> entry_;
};

}  // namespace tidemark::detail
