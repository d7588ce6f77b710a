// For tests of what stands on a transport: worlds in which processes talk, the real one and those in memory, driven
// until something holds. A test that waits for what never comes fails; none sleeps.
//
// One thread, which owns all mailboxes.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/event_count.h"
#include "base/mailbox.h"
#include "env/asio_transport.h"
#include "env/memory_network.h"
#include "env/split_mix_random.h"
#include "env/transport.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::test {

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return now_ns_ / 1'000'000; }
  std::int64_t steady_ns() const override { return now_ns_; }
  void set_ns(std::int64_t ns) { now_ns_ = ns; }

 private:
  std::int64_t now_ns_ = 1'000'000'000;
};

class TransportWorld {
 public:
  virtual ~TransportWorld() = default;

  virtual std::unique_ptr<Transport> join(const Identity& identity) = 0;
  /// To listen at; each call gives another.
  virtual std::string free_address() = 0;
  virtual ConnectionOptions options() const { return {}; }

  Mailbox& make_mailbox() { return mailboxes_.emplace_back(&mail_); }
  /// Its mail waits until it is woken.
  void put_to_sleep(Mailbox& mailbox) { asleep_.insert(&mailbox); }
  void wake(Mailbox& mailbox) { asleep_.erase(&mailbox); }

  /// Runs mail, and lets the world go on, until `holds`; false if it never does.
  virtual bool run_until(const std::function<bool()>& holds) = 0;

 protected:
  bool run_mail() {
    bool ran = false;
    for (Mailbox& mailbox : mailboxes_) ran = (!asleep_.contains(&mailbox) && mailbox.run_all()) || ran;
    return ran;
  }

  EventCount mail_;

 private:
  std::list<Mailbox> mailboxes_;
  std::set<Mailbox*> asleep_;
};

class MemoryWorld : public TransportWorld {
 public:
  explicit MemoryWorld(std::uint64_t seed) : random_{seed} {}

  std::unique_ptr<Transport> join(const Identity& identity) override { return network_.join("here", identity); }
  std::string free_address() override { return "here:0"; }
  bool run_until(const std::function<bool()>& holds) override {
    for (int i = 0; i < kMostSteps; ++i) {
      if (holds()) return true;
      if (random_.next() % 2 == 0 && run_mail()) continue;
      if (network_.step() || run_mail()) continue;
      const auto next = network_.next_due_ns();
      if (!next) return false;
      clock_.set_ns(*next);
    }
    return false;
  }

  MemoryNetwork& network() { return network_; }
  HandClock& clock() { return clock_; }

 private:
  static constexpr int kMostSteps = 10'000'000;

  SplitMixRandom random_;
  HandClock clock_;
  MemoryNetwork network_{clock_, random_};
};

class RealWorld : public TransportWorld {
 public:
  std::unique_ptr<Transport> join(const Identity& identity) override { return make_asio_transport(identity); }
  std::string free_address() override { return "127.0.0.1:0"; }
  ConnectionOptions options() const override { return {.silence_ms = 600'000, .greeting_ms = 600'000, .closing_ms = 600'000}; }
  bool run_until(const std::function<bool()>& holds) override {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!holds()) {
      if (run_mail()) continue;
      // Some things that are waited for come without mail, such as an empty queue.
      mail_.park([this] { return run_mail(); }, std::chrono::milliseconds{2});
      if (std::chrono::steady_clock::now() > give_up) return false;
    }
    return true;
  }
};

class UnixWorld final : public RealWorld {
 public:
  UnixWorld() {
    std::string name = (std::filesystem::temp_directory_path() / "tidemark-transport-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~UnixWorld() override { std::filesystem::remove_all(folder_); }
  std::string free_address() override { return "unix:" + folder_ + "/socket-" + std::to_string(++last_); }

 private:
  std::string folder_;
  int last_ = 0;
};

/// One side of a connection, and what has happened to it.
struct End {
  std::unique_ptr<Connection> connection;
  std::vector<Frame> frames;
  std::optional<Closed> closed;
  int writable = 0;

  void start(Mailbox& owner) {
    connection->start(owner, {.on_frame = [this](Frame frame) { frames.push_back(std::move(frame)); },
                              .on_writable = [this] { ++writable; },
                              .on_closed =
                                  [this](const Closed& how) {
                                    TIDEMARK_CHECK(!closed.has_value(), "an end is told once");
                                    closed = how;
                                  }});
  }
  bool is_closed(CloseCause cause) const { return closed.has_value() && closed->cause == cause; }
};

inline Identity identity_of(const std::string& name) { return {.name = name, .library = "0.1.0"}; }

/// A listener that takes whoever comes.
struct Host {
  Mailbox& owner;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Connection>> accepted;
  std::vector<Closed> refused;

  Host(TransportWorld& world, const ListenOptions& options, const Identity& identity = identity_of("host"))
      : owner{world.make_mailbox()}, transport{world.join(identity)} {
    listener = value_or_throw(transport->listen(
        world.free_address(), options, owner,
        {.on_connection = [this](std::unique_ptr<Connection> connection) { accepted.push_back(std::move(connection)); },
         .on_refused = [this](const Closed& how) { refused.push_back(how); }}));
  }
  const std::string& address() const { return listener->address(); }
};

/// One who connects.
struct Caller {
  Mailbox& owner;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Dial> dial;
  std::unique_ptr<Connection> connected;
  std::optional<Closed> failed;

  explicit Caller(TransportWorld& world, const Identity& identity = identity_of("caller"))
      : owner{world.make_mailbox()}, transport{world.join(identity)} {}

  void call(const std::string& address, const ConnectionOptions& options) {
    dial =
        transport->connect(address, options, owner, [this](std::expected<std::unique_ptr<Connection>, Closed> result) {
          if (result) {
            connected = std::move(*result);
          } else {
            failed = std::move(result.error());
          }
        });
  }
  bool done() const { return connected != nullptr || failed.has_value(); }
};

}  // namespace tidemark::test
