// What holds for every transport: the real one over TCP and Unix sockets, and that in memory under several seeds.
#include "env/transport.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "env/transport_harness.h"

namespace tidemark::test {
namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<TransportWorld>()> make;
  friend void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
};

std::string some_text(std::size_t size, std::uint64_t seed) {
  SplitMixRandom random{seed};
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

class TransportContract : public testing::TestWithParam<Kind> {
 protected:
  /// Two processes with a connection that is started on both sides.
  struct Pair {
    Host host;
    Caller caller;
    End there;  // the host's
    End here;

    Pair(TransportWorld& world, const ListenOptions& listen, const ConnectionOptions& connect)
        : host{world, listen}, caller{world} {
      caller.call(host.address(), connect);
      EXPECT_TRUE(world.run_until([&] { return caller.done() && host.accepted.size() == 1; }));
      if (caller.failed) throw caller.failed->error;
      here.connection = std::move(caller.connected);
      there.connection = std::move(host.accepted.front());
      here.start(caller.owner);
      there.start(host.owner);
    }
  };

  ListenOptions listen_options() const { return {.connection = world_->options()}; }
  Pair connect() { return {*world_, listen_options(), world_->options()}; }
  bool run_until(const std::function<bool()>& holds) { return world_->run_until(holds); }

  std::unique_ptr<TransportWorld> world_ = GetParam().make();
};

TEST_P(TransportContract, FramesArriveInOrderAsTheyWereInBothDirections) {
  Pair pair{*world_, listen_options(), world_->options()};
  std::vector<Frame> frames;
  std::uint64_t seed = 0;
  for (const std::size_t size : {0u, 1u, 100u, 65'536u, 3'000'000u, 0u, 17u, 200'000u}) {
    frames.push_back({.kind = static_cast<std::uint8_t>(frames.size()), .payload = some_text(size, ++seed)});
  }
  frames.push_back({.kind = Frame::kLastKind, .payload = "last"});
  for (const Frame& frame : frames) {
    EXPECT_NE(pair.here.connection->send(frame), SendStatus::kClosed);
    EXPECT_NE(pair.there.connection->send(frame), SendStatus::kClosed);
  }
  ASSERT_TRUE(
      run_until([&] { return pair.here.frames.size() == frames.size() && pair.there.frames.size() == frames.size(); }));
  EXPECT_TRUE(pair.here.frames == frames);
  EXPECT_TRUE(pair.there.frames == frames);
  EXPECT_TRUE(run_until([&] { return pair.here.connection->queued_bytes() == 0; }));
}

TEST_P(TransportContract, EachSideKnowsTheOther) {
  ListenOptions listen = listen_options();
  listen.connection.largest_frame = 12345;
  Pair pair{*world_, listen, world_->options()};
  const Peer& there = pair.here.connection->peer();
  EXPECT_EQ(there.identity.name, "host");
  EXPECT_EQ(there.identity.library, "0.1.0");
  EXPECT_EQ(there.protocol, 1u);
  EXPECT_EQ(there.largest_frame, 12345u);
  EXPECT_EQ(pair.there.connection->peer().identity.name, "caller");
}

TEST_P(TransportContract, ThePreviousProtocolIsSpokenWithAnOlderPeer) {
  Host host{*world_, listen_options(), {.name = "new", .library = "0.3.0", .protocol = 3, .oldest_protocol = 2}};
  Caller caller{*world_, {.name = "old", .library = "0.2.0", .protocol = 2, .oldest_protocol = 1}};
  caller.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  ASSERT_FALSE(caller.failed.has_value());
  EXPECT_EQ(caller.connected->peer().protocol, 2u);
  EXPECT_EQ(host.accepted.front()->peer().protocol, 2u);
}

TEST_P(TransportContract, WhoHasNoProtocolInCommonIsRefusedAndBothSidesSayWhy) {
  Host host{*world_, listen_options(), {.name = "new", .library = "0.5.0", .protocol = 5, .oldest_protocol = 4}};
  Caller caller{*world_, {.name = "old", .library = "0.2.0", .protocol = 2, .oldest_protocol = 1}};
  caller.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done() && host.refused.size() == 1; }));
  ASSERT_TRUE(caller.failed.has_value());
  EXPECT_EQ(caller.failed->cause, CloseCause::kWrongVersion);
  EXPECT_EQ(caller.failed->error.code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(caller.failed->error.message().find("upgrade the older one"), std::string::npos)
      << caller.failed->error.message();
  EXPECT_EQ(host.refused.front().cause, CloseCause::kWrongVersion);
  EXPECT_NE(host.refused.front().error.message().find("'old' (Tidemark 0.2.0)"), std::string::npos);
  EXPECT_TRUE(host.accepted.empty());
}

