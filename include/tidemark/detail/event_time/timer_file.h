// Timers in a scratch file: sorted by its writer in one order or another, read from any place on.
//
// Writers and cursors are one thread's, a file is everybody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/detail/event_time/timer_slot.h"
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

template <class Key>
class TimerFileWriter {
 public:
  explicit TimerFileWriter(ScratchFiles& files) { file_.bytes = files.create(); }

  void add(const TimerEntry<Key>& entry) {
    block_.put_i64(entry.time.ms());
    block_.put_u64(entry.hash);
    block_.put_u8(entry.deleted ? 1 : 0);
    if constexpr (std::is_same_v<TimerKeyView<Key>, std::string_view>) {
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
    append_block(*file_.bytes, block_.view());
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
  explicit TimerFileCursor(std::shared_ptr<const TimerFile> file, TimerFilePlace place = {}) : file_{std::move(file)} {
    begin_block(place.block);
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
      begin_block(next_block_);
      at_ = 0;
    }
    read_entry();
  }
  /// Of the entry.
  TimerFilePlace place() const { return {block_at_, at_}; }

 private:
  void begin_block(std::uint64_t offset) {
    block_at_ = offset;
    next_block_ = read_block(*file_->bytes, offset, block_, "timers in it do not have their checksum");
  }
  void read_entry() {
    if (at_end()) return;
    ByteReader reader{std::string_view{block_}.substr(at_)};
    entry_.time = Timestamp{reader.get_i64()};
    entry_.hash = reader.get_u64();
    entry_.deleted = reader.get_u8() != 0;
    if constexpr (std::is_same_v<TimerKeyView<Key>, std::string_view>) {
      entry_.key = reader.get_string();
    } else {
      entry_.key = reader.get_u64();
    }
    behind_ = at_ + reader.position();
  }

  std::shared_ptr<const TimerFile> file_;
  std::uint64_t block_at_ = 0;
  std::uint64_t next_block_ = 0;
  std::string block_;
  std::size_t at_ = 0;      // in block_, of the entry
  std::size_t behind_ = 0;  // likewise, of the next one
  TimerEntry<Key> entry_;
};

}  // namespace tidemark::detail
