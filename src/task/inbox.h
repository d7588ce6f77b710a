// A task's mailbox together with the EventCount of the thread that runs it. Shared by everyone who may still post when the
// task has ended (works in the background, notifications of sources), so that posting is always safe; mail that nobody
// reads any more is destroyed unrun.
#pragma once

#include <memory>
#include <utility>

#include "base/event_count.h"
#include "base/mailbox.h"
#include "tidemark/detail/channel/edge.h"

namespace tidemark {

class Inbox final : public detail::Wakeable {
 public:
  /// `thread` may be null, where somebody else decides when the task is stepped.
  explicit Inbox(std::shared_ptr<EventCount> thread) : thread_{std::move(thread)}, mailbox_{thread_.get()} {}

  Mailbox& mailbox() { return mailbox_; }
  void wake() noexcept override {
    if (thread_ != nullptr) thread_->wake();
  }

 private:
  std::shared_ptr<EventCount> thread_;
  Mailbox mailbox_;
};

}  // namespace tidemark
