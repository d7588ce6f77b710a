// Connections to other processes: frames in both directions, in order, each whole or not at all. The cluster's control
// and data both travel so; docs/ARCHITECTURE.md says how the parts below this interface fit together.
//
// A connection begins with a greeting in which both sides say which versions they speak (greeting.h), and ends for one
// named cause. A process that dies is seen at once, by its broken connection; a machine that is cut off, by its
// silence: each side sends signs of life. Reading stops while an owner has not handled what it got, and so, through the
// network, does the sender.
//
// Threads: each call says its own; callbacks run as mail of the owner's mailbox, one after the other, but for take_at_once. Ownership:
// whoever holds a Listener, Dial or Connection may destroy it on its owner's thread at any time, in a callback, too: no
// callback of it begins after that, and the mailbox is not used for it any more. Those that outlive their Transport
// have ended with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mailbox.h"
#include "base/result.h"

namespace tidemark {

/// A message. Its kind is its owner's to choose.
struct Frame {
  /// Greater kinds are the transport's own.
  static constexpr std::uint8_t kLastKind = 0xef;

  std::uint8_t kind = 0;
  std::string payload;

  friend bool operator==(const Frame&, const Frame&) = default;
};

/// Why a connection ended, or came to none. The numbers stand in refusals: new ones go to the end.
enum class CloseCause : std::uint8_t {
  kClosedHere,          ///< by close()
  kClosedByPeer,        ///< in order: the peer had sent all it wanted to
  kLost,                ///< it broke: the peer's process died or let go of it, or the network said so
  kSilent,              ///< nothing came for longer than the peer's signs of life may take
  kUnreachable,         ///< nobody answers at that address
  kTimedOut,            ///< the greeting, or at a close the last frames, took longer than allowed
  kGarbage,             ///< what the other side sends is not this protocol
  kDamaged,             ///< a frame's checksum does not fit, or a frame is missing
  kTooLarge,            ///< a frame larger than this side takes
  kWrongVersion,        ///< the two sides have no protocol version in common
  kNotTrusted,          ///< TLS: a certificate is missing, not of the authority, expired, or in another name
  kTooManyConnections,  ///< the listener has as many as it may
};

/// The enumerator's name without its k, in words: "too large".
std::string_view to_string(CloseCause cause) noexcept;

struct Closed {
  CloseCause cause;
  Error error;  ///< for people: which peer, what it did, what to do
};

/// What has failed for whoever needed the connection: an error that a restart may mend, but where the next connection would
/// end as this one did.
Error failure_of(const Closed& closed);

/// What a process says of itself in a greeting.
struct Identity {
  std::string name;                   ///< "taskmanager tm-1": for messages; one line, at most 256 bytes
  std::string library;                ///< version of Tidemark; at most 64 bytes
  std::uint32_t protocol = 1;         ///< the newest version of the protocol that it speaks
  std::uint32_t oldest_protocol = 1;  ///< and the oldest
};

/// Who is at the other end.
struct Peer {
  Identity identity;
  std::string address;            ///< its end of the connection, for messages
  std::uint32_t protocol = 0;     ///< the version that both sides speak
  std::size_t largest_frame = 0;  ///< the longest payload that it takes
};

/// Files in PEM. Both sides show a certificate, and both check that of the other.
struct Tls {
  std::string certificate;  ///< chain of this process
  std::string key;
  std::string authority;  ///< whoever signed the peer's certificate
  /// The name that must stand in the peer's certificate (subjectAltName). Empty: for one who connects, the host that it
  /// connects to; for one who listens, any.
  std::string peer_name;
};

struct ConnectionOptions {
  std::size_t largest_frame = 16u << 20;   ///< bytes of payload that this side takes
  std::size_t largest_queue = 4u << 20;    ///< bytes to be sent; beyond it send() says kQueuedFull
  std::size_t largest_backlog = 4u << 20;  ///< bytes that came and wait for the owner; beyond it reading pauses
  std::int64_t sign_of_life_ms = 2'000;    ///< this side is never silent for longer
  /// How long the peer may be silent; never less than two of its own signs of life.
  std::int64_t silence_ms = 10'000;
  std::int64_t greeting_ms = 10'000;  ///< for connecting, TLS and the greeting together
  std::int64_t closing_ms = 5'000;    ///< for sending what is queued when it is closed
  std::optional<Tls> tls;             ///< only for host:port
};

struct ListenOptions {
  ConnectionOptions connection;
  std::size_t most_connections = 4096;  ///< of this listener, those that are being greeted included
};

enum class SendStatus {
  kQueued,      ///< it will be sent, if the connection lasts
  kQueuedFull,  ///< the same, and the queue is long now: send no more until on_writable
  kClosed,      ///< dropped: the connection has ended, or was closed here
  kTooLarge,    ///< dropped: the peer takes no frame of that size
};

struct ConnectionCallbacks {
  std::move_only_function<void(Frame)> on_frame;
  /// May be empty. Takes a frame on the thread that has read it, without the way through the mailbox; false leaves the frame as it was, and it goes
  /// that way. Nobody asks while a frame that came before waits in the mailbox, so the order stays. It must neither wait nor let the connection go.
  std::move_only_function<bool(Frame&)> take_at_once = {};
  /// After kQueuedFull: half of the queue has been sent. May be empty.
  std::move_only_function<void()> on_writable;
  /// Once, behind all frames that came before; nothing follows.
  std::move_only_function<void(const Closed&)> on_closed;
};

class Connection {
 public:
  /// Breaks the connection if it still lasts; after close(), it ends as that says. The owner's thread.
  virtual ~Connection() = default;

