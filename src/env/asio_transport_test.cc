// What only real sockets can show: strangers at the door, TLS, threads, and what lies on the disk.
#include "env/asio_transport.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "env/authority_test.h"
#include "env/frame.h"
#include "env/greeting.h"
#include "env/network_address.h"
#include "env/transport_harness.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark::test {
namespace {

namespace fs = std::filesystem;

/// A TCP connection that says what it is told to.
class RawClient {
 public:
  explicit RawClient(const std::string& address) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(value_or_throw(parse_network_address(address)).port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) { ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void send_frame(std::uint8_t kind, const std::string& payload) {
    const FrameHeader header = frame_header(kind, payload.size(), detail::hash_bytes(payload), sent_++);
    send(std::string{header.data(), header.size()} + payload);
  }
  void greet() {
    send_frame(static_cast<std::uint8_t>(TransportFrame::kGreeting),
               encode_greeting({.identity = identity_of("raw"), .largest_frame = 1000, .sign_of_life_ms = 10}));
  }

 private:
  const int fd_;
  std::uint64_t sent_ = 0;
};

class AsioTransportTest : public testing::Test {
 protected:
  AsioTransportTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-asio-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~AsioTransportTest() override { fs::remove_all(folder_); }

  bool run_until(const std::function<bool()>& holds) { return world_.run_until(holds); }
  /// The one who was refused, and that the others go on.
  Closed refused(Host& host) {
    EXPECT_TRUE(run_until([&] { return !host.refused.empty(); }));
    Caller caller{world_};
    caller.call(host.address(), {});
    EXPECT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
    EXPECT_FALSE(caller.failed.has_value());
    return host.refused.empty() ? Closed{CloseCause::kClosedHere, Error{ErrorCode::kInternal, "nobody was"}}
                                : host.refused.front();
  }

  RealWorld world_;
  std::string folder_;
};

TEST_F(AsioTransportTest, StrangersAreTurnedAwayByNameAndNobodyElseIs) {
  const std::pair<std::string, std::string> strangers[] = {
      {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"},
      {std::string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11} + std::string(100, 'x'), "TLS"},
      {std::string(64, '\0'), "no frame"},
      {std::string(64, '\xff'), "no frame"},
  };
  for (const auto& [bytes, hint] : strangers) {
    Host host{world_, {}};
    RawClient stranger{host.address()};
    stranger.send(bytes);
    const Closed how = refused(host);
    EXPECT_EQ(how.cause, CloseCause::kGarbage);
    EXPECT_NE(how.error.message().find(hint), std::string::npos) << how.error.message();
    EXPECT_NE(how.error.message().find("a connection from 127.0.0.1:"), std::string::npos) << how.error.message();
  }
}

TEST_F(AsioTransportTest, AFrameOtherThanAGreetingIsNotTheFirst) {
  Host host{world_, {}};
  RawClient stranger{host.address()};
  stranger.send_frame(1, "hello");
  EXPECT_EQ(refused(host).cause, CloseCause::kGarbage);
}

TEST_F(AsioTransportTest, AGreetingThatIsTooLargeIsNotWaitedFor) {
  Host host{world_, {}};
  RawClient stranger{host.address()};
  const FrameHeader header = frame_header(static_cast<std::uint8_t>(TransportFrame::kGreeting), 1u << 30, 0, 0);
  stranger.send({header.data(), header.size()});
  EXPECT_EQ(refused(host).cause, CloseCause::kTooLarge);
}

TEST_F(AsioTransportTest, WhoDoesNotGreetInTimeIsLetGo) {
  Host host{world_, {.connection = {.greeting_ms = 20}}};
  const RawClient silent{host.address()};
  EXPECT_TRUE(run_until([&] { return host.refused.size() == 1; }));
  RawClient slow{host.address()};
  slow.send("\x20");
  EXPECT_TRUE(run_until([&] { return host.refused.size() == 2; }));
  for (const Closed& how : host.refused) EXPECT_EQ(how.cause, CloseCause::kTimedOut);
}

TEST_F(AsioTransportTest, WhoSpeaksNonsenseAfterTheGreetingEndsItsOwnConnection) {
  struct Case {
    CloseCause cause;
    std::function<void(RawClient&)> say;
  };
  const Case cases[] = {
      {CloseCause::kDamaged, [](RawClient& raw) { raw.send(std::string(64, 'x')); }},
      {CloseCause::kGarbage, [](RawClient& raw) { raw.send_frame(0xfe, "?"); }},
      {CloseCause::kGarbage, [](RawClient& raw) { raw.greet(); }},
      {CloseCause::kTooLarge, [](RawClient& raw) { raw.send_frame(1, std::string(1001, 'x')); }},
      {CloseCause::kSilent, [](RawClient&) {}},
  };
  for (const Case& a : cases) {
    Host host{world_, {.connection = {.largest_frame = 1000, .sign_of_life_ms = 10, .silence_ms = 50}}};
    RawClient raw{host.address()};
    raw.greet();
    ASSERT_TRUE(run_until([&] { return host.accepted.size() == 1; }));
    End end;
    end.connection = std::move(host.accepted.front());
    a.say(raw);  // before its silence is counted
    end.start(host.owner);
    ASSERT_TRUE(run_until([&] { return end.closed.has_value(); }));
    EXPECT_EQ(end.closed->cause, a.cause) << end.closed->error.message();
    EXPECT_NE(end.closed->error.message().find("from raw (127.0.0.1:"), std::string::npos)
        << end.closed->error.message();
    EXPECT_TRUE(end.frames.empty());
  }
}

TEST_F(AsioTransportTest, FramesOfManyThreadsArriveWholeEachThreadsInOrder) {
  constexpr int kThreads = 4;
  constexpr int kFrames = 2000;
  // Now and then one that a socket does not take at once.
  const auto fill = [](int i) { return std::string(static_cast<std::size_t>(i % 100 == 50 ? 500'000 : i % 97), 'x'); };
  Host host{world_, {}};
  Caller caller{world_};
  caller.call(host.address(), {});
  ASSERT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  End end;
  end.connection = std::move(host.accepted.front());
  end.start(host.owner);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kFrames; ++i) {
          caller.connected->send({.kind = static_cast<std::uint8_t>(t), .payload = std::to_string(i) + fill(i)});
        }
      });
    }
    ASSERT_TRUE(run_until([&] { return end.frames.size() == kThreads * kFrames; }));
  }
  int next[kThreads] = {};
  for (const Frame& frame : end.frames) {
    const int i = next[frame.kind]++;
    EXPECT_TRUE(frame.payload == std::to_string(i) + fill(i)) << "frame " << i << " of thread " << int{frame.kind};
  }
}

