#include "control/message_line.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/worker_vocabulary.h"
#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kKind = MessageKind::kStartTasks;
constexpr auto kOther = MessageKind::kOpenTasks;

struct Order {
  std::string item;
  std::int64_t amount = 0;
  friend bool operator==(const Order&, const Order&) = default;
};
/// The next version of it.
struct LaterOrder {
  std::int64_t amount = 0;
  std::string item;
  std::vector<std::string> notes;
  std::int32_t urgency = 3;
  static constexpr auto state_schema = schema(default_of("urgency", 3));
  friend bool operator==(const LaterOrder&, const LaterOrder&) = default;
};
struct OtherOrder {
  std::int64_t item = 0;
};

template <class Message>
Vocabulary vocabulary() {
  Vocabulary words;
  words.add<Message>(kKind);
  return words;
}

/// Two ends of a connection; what comes to the second is gathered.
class MessageLineTest : public testing::Test {
 protected:
  // The line of who takes.
  template <class Message>
  void take(std::vector<Message>& taken) {
    connect();
    taker_.emplace(std::move(there_), Vocabulary{}, vocabulary<Message>(), there_owner_,
                   MessageLine::Callbacks{.on_message =
                                              [&taken, this](const IncomingMessage& message) -> Result<> {
                                                fences_.push_back(message.fence());
                                                TIDEMARK_ASSIGN(value, message.value<Message>());
                                                taken.push_back(std::move(value));
                                                return {};
                                              },
                                          .on_closed = [this](const Closed& closed) { closed_.push_back(closed.error.message()); }});
  }
  // The line of who sends.
  void speak(const Vocabulary& words) {
    sender_.emplace(std::move(here_), words, Vocabulary{}, here_owner_,
                    MessageLine::Callbacks{.on_message = [](const IncomingMessage&) -> Result<> { return {}; },
                                           .on_closed = [this](const Closed&) { ++sender_closed_; }});
  }
  void connect() {
    const std::string address = "b:" + std::to_string(++port_);
    listener_ = value_or_throw(b_->listen(address, {}, there_owner_, {.on_connection = [this](std::unique_ptr<Connection> c) { there_ = std::move(c); }}));
    dial_ = a_->connect(address, {}, here_owner_, [this](auto c) { here_ = std::move(*c); });
    ASSERT_TRUE(world_.run_until([&] { return here_ != nullptr && there_ != nullptr; }));
  }
  // Frames by hand.
  void start_by_hand() {
    here_->start(here_owner_, {.on_frame = [](const Frame&) {}, .on_writable = {}, .on_closed = [](const Closed&) {}});
  }
  std::string reason() {
    EXPECT_TRUE(world_.run_until([&] { return !closed_.empty(); }));
    EXPECT_EQ(closed_.size(), 1u);
    return closed_.front();
  }

  test::MemoryWorld world_{1};
  Mailbox& here_owner_ = world_.make_mailbox();
  Mailbox& there_owner_ = world_.make_mailbox();
  std::unique_ptr<Transport> a_ = world_.network().join("a", {.name = "a", .library = "1.2"});
  std::unique_ptr<Transport> b_ = world_.network().join("b", {.name = "b", .library = "1.3"});
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<Connection> here_, there_;
  std::optional<MessageLine> sender_, taker_;
  std::vector<Fence> fences_;
  std::vector<std::string> closed_;
  int sender_closed_ = 0;
  int port_ = 0;
};