TEST_P(TransportContract, WhatWasQueuedArrivesBeforeAnOrderlyEnd) {
  Pair pair = connect();
  for (int i = 0; i < 100; ++i) pair.here.connection->send({.kind = 1, .payload = some_text(50'000, 1)});
  pair.here.connection->close();
  EXPECT_EQ(pair.here.connection->send({.kind = 1, .payload = "late"}), SendStatus::kClosed);
  ASSERT_TRUE(run_until([&] { return pair.there.closed && pair.here.closed; }));
  EXPECT_EQ(pair.there.frames.size(), 100u);
  EXPECT_TRUE(pair.there.is_closed(CloseCause::kClosedByPeer)) << pair.there.closed->error.message();
  EXPECT_TRUE(pair.here.is_closed(CloseCause::kClosedHere)) << pair.here.closed->error.message();
  EXPECT_EQ(pair.there.connection->send({.kind = 1, .payload = "late"}), SendStatus::kClosed);
}

TEST_P(TransportContract, BothSidesMayCloseAtOnce) {
  Pair pair = connect();
  pair.here.connection->close();
  pair.there.connection->close();
  ASSERT_TRUE(run_until([&] { return pair.there.closed && pair.here.closed; }));
  EXPECT_TRUE(pair.here.is_closed(CloseCause::kClosedHere) || pair.here.is_closed(CloseCause::kClosedByPeer));
  EXPECT_TRUE(pair.there.is_closed(CloseCause::kClosedHere) || pair.there.is_closed(CloseCause::kClosedByPeer));
}

TEST_P(TransportContract, AConnectionThatIsLetGoIsLostForItsPeer) {
  Pair pair = connect();
  pair.here.connection.reset();
  ASSERT_TRUE(run_until([&] { return pair.there.closed.has_value(); }));
  EXPECT_EQ(pair.there.closed->cause, CloseCause::kLost);
  EXPECT_NE(pair.there.closed->error.message().find("caller"), std::string::npos) << pair.there.closed->error.message();
  EXPECT_FALSE(pair.here.closed.has_value());
}

TEST_P(TransportContract, AClosedConnectionMayBeLetGoAndStillSendsWhatWasQueued) {
  Pair pair = connect();
  for (int i = 0; i < 50; ++i) pair.here.connection->send({.kind = 1, .payload = some_text(50'000, 1)});
  pair.here.connection->close();
  pair.here.connection.reset();
  ASSERT_TRUE(run_until([&] { return pair.there.closed.has_value(); }));
  EXPECT_EQ(pair.there.frames.size(), 50u);
  EXPECT_EQ(pair.there.closed->cause, CloseCause::kClosedByPeer);
}

TEST_P(TransportContract, WhatAClosedConnectionWasGivenArrivesThoughItsTransportEnds) {
  if (GetParam().name.starts_with("Memory")) GTEST_SKIP() << "there a transport's end is its process's death";
  Pair pair = connect();
  const std::string text = some_text(100'000, 1);
  for (int i = 0; i < 30; ++i) pair.here.connection->send({.kind = 1, .payload = text});
  pair.here.connection->close();
  pair.here.connection.reset();
  pair.caller.transport.reset();
  ASSERT_TRUE(run_until([&] { return pair.there.closed.has_value(); }));
  EXPECT_EQ(pair.there.frames.size(), 30u);
  EXPECT_TRUE(pair.there.is_closed(CloseCause::kClosedByPeer));
}

TEST_P(TransportContract, AProcessThatEndsIsSeenAtOnce) {
  Pair pair = connect();
  pair.caller.transport.reset();
  EXPECT_EQ(pair.here.connection->send({.kind = 1, .payload = "late"}), SendStatus::kClosed);
  ASSERT_TRUE(run_until([&] { return pair.there.closed.has_value(); }));
  EXPECT_EQ(pair.there.closed->cause, CloseCause::kLost);
}

TEST_P(TransportContract, AReceiverThatDoesNotKeepUpHoldsItsSenderBackAndNobodyElse) {
  constexpr std::size_t kFrames = 400;
  const std::string payload = some_text(100'000, 3);
  ListenOptions listen = listen_options();
  listen.connection.largest_backlog = 1u << 20;
  Pair pair{*world_, listen, world_->options()};
  Pair others{*world_, listen, world_->options()};
  world_->put_to_sleep(pair.host.owner);
  bool full = false;
  for (std::size_t i = 0; i < kFrames; ++i)
    full = pair.here.connection->send({.kind = 1, .payload = payload}) == SendStatus::kQueuedFull || full;
  EXPECT_TRUE(full);
  for (std::size_t i = 0; i < kFrames; ++i) others.here.connection->send({.kind = 1, .payload = payload});
  ASSERT_TRUE(run_until([&] { return others.there.frames.size() == kFrames; }));
  // The systems between hold a few megabytes; the rest stays where it was made.
  EXPECT_GT(pair.here.connection->queued_bytes(), kFrames * payload.size() / 2);
  const int writable_before = pair.here.writable;  // the first megabytes may have left at once

  world_->wake(pair.host.owner);
  ASSERT_TRUE(run_until([&] { return pair.there.frames.size() == kFrames && pair.here.writable > writable_before; }));
  EXPECT_TRUE(pair.there.frames.back().payload == payload);
}

TEST_P(TransportContract, FramesWaitForAnOwner) {
  Host host{*world_, listen_options()};
  Caller caller{*world_};
  caller.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  ASSERT_NE(caller.connected, nullptr);
  caller.connected->send({.kind = 1, .payload = "early"});
  caller.connected->close();
  End there;
  there.connection = std::move(host.accepted.front());
  EXPECT_TRUE(run_until([&] { return caller.connected->queued_bytes() == 0; }));
  there.start(host.owner);
  ASSERT_TRUE(run_until([&] { return there.closed.has_value(); }));
  ASSERT_EQ(there.frames.size(), 1u);
  EXPECT_EQ(there.frames.front().payload, "early");
  EXPECT_EQ(there.closed->cause, CloseCause::kClosedByPeer);
}

TEST_P(TransportContract, WhatIsTakenAtOnceNeverOvertakesWhatWaitsForTheOwner) {
  constexpr int kFrames = 500;
  Host host{*world_, listen_options()};
  Caller caller{*world_};
  caller.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  std::mutex mutex;
  std::vector<std::string> frames;  // guarded by mutex
  std::size_t at_once = 0;          // guarded by mutex
  const auto connection = std::move(host.accepted.front());
  connection->start(host.owner, {.on_frame =
                                     [&](const Frame& frame) {
                                       const std::lock_guard lock{mutex};
                                       frames.push_back(frame.payload);
                                     },
                                 .take_at_once =
                                     [&](Frame& frame) {
                                       if (frame.kind == 1) return false;
                                       const std::lock_guard lock{mutex};
                                       frames.push_back(std::exchange(frame.payload, {}));
                                       ++at_once;
                                       return true;
                                     },
                                 .on_writable = {},
                                 .on_closed = [](const Closed&) {}});
  const auto count = [&] {
    const std::lock_guard lock{mutex};
    return frames.size();
  };
  for (int i = 0; i < kFrames; ++i) {
    caller.connected->send({.kind = static_cast<std::uint8_t>(i % 10 == 0 ? 1 : 2), .payload = std::to_string(i)});
    if (i % 50 == 5) {
      ASSERT_TRUE(run_until([&] { return count() == static_cast<std::size_t>(i) + 1; }));
    }
  }
  ASSERT_TRUE(run_until([&] { return count() == kFrames; }));
  for (int i = 0; i < kFrames; ++i) EXPECT_EQ(frames[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_GT(at_once, 0u);
}

TEST_P(TransportContract, NothingIsTakenAtOnceWhenTheConnectionIsLetGo) {
  Host host{*world_, listen_options()};
  Caller caller{*world_};
  caller.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  auto taken = std::make_unique<std::atomic<int>>(0);
  std::unique_ptr<Connection> connection = std::move(host.accepted.front());
  connection->start(host.owner, {.on_frame = [](const Frame&) {},
                                 .take_at_once = [&](Frame&) { return ++*taken > 0; },
                                 .on_writable = {},
                                 .on_closed = [](const Closed&) {}});
  for (int i = 0; i < 1000; ++i) caller.connected->send({.kind = 1, .payload = "frame"});
  ASSERT_TRUE(run_until([&] { return *taken > 0; }));
  connection.reset();
  taken.reset();  // the sanitizers see who still looks at it
  caller.connected->close();
  EXPECT_TRUE(run_until([&] { return caller.connected->queued_bytes() == 0; }));
}

TEST_P(TransportContract, AFrameThatThePeerDoesNotTakeIsNotSent) {
  ListenOptions listen = listen_options();
  listen.connection.largest_frame = 1000;
  Pair pair{*world_, listen, world_->options()};
  EXPECT_EQ(pair.here.connection->send({.kind = 1, .payload = std::string(1001, 'x')}), SendStatus::kTooLarge);
  EXPECT_EQ(pair.here.connection->send({.kind = 2, .payload = std::string(1000, 'x')}), SendStatus::kQueued);
  ASSERT_TRUE(run_until([&] { return !pair.there.frames.empty(); }));
  EXPECT_EQ(pair.there.frames.front().kind, 2);
}

TEST_P(TransportContract, WhereNobodyListensNobodyIsReached) {
  std::string address;
  {
    const Host host{*world_, listen_options()};
    address = host.address();
  }
  Caller caller{*world_};
  caller.call(address, world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done(); }));
  ASSERT_TRUE(caller.failed.has_value());
  EXPECT_EQ(caller.failed->cause, CloseCause::kUnreachable);
  EXPECT_NE(caller.failed->error.message().find(address), std::string::npos) << caller.failed->error.message();
}

TEST_P(TransportContract, WhatIsNoAddressIsRefused) {
  Caller caller{*world_};
  caller.call("nonsense", world_->options());
  ASSERT_TRUE(run_until([&] { return caller.done(); }));
  ASSERT_TRUE(caller.failed.has_value());
  EXPECT_EQ(caller.failed->error.code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(caller.transport->listen("nonsense", listen_options(), caller.owner, {}).has_value());
}

TEST_P(TransportContract, TwoDoNotListenAtOneAddress) {
  const Host host{*world_, listen_options()};
  const std::unique_ptr<Transport> other = world_->join(identity_of("other"));
  const auto second = other->listen(host.address(), listen_options(), host.owner, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists) << second.error().message();
}

TEST_P(TransportContract, ADialThatIsLetGoSaysNothing) {
  Host host{*world_, listen_options()};
  Caller caller{*world_};
  Caller other{*world_};
  caller.call(host.address(), world_->options());
  caller.dial.reset();
  other.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return other.done(); }));
  EXPECT_FALSE(caller.done());
}

TEST_P(TransportContract, AListenerThatIsLetGoKeepsItsConnections) {
  Pair pair = connect();
  const std::string address = pair.host.address();
  pair.host.listener.reset();
  Caller late{*world_};
  late.call(address, world_->options());
  ASSERT_TRUE(run_until([&] { return late.done(); }));
  if (!late.failed) {  // it came in just before the door was shut
    End end;
    end.connection = std::move(late.connected);
    end.start(late.owner);
    ASSERT_TRUE(run_until([&] { return end.is_closed(CloseCause::kLost); }));
  }
  pair.here.connection->send({.kind = 1, .payload = "still"});
  ASSERT_TRUE(run_until([&] { return pair.there.frames.size() == 1; }));
}

TEST_P(TransportContract, NoMoreConnectionsThanAllowedUntilOneEnds) {
  ListenOptions listen = listen_options();
  listen.most_connections = 1;
  Pair pair{*world_, listen, world_->options()};
  Caller second{*world_};
  second.call(pair.host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return second.done() && !pair.host.refused.empty(); }));
  ASSERT_TRUE(second.failed.has_value());
  EXPECT_EQ(pair.host.refused.front().cause, CloseCause::kTooManyConnections);
  pair.here.connection->close();
  ASSERT_TRUE(run_until([&] { return pair.there.closed.has_value(); }));
  Caller third{*world_};
  third.call(pair.host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return third.done(); }));
  EXPECT_FALSE(third.failed.has_value());
}

TEST_P(TransportContract, ACallbackMayLetItsConnectionGo) {
  Pair pair = connect();
  Host& host = pair.host;
  Caller second{*world_};
  host.accepted.clear();
  second.call(host.address(), world_->options());
  ASSERT_TRUE(run_until([&] { return second.done() && host.accepted.size() == 1; }));
  std::unique_ptr<Connection> mine = std::move(host.accepted.front());
  int frames = 0;
  mine->start(host.owner, {.on_frame =
                               [&](Frame) {
                                 ++frames;
                                 mine.reset();
                               },
                           .on_writable = nullptr,
                           .on_closed = [](const Closed&) { FAIL() << "nobody is there to be told"; }});
  for (int i = 0; i < 10; ++i) second.connected->send({.kind = 1, .payload = "x"});
  End other;
  other.connection = std::move(second.connected);
  other.start(second.owner);
  ASSERT_TRUE(run_until([&] { return other.closed.has_value(); }));
  EXPECT_EQ(frames, 1);
}

TEST_P(TransportContract, HandlesMayOutliveTheirTransports) {
  Pair pair = connect();
  pair.here.connection->send({.kind = 1, .payload = "x"});
  pair.host.transport.reset();
  pair.caller.transport.reset();
  EXPECT_EQ(pair.here.connection->send({.kind = 1, .payload = "late"}), SendStatus::kClosed);
  pair.there.connection->close();
  EXPECT_TRUE(run_until([&] { return pair.here.closed.has_value(); }));
}

INSTANTIATE_TEST_SUITE_P(Worlds, TransportContract,
                         testing::Values(Kind{"Tcp", [] { return std::make_unique<RealWorld>(); }},
                                         Kind{"Unix", [] { return std::make_unique<UnixWorld>(); }},
                                         Kind{"Memory1", [] { return std::make_unique<MemoryWorld>(1); }},
                                         Kind{"Memory2", [] { return std::make_unique<MemoryWorld>(2); }},
                                         Kind{"Memory3", [] { return std::make_unique<MemoryWorld>(3); }}),
                         [](const auto& test) { return test.param.name; });

TEST(Closed, WhatNeededTheConnectionMayTryAgainUnlessTheNextWouldEndTheSame) {
  using enum CloseCause;
  for (const CloseCause cause : {kClosedHere, kClosedByPeer, kLost, kSilent, kUnreachable, kTimedOut, kGarbage, kDamaged, kTooManyConnections}) {
    // Whatever its own error says: damage on the way is none of a checkpoint, and an order to close none to end the job.
    const Error failure = failure_of({cause, Error{ErrorCode::kDataLoss, "what it was"}});
    EXPECT_EQ(failure.code(), ErrorCode::kIo);
    EXPECT_EQ(failure.retry(), Retry::kRestart) << to_string(cause);
    EXPECT_EQ(failure.message(), "what it was");
  }
  for (const CloseCause cause : {kTooLarge, kWrongVersion, kNotTrusted}) {
    EXPECT_EQ(failure_of({cause, Error{ErrorCode::kIo, "what it was"}}).retry(), Retry::kNone) << to_string(cause);
  }
}

}  // namespace
}  // namespace tidemark::test
