#include "env/asio_transport.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/thread_name.h"
#include "env/descriptor.h"
#include "env/stream_transport.h"
#include "env/unix_socket.h"
#include "env/wire.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;
using TlsSocket = asio::ssl::stream<Socket>;
using ErrorNumber = asio::error_code;

constexpr auto kPauseWithoutFiles = std::chrono::milliseconds{100};
constexpr auto kPauseBetweenLooks = std::chrono::milliseconds{1};

std::string text_of(int error) { return std::generic_category().message(error); }

Closed lost(const ErrorNumber& error) { return {CloseCause::kLost, Error{ErrorCode::kIo, error.message()}}; }

/// Asio would make it inheritable.
Descriptor open_socket(int family) {
  return Descriptor{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

bool is_loopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24) == 127;
  return address.ss_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

std::string number_text(const sockaddr* address, socklen_t size) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  return fmt::format(address->sa_family == AF_INET6 ? fmt::runtime("[{}]:{}") : fmt::runtime("{}:{}"), host, port);
}

/// Of a connected TCP socket: its peer in numbers; and the socket is set up for frames.
std::string set_up_tcp(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return "?";
  // The congestion control bbr, which some systems have by default, halves what passes between two processes of a
  // machine.
  if (is_loopback(peer)) ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  return number_text(reinterpret_cast<const sockaddr*>(&peer), size);
}

// ---- TLS

using TlsContext = std::shared_ptr<asio::ssl::context>;

Result<TlsContext> make_tls_context(const Tls& tls, asio::ssl::context::method method) {
  auto context = std::make_shared<asio::ssl::context>(method);
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  ErrorNumber error;
  const auto wrong = [&](const char* what, const std::string& path) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("TLS: cannot use the {} '{}': {}; it must be a PEM file without a passphrase", what, path, error.message()));
  };
  ::SSL_CTX_set_default_passwd_cb(context->native_handle(), [](char*, int, int, void*) { return 0; });  // nobody is asked at a terminal
  if (context->use_certificate_chain_file(tls.certificate, error)) return wrong("certificate", tls.certificate);
  if (context->use_private_key_file(tls.key, asio::ssl::context::pem, error)) return wrong("key", tls.key);
  if (::SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("TLS: the key '{}' is not that of the certificate '{}'", tls.key, tls.certificate));
  }
  if (context->load_verify_file(tls.authority, error)) return wrong("authority's certificate", tls.authority);
  context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  return context;
}

/// `name` empty: any name will do.
void check_name(TlsSocket& socket, const std::string& name) {
  if (name.empty()) return;
  socket.set_verify_callback(
      [verify = asio::ssl::host_name_verification{name}](bool trusted, asio::ssl::verify_context& context) {
        if (!trusted || verify(trusted, context)) return trusted;
        ::X509_STORE_CTX_set_error(context.native_handle(), X509_V_ERR_HOSTNAME_MISMATCH);
        return false;
      });
}

bool is_tls_error(const ErrorNumber& error) { return error.category() == asio::error::get_ssl_category(); }

bool is_alert(const ErrorNumber& error) {
  return is_tls_error(error) && ERR_GET_REASON(static_cast<unsigned long>(error.value())) >= SSL_AD_REASON_OFFSET;
}

Closed tls_failure(TlsSocket& socket, const ErrorNumber& error, const std::string& name) {
  const long verdict = ::SSL_get_verify_result(socket.native_handle());
  if (verdict != X509_V_OK) {
    std::string text = fmt::format("its certificate is not trusted: {}", ::X509_verify_cert_error_string(verdict));
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH) text += fmt::format(" (wanted: '{}')", name);
    return {CloseCause::kNotTrusted, Error{ErrorCode::kPermissionDenied, std::move(text)}};
  }
  const bool no_certificate = is_tls_error(error) && ERR_GET_REASON(static_cast<unsigned long>(error.value())) ==
                                                         SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
  if (no_certificate) return {CloseCause::kNotTrusted, Error{ErrorCode::kPermissionDenied, "it shows no certificate"}};
  if (is_alert(error)) {
    return {CloseCause::kNotTrusted,
            Error{ErrorCode::kPermissionDenied, fmt::format("it refuses this side's TLS: {}", error.message())}};
  }
  if (is_tls_error(error))
    return {CloseCause::kGarbage, Error{ErrorCode::kParse, fmt::format("it does not speak TLS: {}", error.message())}};
  return lost(error);
}

