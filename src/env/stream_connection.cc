#include "env/stream_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/long_hash.h"
#include "env/greeting.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

// One write is that much at most, so that a long queue is told about as it shrinks.
constexpr std::size_t kMostFrames = 64;
constexpr std::size_t kMostWritten = 1u << 20;
// Then it is other connections' turn.
constexpr std::size_t kMostReadInATurn = 1u << 20;
// What a frame in a mailbox costs besides its payload, so that a backlog of empty ones ends, too.
constexpr std::size_t kFrameOverhead = 128;

ErrorCode code_of(CloseCause cause) {
  switch (cause) {
    case CloseCause::kClosedHere:
    case CloseCause::kClosedByPeer:
      return ErrorCode::kCancelled;
    case CloseCause::kSilent:
    case CloseCause::kTimedOut:
      return ErrorCode::kTimeout;
    case CloseCause::kGarbage:
      return ErrorCode::kParse;
    case CloseCause::kDamaged:
      return ErrorCode::kDataLoss;
    case CloseCause::kTooLarge:
    case CloseCause::kTooManyConnections:
      return ErrorCode::kResourceExhausted;
    case CloseCause::kWrongVersion:
      return ErrorCode::kUnsupportedVersion;
    case CloseCause::kNotTrusted:
      return ErrorCode::kPermissionDenied;
    case CloseCause::kLost:
    case CloseCause::kUnreachable:
      return ErrorCode::kIo;
  }
  return ErrorCode::kInternal;
}

std::uint32_t as_u32(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

class StreamConnection::Handle final : public Connection {
 public:
  explicit Handle(std::shared_ptr<StreamConnection> connection) : connection_{std::move(connection)} {}
  ~Handle() override { connection_->let_go(); }

  void start(Mailbox& owner, ConnectionCallbacks callbacks) override {
    connection_->start(owner, std::move(callbacks));
  }
  SendStatus send(Frame frame) override { return connection_->send(std::move(frame)); }
  std::size_t queued_bytes() const override { return connection_->queued_.load(std::memory_order_relaxed); }
  void close() override { connection_->close(); }
  const Peer& peer() const override { return connection_->peer_; }

 private:
  const std::shared_ptr<StreamConnection> connection_;
};

std::shared_ptr<StreamConnection> StreamConnection::begin(const std::shared_ptr<WireUsers>& wire,
                                                          std::unique_ptr<ByteStream> stream, Side side,
                                                          const ConnectionOptions& options, const Identity& identity,
                                                          std::shared_ptr<void> place, Greeted greeted) {
  std::shared_ptr<StreamConnection> self{
      new StreamConnection{wire, std::move(stream), side, options, identity, std::move(place), std::move(greeted)}};
  wire->add(*self);
  self->open();
  return self;
}

std::unique_ptr<Connection> StreamConnection::handle(std::shared_ptr<StreamConnection> connection) {
  return std::make_unique<Handle>(std::move(connection));
}

StreamConnection::StreamConnection(std::shared_ptr<WireUsers> wire, std::unique_ptr<ByteStream> stream, Side side,
                                   const ConnectionOptions& options, const Identity& identity,
                                   std::shared_ptr<void> place, Greeted greeted)
    : wire_{std::move(wire)},
      side_{side},
      options_{options},
      identity_{identity},
      stream_{std::move(stream)},
      place_{std::move(place)},
      greeted_{std::move(greeted)},
      reader_{kLargestGreeting},
      closing_as_{CloseCause::kClosedHere, Error{ErrorCode::kCancelled, "closed here"}} {
  peer_.address = stream_->peer();
}

// ---- the owner's calls

void StreamConnection::start(Mailbox& owner, ConnectionCallbacks callbacks) {
  TIDEMARK_CHECK(callbacks_ == nullptr, "a connection is started once");
  {
    const std::lock_guard lock{taking_mutex_};
    take_at_once_ = std::move(callbacks.take_at_once);
  }
  callbacks_ = std::make_shared<ConnectionCallbacks>(std::move(callbacks));
  owner_.bind(owner);
  const bool lasts = wire_->post([self = shared_from_this()] {
    self->started_ = true;
    if (self->closed_) return self->tell_closed();
    self->go_on_reading();
  });
  if (!lasts) tell_closed();  // the wire's thread is no more
}

SendStatus StreamConnection::send(Frame frame) {
  TIDEMARK_CHECK(frame.kind <= Frame::kLastKind, "kinds above Frame::kLastKind are the transport's own");
  if (frame.payload.size() > peer_.largest_frame) return SendStatus::kTooLarge;
  Outgoing out{.kind = frame.kind,
               .payload_hash = hash_long(frame.payload),
               .payload = std::move(frame.payload),
               .header = {}};
  const std::size_t bytes = out.bytes();
  bool writes_here = false;
  bool full = false;
  {
    const std::lock_guard lock{mutex_};
    if (!takes_frames_) return SendStatus::kClosed;
    queue_.push_back(std::move(out));
    full = queued_.fetch_add(bytes, std::memory_order_relaxed) + bytes > options_.largest_queue;
    told_full_ = told_full_ || full;
    writes_here = !std::exchange(is_being_written_, true);
  }
  if (writes_here) write_at_once();
  return full ? SendStatus::kQueuedFull : SendStatus::kQueued;
}

void StreamConnection::close() {
  {
    const std::lock_guard lock{mutex_};
    if (!std::exchange(takes_frames_, false)) return;
  }
  wire_->post([self = shared_from_this()] { self->begin_closing(); });
}

void StreamConnection::let_go() {
  callbacks_.reset();
  owner_.cut();
  {
    const std::lock_guard lock{taking_mutex_};
    take_at_once_ = nullptr;
  }
  {
    const std::lock_guard lock{mutex_};
    if (!std::exchange(takes_frames_, false)) return;  // it has ended, or ends in order
  }
  wire_->post([self = shared_from_this()] { self->end(); });
}

// ---- the greeting

void StreamConnection::open() {
  deadline_ = wire_->wire().after(options_.greeting_ms, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->fail(CloseCause::kTimedOut,
                 Error{ErrorCode::kTimeout, fmt::format("no greeting within {} ms", self->options_.greeting_ms)});
    }
  });
  stream_->open([self = shared_from_this()](std::expected<void, Closed> opened) {
    if (self->state_ == State::kClosed) return;
    if (!opened) return self->finish({opened.error().cause, opened.error().error.within(self->about_peer())});
    if (self->side_ == Side::kConnects) self->greet();
    self->go_on_reading();
  });
}

