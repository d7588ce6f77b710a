// HTTP to a network: what a JobManager's REST interface stands on.
//
// Nobody is trusted. Lines, headers, bodies, connections and the time that a request may take to come are limited; the file of an upload goes
// to its sink as it comes and is never in memory. With a token every request must carry it. Without one only a listener that the machine
// alone reaches takes requests that change or run something, and none that a page in somebody's browser has sent: the Host of each must be a
// name of this machine (a foreign name that resolves to it, DNS rebinding, is refused), and its Origin, if it has one, the same.
//
// Threads: handlers run on up to `threads` threads at once, and may wait. Start and stop: one thread. Ownership: what handlers
// use outlives the service, whose destructor ends when the requests at hand are answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/http.h"
#include "env/network_address.h"

namespace tidemark {

struct HttpServiceSettings {
  std::string host = "127.0.0.1";  ///< a name or a number; "0.0.0.0" is all
  std::uint16_t port = 8081;       ///< 0: of the system's choice
  std::string token;               ///< empty: none is asked for
  std::string certificate;         ///< PEM file of TLS, with those that signed it; empty: no TLS
  std::string key;                 ///< of the certificate
  std::uint64_t largest_upload = 1u << 30;  ///< bytes of the file
  std::size_t largest_body = 1u << 20;      ///< of any other request
  std::size_t largest_header = 32u << 10;   ///< request line and headers together
  unsigned threads = 64;                    ///< a connection has one for as long as its request takes
  unsigned waiting = 64;                    ///< connections that wait for one; those beyond are turned away
  unsigned most_of_one_peer = 32;           ///< connections of one address that are served at a time
  unsigned uploads = 8;                     ///< at a time; those beyond are turned away
  std::int64_t silence_ms = 5'000;          ///< longest time between two bytes of a request, or until an answer is taken
  std::int64_t header_ms = 3'000;           ///< until the headers are there
  std::int64_t body_ms = 30'000;            ///< until the body is, if it is no upload
  std::int64_t upload_ms = 900'000;         ///< until an upload is
};

/// Takes a file as it comes. Destroyed before finish(): it did not come whole.
class HttpUpload {
 public:
  virtual ~HttpUpload() = default;
  virtual Result<> append(std::string_view bytes) = 0;
  virtual HttpResponse finish() = 0;
};

struct HttpServiceHandlers {
  /// Of every request but uploads.
  HttpHandler handle;
  /// Whether a request changes or runs something. None: all do but GET and HEAD.
  std::function<bool(const std::string& method, const std::string& path)> changes;
  /// Whether the path takes a form with a file, by POST.
  std::function<bool(const std::string& path)> takes_upload;
  /// Such a form has come to its file, of the field `field` and the name `name`. An error is the answer, as 400 or, kIo and
  /// kResourceExhausted, 500.
  std::function<Result<std::unique_ptr<HttpUpload>>(const std::string& field, const std::string& name)> begin_upload;
};

class HttpService {
 public:
  /// kIo: nobody may listen there, as the address is taken or none of this machine's. kInvalidArgument: the certificate can't be used.
  static Result<std::unique_ptr<HttpService>> start(HttpServiceSettings settings, HttpServiceHandlers handlers);
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  /// Where it listens.
  const NetworkAddress& address() const;

 private:
  class Impl;
  explicit HttpService(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark
