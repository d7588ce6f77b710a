#include "channel/data_exchange.h"

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "env/transport_harness.h"
#include "tidemark/detail/channel/exchange.h"

namespace tidemark {
namespace {

using detail::Batch;
using detail::Element;
using detail::TypedBatch;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Line {
  std::int64_t number = 0;
  std::string_view text;
};

constexpr ChannelNumber kChannel = 7;
constexpr std::uint32_t kCapacity = 4;

struct Wakes final : detail::Wakeable {
  void wake() noexcept override { ++calls; }
  std::atomic<int> calls{0};
};

/// One worker's exchange, and what it has told.
struct Side final : CheckpointFolders {
  Side(AttemptId attempt, std::uint32_t worker, std::uint32_t workers = 2, const std::string& secret = "secret")
      : exchange{attempt, secret, worker, workers, wakeup, *this,
                 {.on_broken =
                      [this](std::uint32_t from, const Error& error) {
                        broken.push_back(std::to_string(from) + ": " + error.message());
                        retry = error.retry();
                      },
                  .on_note = [this](std::string_view note) { notes.emplace_back(note); }}} {}
  std::string folder_of(CheckpointId id) override { return "/chk-" + std::to_string(id); }
  void set_folder(CheckpointId id, std::string folder) override { folders[id] = std::move(folder); }

  std::map<CheckpointId, std::string> folders;
  EventCount wakeup;
  std::vector<std::string> broken, notes;
  Retry retry = Retry::kBackoff;
  Wakes task;
  DataExchange exchange;
};

/// Worker 0 sends to worker 1 by one edge, whose ends the test has.
class DataExchangeTest : public testing::Test {
 protected:
  void begin(AttemptId other_attempt = 1, const ConnectionOptions& options = {}, const std::string& other_secret = "secret") {
    here_ = std::make_unique<Side>(1, 0);
    there_ = std::make_unique<Side>(other_attempt, 1, 2, other_secret);
    to_ = &here_->exchange.send_to(1, kChannel, *detail::batch_codec<Line>(), here_->task, kCapacity);
    from_ = &there_->exchange.receive_from(0, kChannel, *detail::batch_codec<Line>(), there_->task, kCapacity);
    listener_ = value_or_throw(b_->listen("b:0", {.connection = options}, owner_,
                                          {.on_connection = [this](std::unique_ptr<Connection> c) { there_->exchange.accept(std::move(c)); }}));
    dial_ = a_->connect(listener_->address(), options, here_->exchange.mailbox(), [this](auto c) { here_->exchange.connect(1, std::move(*c)); });
  }
  bool run_until(const std::function<bool()>& holds) {
    return world_.run_until([&] {
      here_->exchange.step();
      there_->exchange.step();
      return holds();
    });
  }
  // Whatever is on its way arrives.
  void settle() {
    const std::int64_t until_ms = world_.clock().wall_ms() + 100;
    run_until([&] { return world_.clock().wall_ms() >= until_ms; });
  }
  // By the producing task, as writers do it.
  bool push(std::int64_t number, const std::string& text) {
    while (Batch* batch = to_->take_back()) {
      batch->clear();
      idle_.push_back(batch);
    }
    if (idle_.empty()) idle_.push_back(made_.emplace_back(std::make_unique<TypedBatch<Line>>(4)).get());
    auto& batch = static_cast<TypedBatch<Line>&>(*idle_.back());
    batch.append({number, text}, number);
    if (!to_->try_push(Element::of_batch(&batch))) {
      batch.clear();
      return false;
    }
    idle_.pop_back();
    return true;
  }
  bool push(const Element& element) {
    return run_until([&] { return to_->try_push(element); });
  }
  // By the consuming task; empty if there is nothing.
  std::string pop() {
    Element element;
    if (!from_->try_pop(element)) return {};
    if (element.kind != Element::Kind::kBatch) return "control";
    const Line& line = static_cast<TypedBatch<Line>&>(*element.batch).values()[0];
    std::string said = std::to_string(line.number) + " " + std::string{line.text};
    from_->give_back(element.batch);
    return said;
  }
  // A connection to worker 1 that says just that, until the other side ends it.
  void say_and_be_turned_away(const std::vector<Frame>& frames) {
    std::unique_ptr<Connection> stranger;
    bool is_closed = false;
    const auto dial = a_->connect(listener_->address(), {}, owner_, [&](auto c) {
      stranger = std::move(*c);
      stranger->start(owner_, {.on_frame = [](const Frame&) {}, .on_writable = {}, .on_closed = [&](const Closed&) { is_closed = true; }});
      for (const Frame& frame : frames) stranger->send(frame);
    });
    EXPECT_TRUE(run_until([&] { return is_closed; }));
  }