void StreamConnection::greet() {
  enqueue(TransportFrame::kGreeting,
          encode_greeting({.identity = identity_,
                           .largest_frame = as_u32(options_.largest_frame),
                           .sign_of_life_ms = as_u32(static_cast<std::uint64_t>(options_.sign_of_life_ms))}));
}

void StreamConnection::on_greeting(std::string_view payload) {
  const std::optional<Greeting> theirs = decode_greeting(payload);
  if (!theirs) return fail(CloseCause::kGarbage, Error{ErrorCode::kParse, "its greeting cannot be read"});
  const Result<std::uint32_t> protocol = common_protocol(identity_, theirs->identity);
  peer_.identity = theirs->identity;
  if (!protocol) return refuse(protocol.error());
  if (side_ == Side::kAccepts) greet();
  become_open(theirs->identity, *protocol, theirs->largest_frame, theirs->sign_of_life_ms);
}

void StreamConnection::refuse(const Error& error) {
  if (side_ == Side::kConnects) return fail(CloseCause::kWrongVersion, error);
  const Closed closed{CloseCause::kWrongVersion, error.within(about_peer())};
  closing_as_ = closed;
  enqueue(TransportFrame::kRefusal, encode_refusal(closed.cause, error.message()));
  begin_closing();
  if (greeted_) std::exchange(greeted_, nullptr)(std::unexpected{closed});
}

void StreamConnection::become_open(const Identity& identity, std::uint32_t protocol, std::size_t largest_frame,
                                   std::int64_t sign_of_life_ms) {
  peer_.identity = identity;
  peer_.protocol = protocol;
  peer_.largest_frame = largest_frame;
  most_silent_ms_ = std::max(options_.silence_ms, 2 * sign_of_life_ms);
  reader_.set_largest_payload(options_.largest_frame);
  state_ = State::kOpen;
  deadline_.reset();
  {
    const std::lock_guard lock{mutex_};
    takes_frames_ = true;
  }
  tick();
  std::exchange(greeted_, nullptr)(shared_from_this());
}