  /// Once: from here on frames are read, and callbacks run in `owner`. The thread of `owner`.
  virtual void start(Mailbox& owner, ConnectionCallbacks callbacks) = 0;
  /// Any thread. Frames of one thread arrive in the order of their calls. The kind is at most Frame::kLastKind.
  virtual SendStatus send(Frame frame) = 0;
  /// Bytes that send() took and the system has not. Any thread.
  virtual std::size_t queued_bytes() const = 0;
  /// Sends what is queued, then ends; what the peer still sends is dropped. Any thread.
  virtual void close() = 0;
  /// Any thread.
  virtual const Peer& peer() const = 0;
};

class Listener {
 public:
  /// Nobody connects any more; connections that were handed over stay. The owner's thread.
  virtual ~Listener() = default;
  /// With the port that the system gave where it was asked for 0. Any thread.
  virtual const std::string& address() const = 0;
};

struct ListenerCallbacks {
  /// Greeted, and not started yet.
  std::move_only_function<void(std::unique_ptr<Connection>)> on_connection;
  /// For the log: somebody came and was not let in. May be empty.
  std::move_only_function<void(const Closed&)> on_refused;
};

/// An attempt to connect. Destroying it gives up. The owner's thread.
class Dial {
 public:
  virtual ~Dial() = default;
};

class Transport {
 public:
  using Connected = std::move_only_function<void(std::expected<std::unique_ptr<Connection>, Closed>)>;

  virtual ~Transport() = default;

  /// `address` is "host:port" ("[::1]:port"; port 0: any that is free) or "unix:/path". A socket that a dead process
  /// left at the path is replaced. The thread of `owner`, as for connect(); may wait for the name of the host to be
  /// looked up.
  virtual Result<std::unique_ptr<Listener>> listen(const std::string& address, const ListenOptions& options,
                                                   Mailbox& owner, ListenerCallbacks callbacks) = 0;
  /// `done` runs once, as mail, whatever is wrong, unless the transport itself ends first.
  [[nodiscard]] virtual std::unique_ptr<Dial> connect(const std::string& address, const ConnectionOptions& options,
                                                      Mailbox& owner, Connected done) = 0;
};

}  // namespace tidemark