  test::MemoryWorld world_{3};
  Mailbox& owner_ = world_.make_mailbox();
  std::unique_ptr<Transport> a_ = world_.network().join("a", {.name = "a", .library = "1"});
  std::unique_ptr<Transport> b_ = world_.network().join("b", {.name = "b", .library = "1"});
  std::vector<std::unique_ptr<Batch>> made_;
  std::vector<Batch*> idle_;
  std::unique_ptr<Side> here_, there_;
  detail::SendingEnd* to_ = nullptr;
  detail::ReceivingEnd* from_ = nullptr;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Dial> dial_;
};

TEST_F(DataExchangeTest, ElementsArriveInOrderHoweverManyThereAre) {
  begin();
  std::int64_t pushed = 0;
  std::int64_t popped = 0;
  EXPECT_TRUE(run_until([&] {
    while (pushed < 500 && push(pushed, "text " + std::to_string(pushed))) ++pushed;
    if (pushed == 500 && to_->try_push(Element::of(Element::Kind::kEndOfData))) ++pushed;
    for (std::string said = pop(); !said.empty(); said = pop(), ++popped) {
      EXPECT_EQ(said, popped == 500 ? "control" : std::to_string(popped) + " text " + std::to_string(popped));
    }
    return popped == 501;
  }));
  EXPECT_THAT(here_->broken, IsEmpty());
  EXPECT_EQ(made_.size(), 1u) << "a batch can be filled again once it is written";
}

TEST_F(DataExchangeTest, AnEdgeWaitsForItsConnectionAndSaysThatItStands) {
  begin();
  EXPECT_FALSE(push(1, "early"));
  ASSERT_TRUE(run_until([&] { return here_->task.calls > 0; }));
  EXPECT_TRUE(push(1, "early"));
  EXPECT_TRUE(run_until([&] { return there_->task.calls > 0; }));
  EXPECT_TRUE(from_->has_batch());
  EXPECT_EQ(pop(), "1 early");
}

// The master's word of the checkpoint may be behind it.
TEST_F(DataExchangeTest, ABarrierBringsItsFolder) {
  begin();
  ASSERT_TRUE(push(Element::of_barrier({.id = 7})));
  ASSERT_TRUE(run_until([&] { return there_->task.calls > 0; }));
  EXPECT_EQ(there_->folders[7], "/chk-7");
  EXPECT_FALSE(from_->has_batch());
  Element element;
  ASSERT_TRUE(from_->try_pop(element));
  EXPECT_EQ(element.kind, Element::Kind::kBarrier);
  EXPECT_EQ(element.barrier.id, 7u);
}

TEST_F(DataExchangeTest, NoMoreIsOnItsWayThanTheConsumerHasRoomFor) {
  begin();
  ASSERT_TRUE(run_until([&] { return here_->task.calls > 0; }));
  std::int64_t pushed = 0;
  for (int i = 0; i < 20; ++i) {
    settle();
    while (push(pushed, "x")) ++pushed;
  }
  EXPECT_EQ(pushed, kCapacity);
  EXPECT_EQ(to_->load().elements, static_cast<std::size_t>(kCapacity));
  EXPECT_EQ(from_->load().elements, to_->load().elements);
  EXPECT_EQ(from_->load().capacity, to_->load().capacity);
  EXPECT_GT(to_->bytes_sent(), 0u);
  const int calls = here_->task.calls;
  EXPECT_EQ(pop(), "0 x");
  EXPECT_EQ(pop(), "1 x");
  EXPECT_TRUE(run_until([&] { return here_->task.calls > calls; })) << "half of them were taken";
  EXPECT_LT(from_->load().elements, static_cast<std::size_t>(kCapacity));
  EXPECT_LT(to_->load().elements, to_->load().capacity);
  EXPECT_TRUE(push(pushed, "x"));
}

TEST_F(DataExchangeTest, ALongQueueStopsTheProducerUntilItIsShort) {
  begin(1, {.largest_queue = 1000});
  ASSERT_TRUE(run_until([&] { return here_->task.calls > 0; }));
  EXPECT_TRUE(push(1, std::string(2000, 'x')));
  EXPECT_FALSE(push(2, "y"));
  EXPECT_TRUE(run_until([&] { return push(2, "y"); }));
  EXPECT_TRUE(run_until([&] { return pop().size() > 2000; }));
  EXPECT_TRUE(run_until([&] { return pop() == "2 y"; }));
}

TEST_F(DataExchangeTest, ALargeBatchGoesInParts) {
  begin(1, {.largest_frame = 10'000});
  TypedBatch<Line> batch;
  const std::string text(1000, 'x');
  for (std::int64_t i = 0; i < 100; ++i) batch.append({i, text}, i);
  std::int64_t arrived = 0;
  int parts = 0;
  bool pushed = false;
  ASSERT_TRUE(run_until([&] {
    pushed = pushed || to_->try_push(Element::of_batch(&batch));
    Element element;
    while (from_->try_pop(element)) {
      ++parts;
      const auto& part = static_cast<const TypedBatch<Line>&>(*element.batch);
      for (std::uint32_t i = 0; i < part.size(); ++i, ++arrived) {
        EXPECT_EQ(part.values()[i].number, arrived);
        EXPECT_EQ(part.values()[i].text, text);
        EXPECT_EQ(part.timestamps()[i], arrived);
      }
      from_->give_back(element.batch);
    }
    return arrived == 100;
  }));
  EXPECT_TRUE(pushed);
  EXPECT_GT(parts, 10);
}

TEST_F(DataExchangeTest, ARecordThatFitsIntoNoFrameFailsItsTask) {
  begin(1, {.largest_frame = 4096});
  ASSERT_TRUE(run_until([&] { return here_->task.calls > 0; }));
  try {
    push(1, std::string(5000, 'x'));
    FAIL() << "it takes more than 4096 bytes";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), AllOf(HasSubstr("a record takes 50"), HasSubstr("4096")));
    EXPECT_EQ(error.retry(), Retry::kNone) << "it would be as large again";
  }
}

TEST_F(DataExchangeTest, NotesGoBesideThem) {
  begin();
  there_->exchange.send_note(0, "a question");
  here_->exchange.send_note(1, "an answer");
  EXPECT_TRUE(run_until([&] { return !here_->notes.empty() && !there_->notes.empty(); }));
  here_->exchange.send_note(1, "another");
  EXPECT_TRUE(run_until([&] { return there_->notes.size() == 2; }));
  EXPECT_THAT(here_->notes, ElementsAre("a question"));
  EXPECT_THAT(there_->notes, ElementsAre("an answer", "another"));
}

TEST_F(DataExchangeTest, AWorkerOfAnotherAttemptIsTurnedAway) {
  begin(2);
  EXPECT_TRUE(run_until([&] { return !here_->broken.empty(); }));
  EXPECT_THAT(here_->broken, ElementsAre(AllOf(HasSubstr("worker 1"), HasSubstr("it is of attempt 1, and this is 2"))));
  EXPECT_THAT(there_->broken, IsEmpty()) << "its own worker 0 may yet come";
}

TEST_F(DataExchangeTest, AWorkerOfAnotherJobIsTurnedAwayAndToldWhy) {
  begin(1, {}, "of another job");
  EXPECT_TRUE(run_until([&] { return !here_->broken.empty(); }));
  settle();
  EXPECT_THAT(here_->broken, ElementsAre(HasSubstr("it turned this worker away: it does not know this attempt's secret")));
  EXPECT_EQ(here_->retry, Retry::kRestart);
  EXPECT_THAT(there_->broken, IsEmpty());
}

TEST_F(DataExchangeTest, AGoodbyeIsNoFailure) {
  begin();
  ASSERT_TRUE(run_until([&] { return push(1, "last"); }));
  EXPECT_TRUE(run_until([&] { return pop() == "1 last"; }));
  here_->exchange.close();
  settle();
  EXPECT_THAT(there_->broken, IsEmpty());
  there_->exchange.close();
}

TEST_F(DataExchangeTest, AConnectionThatBreaksIsToldOnceOnBothSides) {
  begin();
  here_->exchange.send_note(1, "hello");
  ASSERT_TRUE(run_until([&] { return !there_->notes.empty(); }));
  world_.network().reset("a", "b");
  EXPECT_TRUE(run_until([&] { return !here_->broken.empty() && !there_->broken.empty(); }));
  settle();
  EXPECT_EQ(here_->broken.size(), 1u);
  EXPECT_EQ(there_->broken.size(), 1u);
  EXPECT_THAT(there_->broken.front(), HasSubstr("0: the connection to worker 0"));
  EXPECT_EQ(there_->retry, Retry::kRestart);
  EXPECT_FALSE(push(1, "x")) << "tasks go on until they are cancelled, and nothing comes of it";
}

TEST_F(DataExchangeTest, WhoDoesNotComeIsGivenUpOnce) {
  begin();
  ASSERT_TRUE(run_until([&] { return push(1, "x"); }));
  Side lonely{1, 1, 4};
  lonely.exchange.give_up(2, {CloseCause::kUnreachable, Error{ErrorCode::kIo, "nobody there"}});
  lonely.exchange.give_up_missing(5'000);
  EXPECT_THAT(lonely.broken, ElementsAre("2: the connection to worker 2: nobody there", AllOf(HasSubstr("worker 0"), HasSubstr("5000 ms")),
                                         HasSubstr("worker 3")));
  EXPECT_EQ(lonely.retry, Retry::kRestart);
  here_->exchange.give_up_missing(5'000);
  EXPECT_THAT(here_->broken, IsEmpty());
}

TEST_F(DataExchangeTest, WhoIsNoWorkerIsTurnedAway) {
  begin();
  ASSERT_TRUE(run_until([&] { return push(1, "x"); }));
  say_and_be_turned_away({{1, "short"}});
  say_and_be_turned_away({{2, "early"}});
  say_and_be_turned_away({frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 7, .secret = "secret"}))});
  say_and_be_turned_away({frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 1, .secret = "secret"}))});
  say_and_be_turned_away({frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 0, .secret = "secret"}))});  // a second time
  EXPECT_TRUE(run_until([&] { return pop() == "1 x"; })) << "and the others go on";
  EXPECT_THAT(there_->broken, IsEmpty());
}

