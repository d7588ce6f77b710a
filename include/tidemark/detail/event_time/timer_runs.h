// The timers of a queue that are in files: runs, each sorted in the order in which timers fire, where a newer run overrules
// an older one. They are read from the front as they come due.
//
// Runs of the same size are merged into larger ones, a few entries at a time, so that there are never many. A run is not
// changed: a snapshot shares it and reads on its own.
//
// The queue's thread, but for what parts() gives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/timer_merge.h"

namespace tidemark::detail {

/// A run as far as it has not fired yet.
struct TimerRunPart {
  std::shared_ptr<const TimerFile> file;
  TimerFilePlace from;
};

template <class Key>
class TimerRuns {
 public:
  using Cursor = TimerFileCursor<Key>;

  explicit TimerRuns(ScratchFiles& files) : files_{files} {}

  ScratchFiles& files() { return files_; }
  bool empty() const { return merge_.empty(); }
  /// The first one, perhaps deleted; valid until the runs change.
  const TimerEntry<Key>& first() const { return merge_.entry(); }
  void take_first() {
    merge_.next();
    if (merge_.size() != runs_.size()) drop_fired();
  }
  /// False if no run can have the timer.
  bool may_hold(Timestamp time) const { return !empty() && first().time <= time && time <= last_; }

  /// Newer than all others.
  void add(std::shared_ptr<const TimerFile> file) {
    if (file->entries == 0) return;
    last_ = empty() ? file->last : std::max(last_, file->last);
    auto cursor = std::make_unique<Cursor>(file);
    runs_.push_back({next_order_++, 0, std::move(file), std::move(cursor)});
    rebuild();
  }

  /// Goes on with merging runs, by so many entries, where there are many. Throws Error; then the runs stand as they were.
  void merge_some(std::size_t entries) {
    std::unique_ptr<Growing> growing = growing_ != nullptr ? std::move(growing_) : begin_merge();
    if (growing == nullptr) return;
    for (; entries > 0 && !growing->inputs.empty(); --entries) {
      const TimerEntry<Key>& entry = growing->inputs.entry();
      if (!(entry.deleted && growing->has_oldest)) growing->writer.add(entry);
      growing->inputs.next();
    }
    if (growing->inputs.empty()) return end_merge(*growing);
    growing_ = std::move(growing);
  }

  /// Oldest first.
  std::vector<TimerRunPart> parts() const {
    std::vector<TimerRunPart> parts;
    for (const Run& run : runs_) parts.push_back({run.file, run.cursor->place()});
    return parts;
  }
  std::size_t memory_bytes() const { return (runs_.size() + (growing_ ? growing_->cursors.size() : 0)) * kTimerBlockBytes; }

 private:
  static constexpr std::size_t kMergedAtOnce = 8;

  struct Run {
    std::uint64_t order;  // ascends with the age
    unsigned level;       // how often its timers were merged; the older run's is not the smaller one
    std::shared_ptr<const TimerFile> file;
    std::unique_ptr<Cursor> cursor;  // at what has not fired yet
  };
  using Merge = TimerMerge<Key, TimersByTime>;

  // What becomes a run in place of several.
  struct Growing {
    std::uint64_t first_order;
    std::uint64_t last_order;
    unsigned level;
    bool has_oldest;  // so nothing is left for a deletion to overrule
    std::vector<std::unique_ptr<Cursor>> cursors;
    Merge inputs;
    TimerFileWriter<Key> writer;

    bool replaces(const Run& run) const { return first_order <= run.order && run.order <= last_order; }
  };

  static Merge merge_of(const std::vector<Run>& runs) {
    std::vector<Cursor*> cursors;
    for (const Run& run : runs) cursors.push_back(run.cursor.get());
    return Merge{std::move(cursors)};
  }
  void rebuild() { merge_ = merge_of(runs_); }
  void drop_fired() {
    std::erase_if(runs_, [](const Run& run) { return run.cursor->at_end(); });
    if (runs_.empty()) growing_.reset();
    rebuild();
  }

  // Null where there are not many of a level.
  std::unique_ptr<Growing> begin_merge() const {
    for (std::size_t i = 0; i + kMergedAtOnce <= runs_.size(); ++i) {
      if (runs_[i].level == runs_[i + kMergedAtOnce - 1].level) return begin_merge_at(i);
    }
    return nullptr;
  }
  std::unique_ptr<Growing> begin_merge_at(std::size_t at) const {
    std::vector<std::unique_ptr<Cursor>> cursors;
    std::vector<Cursor*> inputs;
    for (std::size_t i = at; i < at + kMergedAtOnce; ++i) {
      cursors.push_back(std::make_unique<Cursor>(runs_[i].file, runs_[i].cursor->place()));
      inputs.push_back(cursors.back().get());
    }
    return std::make_unique<Growing>(Growing{runs_[at].order, runs_[at + kMergedAtOnce - 1].order, runs_[at].level + 1, at == 0,
                                             std::move(cursors), Merge{std::move(inputs)}, TimerFileWriter<Key>{files_}});
  }
  void end_merge(Growing& growing) {
    Run merged{growing.last_order, growing.level, growing.writer.finish(), nullptr};
    const auto replaced = [&](const Run& run) { return growing.replaces(run); };
    // What has fired meanwhile stands at the front of it.
    std::vector<Cursor*> left;
    for (const Run& run : runs_) {
      if (replaced(run)) left.push_back(run.cursor.get());
    }
    if (merged.file->entries != 0 && !left.empty()) {
      merged.cursor = std::make_unique<Cursor>(merged.file);
      const Merge unfired{std::move(left)};
      while (!merged.cursor->at_end() && TimersByTime{}(merged.cursor->entry(), unfired.entry())) merged.cursor->next();
    }
    std::erase_if(runs_, replaced);
    if (merged.cursor != nullptr && !merged.cursor->at_end()) {
      const auto at = std::ranges::upper_bound(runs_, merged.order, {}, &Run::order);
      runs_.insert(at, std::move(merged));
    }
    rebuild();
  }

  ScratchFiles& files_;
  std::vector<Run> runs_;  // oldest first; none has fired wholly
  Merge merge_;            // of their cursors
  Timestamp last_;         // no timer of any run is later
  std::uint64_t next_order_ = 0;
  std::unique_ptr<Growing> growing_;  // null while nothing is merged
};

}  // namespace tidemark::detail