// ---- streams

constexpr std::size_t kMostPiecesAtOnce = 128;

/// As many bytes as the system takes without waiting.
std::size_t send_now(int fd, std::span<const std::string_view> pieces) {
  std::array<iovec, kMostPiecesAtOnce> parts;
  const std::size_t count = std::min(pieces.size(), parts.size());
  for (std::size_t i = 0; i < count; ++i) parts[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

/// What an operation that is under way shares with the stream that began it.
template <class AnySocket>
struct StreamState {
  explicit StreamState(AnySocket its_socket) : socket{std::move(its_socket)} {}
  AnySocket socket;
  std::vector<asio::const_buffer> buffers;
  bool gone = false;  // the stream is: nobody is to be called
};

template <class AnySocket>
class AsioStream : public ByteStream {
 public:
  AsioStream(AnySocket socket, std::string peer)
      : state_{std::make_shared<StreamState<AnySocket>>(std::move(socket))}, peer_{std::move(peer)} {}
  ~AsioStream() override {
    state_->gone = true;
    ErrorNumber ignored;
    state_->socket.lowest_layer().close(ignored);
  }

  void open(Opened done) override {
    asio::post(state_->socket.get_executor(), [state = state_, done = std::move(done)]() mutable {
      if (!state->gone) done({});
    });
  }

  void read(std::span<char> space, Read done) override {
    state_->socket.async_read_some(
        asio::buffer(space.data(), space.size()),
        [state = state_, done = std::move(done)](const ErrorNumber& error, std::size_t bytes) mutable {
          if (state->gone) return;
          if (!error) return done(bytes);
          if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return done(0);
          done(std::unexpected{read_failure(error)});
        });
  }

  std::size_t read_at_once(std::span<char> space) override {
    if constexpr (std::is_same_v<AnySocket, Socket>) {
      const ssize_t bytes = ::recv(state_->socket.native_handle(), space.data(), space.size(), MSG_DONTWAIT);
      return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
    } else {
      return 0;
    }
  }

  void write(std::span<const std::string_view> pieces, Written done) override {
    state_->buffers.clear();
    for (const std::string_view piece : pieces) state_->buffers.emplace_back(piece.data(), piece.size());
    asio::async_write(state_->socket, state_->buffers,
                      [state = state_, done = std::move(done)](const ErrorNumber& error, std::size_t) mutable {
                        if (state->gone) return;
                        if (!error) return done({});
                        done(std::unexpected{lost(error)});
                      });
  }

  std::size_t write_at_once(std::span<const std::string_view> pieces) override {
    if constexpr (std::is_same_v<AnySocket, Socket>) {
      return send_now(state_->socket.native_handle(), pieces);
    } else {
      return 0;  // what TLS knows of a connection is its thread's alone
    }
  }

  void end() override {
    ErrorNumber ignored;  // the next read tells, if it has broken
    state_->socket.lowest_layer().shutdown(Socket::shutdown_send, ignored);
  }

  const std::string& peer() const override { return peer_; }

 protected:
  static Closed read_failure(const ErrorNumber& error) {
    if (is_alert(error)) {  // in TLS 1.3 a client learns only now what the server thinks of its certificate
      return {CloseCause::kNotTrusted,
              Error{ErrorCode::kPermissionDenied, fmt::format("it refuses this side's TLS: {}", error.message())}};
    }
    if (is_tls_error(error))
      return {CloseCause::kDamaged, Error{ErrorCode::kDataLoss, fmt::format("TLS: {}", error.message())}};
    return lost(error);
  }

  const std::shared_ptr<StreamState<AnySocket>> state_;

 private:
  const std::string peer_;
};

class TlsStream final : public AsioStream<TlsSocket> {
 public:
  /// `name` must stand in the peer's certificate; empty: any may.
  TlsStream(Socket socket, TlsContext context, asio::ssl::stream_base::handshake_type side, std::string name,
            std::string peer)
      : AsioStream{TlsSocket{std::move(socket), *context}, std::move(peer)},
        context_{std::move(context)},
        side_{side},
        name_{std::move(name)} {
    check_name(state_->socket, name_);
  }

  void open(Opened done) override {
    state_->socket.async_handshake(
        side_, [state = state_, name = name_, done = std::move(done)](const ErrorNumber& error) mutable {
          if (state->gone) return;
          if (!error) return done({});
          done(std::unexpected{tls_failure(state->socket, error, name)});
        });
  }

 private:
  const TlsContext context_;
  const asio::ssl::stream_base::handshake_type side_;
  const std::string name_;
};

class AsioTimer final : public Timer {
 public:
  AsioTimer(asio::io_context& io, std::int64_t ms, Wire::Task task) : timer_{std::make_shared<asio::steady_timer>(io)} {
    timer_->expires_after(std::chrono::milliseconds{ms});
    timer_->async_wait([weak = std::weak_ptr{timer_}, task = std::move(task)](const ErrorNumber& error) mutable {
      if (!error && weak.lock() != nullptr) task();
    });
  }

 private:
  const std::shared_ptr<asio::steady_timer> timer_;  // gone: cancelled
};

// ---- listening

/// The bound socket, and how it is called.
struct Bound {
  Descriptor socket;
  std::string address;
  std::optional<UnixSocketName> name;  // of a Unix socket
};

Error cannot_listen(const NetworkAddress& address, const std::string& why) {
  return Error{ErrorCode::kIo, fmt::format("cannot listen at {}: {}", to_string(address), why)};
}

struct Addresses {
  addrinfo* first = nullptr;
  ~Addresses() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

std::string bound_address(int fd, const NetworkAddress& asked) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  NetworkAddress result = asked;
  result.port = ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(own).sin6_port
                                                : reinterpret_cast<sockaddr_in&>(own).sin_port);
  return to_string(result);
}

Result<Bound> bind_tcp(const NetworkAddress& address) {
  const addrinfo hints{.ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  Addresses addresses;
  if (const int error =
          ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &addresses.first);
      error != 0) {
    return std::unexpected{cannot_listen(address, ::gai_strerror(error))};
  }
  int error = 0;
  for (const addrinfo* a = addresses.first; a != nullptr; a = a->ai_next) {
    Descriptor socket = open_socket(a->ai_family);
    const int on = 1;
    if (socket.get() >= 0) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (socket.get() >= 0 && ::bind(socket.get(), a->ai_addr, a->ai_addrlen) == 0 &&
        ::listen(socket.get(), SOMAXCONN) == 0) {
      std::string text = bound_address(socket.get(), address);
      return Bound{std::move(socket), std::move(text), std::nullopt};
    }
    error = errno;
  }
  if (error == EADDRINUSE)
    return fail(ErrorCode::kAlreadyExists,
                cannot_listen(address, text_of(error) + "; give another port, or 0 for any").message());
  return std::unexpected{cannot_listen(address, text_of(error))};
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  TIDEMARK_CHECK(path.size() < sizeof address.sun_path,
                 "the name of a Unix socket is short: it begins at its folder's descriptor");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UnixSocketName> socket_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return UnixSocketName::in(folder, path.substr(slash + 1));  // npos + 1 is 0
}

bool somebody_listens(const UnixSocketName& name) {
  const Descriptor socket = open_socket(AF_UNIX);
  const sockaddr_un address = unix_address(name.address());
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
}

Result<Bound> bind_unix(const NetworkAddress& address) {
  TIDEMARK_ASSIGN(name, socket_name(address.path));
  if (name.exists() && somebody_listens(name)) {
    return fail(ErrorCode::kAlreadyExists, cannot_listen(address, "another process does").message());
  }
  TIDEMARK_TRY(name.remove());
  Descriptor socket = open_socket(AF_UNIX);
  if (socket.get() < 0) return std::unexpected{cannot_listen(address, text_of(errno))};
  keep_socket_to_owner(socket.get());
  const sockaddr_un where = unix_address(name.address());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return std::unexpected{cannot_listen(address, text_of(errno))};
  }
  name.note_bound();
  return Bound{std::move(socket), to_string(address), std::move(name)};
}

