#include "cli/job_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "control/control_folder.h"
#include "env/posix_env.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kOverview =
    R"({"jobs":[{"jid":"orders","name":"orders","state":"RUNNING","start-time":1,"end-time":-1}]})";
constexpr const char* kAccepted = R"({"request-id":"1"})";
constexpr const char* kCompleted =
    R"({"status":{"id":"COMPLETED"},"operation":{"location":"/sp/savepoint-orders-1"}})";

/// A job that answers one connection after the other as it is told, and then goes.
class ScriptedJob {
 public:
  /// An answer's JSON; empty: the connection breaks.
  ScriptedJob(const std::string& folder, std::vector<std::string> answers)
      : name_{value_or_throw(UnixSocketName::in(folder, kControlSocket))} {
    std::ofstream{folder + "/LOCK"};
    socket_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(address.sun_path, name_.address().c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    thread_ = std::thread{[this, answers = std::move(answers)] {
      for (const std::string& answer : answers) serve(answer);
      value_or_throw(name_.remove());
    }};
  }
  ~ScriptedJob() {
    ::shutdown(socket_, SHUT_RDWR);  // ends an accept() that nobody came for
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
  }

  /// After the last answer: what was asked.
  const std::string& requests() {
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

 private:
  static std::string read_request(int connection) {
    std::string text;
    std::size_t wanted = std::string::npos;
    char buffer[4096];
    while (text.size() < wanted) {
      const ssize_t count = ::read(connection, buffer, sizeof buffer);
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::size_t length = text.find("Content-Length: ");
      wanted = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
    }
    return text;
  }

  void serve(const std::string& answer) {
    const int connection = ::accept(socket_, nullptr, nullptr);
    if (connection < 0) return;
    requests_ += read_request(connection);
    if (!answer.empty()) {
      const std::string response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                   std::to_string(answer.size()) + "\r\n\r\n" + answer;
      EXPECT_EQ(::write(connection, response.data(), response.size()), static_cast<ssize_t>(response.size()));
    }
    ::close(connection);
  }

  UnixSocketName name_;
  int socket_ = -1;
  std::string requests_;
  std::thread thread_;
};

class JobClientTest : public ::testing::Test {
 protected:
  JobClientTest() {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does
    std::string name = (fs::temp_directory_path() / "tidemark-client-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~JobClientTest() override { fs::remove_all(folder_); }

  Result<SnapshotTaken> take_savepoint(const std::string& dir = "/sp") {
    TIDEMARK_ASSIGN(client, JobClient::find(posix_.env(), folder_));
    return client.take_snapshot({.dir = dir});
  }

  std::string folder_;
  PosixEnv posix_{1};
};

TEST_F(JobClientTest, AnAnswerThatDoesNotComeIsAskedForAgain) {
  const ScriptedJob job{folder_, {kOverview, kAccepted, "", "", kCompleted}};
  const auto taken = take_savepoint();
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(taken->path, "/sp/savepoint-orders-1");
}

TEST_F(JobClientTest, AJobThatGoesMeanwhileHasEnded) {
  const ScriptedJob job{folder_, {kOverview, kAccepted, ""}};
  const auto taken = take_savepoint();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), ErrorCode::kCancelled);
  EXPECT_THAT(taken.error().message(), HasSubstr("ended before it had answered"));
}

TEST_F(JobClientTest, AJobThatIsThereButDoesNotAnswerHasNotEnded) {
  const ScriptedJob job{folder_, {kOverview, kAccepted, "", "", ""}};
  const auto taken = take_savepoint();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), ErrorCode::kTimeout);
  EXPECT_THAT(taken.error().message(), HasSubstr("may yet be done"));
}

TEST_F(JobClientTest, OnlyALocalFolderIsOneOfThisProcesss) {
  ScriptedJob job{folder_, {kOverview, kAccepted, kCompleted}};
  EXPECT_TRUE(take_savepoint("sp"));
  EXPECT_THAT(job.requests(), HasSubstr("\"target-directory\":\"" + (fs::current_path() / "sp").string() + "\""));
}

TEST_F(JobClientTest, AJobWithAStorageIsToldTheFolderAsItIs) {
  ::setenv("TIDEMARK_CONTROL_DIR", folder_.c_str(), 1);
  const auto control = value_or_throw(ControlFolder::make(*posix_.env().files, control_root(), "box://state", "orders"));
  ScriptedJob job{control->path(), {kOverview, kAccepted, kCompleted}};
  auto client = value_or_throw(JobClient::find(posix_.env(), "box://state"));
  EXPECT_EQ(client.where(), "box://state/orders");
  EXPECT_TRUE(client.take_snapshot({.dir = "sp"}));
  EXPECT_THAT(job.requests(), HasSubstr(R"("target-directory":"sp")"));
  ::unsetenv("TIDEMARK_CONTROL_DIR");
}

TEST_F(JobClientTest, AFolderThatJsonCantNameIsRefused) {
  const ScriptedJob job{folder_, {kOverview}};
  EXPECT_EQ(take_savepoint("/m\xe4rz").error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark
