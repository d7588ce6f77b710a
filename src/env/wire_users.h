// Who uses a wire: listeners, dials and connections, whose handles may outlive it. They post through here, where
// nothing is posted any more once the wire is at its end, and are here to be ended with it.
//
// Threads: post() from any, end() from whoever ends the wire; everything else on the wire's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "env/wire.h"

namespace tidemark {

class WireUser {
 public:
  /// Lets go of everything that it has of the wire.
  virtual void end() = 0;
  /// It was closed, and what was sent before is still on its way; not for ever.
  virtual bool is_closing() const { return false; }

 protected:
  ~WireUser() = default;
};

class WireUsers {
 public:
  explicit WireUsers(Wire& wire) : wire_{&wire} {}

  /// False, and the task is dropped, if the wire has ended.
  bool post(Wire::Task task) {
    const std::lock_guard lock{mutex_};
    if (wire_ != nullptr) wire_->post(std::move(task));
    return wire_ != nullptr;
  }
  Wire& wire() { return *wire_; }
  void add(WireUser& user) { users_.push_back(&user); }
  void remove(WireUser& user) { std::erase(users_, &user); }

  /// The wire may be destroyed after return.
  void end() {
    wire_->wait_until([this] { return std::ranges::none_of(users_, &WireUser::is_closing); }, kLongestEndMs);
    wire_->stop();
    while (!users_.empty()) users_.back()->end();
    const std::lock_guard lock{mutex_};
    wire_ = nullptr;
  }

 private:
  static constexpr std::int64_t kLongestEndMs = 10'000;  // whoever else comes and goes meanwhile

  std::mutex mutex_;
  Wire* wire_;                    // written under mutex_; read there, or on the wire's thread
  std::vector<WireUser*> users_;  // in the order in which they came: a simulation must not depend on addresses
};

}  // namespace tidemark
