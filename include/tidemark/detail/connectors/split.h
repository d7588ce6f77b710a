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

namespace tidemark::detail {

/// A split, or its position, as bytes that the source's own reader understands. It stands in snapshots.
struct SplitRecord {
  std::uint32_t reader = 0;  ///< whom it is for
  bool no_more = false;      ///< instead of a split: there is none left, and there will be none
  std::string split;
};

/// Cuts the input into splits. One thread.
class SplitEnumerator {
 public:
  virtual ~SplitEnumerator() = default;
  /// The next split in order; nothing if there is none left. May throw Error.
  virtual std::optional<std::string> next() = 0;
  /// What a checkpoint needs to go on with next() from here.
  virtual std::string snapshot() const = 0;
  virtual void restore(const std::string& snapshot) = 0;
};

/// Readers' questions for splits, on their way to the enumerator. Any thread.
class SplitRequests {
 public:
  /// `notify` is called after each request, from the asking thread.
  void set_notify(std::function<void()> notify) {
    const std::lock_guard lock{mutex_};
    notify_ = std::move(notify);
  }
  /// How many readers there are; each says it before it asks.
  void set_readers(std::uint32_t readers) {
    const std::lock_guard lock{mutex_};
    readers_ = readers;
  }
  /// 0 before any reader was opened.
  std::uint32_t readers() const {
    const std::lock_guard lock{mutex_};
    return readers_;
  }
  void ask(std::uint32_t reader) {
    const std::lock_guard lock{mutex_};
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
};

}  // namespace tidemark::detail
