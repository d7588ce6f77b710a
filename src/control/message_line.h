// Messages over one connection: typed values, fenced, and readable by the version of Tidemark before and behind this one.
//
// The first frame of each side is its vocabulary: the schemas of the messages that it sends. A message whose schema differs from this
// side's is converted field by field as saved state is (codec/evolution.h); one that can't be is refused when the vocabulary comes, by
// name, before anything is misunderstood.
//
// The fence says in whose name a message is sent: the leader's epoch and the job's attempt. What to do with one that is too old its
// receiver decides. Threads: send() from any; the rest on the owner's thread, where callbacks run as mail. Nothing that comes is
// trusted: what does not fit ends the line.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mailbox.h"
#include "base/result.h"
#include "codec/evolution.h"
#include "control/messages.h"
#include "env/transport.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {

struct Fence {
  std::uint64_t epoch = 0;  ///< of the leader
  AttemptId attempt = 0;
  friend bool operator==(const Fence&, const Fence&) = default;
};

/// The messages that one side sends, or takes: their kinds and types.
class Vocabulary {
 public:
  template <class Message>
  Vocabulary& add(MessageKind kind) {
    return add(kind, detail::type_of<Message>());
  }
  Vocabulary& add(MessageKind kind, Type type) {
    types_.insert_or_assign(kind, std::move(type));
    return *this;
  }
  const std::map<MessageKind, Type>& types() const { return types_; }

 private:
  std::map<MessageKind, Type> types_;
};

/// A message that came. Its bytes are valid during the callback.
class IncomingMessage {
 public:
  IncomingMessage(MessageKind kind, Fence fence, std::string_view bytes) : kind_{kind}, fence_{fence}, bytes_{bytes} {}
  MessageKind kind() const { return kind_; }
  const Fence& fence() const { return fence_; }
  /// Message must be the type that the vocabulary has of this kind.
  template <class Message>
  Result<Message> value() const {
    Message message;
    detail::ByteReader in{bytes_};
    detail::decode(in, message);
    if (!in.ok() || in.remaining() != 0) return damaged();
    return message;
  }

 private:
  std::unexpected<Error> damaged() const;

  MessageKind kind_;
  Fence fence_;
  std::string_view bytes_;
};

class MessageLine {
 public:
  struct Callbacks {
    /// An error ends the line with it.
    std::move_only_function<Result<>(const IncomingMessage& message)> on_message;
    /// Once; nothing follows.
    std::move_only_function<void(const Closed& closed)> on_closed;
  };

  /// `connection` has not been started. `sends` and `takes`: of this side.
  MessageLine(std::unique_ptr<Connection> connection, const Vocabulary& sends, Vocabulary takes, Mailbox& owner, Callbacks callbacks);
  MessageLine(const MessageLine&) = delete;
  MessageLine& operator=(const MessageLine&) = delete;

  /// A message that is longer than the other side takes ends the line, and with it what it was for.
  template <class Message>
  void send(MessageKind kind, const Fence& fence, const Message& message) {
    if (const Result<> sent = send_if_taken(kind, fence, message); !sent) break_off(sent.error());
  }
  /// A message that is longer than the other side takes is an error, and the line goes on without it.
  template <class Message>
  Result<> send_if_taken(MessageKind kind, const Fence& fence, const Message& message) {
    detail::ByteWriter payload = begin(fence);
    detail::encode(message, payload);
    return send_frame(kind, std::move(payload));
  }
  void send(MessageKind kind, const Fence& fence) { send(kind, fence, Nothing{}); }
  /// What comes from now on is told these; in a callback, too, where it holds from the next message on.
  void hand_over(Callbacks callbacks);
  /// What was sent still goes out; nothing comes any more.
  void close() { connection_->close(); }
  const Peer& peer() const { return connection_->peer(); }
  /// Whether the other side's version ever says such messages; false before its vocabulary has come.
  bool may_say(MessageKind kind) const { return known_.contains(kind); }

 private:
  static detail::ByteWriter begin(const Fence& fence);
  Result<> send_frame(MessageKind kind, detail::ByteWriter payload);
  void break_off(const Error& error);
  void take_over();
  void on_frame(const Frame& frame);
  Result<> take(const Frame& frame);
  Result<> take_vocabulary(std::string_view payload);
  void end(const Closed& closed);

  const std::unique_ptr<Connection> connection_;
  const Vocabulary takes_;
  Callbacks callbacks_;
  std::optional<Callbacks> handed_over_;  // to be callbacks_ before the next message
  bool is_understood_ = false;  // the other side's vocabulary has come
  bool has_ended_ = false;
  std::map<MessageKind, std::optional<Conversion>> known_;  // by kind; none: of this side's very type
};

}  // namespace tidemark