/// Shared by the acceptor and the wait that is under way.
class Entrance : public std::enable_shared_from_this<Entrance> {
 public:
  Entrance(asio::io_context& io, Bound bound, TlsContext tls, std::string tls_name, Wire::Accepted accepted)
      : io_{io},
        address_{std::move(bound.address)},
        name_{std::move(bound.name)},
        socket_{io, bound.socket.release()},
        retry_{io},
        tls_{std::move(tls)},
        tls_name_{std::move(tls_name)},
        accepted_{std::move(accepted)} {}
  ~Entrance() {
    if (name_) name_->remove_bound();
  }

  void wait() {
    if (!accepted_) return;
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const ErrorNumber& error) {
                         if (!error) self->accept_all();
                       });
  }
  void close() {
    accepted_ = nullptr;
    ErrorNumber ignored;
    socket_.close(ignored);
    retry_.cancel();
    if (name_) name_->remove_bound();
  }
  const std::string& address() const { return address_; }

 private:
  void accept_all() {
    while (accepted_) {
      Descriptor socket{::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (socket.get() >= 0) {
        accepted_(make_stream(std::move(socket)));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return wait_for_files();
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return wait();
      }
    }
  }
  // Those who knock stay in the system's queue.
  void wait_for_files() {
    retry_.expires_after(kPauseWithoutFiles);
    retry_.async_wait([self = shared_from_this()](const ErrorNumber& error) {
      if (!error) self->accept_all();
    });
  }
  std::unique_ptr<ByteStream> make_stream(Descriptor socket) {
    const int fd = socket.release();
    if (name_) return std::make_unique<AsioStream<Socket>>(Socket{io_, Protocol{AF_UNIX, 0}, fd}, address_);
    std::string peer = set_up_tcp(fd);
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
    Socket plain{io_, Protocol{own.ss_family, IPPROTO_TCP}, fd};
    if (tls_ == nullptr) return std::make_unique<AsioStream<Socket>>(std::move(plain), std::move(peer));
    return std::make_unique<TlsStream>(std::move(plain), tls_, asio::ssl::stream_base::server, tls_name_,
                                       std::move(peer));
  }

  asio::io_context& io_;
  const std::string address_;
  std::optional<UnixSocketName> name_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer retry_;
  const TlsContext tls_;
  const std::string tls_name_;
  Wire::Accepted accepted_;  // null: closed
};

