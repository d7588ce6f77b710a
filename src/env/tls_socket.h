// TLS over a connection that somebody untrusted has made: a server's side of it, with the connection's own limits.
//
// Threads: one a socket; the certificate may be shared. Ownership: certificate and connection outlive the socket.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "env/limited_socket.h"

namespace tidemark {

/// What a server shows its clients, which show it none.
class ServerCertificate {
 public:
  /// Files in PEM. kInvalidArgument says which can't be used, and why. Blocks on I/O.
  static Result<std::unique_ptr<ServerCertificate>> read(const std::string& certificate, const std::string& key);
  ~ServerCertificate();
  ServerCertificate(const ServerCertificate&) = delete;
  ServerCertificate& operator=(const ServerCertificate&) = delete;

 private:
  friend class TlsSocket;
  struct Context;
  explicit ServerCertificate(std::unique_ptr<Context> context);

  std::unique_ptr<Context> context_;
};

class TlsSocket {
 public:
  enum class Greeting : std::uint8_t {
    kDone,
    kFailed,
    kPlain,  ///< the client speaks HTTP without TLS
  };

  TlsSocket(const ServerCertificate& certificate, LimitedSocket& socket);
  ~TlsSocket();
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  /// First of all. Reads and writes as much of the connection as it needs.
  Greeting greet();
  /// At least one byte; 0: none will come, and the connection's trouble() may say why.
  std::size_t read(std::span<char> to);
  /// How many were taken; -1 when the other side takes none.
  std::int64_t write(std::span<const char> bytes);
  /// Tells the other side that no more is written.
  void end_writing();

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace tidemark