// ---- what comes

bool StreamConnection::reads() const {
  return state_ == State::kGreeting || state_ == State::kClosing || (state_ == State::kOpen && started_);
}

void StreamConnection::go_on_reading() {
  std::size_t in_this_turn = 0;
  while (hand_frames_on()) {
    const std::size_t bytes = in_this_turn < kMostReadInATurn ? stream_->read_at_once(reader_.space()) : 0;
    if (bytes == 0) return wait_for_bytes();
    in_this_turn += bytes;
    heard_ = true;
    reader_.filled(bytes);
  }
}

// True if the next bytes are wanted, for the next frame is not whole.
bool StreamConnection::hand_frames_on() {
  while (!reading_ && reads()) {  // a frame may have led to a read
    if (state_ == State::kOpen && backlog_is_full()) return false;
    auto frame = reader_.next();
    if (!frame) {
      fail(frame.error().cause, Error{code_of(frame.error().cause), frame.error().reason});
      return false;
    }
    if (!*frame) return true;
    on_frame(std::move(**frame));
  }
  return false;
}

void StreamConnection::wait_for_bytes() {
  reading_ = true;
  stream_->read(reader_.space(), [self = shared_from_this()](std::expected<std::size_t, Closed> bytes) {
    self->on_read(std::move(bytes));
  });
}

void StreamConnection::on_read(std::expected<std::size_t, Closed> bytes) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (!bytes) return finish({bytes.error().cause, bytes.error().error.within(about_peer())});
  if (*bytes == 0) return on_end_of_stream();
  heard_ = true;
  reader_.filled(*bytes);
  go_on_reading();
}

void StreamConnection::on_end_of_stream() {
  if (state_ == State::kClosing && said_last_) return finish(closing_as_);
  fail(CloseCause::kLost,
       Error{ErrorCode::kIo,
             state_ == State::kGreeting
                 ? "it ended the connection instead of greeting: it may want TLS, have too many connections, or be "
                   "something else; its log tells"
                 : "it ended the connection without a goodbye: its process has probably died"});
}

void StreamConnection::on_frame(Frame frame) {
  if (frame.kind <= Frame::kLastKind && state_ == State::kOpen) return deliver(std::move(frame));
  const auto kind = static_cast<TransportFrame>(frame.kind);
  if (state_ == State::kClosing) {
    if (kind == TransportFrame::kGoodbye) finish(closing_as_);
    return;
  }
  if (state_ == State::kGreeting) {
    if (kind == TransportFrame::kGreeting) return on_greeting(frame.payload);
    if (kind == TransportFrame::kRefusal && side_ == Side::kConnects) {
      const Closed refused = decode_refusal(frame.payload);
      return fail(refused.cause, refused.error);
    }
    return fail(CloseCause::kGarbage, Error{ErrorCode::kParse, "its first frame is no greeting"});
  }
  if (kind == TransportFrame::kSignOfLife) return;
  if (kind == TransportFrame::kGoodbye) {
    return fail(CloseCause::kClosedByPeer, Error{ErrorCode::kCancelled, "it closed the connection"});
  }
  fail(CloseCause::kGarbage,
       Error{ErrorCode::kParse, fmt::format("a frame of kind {}, which this version does not know", frame.kind)});
}

void StreamConnection::deliver(Frame frame) {
  if (is_taken_at_once(frame)) return;
  const std::size_t bytes = frame.payload.size() + kFrameOverhead;
  backlog_.fetch_add(bytes);
  owner_.post([weak = weak_from_this(), frame = std::move(frame), bytes]() mutable {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (const auto callbacks = self->callbacks_) callbacks->on_frame(std::move(frame));
    self->handled(bytes);
  });
}

bool StreamConnection::is_taken_at_once(Frame& frame) {
  if (backlog_.load() != 0) return false;  // it would overtake
  const std::lock_guard lock{taking_mutex_};
  return take_at_once_ && take_at_once_(frame);
}

void StreamConnection::handled(std::size_t bytes) {
  const std::size_t left = backlog_.fetch_sub(bytes) - bytes;
  if (left > options_.largest_backlog / 2 || callbacks_ == nullptr) return;
  if (paused_.exchange(false)) wire_->post([self = shared_from_this()] { self->go_on_reading(); });
}

bool StreamConnection::backlog_is_full() {
  if (backlog_.load() <= options_.largest_backlog) return false;
  paused_.store(true);
  // All of it may have been handled before that was seen.
  return backlog_.load() > options_.largest_backlog / 2 || !paused_.exchange(false);
}

bool StreamConnection::pass_to_owner(std::move_only_function<void(ConnectionCallbacks&)> call) {
  return owner_.post([weak = weak_from_this(), call = std::move(call)]() mutable {
    const auto self = weak.lock();
    const auto callbacks = self == nullptr ? nullptr : self->callbacks_;
    if (callbacks != nullptr) call(*callbacks);
  });
}

// ---- what goes

void StreamConnection::enqueue(TransportFrame kind, std::string payload) {
  Outgoing out{.kind = static_cast<std::uint8_t>(kind),
               .payload_hash = hash_long(payload),
               .payload = std::move(payload),
               .header = {}};
  {
    const std::lock_guard lock{mutex_};
    queued_.fetch_add(out.bytes(), std::memory_order_relaxed);
    queue_.push_back(std::move(out));
    if (std::exchange(is_being_written_, true)) return;
  }
  flush();
}

// By whoever has set is_being_written_, on any thread. One look at the queue: what comes meanwhile may be other threads', and this one has its own work.
void StreamConnection::write_at_once() {
  {
    const std::lock_guard lock{stream_mutex_};
    if (stream_ != nullptr && write_here()) return;
  }
  wire_->post([self = shared_from_this()] { self->flush(); });
}

// False if there is something left for the wire's thread.
bool StreamConnection::write_here() {
  if (!take_queued()) return true;
  const std::size_t bytes = gather_pieces();
  went_ = stream_->write_at_once(pieces_);
  if (went_ < bytes) return false;
  have_written();
  const std::lock_guard lock{mutex_};
  is_being_written_ = !queue_.empty() || said_last_;
  return !is_being_written_;
}

// The wire's thread, which writes from here on.
void StreamConnection::flush() {
  if (state_ == State::kClosed) return;
  if (said_last_ && writing_.empty()) return stream_->end();
  if (writing_.empty() && !take_queued()) return;
  gather_pieces();
  stream_->write(pieces_, [self = shared_from_this()](std::expected<void, Closed> result) {
    self->on_written(std::move(result));
  });
}

