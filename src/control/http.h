// HTTP as far as control needs it: small requests and answers, whole, over a socket of this machine.
//
// Threads: a server has one of its own, on which its handler runs, one request at a time; so a handler must be quick.
// A call waits for the answer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
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
  std::string body;  ///< JSON
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

/// kNotFound: nobody listens there; kIo: the connection broke before the answer was there.
Result<HttpResponse> http_call(const UnixSocketName& name, const HttpRequest& request);

}  // namespace tidemark
