// What a transport stands on: streams of bytes, timers, and the one thread on which all of it happens. The real one is
// made of Asio (asio_wire.h), the other one is a world of hosts in memory (memory_network.h); what is said over it,
// frames and greetings and signs of life, is the same code for both (stream_connection.h).
//
// Threads: everything on the wire's own thread, callbacks too, but for what says "any thread"; no callback runs within the call that asked
// for it. Ownership: a destroyed Timer, Acceptor or ByteStream calls back no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "env/network_address.h"
#include "env/transport.h"

namespace tidemark {

class ByteStream {
 public:
  using Opened = std::move_only_function<void(std::expected<void, Closed>)>;
  using Read = std::move_only_function<void(std::expected<std::size_t, Closed>)>;
  using Written = std::move_only_function<void(std::expected<void, Closed>)>;

  /// At once, and what was written and not yet sent may be lost.
  virtual ~ByteStream() = default;
  /// First: TLS, where it has that.
  virtual void open(Opened done) = 0;
  /// Some bytes, as many as there are; 0: the peer has ended the stream. One at a time; `space` stays until then.
  virtual void read(std::span<char> space, Read done) = 0;
  /// As many bytes as there are now; none if there are none, where that cannot be had, or where something is wrong or ended, which read() then says.
  /// While no read is under way.
  virtual std::size_t read_at_once(std::span<char> /*space*/) { return 0; }
  /// All of the pieces. One at a time; they stay until then.
  virtual void write(std::span<const std::string_view> pieces, Written done) = 0;
  /// Of the pieces as many bytes as the system takes without waiting; none where that cannot be had, or where something is wrong, which write() then
  /// says. Any thread, while no write is under way and nobody destroys the stream.
  virtual std::size_t write_at_once(std::span<const std::string_view> /*pieces*/) { return 0; }
  /// Nothing more will be written: the peer reads to the end of what was.
  virtual void end() = 0;
  /// The peer's address, for messages.
  virtual const std::string& peer() const = 0;
};

/// Destroyed, it does not go off any more.
class Timer {
 public:
  virtual ~Timer() = default;
};

class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual const std::string& address() const = 0;
};

/// An attempt to reach a host. Destroyed, it is given up.
class Reaching {
 public:
  virtual ~Reaching() = default;
};

class Wire {
 public:
  using Task = std::move_only_function<void()>;
  using Accepted = std::move_only_function<void(std::unique_ptr<ByteStream>)>;
  using Reached = std::move_only_function<void(std::expected<std::unique_ptr<ByteStream>, Closed>)>;

  virtual ~Wire() = default;

  /// Any thread. Tasks run in the order of their posts.
  virtual void post(Task task) = 0;
  /// Waits until `holds`, which is asked on the wire's thread, or for so long. A wire without a thread, whose owner drives it, does not
  /// wait.
  virtual void wait_until(const std::function<bool()>& holds, std::int64_t longest_ms) = 0;
  /// After return nothing runs any more, and the caller's thread counts as the wire's. What was posted is destroyed
  /// with it.
  virtual void stop() = 0;
  virtual std::unique_ptr<Timer> after(std::int64_t ms, Task task) = 0;
  /// Any thread; streams are handed over from the first task after return on.
  virtual Result<std::unique_ptr<Acceptor>> listen(const NetworkAddress& address, const std::optional<Tls>& tls,
                                                   Accepted accepted) = 0;
  virtual std::unique_ptr<Reaching> reach(const NetworkAddress& address, const std::optional<Tls>& tls,
                                          Reached reached) = 0;
};

}  // namespace tidemark
