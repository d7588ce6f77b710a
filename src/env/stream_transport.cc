#include "env/stream_transport.h"

#include <fmt/format.h>

#include <atomic>
#include <utility>

#include "env/owner_link.h"
#include "env/stream_connection.h"

namespace tidemark {
namespace {

/// A listener: shared by its handle and by those who are being greeted.
class Door final : public WireUser, public std::enable_shared_from_this<Door> {
 public:
  Door(std::shared_ptr<WireUsers> wire, const ListenOptions& options, const Identity& identity, Mailbox& owner,
       ListenerCallbacks callbacks)
      : wire_{std::move(wire)},
        options_{options},
        identity_{identity},
        owner_{&owner},
        callbacks_{std::make_shared<ListenerCallbacks>(std::move(callbacks))} {}

  /// The owner's thread.
  void let_go() {
    callbacks_.reset();
    owner_.cut();
    wire_->post([self = shared_from_this()] { self->end(); });
  }

  // From here on: the wire's thread.

  void open(std::unique_ptr<Acceptor> acceptor) {
    acceptor_ = std::move(acceptor);
    wire_->add(*this);
  }
  void end() override {
    const auto self = shared_from_this();  // the acceptor holds it, too
    wire_->remove(*this);
    acceptor_.reset();
  }
  void let_in(std::unique_ptr<ByteStream> stream) {
    if (connections_->load() >= options_.most_connections) return turn_away(stream->peer());
    connections_->fetch_add(1);
    const std::shared_ptr<void> place{nullptr, [count = connections_](void*) { count->fetch_sub(1); }};
    StreamConnection::begin(
        wire_, std::move(stream), StreamConnection::Side::kAccepts, options_.connection, identity_, place,
        [self = shared_from_this()](std::expected<std::shared_ptr<StreamConnection>, Closed> greeted) {
          if (!greeted) return self->tell_refused(std::move(greeted.error()));
          self->hand_over(StreamConnection::handle(std::move(*greeted)));
        });
  }

 private:
  void turn_away(const std::string& peer) {
    tell_refused({CloseCause::kTooManyConnections,
                  Error{ErrorCode::kResourceExhausted,
                        fmt::format("a connection from {}: there are {} already, which is the most", peer,
                                    options_.most_connections)}});
  }
  void hand_over(std::unique_ptr<Connection> connection) {
    pass_to_owner([connection = std::move(connection)](ListenerCallbacks& to) mutable {
      to.on_connection(std::move(connection));
    });
  }
  void tell_refused(Closed closed) {
    pass_to_owner([closed = std::move(closed)](ListenerCallbacks& to) {
      if (to.on_refused) to.on_refused(closed);
    });
  }
  void pass_to_owner(std::move_only_function<void(ListenerCallbacks&)> call) {
    owner_.post([weak = weak_from_this(), call = std::move(call)]() mutable {
      const auto self = weak.lock();
      const auto to = self == nullptr ? nullptr : self->callbacks_;
      if (to != nullptr) call(*to);
    });
  }

  const std::shared_ptr<WireUsers> wire_;
  const ListenOptions options_;
  const Identity identity_;
  OwnerLink owner_;
  std::shared_ptr<ListenerCallbacks> callbacks_;  // the owner's thread; null: nobody listens
  std::unique_ptr<Acceptor> acceptor_;
  const std::shared_ptr<std::atomic<std::size_t>> connections_ = std::make_shared<std::atomic<std::size_t>>(0);
};

class StreamListener final : public Listener {
 public:
  StreamListener(std::shared_ptr<Door> door, std::string address)
      : door_{std::move(door)}, address_{std::move(address)} {}
  ~StreamListener() override { door_->let_go(); }
  const std::string& address() const override { return address_; }

 private:
  const std::shared_ptr<Door> door_;
  const std::string address_;
};

/// A dial: shared by its handle and by what is under way.
class Call final : public WireUser, public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<WireUsers> wire, std::string address, const ConnectionOptions& options, const Identity& identity,
       Mailbox& owner, Transport::Connected done)
      : wire_{std::move(wire)},
        address_{std::move(address)},
        options_{options},
        identity_{identity},
        owner_{&owner},
        done_{std::make_shared<Transport::Connected>(std::move(done))} {}

  /// The owner's thread.
  void let_go() {
    done_.reset();
    owner_.cut();
    wire_->post([self = shared_from_this()] { self->end(); });
  }

  // From here on: the wire's thread.