TEST_F(AsioTransportTest, NoSocketIsInheritedByAProcessThatIsStarted) {
  Host host{world_, {}};
  UnixWorld unix_world;
  Host unix_host{unix_world, {}};
  Caller caller{world_};
  caller.call(host.address(), {});
  ASSERT_TRUE(run_until([&] { return caller.done() && host.accepted.size() == 1; }));
  for (const auto& entry : fs::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    const std::string what = fs::read_symlink(entry.path(), gone).string();
    if (!what.starts_with("socket:") && !what.starts_with("anon_inode:")) continue;
    EXPECT_NE(::fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, 0) << what;
  }
}

TEST_F(AsioTransportTest, TheSocketOfADeadProcessIsReplacedAndThatOfALivingOneIsNot) {
  const std::string path = folder_ + "/" + std::string(120, 'd') + "/" + std::string(80, 's');
  fs::create_directory(fs::path{path}.parent_path());
  Mailbox& owner = world_.make_mailbox();
  const auto transport = world_.join(identity_of("a"));
  auto first = transport->listen("unix:" + path, {}, owner, {});
  ASSERT_TRUE(first.has_value()) << first.error().message();
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto second = transport->listen("unix:" + path, {}, owner, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  fs::create_hard_link(path, path + "2");  // the name stays when its process has gone
  first->reset();
  ASSERT_TRUE(run_until([&] { return !fs::exists(path); }));
  ASSERT_TRUE(fs::exists(path + "2"));
  EXPECT_TRUE(transport->listen("unix:" + path + "2", {}, owner, {}).has_value());
  std::ofstream{folder_ + "/file"} << "mine";
  EXPECT_FALSE(transport->listen("unix:" + folder_ + "/file", {}, owner, {}).has_value());
  EXPECT_TRUE(fs::exists(folder_ + "/file"));
}

// ---- TLS

class AsioTlsTest : public AsioTransportTest {
 protected:
  /// What comes of a call; a connection is tried with a frame.
  void meet(const std::optional<Tls>& listens, const std::optional<Tls>& calls) {
    host_.emplace(world_, ListenOptions{.connection = {.tls = listens}});
    caller_.emplace(world_);
    caller_->call(host_->address(), {.tls = calls});
    ASSERT_TRUE(run_until([&] { return caller_->done(); }));
    if (caller_->failed) return;
    ASSERT_TRUE(run_until([&] { return host_->accepted.size() == 1; }));
    here_.connection = std::move(caller_->connected);
    there_.connection = std::move(host_->accepted.front());
    here_.start(caller_->owner);
    there_.start(host_->owner);
    here_.connection->send({.kind = 1, .payload = std::string(1'000'000, 'x')});
    ASSERT_TRUE(run_until([&] { return there_.frames.size() == 1; }));
  }
  bool host_says(CloseCause cause, const std::string& text) {
    if (!run_until([&] { return !host_->refused.empty(); })) return false;
    const Closed& how = host_->refused.front();
    EXPECT_EQ(how.cause, cause) << how.error.message();
    EXPECT_NE(how.error.message().find(text), std::string::npos) << how.error.message();
    return true;
  }
  void caller_says(CloseCause cause, const std::string& text) {
    ASSERT_TRUE(caller_->failed.has_value());
    EXPECT_EQ(caller_->failed->cause, cause) << caller_->failed->error.message();
    EXPECT_NE(caller_->failed->error.message().find(text), std::string::npos) << caller_->failed->error.message();
  }

  Authority authority_{"authority"};
  Tls jobmanager_ = authority_.issue("jobmanager", "DNS:localhost,IP:127.0.0.1");
  Tls taskmanager_ = authority_.issue("taskmanager", "DNS:tm-1,DNS:tidemark");
  std::optional<Host> host_;
  std::optional<Caller> caller_;
  End here_;
  End there_;
};

TEST_F(AsioTlsTest, BothSidesShowThemselvesAndTalk) {
  meet(jobmanager_, taskmanager_);
  EXPECT_FALSE(caller_->failed.has_value()) << caller_->failed->error.message();
  here_.connection->close();
  ASSERT_TRUE(run_until([&] { return there_.closed && here_.closed; }));
  EXPECT_TRUE(there_.is_closed(CloseCause::kClosedByPeer));
  EXPECT_TRUE(here_.is_closed(CloseCause::kClosedHere));
}

TEST_F(AsioTlsTest, ANameThatIsAskedForMustBeInTheCertificate) {
  Tls asks = jobmanager_;
  asks.peer_name = "tidemark";
  meet(asks, taskmanager_);
  EXPECT_FALSE(caller_->failed.has_value());
  asks.peer_name = "tm-2";
  meet(asks, taskmanager_);
  EXPECT_TRUE(host_says(CloseCause::kNotTrusted, "(wanted: 'tm-2')"));
}

TEST_F(AsioTlsTest, AHostMustBeTheOneThatWasCalled) {
  meet(taskmanager_, jobmanager_);
  caller_says(CloseCause::kNotTrusted, "(wanted: '127.0.0.1')");
}

TEST_F(AsioTlsTest, ACertificateOfAnotherAuthorityIsNotTrustedOnEitherSide) {
  Authority other{"other"};
  Tls stranger = other.issue("stranger", "IP:127.0.0.1");
  meet(stranger, taskmanager_);
  caller_says(CloseCause::kNotTrusted, "certificate");
  stranger.authority = jobmanager_.authority;
  meet(jobmanager_, stranger);
  EXPECT_TRUE(host_says(CloseCause::kNotTrusted, "certificate"));
  caller_says(CloseCause::kNotTrusted, "refuses this side's TLS");
}

TEST_F(AsioTlsTest, AnExpiredCertificateIsNotTrusted) {
  meet(authority_.issue("old", "IP:127.0.0.1", true), taskmanager_);
  caller_says(CloseCause::kNotTrusted, "expired");
}

TEST_F(AsioTlsTest, WhoSpeaksNoTlsIsTurnedAwayAndSoIsWhoSpeaksItWhereNobodyDoes) {
  meet(jobmanager_, std::nullopt);
  EXPECT_TRUE(caller_->failed.has_value());
  EXPECT_TRUE(host_says(CloseCause::kGarbage, "does not speak TLS"));
  meet(std::nullopt, jobmanager_);
  EXPECT_TRUE(caller_->failed.has_value());
  EXPECT_TRUE(host_says(CloseCause::kGarbage, "TLS"));
}

TEST_F(AsioTlsTest, FilesThatCannotBeUsedAreNamed) {
  Tls wrong = jobmanager_;
  wrong.key = taskmanager_.key;
  const auto transport = world_.join(identity_of("a"));
  auto listener = transport->listen("127.0.0.1:0", {.connection = {.tls = wrong}}, world_.make_mailbox(), {});
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(listener.error().message().find(wrong.key), std::string::npos) << listener.error().message();
  wrong.certificate = folder_ + "/none";
  Caller caller{world_};
  caller.call("127.0.0.1:1", {.tls = wrong});
  ASSERT_TRUE(run_until([&] { return caller.done(); }));
  EXPECT_NE(caller.failed->error.message().find(wrong.certificate), std::string::npos)
      << caller.failed->error.message();
}

}  // namespace
}  // namespace tidemark::test