// False, and nobody writes any more, if there is nothing.
bool StreamConnection::take_queued() {
  {
    const std::lock_guard lock{mutex_};
    for (std::size_t bytes = 0; !queue_.empty() && writing_.size() < kMostFrames && bytes < kMostWritten;) {
      bytes += queue_.front().bytes();
      writing_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    is_being_written_ = !writing_.empty();
    if (!is_being_written_) return false;
  }
  for (Outgoing& out : writing_) {
    out.header = frame_header(out.kind, out.payload.size(), out.payload_hash, next_number_++);
    const auto kind = static_cast<TransportFrame>(out.kind);
    if (kind == TransportFrame::kGoodbye || kind == TransportFrame::kRefusal) said_last_ = true;
  }
  return true;
}

// What has not gone of the frames that are being written; how many bytes that is.
std::size_t StreamConnection::gather_pieces() {
  pieces_.clear();
  std::size_t skipped = went_;
  std::size_t bytes = 0;
  const auto gather = [&](std::string_view piece) {
    const std::size_t gone = std::min(skipped, piece.size());
    skipped -= gone;
    piece.remove_prefix(gone);
    if (!piece.empty()) pieces_.push_back(piece);
    bytes += piece.size();
  };
  for (const Outgoing& out : writing_) {
    gather({out.header.data(), out.header.size()});
    gather(out.payload);
  }
  return bytes;
}

void StreamConnection::on_written(std::expected<void, Closed> result) {
  if (state_ == State::kClosed) return;
  if (!result) return finish({result.error().cause, result.error().error.within(about_peer())});
  have_written();
  flush();
}

void StreamConnection::have_written() {
  wrote_ = true;
  std::size_t bytes = 0;
  for (const Outgoing& out : writing_) bytes += out.bytes();
  writing_.clear();
  went_ = 0;
  queued_.fetch_sub(bytes, std::memory_order_relaxed);
  tell_writable();
}

void StreamConnection::tell_writable() {
  {
    const std::lock_guard lock{mutex_};
    if (!told_full_ || queued_.load(std::memory_order_relaxed) > options_.largest_queue / 2) return;
    told_full_ = false;
  }
  pass_to_owner([](ConnectionCallbacks& to) {
    if (to.on_writable) to.on_writable();
  });
}

// ---- time and the end

// A silence is seen so much later at most.
std::int64_t StreamConnection::tick_ms() const { return std::max<std::int64_t>(1, options_.sign_of_life_ms / 4); }

void StreamConnection::tick() {
  ticker_ = wire_->wire().after(tick_ms(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->state_ != State::kOpen) return;
    self->silent_ms_ = self->heard_ || !self->reading_ ? 0 : self->silent_ms_ + self->tick_ms();
    self->heard_ = false;
    if (self->silent_ms_ >= self->most_silent_ms_) {
      return self->fail(CloseCause::kSilent,
                        Error{ErrorCode::kTimeout, fmt::format("no sign of life for {} ms: its machine or the "
                                                               "network between has stopped",
                                                               self->silent_ms_)});
    }
    const bool is_quiet = !self->wrote_.exchange(false) && self->queued_.load(std::memory_order_relaxed) == 0;
    self->quiet_ms_ = is_quiet ? self->quiet_ms_ + self->tick_ms() : 0;
    if (2 * self->quiet_ms_ >= self->options_.sign_of_life_ms) self->enqueue(TransportFrame::kSignOfLife);
    self->tick();
  });
}

void StreamConnection::begin_closing() {
  if (state_ != State::kOpen && state_ != State::kGreeting) return;
  if (state_ == State::kOpen) enqueue(TransportFrame::kGoodbye);
  if (state_ == State::kClosed) return;
  state_ = State::kClosing;
  ticker_.reset();
  deadline_ = wire_->wire().after(options_.closing_ms, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->fail(CloseCause::kTimedOut,
                 Error{ErrorCode::kTimeout,
                       fmt::format("it did not take the last frames within {} ms", self->options_.closing_ms)});
    }
  });
  go_on_reading();
}

void StreamConnection::end() {
  greeted_ = nullptr;
  finish(closing_as_);
}

void StreamConnection::fail(CloseCause cause, const Error& error) { finish({cause, error.within(about_peer())}); }

void StreamConnection::finish(Closed closed) {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();  // what is under way on the stream may be the last that holds it
  state_ = State::kClosed;
  wire_->remove(*this);
  {
    const std::lock_guard lock{stream_mutex_};
    stream_.reset();
  }
  deadline_.reset();
  ticker_.reset();
  place_.reset();
  {
    const std::lock_guard lock{mutex_};
    takes_frames_ = false;
    told_full_ = false;
    queue_.clear();
    queued_.store(0, std::memory_order_relaxed);
  }
  if (greeted_) return std::exchange(greeted_, nullptr)(std::unexpected{std::move(closed)});
  closed_ = std::move(closed);
  tell_closed();
}

void StreamConnection::tell_closed() {
  if (told_closed_) return;
  told_closed_ = pass_to_owner([closed = *closed_](ConnectionCallbacks& to) { to.on_closed(closed); });
}

std::string StreamConnection::about_peer() const {
  const bool accepts = side_ == Side::kAccepts;
  if (peer_.identity.name.empty())
    return fmt::format("{} {}", accepts ? "a connection from" : "the connection to", peer_.address);
  return fmt::format("the connection {} {} ({})", accepts ? "from" : "to", peer_.identity.name, peer_.address);
}

}  // namespace tidemark