TEST_F(DataExchangeTest, WhatNoEdgeExpectsBreaksTheConnection) {
  const auto element = [](ChannelNumber channel) { return frame_of(EdgeFrame::kElement, encode_control(channel, Element::of(Element::Kind::kIdle), "")); };
  std::vector<std::vector<Frame>> wrong = {
      {element(kChannel + 1)},
      std::vector<Frame>(kCapacity + 1, element(kChannel)),
      {frame_of(EdgeFrame::kElement, "x")},
      {frame_of(EdgeFrame::kElement, element(kChannel).payload + "x")},
      {frame_of(EdgeFrame::kCredits, "x")},
      {frame_of(EdgeFrame::kCredits, encode_credits({.channel = kChannel + 1, .elements = 1}))},
      {frame_of(EdgeFrame::kCredits, encode_credits({.channel = kChannel, .elements = 1}))},
      {frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 0, .secret = "secret"}))},
      {{77, ""}},
  };
  for (std::vector<Frame>& frames : wrong) {
    begin();
    there_->exchange.send_to(0, kChannel, *detail::batch_codec<Line>(), there_->task, kCapacity);  // and one back
    dial_.reset();
    frames.insert(frames.begin(), frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 0, .secret = "secret"})));
    say_and_be_turned_away(frames);
    EXPECT_EQ(there_->broken.size(), 1u);
    EXPECT_THAT(there_->broken.front(), HasSubstr("worker 0"));
    listener_.reset();
  }
}