class AsioAcceptor final : public Acceptor {
 public:
  explicit AsioAcceptor(std::shared_ptr<Entrance> entrance) : entrance_{std::move(entrance)} {}
  ~AsioAcceptor() override { entrance_->close(); }
  const std::string& address() const override { return entrance_->address(); }

 private:
  const std::shared_ptr<Entrance> entrance_;
};

// ---- connecting

/// Shared by its handle and by what is under way: looks a host up and tries its addresses one after the other.
class Route : public std::enable_shared_from_this<Route> {
 public:
  Route(asio::io_context& io, const NetworkAddress& address, const std::optional<Tls>& tls, Wire::Reached reached)
      : io_{io}, address_{address}, tls_{tls}, reached_{std::move(reached)}, resolver_{io}, socket_{io} {}

  void begin() {
    if (tls_) {
      if (address_.is_unix())
        return end(ErrorCode::kInvalidArgument, "TLS is for host:port; a Unix socket is its owner's by its mode");
      auto context = make_tls_context(*tls_, asio::ssl::context::tls_client);
      if (!context) return end(context.error().code(), context.error().message());
      context_ = std::move(*context);
    }
    if (address_.is_unix()) return begin_unix();
    resolver_.async_resolve(
        address_.host, std::to_string(address_.port), asio::ip::tcp::resolver::numeric_service,
        [self = shared_from_this()](const ErrorNumber& error, const asio::ip::tcp::resolver::results_type& found) {
          if (error) return self->end(ErrorCode::kIo, error.message());
          for (const auto& entry : found) self->left_.emplace_back(entry.endpoint());
          std::reverse(self->left_.begin(), self->left_.end());
          self->try_next(asio::error::host_not_found);
        });
  }
  void give_up() {
    reached_ = nullptr;
    resolver_.cancel();
    ErrorNumber ignored;
    socket_.close(ignored);
  }

 private:
  void begin_unix() {
    auto name = socket_name(address_.path);
    if (!name) return end(name.error().code(), name.error().message());
    name_.emplace(std::move(*name));
    const sockaddr_un where = unix_address(name_->address());
    left_.emplace_back(&where, sizeof where);
    try_next({});
  }

