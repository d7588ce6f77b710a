// The way from a transport's thread to the mailbox of an owner that may let go at any time.
//
// Threads: post() from any; bind() and cut() from the owner's. After cut() has returned, the mailbox is not touched.
#pragma once

#include <mutex>
#include <utility>

#include "base/mailbox.h"

namespace tidemark {

class OwnerLink {
 public:
  explicit OwnerLink(Mailbox* owner = nullptr) : owner_{owner} {}

  void bind(Mailbox& owner) {
    const std::lock_guard lock{mutex_};
    owner_ = &owner;
  }
  void cut() {
    const std::lock_guard lock{mutex_};
    owner_ = nullptr;
  }
  /// False, and the mail is dropped, if there is no owner.
  bool post(Mailbox::Mail mail) {
    const std::lock_guard lock{mutex_};
    if (owner_ != nullptr) owner_->post(std::move(mail));
    return owner_ != nullptr;
  }

 private:
  std::mutex mutex_;
  Mailbox* owner_;  // guarded by mutex_
};

}  // namespace tidemark