TEST_F(MessageLineTest, AMessageComesAsItWasAndInItsOrderWithItsFence) {
  std::vector<Order> taken;
  take(taken);
  speak(vocabulary<Order>());
  for (std::int64_t n = 0; n < 100; ++n) sender_->send(kKind, {.epoch = 7, .attempt = 3}, Order{"item", n});
  ASSERT_TRUE(world_.run_until([&] { return taken.size() == 100; }));
  for (std::int64_t n = 0; n < 100; ++n) EXPECT_EQ(taken[static_cast<std::size_t>(n)], (Order{"item", n}));
  EXPECT_EQ(fences_.front(), (Fence{7, 3}));
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(MessageLineTest, AVersionThatIsOneBehindIsUnderstood) {
  std::vector<LaterOrder> taken;
  take(taken);
  speak(vocabulary<Order>());
  sender_->send(kKind, {}, Order{"item", 4});
  ASSERT_TRUE(world_.run_until([&] { return !taken.empty(); }));
  EXPECT_EQ(taken.front(), (LaterOrder{4, "item", {}, 3}));
}

TEST_F(MessageLineTest, OneThatIsAheadIsUnderstood) {
  std::vector<Order> taken;
  take(taken);
  speak(vocabulary<LaterOrder>().add<Nothing>(kOther));
  sender_->send(kKind, {}, LaterOrder{4, "item", {"gift"}, 9});
  ASSERT_TRUE(world_.run_until([&] { return !taken.empty(); }));
  EXPECT_EQ(taken.front(), (Order{"item", 4}));
  sender_->send(kOther, {});
  EXPECT_THAT(reason(), HasSubstr("not spoken here"));
}

TEST_F(MessageLineTest, WhatCanNotBeConvertedIsRefusedBeforeTheFirstMessage) {
  std::vector<Order> taken;
  take(taken);
  speak(vocabulary<OtherOrder>());
  EXPECT_THAT(reason(), testing::AllOf(HasSubstr("a (version 1.2)"), HasSubstr("item"), HasSubstr("bring both to versions")));
  EXPECT_THAT(taken, IsEmpty());
  EXPECT_TRUE(world_.run_until([&] { return sender_closed_ == 1; }));
}

TEST_F(MessageLineTest, WhatIsNoMessageEndsTheLine) {
  const auto kind = static_cast<std::uint8_t>(kKind);
  const std::vector<std::pair<Frame, std::string>> wrong = {
      {{kind, "early"}, "before the vocabulary"},
      {{static_cast<std::uint8_t>(MessageKind::kVocabulary), "nonsense"}, "does not decode"},
  };
  for (const auto& [frame, expected] : wrong) {
    closed_.clear();
    taker_.reset();
    here_.reset();
    there_.reset();
    std::vector<Order> taken;
    take(taken);
    start_by_hand();
    here_->send(frame);
    EXPECT_THAT(reason(), HasSubstr(expected));
    EXPECT_THAT(taken, IsEmpty());
  }
}

TEST_F(MessageLineTest, AMessageThatIsCutShortEndsTheLine) {
  std::vector<Order> taken;
  take(taken);
  Connection* const raw = here_.get();
  speak(vocabulary<Order>());
  raw->send({static_cast<std::uint8_t>(kKind), std::string(13, '\x7f')});
  EXPECT_THAT(reason(), HasSubstr("does not decode"));
  EXPECT_THAT(taken, IsEmpty());
}

TEST(Messages, AnErrorKeepsWhatItSays) {
  const Error error{ErrorCode::kUserCode, ErrorDomain::kUser, Retry::kRestart, "at record 5"};
  const Error back = error_of(report_of(error));
  EXPECT_EQ(back.code(), error.code());
  EXPECT_EQ(back.domain(), error.domain());
  EXPECT_EQ(back.retry(), error.retry());
  EXPECT_EQ(back.message(), error.message());
  EXPECT_EQ(error_of({.code = 200, .message = "of a later version"}).code(), ErrorCode::kInternal);
}

TEST(Messages, NoKindIsSaidByBothSides) {
  const Vocabulary down = words_to_workers();
  const Vocabulary up = words_to_masters();
  for (const auto& [kind, type] : down.types()) EXPECT_FALSE(up.types().contains(kind));
  std::size_t bytes = 0;
  for (const Vocabulary* words : {&down, &up}) {
    for (const auto& [kind, type] : words->types()) bytes += schema_json(type).size();
  }
  EXPECT_LT(bytes, 64u << 10) << "they go over each connection once";
  RecordProperty("schema_bytes", static_cast<int>(bytes));
}

}  // namespace
}  // namespace tidemark
