#include "control/http.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "base/thread_name.h"

namespace tidemark {
namespace {

// Port that a Unix socket doesn't have; httplib refuses 0 in bind_to_port().
constexpr int kNoPort = 80;
constexpr std::size_t kLargestBody = 1u << 20;
constexpr time_t kServerTimeout_s = 2;
constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::size_t kUploadPart = 256u << 10;
// Where many call at once the system turns some away, as it does where nobody listens.
constexpr int kConnectTries = 20;
constexpr auto kConnectPause = std::chrono::milliseconds{10};

/// Requests run on the thread that accepts them.
class OnTheSpot final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {}
};

HttpRequest from_httplib(const httplib::Request& request) {
  HttpRequest result{.method = request.method, .path = request.path, .query = {}, .body = request.body};
  for (const auto& [name, value] : request.params) result.query.insert_or_assign(name, value);
  return result;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(UnixSocketName name, HttpHandler handler) : name_{std::move(name)}, handler_{std::move(handler)} {
    server_.set_address_family(AF_UNIX);
    server_.set_socket_options([](int socket) { keep_socket_to_owner(socket); });
    server_.new_task_queue = [] { return new OnTheSpot; };
    server_.set_keep_alive_max_count(1);
    server_.set_read_timeout(kServerTimeout_s);
    server_.set_write_timeout(kServerTimeout_s);
    server_.set_payload_max_length(kLargestBody);
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    server_.Get(".*", handle);
    server_.Post(".*", handle);
    server_.Patch(".*", handle);
    server_.Delete(".*", handle);
  }

  ~Impl() {
    name_.remove_bound();  // first: nobody is to connect to what no longer answers
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<> listen() {
    if (const auto removed = name_.remove(); !removed) return removed;
    if (!server_.bind_to_port(name_.address().c_str(), kNoPort)) {
      return fail(ErrorCode::kIo, "cannot listen on the control socket: check the folder's owner and mode, and that its "
                                  "file system has sockets");
    }
    name_.note_bound();
    thread_ = std::thread{[this] {
      name_this_thread("control-socket");
      server_.listen_after_bind();
    }};
    while (!server_.is_running()) std::this_thread::yield();  // else stop() would be lost
    return {};
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    HttpResponse result;
    try {
      result = handler_(from_httplib(request));
    } catch (const std::exception& exception) {
      result = {.status = 500, .body = fmt::format("{{\"errors\":[\"{}\"]}}", "internal error")};
    }
    response.status = result.status;
    response.set_content(result.body, result.content_type);
  }

  UnixSocketName name_;
  HttpHandler handler_;
  httplib::Server server_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(UnixSocketName name, HttpHandler handler) {
  auto impl = std::make_unique<Impl>(std::move(name), std::move(handler));
  TIDEMARK_TRY(impl->listen());
  return std::unique_ptr<HttpServer>{new HttpServer{std::move(impl)}};
}

namespace {

httplib::Request to_httplib(const HttpRequest& request) {
  httplib::Request result;
  result.method = request.method;
  result.path = request.path;
  if (!request.query.empty()) {
    result.path = httplib::append_query_params(request.path, httplib::Params{request.query.begin(), request.query.end()});
  }
  if (!request.body.empty()) {
    result.body = request.body;
    result.set_header("Content-Type", "application/json");
  }
  return result;
}

httplib::Headers headers_to(const HttpPeer& peer) {
  if (peer.token.empty()) return {};
  return {{"Authorization", "Bearer " + peer.token}};
}

template <class Client>
void set_up(Client& client, const HttpPeer& peer) {
  const auto timeout = std::chrono::milliseconds{peer.timeout_ms};
  client.set_connection_timeout(std::min<std::chrono::milliseconds>(timeout, kConnectTimeout));
  client.set_read_timeout(timeout);
  client.set_write_timeout(timeout);
}

/// What `ask` gets of a client of that peer.
template <class Ask>
httplib::Result ask_peer(const HttpPeer& peer, Ask&& ask) {
  if (!peer.tls) {
    httplib::Client client{peer.address.host, peer.address.port};
    set_up(client, peer);
    return ask(client);
  }
  httplib::SSLClient client{peer.address.host, peer.address.port};
  if (!peer.authority.empty()) client.set_ca_cert_path(peer.authority.c_str());
  set_up(client, peer);
  return ask(client);
}

Result<HttpResponse> answer_of(const httplib::Result& result, const HttpPeer& peer) {
  if (result) return HttpResponse{result->status, result->body, result->get_header_value("Content-Type")};
  const std::string at = to_string(peer.address);
  if (result.error() == httplib::Error::Connection || result.error() == httplib::Error::ConnectionTimeout) {
    return fail(ErrorCode::kNotFound, fmt::format("nobody listens at {}", at));
  }
  if (result.error() == httplib::Error::SSLLoadingCerts) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' can't be read: it must be a PEM file of the authority that signed the certificate of {}",
                                                         peer.authority, at));
  }
  if (result.error() == httplib::Error::SSLServerVerification) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("the certificate of {} is not trusted: it must be in that name, and signed by {}", at,
                            peer.authority.empty() ? "an authority that this machine trusts" : fmt::format("that of '{}'", peer.authority)));
  }
  return fail(ErrorCode::kIo, fmt::format("the connection to {} broke: {}", at, httplib::to_string(result.error())));
}

}  // namespace