TEST_F(DataExchangeTest, ABatchThatIsNoneFailsWhoReadsIt) {
  begin();
  dial_.reset();
  detail::ByteWriter batch;
  put_batch_header(kChannel, 8, batch);
  batch.put_bytes("no batch");
  Element element;
  std::unique_ptr<Connection> other;
  const auto dial = a_->connect(listener_->address(), {}, owner_, [&](auto c) {
    other = std::move(*c);
    other->start(owner_, {.on_frame = [](const Frame&) {}, .on_writable = {}, .on_closed = [](const Closed&) {}});
    other->send(frame_of(EdgeFrame::kHello, encode_hello({.attempt = 1, .worker = 0, .secret = "secret"})));
    other->send(frame_of(EdgeFrame::kElement, batch.take()));
  });
  ASSERT_TRUE(run_until([&] { return from_->has_batch(); }));
  EXPECT_THROW(from_->try_pop(element), Error);
}

/// A task's thread: works until it is done, and sleeps while it cannot.
class TaskThread final : public detail::Wakeable {
 public:
  void wake() noexcept override { event_.wake(); }
  /// `work` says whether it did anything; nothing: it is done.
  void run(std::function<std::optional<bool>()> work) {
    thread_ = std::jthread{[this, work = std::move(work)] {
      while (true) {
        event_.prepare();
        const std::optional<bool> worked = work();
        if (!worked || *worked) {
          event_.cancel();
          if (!worked) return;
        } else {
          event_.commit();
        }
      }
    }};
  }
  void join() { thread_.join(); }

