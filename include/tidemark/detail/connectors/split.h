// The seam of a source: an enumerator that cuts the input into splits, and readers that read them.
//
// The enumerator is a task of parallelism 1. A reader without work asks it (SplitRequests); the answer, a split, travels to
// that reader as a record, and barriers pass along the same way, so that every split is in exactly one place of a snapshot:
// not yet assigned (the enumerator's), or assigned (a reader's, with the position reached).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/model/pending_input.h"
#include "tidemark/detail/task/factories.h"

namespace tidemark::detail {

/// What the enumerator tells a reader.
struct SplitRecord {
  enum class Kind : std::uint8_t {
    kSplit,        ///< a split to read
    kNoneYet,      ///< there is none now; it comes without being asked for again
    kNoMore,       ///< there is none left, and there will be none
    kAfterOthers,  ///< it comes when the other readers have read theirs
  };
  std::uint32_t reader = 0;  ///< whom it is for
  Kind kind = Kind::kSplit;
  std::string split;  ///< as bytes that the source's own reader understands; they stand in snapshots, as its position does
};

/// A look for further splits: run() off the task's thread, while the enumerator goes on. It may block, and throw.
class SplitSearch {
 public:
  virtual ~SplitSearch() = default;
  virtual void run() = 0;
};

/// Cuts the input into splits. One thread.
class SplitEnumerator {
 public:
  virtual ~SplitEnumerator() = default;
  /// The next split in order; nothing if there is none left. May throw Error.
  virtual std::optional<std::string> next() = 0;
  /// Where next() gave nothing: whether it may give something later.
  virtual bool may_have_more() const { return false; }
  /// Of what it may give later: whether nobody knows when, so that event time goes on without the readers that wait. Else they
  /// hold the watermark, as what they wait for is of a time that the others must not go past.
  virtual bool may_be_long() const { return true; }
  /// Every reader waits and next() gave nothing. True if it may give something now.
  virtual bool all_readers_wait() { return false; }
  /// Whether splits are read side by side: they go to the readers in turn, as soon as they are there. Else a reader asks
  /// for the next one when it has read the one before.
  virtual bool side_by_side() const { return false; }

  /// A look for splits; null if there is nothing to look for. Asked at the start, and again when search_again_ns() says.
  virtual std::shared_ptr<SplitSearch> search() { return nullptr; }
  /// What search() gave has run.
  virtual void adopt(SplitSearch& found) { static_cast<void>(found); }
  /// Behind adopt(): when to ask for the next search, from now; nothing for never.
  virtual std::optional<std::int64_t> search_again_ns() const { return std::nullopt; }

  /// What is known to be in splits that next() has not given.
  virtual PendingInput pending() const { return {}; }

  /// What a checkpoint needs to go on with next() from here.
  virtual std::string snapshot() const = 0;
  virtual void restore(const std::string& snapshot) = 0;
};

/// Readers' questions for splits, on their way to the enumerator. Any thread.
class SplitRequests final : public SplitQuestions {
 public:
  void relay_to(std::function<void(const SplitQuestion&)> relay) override {
    const std::lock_guard lock{mutex_};
    relay_ = std::move(relay);
  }
  void put(const SplitQuestion& question) override {
    const std::lock_guard lock{mutex_};
    readers_ = question.readers;
    if (question.reader != SplitQuestion::kNobody) waiting_.push_back(question.reader);
    if (notify_) notify_();
  }
  /// `notify` is called after each request, from the asking thread.
  void set_notify(std::function<void()> notify) {
    const std::lock_guard lock{mutex_};
    notify_ = std::move(notify);
  }
  /// How many readers there are; each says it before it asks.
  void set_readers(std::uint32_t readers) {
    const std::lock_guard lock{mutex_};
    readers_ = readers;
    if (relay_) relay_({.readers = readers});
  }
  /// 0 before any reader was opened.
  std::uint32_t readers() const {
    const std::lock_guard lock{mutex_};
    return readers_;
  }
  void ask(std::uint32_t reader) {
    const std::lock_guard lock{mutex_};
    if (relay_) return relay_({.reader = reader, .readers = readers_});
    waiting_.push_back(reader);
    if (notify_) notify_();
  }
  std::vector<std::uint32_t> take() {
    const std::lock_guard lock{mutex_};
    return std::exchange(waiting_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::uint32_t readers_ = 0;
  std::vector<std::uint32_t> waiting_;
  std::function<void()> notify_;
  std::function<void(const SplitQuestion&)> relay_;
};

}  // namespace tidemark::detail
