// Calls at a later time, for actors that one thread steps: whoever drives them asks for the next deadline, and runs what is due.
//
// One thread. A Timer ends with its destruction, in its own call, too; Timers outlive all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace tidemark {

class Timers {
 public:
  using Call = std::move_only_function<void()>;

  /// A call that is to come. An empty one is none.
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)}, key_{other.key_} {}
    Timer& operator=(Timer&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Timer() {
      if (owner_ != nullptr) owner_->calls_.erase(key_);
    }

   private:
    friend class Timers;
    using Key = std::pair<std::int64_t, std::uint64_t>;
    Timer(Timers& owner, Key key) : owner_{&owner}, key_{key} {}

    Timers* owner_ = nullptr;
    Key key_ = {};
  };

  /// Once, when the steady clock has come to `at_ns`; calls of one moment in the order in which they were asked for.
  [[nodiscard]] Timer at(std::int64_t at_ns, Call call) {
    const Timer::Key key{at_ns, next_++};
    calls_.emplace(key, std::move(call));
    return Timer{*this, key};
  }

  std::optional<std::int64_t> next_deadline_ns() const {
    return calls_.empty() ? std::nullopt : std::optional{calls_.begin()->first.first};
  }

  /// Runs what is due; false if nothing is.
  bool run(std::int64_t now_ns) {
    bool ran = false;
    while (!calls_.empty() && calls_.begin()->first.first <= now_ns) {
      auto due = calls_.extract(calls_.begin());
      due.mapped()();
      ran = true;
    }
    return ran;
  }

 private:
  std::map<Timer::Key, Call> calls_;
  std::uint64_t next_ = 0;
};

}  // namespace tidemark
