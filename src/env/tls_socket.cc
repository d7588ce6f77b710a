#include "env/tls_socket.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace tidemark {
namespace {

std::string reason() {
  const char* const text = ::ERR_reason_error_string(::ERR_get_error());
  return text == nullptr ? "unknown reason" : text;
}

std::unexpected<Error> wrong(const char* what, const std::string& path) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("TLS: cannot use the {} '{}': {}; it must be a PEM file without a passphrase", what, path, reason()));
}

// Nobody is asked at a terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

int part_of(std::size_t bytes) { return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max())); }

// OpenSSL's way to bytes, by which the limits hold for what goes over the wire.

LimitedSocket& socket_of(BIO* bio) { return *static_cast<LimitedSocket*>(::BIO_get_data(bio)); }

// Where nothing comes OpenSSL is told to try again: an end would keep it from writing the answer that says why.
int read_wire(BIO* bio, char* to, int size) {
  ::BIO_clear_retry_flags(bio);
  const std::size_t count = socket_of(bio).read({to, static_cast<std::size_t>(size)});
  if (count > 0) return static_cast<int>(count);
  ::BIO_set_retry_read(bio);
  return -1;
}

int write_wire(BIO* bio, const char* from, int size) {
  return static_cast<int>(socket_of(bio).write({from, static_cast<std::size_t>(size)}));
}

long control_wire(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* wire_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "limited socket");
    ::BIO_meth_set_read(made, read_wire);
    ::BIO_meth_set_write(made, write_wire);
    ::BIO_meth_set_ctrl(made, control_wire);
    return made;
  }();
  return method;
}

BIO* make_wire(LimitedSocket& socket) {
  BIO* const bio = ::BIO_new(wire_method());
  ::BIO_set_data(bio, &socket);
  ::BIO_set_init(bio, 1);
  return bio;
}

}  // namespace

struct ServerCertificate::Context {
  Context() : context{::SSL_CTX_new(::TLS_server_method())} {}
  ~Context() { ::SSL_CTX_free(context); }

  SSL_CTX* const context;
};

ServerCertificate::ServerCertificate(std::unique_ptr<Context> context) : context_{std::move(context)} {}
ServerCertificate::~ServerCertificate() = default;

Result<std::unique_ptr<ServerCertificate>> ServerCertificate::read(const std::string& certificate, const std::string& key) {
  auto made = std::make_unique<Context>();
  ::ERR_clear_error();
  ::SSL_CTX_set_min_proto_version(made->context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(made->context, SSL_OP_NO_RENEGOTIATION);
  ::SSL_CTX_set_default_passwd_cb(made->context, no_passphrase);
  if (::SSL_CTX_use_certificate_chain_file(made->context, certificate.c_str()) != 1) return wrong("certificate", certificate);
  if (::SSL_CTX_use_PrivateKey_file(made->context, key.c_str(), SSL_FILETYPE_PEM) != 1) return wrong("key", key);
  return std::unique_ptr<ServerCertificate>{new ServerCertificate{std::move(made)}};
}

struct TlsSocket::Session {
  Session(SSL_CTX* context, LimitedSocket& socket) : ssl{::SSL_new(context)} {
    BIO* const wire = make_wire(socket);
    ::SSL_set_bio(ssl, wire, wire);
  }
  ~Session() { ::SSL_free(ssl); }

  SSL* const ssl;
};

TlsSocket::TlsSocket(const ServerCertificate& certificate, LimitedSocket& socket)
    : session_{std::make_unique<Session>(certificate.context_->context, socket)} {}
TlsSocket::~TlsSocket() = default;

TlsSocket::Greeting TlsSocket::greet() {
  ::ERR_clear_error();
  if (::SSL_accept(session_->ssl) == 1) return Greeting::kDone;
  return ERR_GET_REASON(::ERR_peek_error()) == SSL_R_HTTP_REQUEST ? Greeting::kPlain : Greeting::kFailed;
}

std::size_t TlsSocket::read(std::span<char> to) {
  ::ERR_clear_error();
  return static_cast<std::size_t>(std::max(::SSL_read(session_->ssl, to.data(), part_of(to.size())), 0));
}

std::int64_t TlsSocket::write(std::span<const char> bytes) {
  ::ERR_clear_error();
  if (bytes.empty()) return 0;
  const int taken = ::SSL_write(session_->ssl, bytes.data(), part_of(bytes.size()));
  return taken > 0 ? taken : -1;
}

void TlsSocket::end_writing() {
  ::ERR_clear_error();
  ::SSL_shutdown(session_->ssl);
}

}  // namespace tidemark
