// Calls from any thread into the one that owns the mailbox: triggers, completions and cancellation, run between
// batches.
//
// Threads: post() from any; everything else from the owner. Order: mail of one sender runs in the order of its posts;
// mail that is posted while mail runs waits for the next run_all(). Ownership: the mailbox owns its mail; what was not
// run is destroyed with it, unrun. Posting is one allocation and one compare-and-swap; looking is one load.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "base/event_count.h"

namespace tidemark {

class Mailbox {
 public:
  using Mail = std::move_only_function<void()>;

  /// `owner`, if any, is woken by every post; it outlives the mailbox.
  explicit Mailbox(EventCount* owner = nullptr) : owner_{owner} {}
  ~Mailbox() {
    destroy(unread_);
    destroy(posted_.load(std::memory_order_acquire));
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(Mail mail) {
    auto* letter = new Letter{std::move(mail), posted_.load(std::memory_order_relaxed)};
    while (!posted_.compare_exchange_weak(letter->next, letter, std::memory_order_seq_cst, std::memory_order_relaxed)) {
    }
    if (owner_ != nullptr) owner_->wake();
  }

  bool has_mail() const noexcept { return unread_ != nullptr || posted_.load(std::memory_order_acquire) != nullptr; }

  /// Runs what has been posted; false if there was nothing. If mail throws, the exception passes and the rest waits for
  /// the next call.
  bool run_all() {
    if (unread_ == nullptr) unread_ = in_order(posted_.exchange(nullptr, std::memory_order_seq_cst));
    if (unread_ == nullptr) return false;
    while (unread_ != nullptr) {
      const std::unique_ptr<Letter> letter{std::exchange(unread_, unread_->next)};
      letter->mail();
    }
    return true;
  }

 private:
  struct Letter {
    Mail mail;
    Letter* next;
  };

  // Posting builds a stack, newest first.
  static Letter* in_order(Letter* newest) noexcept {
    Letter* oldest = nullptr;
    while (newest != nullptr) oldest = std::exchange(newest, std::exchange(newest->next, oldest));
    return oldest;
  }
  static void destroy(Letter* letter) noexcept {
    while (letter != nullptr) delete std::exchange(letter, letter->next);
  }

  EventCount* const owner_;
  std::atomic<Letter*> posted_{nullptr};
  Letter* unread_ = nullptr;  // taken from posted_, oldest first; the owner's
};

}  // namespace tidemark
