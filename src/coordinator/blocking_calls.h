// Calls that may block, run in the pool, their results brought back as mail.
//
// Threads: run(), reply() and in_flight() by the owner of the inbox; the calls by any thread of the pool. Ownership: a
// call owns what it captures and gives it up before its mail is posted; the inbox lives as long as the last call, so
// calls may outlive their owner: their mail is then never run.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/event_count.h"
#include "base/mailbox.h"
#include "env/env.h"

namespace tidemark {

/// The mail of a master, and who is woken by it: its thread, which may have other masters, too.
struct MasterInbox {
  std::shared_ptr<EventCount> wakeup = std::make_shared<EventCount>();
  Mailbox mailbox{wakeup.get()};
};

class BlockingCalls {
 public:
  /// One step of a call: an empty function to be called again, or the mail that tells the owner how it ended.
  using Call = std::move_only_function<Mailbox::Mail()>;

  BlockingCalls(BlockingPool& pool, std::shared_ptr<MasterInbox> inbox) : pool_{pool}, inbox_{std::move(inbox)} {}

  void run(Call call);
  /// The mail of a call that needs no pool; runs with the next mail.
  void reply(Mailbox::Mail mail);
  /// Calls and replies whose mail hasn't run.
  std::size_t in_flight() const { return in_flight_; }

 private:
  class Work;

  BlockingPool& pool_;
  const std::shared_ptr<MasterInbox> inbox_;
  std::size_t in_flight_ = 0;
};

}  // namespace tidemark
