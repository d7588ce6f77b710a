// The timers of a snapshot in the order of hashes, in which snapshots are written: sorted beside the job, as they fire by
// time.
//
// Where some of them are in files, they may be more than fit into memory: then they are sorted a part at a time, into files,
// and merged. Any thread, one at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/event_time/timer_snapshot.h"
#include "tidemark/detail/state/stored_key.h"
#include "tidemark/detail/state/table.h"

namespace tidemark::detail {

/// A "segment" is a bounded number of timers, that are gathered or shown; how many there are is known at the end.
template <class K>
class TimerView final : public TableView {
  using Key = OwnedKey<K>;

 public:
  static constexpr std::size_t kSortedAtOnce = 262'144;

  /// `scratch` is null if no timer is in a file. If one is, `sorted_at_once` are sorted in memory, or more, so that there are
  /// not too many files of them.
  TimerView(TimerSnapshot<Key> snapshot, ScratchFiles* scratch, std::size_t sorted_at_once = kSortedAtOnce)
      : snapshot_{std::move(snapshot)}, scratch_{scratch} {
    std::uint64_t spilled = 0;
    for (const TimerRunPart& run : snapshot_.runs()) spilled += run.file->entries;
    if (spilled != 0) sorted_at_once_ = std::max<std::size_t>(sorted_at_once, spilled / kMostFiles);
  }

  std::size_t segment_count() const override { return segments_read_ + (finished_ ? 0 : 1); }
  void read_segment(std::size_t, EntrySink& sink) override {
    ++segments_read_;
    if (!gathered_) {
      gather();
    } else if (files_.empty()) {
      show_in_memory(sink);
    } else {
      show_merged(sink);
    }
  }

 private:
  static constexpr std::size_t kGatheredAtOnce = 32'768;
  static constexpr std::size_t kShownAtOnce = 4096;
  static constexpr std::size_t kMostFiles = 256;

  static TimerEntry<Key> entry_of(const Timer<Key>& timer) { return {timer.time, timer.hash, timer.key, false}; }

  void gather() {
    if (!reader_) reader_.emplace(snapshot_);
    for (std::size_t n = 0; n < kGatheredAtOnce; ++n) {
      const TimerEntry<Key>* timer = reader_->next();
      if (timer == nullptr) return end_gathering();
      timers_.push_back({timer->time, timer->hash, Key{timer->key}});
      if (timers_.size() == sorted_at_once_) write_sorted();
    }
  }
  void end_gathering() {
    gathered_ = true;
    reader_.reset();
    if (files_.empty()) {
      sort();
    } else {
      write_sorted();
      timers_ = {};
      begin_merge();
    }
    // What was read may go.
    snapshot_ = {{}, {}, {}};
  }
  void sort() {
    std::sort(timers_.begin(), timers_.end(),
              [](const Timer<Key>& a, const Timer<Key>& b) { return TimersByHash{}(entry_of(a), entry_of(b)); });
  }
  void write_sorted() {
    sort();
    TimerFileWriter<Key> writer{*scratch_};
    for (const Timer<Key>& timer : timers_) writer.add(entry_of(timer));
    files_.push_back(writer.finish());
    timers_.clear();
  }
  void begin_merge() {
    std::vector<TimerFileCursor<Key>*> cursors;
    for (const auto& file : files_) {
      cursors_.push_back(std::make_unique<TimerFileCursor<Key>>(file));
      cursors.push_back(cursors_.back().get());
    }
    merge_ = TimerMerge<Key, TimersByHash>{std::move(cursors)};
  }

  void show_in_memory(EntrySink& sink) {
    const std::size_t end = std::min(shown_ + kShownAtOnce, timers_.size());
    for (; shown_ < end; ++shown_) show(entry_of(timers_[shown_]), sink);
    finished_ = shown_ == timers_.size();
  }
  void show_merged(EntrySink& sink) {
    for (std::size_t n = 0; n < kShownAtOnce && !merge_.empty(); ++n) {
      show(merge_.entry(), sink);
      merge_.next();
    }
    finished_ = merge_.empty();
  }
  void show(const TimerEntry<Key>& timer, EntrySink& sink) {
    key_.clear();
    at_.clear();
    if constexpr (KeyCodec<K>::kIsWord) {
      WordKey<K>::encode(timer.key, key_);
    } else {
      key_.put_bytes(timer.key);
    }
    KeyCodec<Timestamp>::encode(timer.time, at_);
    sink.entry_with_namespace(timer.hash, key_.view(), at_.view(), {});
  }

  TimerSnapshot<Key> snapshot_;  // until all are gathered
  ScratchFiles* scratch_;
  std::size_t sorted_at_once_ = 0;  // 0: all of them
  std::size_t segments_read_ = 0;
  bool gathered_ = false;
  bool finished_ = false;

  std::optional<TimerReader<Key>> reader_;
  std::vector<Timer<Key>> timers_;  // that are in no file
  std::size_t shown_ = 0;           // of them

  std::vector<std::shared_ptr<const TimerFile>> files_;  // each sorted by hash
  std::vector<std::unique_ptr<TimerFileCursor<Key>>> cursors_;
  TimerMerge<Key, TimersByHash> merge_;
  ByteWriter key_;
  ByteWriter at_;
};

}  // namespace tidemark::detail
