#include "control/http_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "env/authority_test.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// What came of an upload.
struct Uploaded {
  std::string bytes;
  std::size_t largest_part = 0;
  bool finished = false;
  bool dropped = false;
};

class RecordingUpload final : public HttpUpload {
 public:
  RecordingUpload(Uploaded& to, std::uint64_t keep) : to_{to}, keep_{keep} {}
  ~RecordingUpload() override { to_.dropped = !to_.finished; }
  Result<> append(std::string_view bytes) override {
    if (bytes == "full") return fail(ErrorCode::kResourceExhausted, "the disk is full");
    to_.largest_part = std::max(to_.largest_part, bytes.size());
    if (to_.bytes.size() < keep_) to_.bytes += bytes;
    return {};
  }
  HttpResponse finish() override {
    to_.finished = true;
    return {200, R"({"status":"success"})"};
  }

 private:
  Uploaded& to_;
  const std::uint64_t keep_;
};

const std::string kHalfAnUpload =
    "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n"
    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nhalf";

class HttpServiceTest : public testing::Test {
 protected:
  /// httplib makes its constants at the first request, behind a guard that the thread sanitizer, for which it is not built, does
  /// not see: so a service that has ended, its threads joined, is asked first.
  static void SetUpTestSuite() {
    const auto service = value_or_throw(HttpService::start(settings(), {.handle = [](const HttpRequest&) { return HttpResponse{}; }}));
    (void)http_call({.address = service->address()}, {.path = "/x"});
  }
  /// Nobody is as slow as that.
  static HttpServiceSettings settings() {
    return {.port = 0, .largest_upload = 1u << 20, .largest_body = 1000, .threads = 4, .silence_ms = 600'000, .header_ms = 600'000, .body_ms = 600'000};
  }
  /// For who is slow, so that the test is not.
  static HttpServiceSettings hasty(HttpServiceSettings result) {
    result.silence_ms = 300;
    result.header_ms = result.body_ms = 600;
    return result;
  }
  void serve(HttpServiceSettings settings) {
    service_ = value_or_throw(HttpService::start(
        std::move(settings), {.handle = [this](const HttpRequest& request) { return handle(request); },
                              .takes_upload = [](const std::string& path) { return path == "/upload"; },
                              .begin_upload = [this](const std::string& field, const std::string& name) -> Result<std::unique_ptr<HttpUpload>> {
                                if (field != "file") return fail(ErrorCode::kInvalidArgument, "no such field");
                                name_ = name;
                                return std::make_unique<RecordingUpload>(uploaded_, 100);
                              }}));
  }
  HttpResponse handle(const HttpRequest& request) {
    ++handled_;
    if (request.path == "/wait") {
      waiting_.count_down();
      go_on_.wait();
    }
    if (request.path == "/throw") throw std::runtime_error{"oops"};
    return {200, request.method + request.path + request.body};
  }
  HttpPeer peer(std::string token = {}) const { return {.address = service_->address(), .token = std::move(token)}; }
  HttpResponse call(HttpRequest request) const { return value_or_throw(http_call(peer(), request)); }

  int dial() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(service_->address().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  static std::string read_all(int socket) {
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::recv(socket, buffer, sizeof buffer, 0)) > 0;) text.append(buffer, static_cast<std::size_t>(count));
    ::close(socket);
    return text;
  }
  /// The whole answer to these bytes.
  std::string raw(const std::string& bytes) const {
    const int socket = dial();
    (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return read_all(socket);
  }
  static std::string get(const std::string& headers) { return "GET /x HTTP/1.1\r\n" + headers + "\r\n"; }
  static std::string post(const std::string& headers, const std::string& body = {}) {
    return "POST /x HTTP/1.1\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  std::atomic<int> handled_{0};
  std::latch waiting_{4};
  std::latch go_on_{1};
  Uploaded uploaded_;
  std::string name_;
  std::unique_ptr<HttpService> service_;
};

TEST_F(HttpServiceTest, ARequestArrivesWholeAndItsAnswerComesBack) {
  serve(settings());
  EXPECT_NE(service_->address().port, 0);
  EXPECT_EQ(call({.path = "/v1/jobs"}).body, "GET/v1/jobs");
  EXPECT_EQ(call({.method = "POST", .path = "/run", .query = {}, .body = "{}"}).body, "POST/run{}");
  EXPECT_EQ(call({.method = "PATCH", .path = "/jobs/a"}).body, "PATCH/jobs/a");
  EXPECT_EQ(call({.method = "DELETE", .path = "/jars/a"}).body, "DELETE/jars/a");
  EXPECT_EQ(call({.path = "/throw"}).status, 500);
  EXPECT_THAT(raw("PATCH /x HTTP/1.1\r\nHost: localhost\r\n\r\n"), HasSubstr("PATCH/x")) << "no body, and no word of its length: as curl does";
}

TEST_F(HttpServiceTest, TheBodyThatFlinksClientSendsWithAGetDoesNotCostItTheAnswer) {
  serve(settings());
  EXPECT_THAT(raw("GET /v1/jobs HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"), HasSubstr("GET/v1/jobs"));
}

TEST_F(HttpServiceTest, AnUploadGoesToItsSinkInPartsAndIsNeverWhole) {
  serve(settings());
  constexpr std::size_t kBytes = 900'000;
  const HttpFile file{.name = "orders", .bytes = kBytes, .read = [](std::uint64_t offset, std::size_t most) -> Result<std::string> {
                        return std::string(most, offset == 0 ? 'a' : 'b');
                      }};
  const auto answer = value_or_throw(http_upload(peer(), "/upload", "file", file));
  EXPECT_EQ(answer.body, R"({"status":"success"})");
  EXPECT_EQ(name_, "orders");
  EXPECT_THAT(uploaded_.bytes, StartsWith("aaaa"));
  EXPECT_LT(uploaded_.largest_part, 100'000U);
}

TEST_F(HttpServiceTest, AnUploadThatIsTooLargeCutOffOrOfAnotherFieldIsDropped) {
  serve(settings());
  const auto file_of = [](std::uint64_t bytes) {
    return HttpFile{.name = "x", .bytes = bytes, .read = [](std::uint64_t, std::size_t most) -> Result<std::string> { return std::string(most, 'x'); }};
  };
  EXPECT_EQ(value_or_throw(http_upload(peer(), "/upload", "other", file_of(10))).status, 400);
  EXPECT_EQ(value_or_throw(http_upload(peer(), "/other", "file", file_of(10))).status, 415);
  EXPECT_EQ(value_or_throw(http_upload(peer(), "/upload", "file", file_of((1u << 20) + 1))).status, 413);
  EXPECT_TRUE(uploaded_.dropped);
  EXPECT_EQ(value_or_throw(http_upload(peer(), "/upload", "file", file_of(2u << 20))).status, 413);
  uploaded_ = {};
  const int socket = dial();
  (void)::send(socket, kHalfAnUpload.data(), kHalfAnUpload.size(), MSG_NOSIGNAL);
  ::shutdown(socket, SHUT_WR);
  EXPECT_THAT(read_all(socket), StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(uploaded_.dropped);
}

TEST_F(HttpServiceTest, AnUploadThatDoesNotGoOnIsDropped) {
  HttpServiceSettings short_uploads = settings();
  short_uploads.upload_ms = 300;
  serve(short_uploads);
  EXPECT_THAT(raw(kHalfAnUpload), StartsWith("HTTP/1.1 408")) << "no more comes";
  EXPECT_TRUE(uploaded_.dropped);
}

TEST_F(HttpServiceTest, AFileThatCannotBeKeptIsToldWithItsCause) {
  serve(settings());
  const HttpFile file{.name = "x", .bytes = 4, .read = [](std::uint64_t, std::size_t) -> Result<std::string> { return "full"; }};
  const auto answer = value_or_throw(http_upload(peer(), "/upload", "file", file));
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, HasSubstr("the disk is full"));
}

TEST_F(HttpServiceTest, WhatIsTooLargeIsRefusedBeforeItIsTaken) {
  serve(settings());
  EXPECT_EQ(call({.method = "POST", .path = "/x", .query = {}, .body = std::string(1000, 'x')}).status, 200);
  EXPECT_EQ(call({.method = "POST", .path = "/x", .query = {}, .body = std::string(1001, 'x')}).status, 413);
  handled_ = 0;
  EXPECT_THAT(raw("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx"), StartsWith("HTTP/1.1 413"));
  std::string chunks = "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) chunks += "64\r\n" + std::string(100, 'c') + "\r\n";
  EXPECT_THAT(raw(chunks + "0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 414"));
  EXPECT_THAT(raw(std::string(100'000, 'a')), StartsWith("HTTP/1.1 431")) << "a line that never ends";
  std::string headers = "Host: localhost\r\n";
  for (int i = 0; i < 2000; ++i) headers += "X-" + std::to_string(i) + ": " + std::string(50, 'h') + "\r\n";
  EXPECT_THAT(raw(get(headers)), StartsWith("HTTP/1.1 431"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServiceTest, GarbageAndHalfARequestHarmNobody) {
  serve(settings());
  for (const std::string& garbage : {std::string{"\r\n\r\n"}, std::string{"GET"}, std::string(64, '\0'), std::string{"\x16\x03\x01\x02"},
                                     std::string{"GET / HTTP/9.9\r\n\r\n"}, std::string{"GET /a\nb HTTP/1.1\r\n\r\n"},
                                     std::string{"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"},
                                     std::string{"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc"}}) {
    const int socket = dial();
    (void)::send(socket, garbage.data(), garbage.size(), MSG_NOSIGNAL);
    ::shutdown(socket, SHUT_WR);
    const std::string answer = read_all(socket);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << garbage << "\n" << answer;
    EXPECT_EQ(call({.path = "/fine"}).status, 200) << garbage;
  }
}

TEST_F(HttpServiceTest, WhoeverIsSlowIsTurnedOutAndKeepsNobodyWaiting) {
  serve(hasty(settings()));
  std::vector<int> slow;
  for (int i = 0; i < 4; ++i) slow.push_back(dial());  // all threads
  while (call({.path = "/fine"}).status != 200) {  // a machine may be slow, too
  }
  for (const int socket : slow) EXPECT_THAT(read_all(socket), StartsWith("HTTP/1.1 408"));
}

TEST_F(HttpServiceTest, ARequestThatComesByteByByteHasOnlySoMuchTime) {
  serve(hasty(settings()));
  const int socket = dial();
  std::atomic<bool> ends{false};
  std::thread drip{[&] {
    while (!ends) {
      (void)::send(socket, "a", 1, MSG_NOSIGNAL);
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }};
  char first[12] = {};
  EXPECT_EQ(::recv(socket, first, sizeof first, MSG_WAITALL), 12);
  EXPECT_EQ((std::string{first, 12}), "HTTP/1.1 408");
  ends = true;
  drip.join();
  ::close(socket);
}

TEST_F(HttpServiceTest, MoreCallersThanThreadsAndPlacesToWaitAreTurnedAway) {
  HttpServiceSettings few = settings();
  few.waiting = 1;
  serve(few);
  std::vector<std::thread> callers;
  std::atomic<int> answered{0};
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const auto answer = http_call(peer(), {.path = "/wait"});
      if (answer && answer->status == 200) ++answered;
    });
  }
  waiting_.wait();
  const int waits = dial();
  std::string turned_away;
  for (int i = 0; i < 20 && turned_away.empty(); ++i) turned_away = read_all(dial());
  EXPECT_THAT(turned_away, StartsWith("HTTP/1.1 503"));
  go_on_.count_down();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, 4);
  const std::string request = get("Host: localhost\r\n");
  (void)::send(waits, request.data(), request.size(), MSG_NOSIGNAL);
  EXPECT_THAT(read_all(waits), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServiceTest, OnePeerHasOnlySoManyConnections) {
  HttpServiceSettings one = settings();
  one.most_of_one_peer = 1;
  serve(one);
  waiting_.count_down(3);
  std::thread holds{[&] { EXPECT_EQ(call({.path = "/wait"}).status, 200); }};
  waiting_.wait();
  EXPECT_THAT(raw(get("Host: localhost\r\n")), StartsWith("HTTP/1.1 503"));
  go_on_.count_down();
  holds.join();
  while (!raw(get("Host: localhost\r\n")).starts_with("HTTP/1.1 200")) {  // when that one has left
  }
}

/// With a certificate in the name of its address.
class HttpsServiceTest : public HttpServiceTest {
 protected:
  HttpServiceSettings with_tls() const {
    HttpServiceSettings result = settings();
    result.certificate = certificate_.certificate;
    result.key = certificate_.key;
    return result;
  }
  HttpPeer trusting() const { return {.address = service_->address(), .tls = true, .authority = certificate_.authority}; }

  Authority authority_{"authority"};
  const Tls certificate_ = authority_.issue("rest", "IP:127.0.0.1");
};

TEST_F(HttpsServiceTest, RequestsAndFilesGoOverTls) {
  serve(with_tls());
  EXPECT_EQ(value_or_throw(http_call(trusting(), {.method = "POST", .path = "/x", .query = {}, .body = std::string(1000, 'b')})).body,
            "POST/x" + std::string(1000, 'b'));
  const HttpFile file{.name = "x", .bytes = 1u << 20, .read = [](std::uint64_t, std::size_t most) -> Result<std::string> { return std::string(most, 'x'); }};
  EXPECT_EQ(value_or_throw(http_upload(trusting(), "/upload", "file", file)).status, 200);
  EXPECT_TRUE(uploaded_.finished) << "the limit is the file's, not that of what TLS makes of it";
  HttpFile larger = file;
  larger.bytes += 1;
  EXPECT_EQ(value_or_throw(http_upload(trusting(), "/upload", "file", larger)).status, 413);
}

TEST_F(HttpsServiceTest, WhoDoesNotTrustTheCertificateAsksNothing) {
  serve(with_tls());
  Authority other{"other"};
  HttpPeer doubting = trusting();
  doubting.authority = other.issue("nobody", "IP:127.0.0.1").authority;
  const auto answer = http_call(doubting, {.path = "/x"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(answer.error().message(), HasSubstr("is not trusted"));
  HttpPeer misnamed = trusting();
  misnamed.address.host = "localhost";
  EXPECT_FALSE(http_call(misnamed, {.path = "/x"}).has_value());
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpsServiceTest, PlainHttpIsToldToSpeakTls) {
  serve(with_tls());
  const std::string answer = raw(get("Host: localhost\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("https://"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpsServiceTest, WhoDoesNotGreetInTimeOrSendsGarbageIsLetGo) {
  serve(hasty(with_tls()));
  EXPECT_EQ(read_all(dial()), "");
  raw(std::string("\x16\x03\x01\x40\x00", 5) + std::string(20'000, 'g'));
  raw(std::string(1u << 20, '\0'));
  EXPECT_EQ(handled_, 0);
  serve(with_tls());
  EXPECT_EQ(value_or_throw(http_call(trusting(), {.path = "/x"})).status, 200);
}

TEST_F(HttpsServiceTest, HeadersAreLimitedBehindTls) {
  serve(with_tls());
  HttpPeer peer = trusting();
  peer.token = std::string(60'000, 't');
  EXPECT_EQ(value_or_throw(http_call(peer, {.path = "/x"})).status, 431);
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpsServiceTest, WhoIsOneTooManyIsToldSoBehindTls) {
  HttpServiceSettings one = with_tls();
  one.most_of_one_peer = 1;
  serve(one);
  waiting_.count_down(3);
  std::thread holds{[&] { EXPECT_EQ(value_or_throw(http_call(trusting(), {.path = "/wait"})).status, 200); }};
  waiting_.wait();
  EXPECT_EQ(value_or_throw(http_call(trusting(), {.path = "/x"})).status, 503);
  go_on_.count_down();
  holds.join();
}

TEST_F(HttpsServiceTest, ItEndsThoughSomebodyIsSilentInTheGreeting) {
  serve(with_tls());
  const int silent = dial();
  EXPECT_EQ(value_or_throw(http_call(trusting(), {.path = "/x"})).status, 200);
  service_.reset();
  EXPECT_EQ(read_all(silent), "");
}

TEST_F(HttpsServiceTest, AnAuthorityThatIsNoFileIsNamed) {
  serve(with_tls());
  HttpPeer mistyped = trusting();
  mistyped.authority = "/none.crt";
  EXPECT_THAT(http_call(mistyped, {.path = "/x"}).error().message(), HasSubstr("'/none.crt' can't be read"));
}

TEST_F(HttpsServiceTest, FilesThatAreNoCertificateAreNamed) {
  HttpServiceSettings wrong = with_tls();
  wrong.key = "/none.key";
  const auto service = HttpService::start(wrong, {.handle = [](const HttpRequest&) { return HttpResponse{}; }});
  ASSERT_FALSE(service.has_value());
  EXPECT_EQ(service.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(service.error().message(), HasSubstr("/none.key"));
}

TEST_F(HttpServiceTest, WithATokenEveryRequestNeedsIt) {
  HttpServiceSettings secret = settings();
  secret.token = "s3cret";
  serve(secret);
  EXPECT_EQ(value_or_throw(http_call(peer("s3cret"), {.path = "/x"})).status, 200);
  EXPECT_EQ(value_or_throw(http_call(peer("s3cret"), {.method = "POST", .path = "/x"})).status, 200);
  handled_ = 0;
  for (const std::string wrong : {"", "s3cre", "s3cret2", "S3cret", "s3crets3cret"}) {
    EXPECT_EQ(value_or_throw(http_call(peer(wrong), {.path = "/x"})).status, 401) << wrong;
  }
  EXPECT_THAT(raw(get("Host: localhost\r\nAuthorization: s3cret\r\n")), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(raw(post("Host: localhost\r\n", std::string(100, 'x'))), HasSubstr("TIDEMARK_TOKEN"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServiceTest, WithoutATokenALoopbackListenerAnswersItsOwnMachineAlone) {
  serve(settings());
  for (const std::string host : {"localhost", "localhost:8081", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081"}) {
    EXPECT_THAT(raw(get("Host: " + host + "\r\n")), StartsWith("HTTP/1.1 200")) << host;
  }
  handled_ = 0;
  for (const std::string host : {"evil.example", "127.0.0.1.evil.example:8081", "localhost.evil.example", "127.evil.example", "", "[::2]"}) {
    EXPECT_THAT(raw(get("Host: " + host + "\r\n")), StartsWith("HTTP/1.1 403")) << host;
  }
  EXPECT_THAT(raw(get("")), StartsWith("HTTP/1.1 403")) << "no Host at all";
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServiceTest, APageOfAnotherOriginMayAskNothing) {
  serve(settings());
  EXPECT_THAT(raw(post("Host: localhost:1\r\nOrigin: http://localhost:1\r\n")), StartsWith("HTTP/1.1 200"));
  handled_ = 0;
  EXPECT_THAT(raw(post("Host: localhost:1\r\nOrigin: http://evil.example\r\n")), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(raw(post("Host: localhost:1\r\nOrigin: null\r\n")), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(raw(get("Host: localhost:1\r\nOrigin: http://evil.example\r\n")), StartsWith("HTTP/1.1 403"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServiceTest, WithoutATokenAnOpenListenerChangesNothing) {
  HttpServiceSettings open = settings();
  open.host = "0.0.0.0";
  serve(open);
  EXPECT_THAT(raw(get("Host: jobs.example\r\n")), StartsWith("HTTP/1.1 200"));
  handled_ = 0;
  EXPECT_THAT(raw(post("Host: jobs.example\r\n")), HasSubstr("TIDEMARK_TOKEN"));
  EXPECT_THAT(raw("DELETE /jars/x HTTP/1.1\r\nHost: jobs.example\r\n\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServiceTest, TwoDoNotListenAtOnePort) {
  serve(settings());
  HttpServiceSettings same = settings();
  same.port = service_->address().port;
  const auto second = HttpService::start(same, {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("cannot listen at 127.0.0.1:" + std::to_string(same.port)));
}

TEST_F(HttpServiceTest, WhoIsSlowDoesNotKeepAServerFromEnding) {
  serve(settings());
  std::vector<int> slow;
  for (int i = 0; i < 6; ++i) slow.push_back(dial());
  EXPECT_EQ(::send(slow[0], "GET", 3, MSG_NOSIGNAL), 3);
  service_.reset();  // hangs, if it waits for them
  for (const int socket : slow) EXPECT_THAT(read_all(socket), testing::Not(StartsWith("HTTP/1.1 2")));
}

TEST_F(HttpServiceTest, WithoutAServerNobodyListens) {
  serve(settings());
  const HttpPeer gone = peer();
  service_.reset();
  EXPECT_EQ(http_call(gone, {.path = "/"}).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tidemark