  void try_next(const ErrorNumber& last) {
    if (!reached_) return;
    if (left_.empty()) return end(ErrorCode::kIo, last.message());
    const Protocol::endpoint to = left_.back();
    left_.pop_back();
    const int family = to.data()->sa_family;
    Descriptor socket = open_socket(family);
    if (socket.get() < 0) return end(ErrorCode::kIo, text_of(errno));
    socket_ = Socket{io_, Protocol{family, family == AF_UNIX ? 0 : IPPROTO_TCP}, socket.release()};
    socket_.async_connect(to, [self = shared_from_this()](const ErrorNumber& error) {
      if (error) return self->try_next(error);
      self->arrive();
    });
  }

  void arrive() {
    if (!reached_) return;
    auto reached = std::exchange(reached_, nullptr);
    if (address_.is_unix())
      return reached(std::make_unique<AsioStream<Socket>>(std::move(socket_), to_string(address_)));
    set_up_tcp(socket_.native_handle());
    if (context_ == nullptr)
      return reached(std::make_unique<AsioStream<Socket>>(std::move(socket_), to_string(address_)));
    const std::string& name = tls_->peer_name.empty() ? address_.host : tls_->peer_name;
    reached(std::make_unique<TlsStream>(std::move(socket_), context_, asio::ssl::stream_base::client, name,
                                        to_string(address_)));
  }

  void end(ErrorCode code, const std::string& why) {
    if (!reached_) return;
    std::exchange(reached_, nullptr)(std::unexpected{Closed{
        CloseCause::kUnreachable, Error{code, fmt::format("cannot connect to {}: {}", to_string(address_), why)}}});
  }

  asio::io_context& io_;
  const NetworkAddress address_;
  const std::optional<Tls> tls_;
  TlsContext context_;
  Wire::Reached reached_;  // null: over
  asio::ip::tcp::resolver resolver_;
  std::optional<UnixSocketName> name_;
  std::vector<Protocol::endpoint> left_;  // the next last
  Socket socket_;
};

class AsioReaching final : public Reaching {
 public:
  explicit AsioReaching(std::shared_ptr<Route> route) : route_{std::move(route)} {}
  ~AsioReaching() override { route_->give_up(); }

 private:
  const std::shared_ptr<Route> route_;
};

class AsioWire final : public Wire {
 public:
  AsioWire() : work_{io_.get_executor()}, thread_{[this] {
          name_this_thread("network");
          io_.run();
        }} {}
  ~AsioWire() override { stop(); }

  void post(Task task) override { asio::post(io_, std::move(task)); }

  void wait_until(const std::function<bool()>& holds, std::int64_t longest_ms) override {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds{longest_ms};
    const auto asked = [&] {
      std::promise<bool> answer;
      asio::post(io_, [&] { answer.set_value(holds()); });
      return answer.get_future().get();
    };
    while (!asked() && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(kPauseBetweenLooks);
  }

  void stop() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  std::unique_ptr<Timer> after(std::int64_t ms, Task task) override {
    return std::make_unique<AsioTimer>(io_, ms, std::move(task));
  }

  Result<std::unique_ptr<Acceptor>> listen(const NetworkAddress& address, const std::optional<Tls>& tls,
                                           Accepted accepted) override {
    TlsContext context;
    if (tls) {
      if (address.is_unix())
        return fail(ErrorCode::kInvalidArgument, cannot_listen(address, "TLS is for host:port").message());
      TIDEMARK_ASSIGN(made, make_tls_context(*tls, asio::ssl::context::tls_server));
      context = std::move(made);
    }
    TIDEMARK_ASSIGN(bound, address.is_unix() ? bind_unix(address) : bind_tcp(address));
    auto entrance = std::make_shared<Entrance>(io_, std::move(bound), std::move(context),
                                               tls ? tls->peer_name : std::string{}, std::move(accepted));
    asio::post(io_, [entrance] { entrance->wait(); });
    return std::make_unique<AsioAcceptor>(std::move(entrance));
  }

  std::unique_ptr<Reaching> reach(const NetworkAddress& address, const std::optional<Tls>& tls,
                                  Reached reached) override {
    auto route = std::make_shared<Route>(io_, address, tls, std::move(reached));
    asio::post(io_, [route] { route->begin(); });
    return std::make_unique<AsioReaching>(std::move(route));
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<Transport> make_asio_transport(const Identity& identity) {
  return std::make_unique<StreamTransport>(std::make_unique<AsioWire>(), identity);
}

Result<> check_tls(const Tls& tls) {
  TIDEMARK_ASSIGN(context, make_tls_context(tls, asio::ssl::context::tls));
  return {};
}

}  // namespace tidemark
