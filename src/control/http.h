// HTTP as far as control needs it: requests and answers as values, a server on a socket of this machine, and calls.
//
// Threads: a server has one of its own, on which its handler runs, one request at a time; so a handler must be quick. The one
// for networks is http_service.h. A call waits for the answer, for a limited time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "env/network_address.h"
#include "env/unix_socket.h"

namespace tidemark {

struct HttpRequest {
  std::string method = "GET";
  std::string path;  ///< without the query
  std::map<std::string, std::string> query;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  /// Listens at `name`, replacing a socket of that name: the caller knows that nobody else uses it.
  static Result<std::unique_ptr<HttpServer>> start(UnixSocketName name, HttpHandler handler);
  /// Removes the socket, then answers the request at hand.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

/// kNotFound: nobody listens there; kIo: the connection broke, or was silent for too long, before the answer was there.
Result<HttpResponse> http_call(const UnixSocketName& name, const HttpRequest& request, std::int64_t timeout_ms = 30'000);

/// A server of a network.
struct HttpPeer {
  NetworkAddress address;
  std::string token;           ///< sent with each request; empty: none
  bool tls = false;            ///< and then its certificate must be in its address's name, and trusted
  std::string authority;       ///< PEM file of who may have signed it; empty: whom the system trusts
  std::int64_t timeout_ms = 30'000;  ///< of silence
};
Result<HttpResponse> http_call(const HttpPeer& peer, const HttpRequest& request);

/// What http_upload() sends: read once, in order, as it goes out.
struct HttpFile {
  std::string name;  ///< of the file, without a folder
  std::uint64_t bytes = 0;
  /// Up to so many bytes at an offset; fewer only at the end.
  std::function<Result<std::string>(std::uint64_t offset, std::size_t most)> read;
};
/// POST of a form with one field, `field`. The error of `file.read` if it has one.
Result<HttpResponse> http_upload(const HttpPeer& peer, const std::string& path, const std::string& field, const HttpFile& file);

}  // namespace tidemark
