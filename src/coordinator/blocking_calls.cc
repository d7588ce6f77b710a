#include "coordinator/blocking_calls.h"

#include <utility>

namespace tidemark {

class BlockingCalls::Work final : public BackgroundWork {
 public:
  Work(BlockingCalls& owner, std::shared_ptr<MasterInbox> inbox, Call call)
      : owner_{owner}, inbox_{std::move(inbox)}, call_{std::move(call)} {}

  Progress step() noexcept override {
    Mailbox::Mail mail = call_();
    if (!mail) return Progress::kMadeProgress;
    call_ = nullptr;
    // Only the mail touches the owner, and mail runs only while there is one.
    inbox_->mailbox.post([&owner = owner_, mail = std::move(mail)]() mutable {
      --owner.in_flight_;
      mail();
    });
    return Progress::kDone;
  }

 private:
  BlockingCalls& owner_;
  const std::shared_ptr<MasterInbox> inbox_;
  Call call_;
};

void BlockingCalls::run(Call call) {
  ++in_flight_;
  pool_.submit(std::make_unique<Work>(*this, inbox_, std::move(call)));
}

void BlockingCalls::reply(Mailbox::Mail mail) {
  ++in_flight_;
  inbox_->mailbox.post([this, mail = std::move(mail)]() mutable {
    --in_flight_;
    mail();
  });
}

}  // namespace tidemark
