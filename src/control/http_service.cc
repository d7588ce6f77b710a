#include "control/http_service.h"

#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/thread_name.h"
#include "control/http_answer.h"
#include "env/limited_socket.h"
#include "env/tls_socket.h"

namespace tidemark {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Trouble = LimitedSocket::Trouble;

// What a form has around its file: boundaries, and the headers of its parts.
constexpr std::uint64_t kAroundFile = 64u << 10;
constexpr int kMostParts = 16;
constexpr std::uint64_t kAroundTls = 16u << 10;  // its greeting
constexpr std::string_view kPlainHttp = "this port speaks TLS: ask it with https://";
constexpr std::string_view kTooMany = "too many requests at once: try again in a moment";
// A client that has not read its answer when the socket is closed under what it still sends would lose it.
constexpr Milliseconds kLongestFarewell{2'000};

/// A connection as httplib wants it, with TLS over it or without.
class GuardedStream final : public httplib::Stream {
 public:
  GuardedStream(LimitedSocket& socket, TlsSocket* tls) : socket_{socket}, tls_{tls} {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return socket_.is_writable(); }
  ssize_t read(char* to, size_t size) override {
    const std::size_t count = tls_ != nullptr ? tls_->read({to, size}) : socket_.read({to, size});
    return count == 0 ? -1 : static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    has_written_ = true;
    return tls_ != nullptr ? tls_->write({from, size}) : socket_.write({from, size});
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_.descriptor(); }

  bool has_written() const { return has_written_; }
  void answer(const std::string& text) { (void)write(text.data(), text.size()); }

 private:
  LimitedSocket& socket_;
  TlsSocket* const tls_;
  bool has_written_ = false;
};

// Of the request that this thread reads. httplib hands its callbacks no more than the request.
thread_local LimitedSocket* at_hand = nullptr;
// The thread that accepts runs what is to be turned away.
thread_local bool turns_away = false;

/// A thread for each connection, up to a number; those that wait for one are few.
class BoundedPool final : public httplib::TaskQueue {
 public:
  BoundedPool(unsigned threads, unsigned waiting) : most_waiting_{waiting} {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }

  void enqueue(std::function<void()> task) override {
    {
      const std::lock_guard guard{mutex_};
      if (at_hand_ < threads_.size() + most_waiting_) {
        ++at_hand_;
        tasks_.push_back(std::move(task));
        changed_.notify_one();
        return;
      }
    }
    turns_away = true;
    task();
    turns_away = false;
  }

  void shutdown() override {
    {
      const std::lock_guard guard{mutex_};
      ends_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    name_this_thread("http");
    std::unique_lock lock{mutex_};
    for (;;) {
      changed_.wait(lock, [this] { return ends_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
      --at_hand_;
    }
  }

  const unsigned most_waiting_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::size_t at_hand_ = 0;  // those that wait and those that run
  bool ends_ = false;
};

std::string raw_answer(int status, std::string_view reason, std::string_view why) {
  const std::string body = refuse(status, why).body;
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                     reason, body.size(), body);
}

/// "localhost" of "localhost:8081" and "::1" of "[::1]:8081".
std::string host_of(const std::string& header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

HttpRequest from_httplib(const httplib::Request& request) {
  HttpRequest result{.method = request.method, .path = request.path, .query = {}, .body = request.body};
  for (const auto& [name, value] : request.params) result.query.insert_or_assign(name, value);
  return result;
}

/// What may come for a request of so many bytes: TLS adds its records' frames.
std::uint64_t on_the_wire(std::uint64_t bytes, const HttpServiceSettings& settings) {
  return settings.certificate.empty() ? bytes : bytes + bytes / 8 + kAroundTls;
}

/// httplib's server, with connections of ours.
class GuardedServer final : public httplib::Server {
 public:
  explicit GuardedServer(const HttpServiceSettings& settings) : settings_{settings} {}

  Result<> read_certificate() {
    if (settings_.certificate.empty()) return {};
    TIDEMARK_ASSIGN(certificate, ServerCertificate::read(settings_.certificate, settings_.key));
    certificate_ = std::move(certificate);
    return {};
  }

  /// Nobody is read any more, so that who is slow does not keep the server from ending.
  void end_reading() {
    const std::lock_guard guard{mutex_};
    ends_ = true;
    for (const LimitedSocket* const socket : open_) socket->end_reading();
  }

 private:
  /// Whether its peer may have one more.
  bool enter(const LimitedSocket& socket, const std::string& peer) {
    const std::lock_guard guard{mutex_};
    if (by_peer_[peer] >= settings_.most_of_one_peer) return false;
    ++by_peer_[peer];
    open_.insert(&socket);
    if (ends_) socket.end_reading();
    return true;
  }
  void leave(const LimitedSocket& socket, const std::string& peer) {
    const std::lock_guard guard{mutex_};
    open_.erase(&socket);
    if (--by_peer_[peer] == 0) by_peer_.erase(peer);
  }

  bool process_and_close_socket(socket_t descriptor) override {
    LimitedSocket socket{descriptor, Milliseconds{turns_away ? 1 : settings_.silence_ms}};
    const std::string peer = socket.peer();
    if (turns_away || !enter(socket, peer)) {
      turn_away(socket);
      return false;
    }
    allow_header(socket);
    const bool done = certificate_ != nullptr ? serve_with_tls(socket) : serve(socket, nullptr);
    if (socket.has_written()) socket.farewell(kLongestFarewell);
    leave(socket, peer);
    return done;
  }

  void allow_header(LimitedSocket& socket) const {
    socket.allow(on_the_wire(settings_.largest_header, settings_), Milliseconds{settings_.header_ms});
  }

  /// Who wants TLS is greeted for it, but not by the thread that accepts.
  void turn_away(LimitedSocket& socket) const {
    const std::string answer = raw_answer(503, "Service Unavailable", kTooMany);
    if (certificate_ == nullptr) {
      (void)socket.write(answer);
    } else if (!turns_away) {
      allow_header(socket);
      TlsSocket tls{*certificate_, socket};
      if (tls.greet() == TlsSocket::Greeting::kDone) (void)tls.write(answer);
      tls.end_writing();
    }
    socket.farewell(Milliseconds{1});
  }

  bool serve_with_tls(LimitedSocket& socket) {
    TlsSocket tls{*certificate_, socket};
    const TlsSocket::Greeting greeting = tls.greet();
    if (greeting == TlsSocket::Greeting::kPlain) (void)socket.write(raw_answer(400, "Bad Request", kPlainHttp));
    if (greeting != TlsSocket::Greeting::kDone) return false;
    const bool done = serve(socket, &tls);
    tls.end_writing();
    return done;
  }

  bool serve(LimitedSocket& socket, TlsSocket* tls) {
    at_hand = &socket;
    GuardedStream stream{socket, tls};
    bool closed = false;
    // Nobody needs parts of an answer, and thousands of them would be large.
    const bool done = process_request(stream, true, closed, [](httplib::Request& request) { request.ranges.clear(); });
    at_hand = nullptr;
    if (!stream.has_written()) say_why_not(stream, socket.trouble());
    return done;
  }

  /// The request's first line did not come whole, of which httplib says nothing.
  static void say_why_not(GuardedStream& stream, Trouble trouble) {
    if (trouble == Trouble::kTooLarge) {
      stream.answer(raw_answer(431, "Request Header Fields Too Large", "the request's headers are too long"));
    } else if (trouble == Trouble::kTooSlow) {
      stream.answer(raw_answer(408, "Request Timeout", "the request did not come in time"));
    }
  }

  const HttpServiceSettings& settings_;
  std::unique_ptr<ServerCertificate> certificate_;  // none: no TLS
  std::mutex mutex_;  // guards all below
  std::set<const LimitedSocket*> open_;
  std::map<std::string, unsigned> by_peer_;
  bool ends_ = false;
};

}  // namespace

class HttpService::Impl {
 public:
  Impl(HttpServiceSettings settings, HttpServiceHandlers handlers)
      : settings_{std::move(settings)}, handlers_{std::move(handlers)}, server_{settings_} {
    server_.set_socket_options([](socket_t socket) {  // httplib's own would let a second process listen at the same port
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.new_task_queue = [this] { return new BoundedPool{settings_.threads, settings_.waiting}; };
    server_.set_tcp_nodelay(true);
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      const auto refused = refusal(request);
      if (!refused) return httplib::Server::HandlerResponse::Unhandled;
      put(*refused, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) { explain(response); });
    const auto plain = [this](const httplib::Request& request, httplib::Response& response) {
      put(answer(from_httplib(request)), response);
    };
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& reader) { put(read(request, reader), response); };
    constexpr const char* kAnyPath = R"([\s\S]*)";
    server_.Get(kAnyPath, plain);
    server_.Post(kAnyPath, with_body);
    server_.Put(kAnyPath, with_body);
    server_.Patch(kAnyPath, with_body);
    server_.Delete(kAnyPath, with_body);
  }

  ~Impl() {
    server_.end_reading();
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<> listen() {
    TIDEMARK_TRY(server_.read_certificate());
    const int port = settings_.port == 0 ? server_.bind_to_any_port(settings_.host)
                     : server_.bind_to_port(settings_.host, settings_.port) ? settings_.port
                                                                            : -1;
    if (port <= 0) {
      return fail(ErrorCode::kIo, fmt::format("cannot listen at {}: does another process listen there, or is the address not one of "
                                              "this machine's? Name another one",
                                              to_string(NetworkAddress{settings_.host, settings_.port, {}})));
    }
    address_ = {settings_.host, static_cast<std::uint16_t>(port), {}};
    thread_ = std::thread{[this] {
      name_this_thread("http-accept");
      server_.listen_after_bind();
    }};
    while (!server_.is_running()) std::this_thread::yield();  // else stop() would be lost
    return {};
  }

  const NetworkAddress& address() const { return address_; }

 private:
  /// Why the request is not even looked at, if so.
  std::optional<HttpResponse> refusal(const httplib::Request& request) const {
    if (!settings_.token.empty()) {
      const std::string said = request.get_header_value("Authorization");
      constexpr std::string_view kBearer = "Bearer ";
      if (said.starts_with(kBearer) && is_same_secret(std::string_view{said}.substr(kBearer.size()), settings_.token)) return std::nullopt;
      return refuse(401, "this JobManager asks for a token: send it as 'Authorization: Bearer TOKEN' (the command tidemark takes it "
                         "from TIDEMARK_TOKEN)");
    }
    const std::string host = request.get_header_value("Host");
    const std::string origin = request.get_header_value("Origin");
    if (!origin.empty() && origin != (settings_.certificate.empty() ? "http://" : "https://") + host) return refuse(403, "a page of another origin may not ask anything here");
    if (is_loopback(settings_.host)) {
      if (is_loopback(host_of(host))) return std::nullopt;
      return refuse(403, fmt::format("'{}' is no name of this machine: ask for localhost, or let the JobManager listen at another "
                                     "address with a token",
                                     host));
    }
    const bool looks = request.method == "GET" || request.method == "HEAD";
    if (!(handlers_.changes ? handlers_.changes(request.method, request.path) : !looks)) return std::nullopt;
    return refuse(403, "without a token this can't be asked for from outside: give the JobManager one in its variable TIDEMARK_TOKEN, or let it listen at "
                       "127.0.0.1");
  }

  HttpResponse answer(const HttpRequest& request) const {
    try {
      return handlers_.handle(request);
    } catch (const std::exception& exception) {
      return refuse(500, fmt::format("internal error: {}", exception.what()));
    }
  }

  HttpResponse read(const httplib::Request& request, const httplib::ContentReader& reader) const {
    const bool has_length = request.has_header("Content-Length");
    const std::uint64_t length = has_length ? request.get_header_value<std::uint64_t>("Content-Length") : 0;
    if (request.is_multipart_form_data()) {
      const bool taken = request.method == "POST" && handlers_.takes_upload && handlers_.takes_upload(request.path);
      if (!taken) return refuse(415, fmt::format("{} {} takes no form: send JSON", request.method, request.path));
      if (length > settings_.largest_upload + kAroundFile) return too_large(settings_.largest_upload);
      at_hand->allow(on_the_wire(settings_.largest_upload + kAroundFile, settings_), Milliseconds{settings_.upload_ms});
      const Place place{uploads_, settings_.uploads};
      return place.is_free() ? read_upload(reader) : refuse(503, kTooMany);
    }
    HttpRequest result = from_httplib(request);
    if (!has_length && !request.has_header("Transfer-Encoding")) return answer(result);  // it has no body
    if (length > settings_.largest_body) return too_large(settings_.largest_body);
    at_hand->allow(on_the_wire(2 * settings_.largest_body + kAroundFile, settings_), Milliseconds{settings_.body_ms});  // chunks have headers, too
    bool fits = true;
    const bool whole = reader([&](const char* bytes, std::size_t count) {
      fits = result.body.size() + count <= settings_.largest_body;
      if (fits) result.body.append(bytes, count);
      return fits;
    });
    if (!fits) return too_large(settings_.largest_body);
    return whole ? answer(result) : cut_off(settings_.largest_body);
  }

  HttpResponse read_upload(const httplib::ContentReader& reader) const {
    std::unique_ptr<HttpUpload> upload;
    std::optional<HttpResponse> refused;
    std::uint64_t bytes = 0;
    int parts = 0;
    const bool whole = reader(
        [&](const httplib::MultipartFormData& part) {
          if (++parts > kMostParts || upload != nullptr) {
            refused = refuse(400, "the form must have one file and nothing else");
            return false;
          }
          auto begun = handlers_.begin_upload(part.name, part.filename);
          if (!begun) refused = refuse_for(begun.error());
          if (begun) upload = *std::move(begun);
          return !refused;
        },
        [&](const char* part, std::size_t count) {
          bytes += count;
          if (bytes > settings_.largest_upload) {
            refused = too_large(settings_.largest_upload);
          } else if (const auto appended = upload->append({part, count}); !appended) {
            refused = refuse_for(appended.error());
          }
          return !refused;
        });
    if (refused) return *std::move(refused);
    if (!whole) return cut_off(settings_.largest_upload);
    if (upload == nullptr) return refuse(400, "the form has no file");
    return upload->finish();
  }

  /// One of a number of places, as long as it lives.
  class Place {
   public:
    Place(std::atomic<unsigned>& taken, unsigned all) : taken_{taken}, is_free_{taken.fetch_add(1) < all} {}
    ~Place() { --taken_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    bool is_free() const { return is_free_; }

   private:
    std::atomic<unsigned>& taken_;
    const bool is_free_;
  };

  static HttpResponse too_large(std::uint64_t limit) {
    return refuse(413, fmt::format("the request's body is larger than {} bytes, which is the most that is taken", limit));
  }
  static HttpResponse cut_off(std::uint64_t limit) {
    if (at_hand->trouble() == Trouble::kTooLarge) return too_large(limit);
    if (at_hand->trouble() == Trouble::kTooSlow) return refuse(408, "the request's body did not come in time");
    return refuse(400, "the request's body is not what its headers say");
  }

  /// What httplib refuses by itself has no body.
  static void explain(httplib::Response& response) {
    if (!response.body.empty()) return;
    if (at_hand->trouble() == Trouble::kTooLarge) response.status = 431;
    if (at_hand->trouble() == Trouble::kTooSlow) response.status = 408;
    const std::string_view why = response.status == 431   ? "the request's headers are too long"
                                 : response.status == 408 ? "the request did not come in time"
                                 : response.status == 414 ? "the request's line is too long"
                                 : response.status == 404 ? "there is nothing that answers this method"
                                                          : "the request is no HTTP that is understood";
    put(refuse(response.status, why), response);
  }

  static void put(const HttpResponse& from, httplib::Response& to) {
    to.status = from.status;
    to.set_content(from.body, from.content_type);
    to.set_header("X-Content-Type-Options", "nosniff");
  }

  const HttpServiceSettings settings_;
  const HttpServiceHandlers handlers_;
  mutable std::atomic<unsigned> uploads_{0};
  GuardedServer server_;
  NetworkAddress address_;
  std::thread thread_;
};

HttpService::HttpService(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

HttpService::~HttpService() = default;

const NetworkAddress& HttpService::address() const { return impl_->address(); }

Result<std::unique_ptr<HttpService>> HttpService::start(HttpServiceSettings settings, HttpServiceHandlers handlers) {
  auto impl = std::make_unique<Impl>(std::move(settings), std::move(handlers));
  TIDEMARK_TRY(impl->listen());
  return std::unique_ptr<HttpService>{new HttpService{std::move(impl)}};
}

}  // namespace tidemark