  void begin() {
    if (ended_) return;
    const Result<NetworkAddress> address = parse_network_address(address_);
    if (!address) return end_with(Closed{CloseCause::kUnreachable, address.error()});
    wire_->add(*this);
    deadline_ = wire_->wire().after(options_.greeting_ms, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->give_up();
    });
    reaching_ = wire_->wire().reach(
        *address, options_.tls, [self = shared_from_this()](std::expected<std::unique_ptr<ByteStream>, Closed> stream) {
          if (!stream) return self->end_with(std::move(stream.error()));
          self->greet(std::move(*stream));
        });
  }
  void end() override {
    if (std::exchange(ended_, true)) return;
    const auto self = shared_from_this();  // what is under way may be the last that holds it
    wire_->remove(*this);
    deadline_.reset();
    reaching_.reset();
    if (const auto connection = std::exchange(connection_, nullptr)) connection->end();
  }

 private:
  void greet(std::unique_ptr<ByteStream> stream) {
    if (ended_) return;
    connection_ = StreamConnection::begin(
        wire_, std::move(stream), StreamConnection::Side::kConnects, options_, identity_, nullptr,
        [self = shared_from_this()](std::expected<std::shared_ptr<StreamConnection>, Closed> greeted) {
          self->connection_ = nullptr;
          if (!greeted) return self->end_with(std::move(greeted.error()));
          self->end_with(StreamConnection::handle(std::move(*greeted)));
        });
  }
  void give_up() {
    const char* what = connection_ == nullptr ? "no connection to" : "no greeting from";
    end_with(Closed{CloseCause::kTimedOut, Error{ErrorCode::kTimeout, fmt::format("{} {} within {} ms", what, address_,
                                                                                  options_.greeting_ms)}});
  }
  void end_with(Closed closed) {
    end_with(std::expected<std::unique_ptr<Connection>, Closed>{std::unexpected{std::move(closed)}});
  }
  void end_with(std::expected<std::unique_ptr<Connection>, Closed> result) {
    if (ended_) return;
    end();
    owner_.post([weak = weak_from_this(), result = std::move(result)]() mutable {
      const auto self = weak.lock();
      const auto to = self == nullptr ? nullptr : std::exchange(self->done_, nullptr);
      if (to != nullptr) (*to)(std::move(result));
    });
  }

  const std::shared_ptr<WireUsers> wire_;
  const std::string address_;
  const ConnectionOptions options_;
  const Identity identity_;
  OwnerLink owner_;
  std::shared_ptr<Transport::Connected> done_;  // the owner's thread; null: it has run, or nobody waits
  // The wire's thread.
  bool ended_ = false;
  std::unique_ptr<Timer> deadline_;
  std::unique_ptr<Reaching> reaching_;
  std::shared_ptr<StreamConnection> connection_;  // while it is being greeted
};

class StreamDial final : public Dial {
 public:
  explicit StreamDial(std::shared_ptr<Call> call) : call_{std::move(call)} {}
  ~StreamDial() override { call_->let_go(); }

 private:
  const std::shared_ptr<Call> call_;
};

}  // namespace

StreamTransport::StreamTransport(std::unique_ptr<Wire> wire, Identity identity)
    : wire_{std::move(wire)}, users_{std::make_shared<WireUsers>(*wire_)}, identity_{std::move(identity)} {}

StreamTransport::~StreamTransport() { users_->end(); }

Result<std::unique_ptr<Listener>> StreamTransport::listen(const std::string& address, const ListenOptions& options,
                                                          Mailbox& owner, ListenerCallbacks callbacks) {
  TIDEMARK_ASSIGN(parsed, parse_network_address(address));
  const auto door = std::make_shared<Door>(users_, options, identity_, owner, std::move(callbacks));
  TIDEMARK_ASSIGN(acceptor, wire_->listen(parsed, options.connection.tls, [door](std::unique_ptr<ByteStream> stream) {
    door->let_in(std::move(stream));
  }));
  auto listener = std::make_unique<StreamListener>(door, acceptor->address());
  users_->post([door, acceptor = std::move(acceptor)]() mutable { door->open(std::move(acceptor)); });
  return listener;
}

std::unique_ptr<Dial> StreamTransport::connect(const std::string& address, const ConnectionOptions& options,
                                               Mailbox& owner, Connected done) {
  const auto call = std::make_shared<Call>(users_, address, options, identity_, owner, std::move(done));
  users_->post([call] { call->begin(); });
  return std::make_unique<StreamDial>(call);
}

}  // namespace tidemark