Result<HttpResponse> http_call(const UnixSocketName& name, const HttpRequest& request, std::int64_t timeout_ms) {
  httplib::Client client{name.address()};
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(std::chrono::milliseconds{timeout_ms});
  httplib::Request sent = to_httplib(request);
  sent.set_header("Host", "localhost");
  httplib::Result result = client.send(sent);
  for (int tried = 1; result.error() == httplib::Error::Connection && name.exists() && tried < kConnectTries; ++tried) {
    std::this_thread::sleep_for(kConnectPause);
    result = client.send(sent);
  }
  if (result) return HttpResponse{result->status, result->body, result->get_header_value("Content-Type")};
  if (result.error() == httplib::Error::Connection) {
    return fail(ErrorCode::kNotFound, "nobody listens on the control socket");
  }
  return fail(ErrorCode::kIo,
              fmt::format("the connection to the job broke: {}", httplib::to_string(result.error())));
}

Result<HttpResponse> http_call(const HttpPeer& peer, const HttpRequest& request) {
  httplib::Request sent = to_httplib(request);
  sent.headers.merge(headers_to(peer));
  return answer_of(ask_peer(peer, [&](auto& client) { return client.send(sent); }), peer);
}

Result<HttpResponse> http_upload(const HttpPeer& peer, const std::string& path, const std::string& field, const HttpFile& file) {
  // Made up here: a constant would stand in every executable that is uploaded.
  const std::string boundary = fmt::format("tidemark-{:016x}-{}", std::chrono::steady_clock::now().time_since_epoch().count(),
                                           static_cast<const void*>(&file));
  const std::string before = fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
      boundary, field, file.name);
  const std::string after = fmt::format("\r\n--{}--\r\n", boundary);
  Result<> read;
  const auto part = [&](std::size_t offset) -> Result<std::string> {
    if (offset < before.size()) return before.substr(offset);
    if (offset < before.size() + file.bytes) {
      const std::uint64_t at = offset - before.size();
      return file.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(kUploadPart, file.bytes - at)));
    }
    return after.substr(offset - before.size() - file.bytes);
  };
  const auto send = [&](std::size_t offset, std::size_t, httplib::DataSink& sink) {
    auto bytes = part(offset);
    if (bytes && bytes->empty()) bytes = fail(ErrorCode::kIo, fmt::format("'{}' became shorter while it was read", file.name));
    if (!bytes) {
      read = std::unexpected{std::move(bytes.error())};
      return false;
    }
    return sink.write(bytes->data(), bytes->size());
  };
  const auto result = ask_peer(peer, [&](auto& client) {
    return client.Post(path, headers_to(peer), before.size() + file.bytes + after.size(), send, "multipart/form-data; boundary=" + boundary);
  });
  TIDEMARK_TRY(read);
  return answer_of(result, peer);
}

}  // namespace tidemark
