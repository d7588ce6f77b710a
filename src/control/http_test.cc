#include "control/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tidemark {
namespace {

namespace fs = std::filesystem;

class HttpTest : public testing::Test {
 protected:
  HttpTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-http-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~HttpTest() override { fs::remove_all(folder_); }

  UnixSocketName name() const { return value_or_throw(UnixSocketName::in(folder_, "s.sock")); }
  std::unique_ptr<HttpServer> serve(HttpHandler handler) {
    return value_or_throw(HttpServer::start(name(), std::move(handler)));
  }

  std::string folder_;
};

TEST_F(HttpTest, ARequestArrivesWholeAndItsAnswerComesBack) {
  const auto server = serve([](const HttpRequest& request) {
    return HttpResponse{202, request.method + request.path + "?" + request.query.at("mode") + request.body};
  });
  const auto response = http_call(
      name(), {.method = "PATCH", .path = "/v1/jobs/a", .query = {{"mode", "can cel"}}, .body = "{\"x\":1}"});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->body, "PATCH/v1/jobs/a?can cel{\"x\":1}");
}

TEST_F(HttpTest, ManyCallersAreServedOneAfterTheOther) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  const auto server = serve([&](const HttpRequest& request) {
    most = std::max(most.load(), ++inside);
    --inside;
    return HttpResponse{200, request.body};
  });
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int i = 0; i < 6; ++i) {  // so few that the system turns none of them away
    callers.emplace_back([&, i] {
      for (int n = 0; n < 20; ++n) {
        const std::string body = std::to_string(i * 100 + n);
        const auto response = http_call(name(), {.method = "POST", .path = "/", .query = {}, .body = body});
        if (response && response->body == body) ++right;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 120);
  EXPECT_EQ(most, 1);
}

TEST_F(HttpTest, AHandlerThatThrowsAnswersWithAnError) {
  const auto server = serve([](const HttpRequest&) -> HttpResponse { throw std::runtime_error{"oops"}; });
  EXPECT_EQ(value_or_throw(http_call(name(), {.path = "/"})).status, 500);
}

TEST_F(HttpTest, WithoutAServerNobodyListens) {
  EXPECT_EQ(http_call(name(), {.path = "/"}).error().code(), ErrorCode::kNotFound);
  serve([](const HttpRequest&) { return HttpResponse{}; }).reset();
  EXPECT_FALSE(name().exists()) << "a server removes its socket";
  EXPECT_EQ(http_call(name(), {.path = "/"}).error().code(), ErrorCode::kNotFound);
}

TEST_F(HttpTest, ADeadSocketIsReplacedAndAFileIsNot) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  name().address().copy(address.sun_path, sizeof(address.sun_path) - 1);
  {
    const UnixSocketName bound = name();
    bound.address().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ::close(dead);
  EXPECT_EQ(http_call(name(), {.path = "/"}).error().code(), ErrorCode::kNotFound);
  auto server = serve([](const HttpRequest&) { return HttpResponse{}; });
  EXPECT_TRUE(http_call(name(), {.path = "/"}));
  struct stat info {};
  ASSERT_EQ(::stat((folder_ + "/s.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  server.reset();
  std::ofstream{folder_ + "/s.sock"} << "a file";
  EXPECT_FALSE(HttpServer::start(name(), [](const HttpRequest&) { return HttpResponse{}; }));
  EXPECT_TRUE(fs::exists(folder_ + "/s.sock"));
}

TEST_F(HttpTest, AServerLeavesTheSocketOfItsSuccessor) {
  auto first = serve([](const HttpRequest&) { return HttpResponse{200, "first"}; });
  const auto second = serve([](const HttpRequest&) { return HttpResponse{200, "second"}; });
  first.reset();
  EXPECT_EQ(value_or_throw(http_call(name(), {.path = "/"})).body, "second");
}

TEST_F(HttpTest, NonsenseOnTheSocketHarmsNobody) {
  const auto server = serve([](const HttpRequest&) { return HttpResponse{200, "fine"}; });
  for (const std::string& nonsense : {std::string{"\r\n\r\n"}, std::string{"GET"}, std::string(100'000, 'x'), std::string(64, '\0')}) {
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const UnixSocketName socket = name();
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket.address().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    (void)::send(client, nonsense.data(), nonsense.size(), MSG_NOSIGNAL);
    ::close(client);
    EXPECT_EQ(value_or_throw(http_call(name(), {.path = "/"})).body, "fine");
  }
}

TEST_F(HttpTest, AServerThatEndsIsFoundByNobody) {
  std::atomic<bool> asked{false};
  std::atomic<bool> go_on{false};
  auto server = serve([&](const HttpRequest&) {
    asked = true;
    while (!go_on) std::this_thread::yield();
    return HttpResponse{};
  });
  const UnixSocketName socket = name();
  std::thread caller{[&] { EXPECT_TRUE(http_call(socket, {.path = "/"})); }};
  while (!asked) std::this_thread::yield();
  std::thread ending{[&] { server.reset(); }};
  constexpr int kMostLooks = 60'000;
  int looks = 0;
  for (; socket.exists() && looks < kMostLooks; ++looks) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  EXPECT_LT(looks, kMostLooks) << "the socket is there as long as the request at hand";
  go_on = true;
  ending.join();
  caller.join();
}

}  // namespace
}  // namespace tidemark