 private:
  EventCount event_;
  std::jthread thread_;
};

struct Owner {
  std::int64_t number = 0;
  std::string text;
};

// Of both sorts of records, in both directions over one connection, while queues run full.
template <class Record>
void exchange_in_both_directions(std::function<Record(std::int64_t)> make, std::function<std::int64_t(const Record&)> weigh) {
  constexpr std::int64_t kRecords = 20'000;
  test::UnixWorld world;
  const ConnectionOptions options{.largest_queue = 20'000};
  test::Host host{world, {.connection = options}};
  test::Caller caller{world};
  caller.call(host.address(), options);
  ASSERT_TRUE(world.run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  Side sides[2] = {{1, 0}, {1, 1}};
  TaskThread producers[2];
  TaskThread consumers[2];
  std::int64_t sums[2] = {};
  std::atomic<int> ended = 0;
  for (std::uint32_t side = 0; side < 2; ++side) {
    const detail::BatchCodec& codec = *detail::batch_codec<Record>();
    detail::ReceivingEnd& from = sides[1 - side].exchange.receive_from(side, side, codec, consumers[side], kCapacity);
    detail::SendingEnd& to = sides[side].exchange.send_to(1 - side, side, codec, producers[side], kCapacity);
    consumers[side].run([&, side]() -> std::optional<bool> {
      Element element;
      if (!from.try_pop(element)) return false;
      if (element.kind == Element::Kind::kEndOfData) {
        ++ended;
        return std::nullopt;
      }
      const auto& batch = static_cast<const TypedBatch<Record>&>(*element.batch);
      for (std::uint32_t i = 0; i < batch.size(); ++i) sums[side] += weigh(batch.values()[i]);
      from.give_back(element.batch);
      return true;
    });
    producers[side].run([&to, make, next = std::int64_t{0}, ending = false,
                         writer = std::make_shared<detail::RebalanceWriter<Record>>(std::vector<detail::SendingEnd*>{&to}),
                         batch = std::make_shared<TypedBatch<Record>>(100)]() mutable -> std::optional<bool> {
      if (!writer->drain()) return false;
      if (ending) return std::nullopt;
      for (; next < kRecords && batch->size() < batch->capacity(); ++next) batch->append(make(next), next);
      writer->receive(*batch);
      batch->clear();
      ending = next == kRecords;
      if (ending) writer->broadcast(Element::of(Element::Kind::kEndOfData));
      return true;
    });
  }
  // Tasks have begun before.
  sides[0].exchange.connect(1, std::move(caller.connected));
  sides[1].exchange.accept(std::move(host.accepted.front()));
  const bool all_ended = world.run_until([&] {
    for (Side& side : sides) side.exchange.step();
    return ended == 2;
  });
  TIDEMARK_CHECK(all_ended, "a thread that waits for ever can't be joined");
  for (TaskThread& thread : producers) thread.join();
  for (TaskThread& thread : consumers) thread.join();
  for (Side& side : sides) side.exchange.close();
  for (const std::int64_t sum : sums) EXPECT_EQ(sum, kRecords * (kRecords - 1) / 2);
}

TEST(DataExchangeThreads, TasksOfTheirOwnThreadsExchangePlainRecords) {
  const std::string letters(64, 'x');
  exchange_in_both_directions<Line>([&](std::int64_t n) { return Line{n, std::string_view{letters}.substr(0, n % 64)}; },
                                    [](const Line& line) {
                                      EXPECT_EQ(line.text, std::string(line.number % 64, 'x'));
                                      return line.number;
                                    });
}

TEST(DataExchangeThreads, TasksOfTheirOwnThreadsExchangeRecordsThatOwnMemory) {
  exchange_in_both_directions<Owner>([](std::int64_t n) { return Owner{n, std::to_string(n)}; },
                                     [](const Owner& owner) { return std::stoll(owner.text); });
}

}  // namespace
}  // namespace tidemark
