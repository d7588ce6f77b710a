#include "control/control_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "env/posix_file_system.h"
#include "env/unix_socket.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kDir = "box://bucket/state";

class ControlFolderTest : public ::testing::Test {
 protected:
  ControlFolderTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-control-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ControlFolderTest() override { fs::remove_all(folder_); }

  std::unique_ptr<ControlFolder> make(const std::string& job, const std::string& dir = kDir) {
    return value_or_throw(ControlFolder::make(files_, root(), dir, job));
  }
  std::vector<std::string> jobs(const std::string& dir = kDir) { return value_or_throw(controlled_jobs(files_, root(), dir)); }
  std::string root() const { return folder_ + "/tidemark-7"; }
  static void bind_socket(const std::string& folder) {
    const UnixSocketName name = value_or_throw(UnixSocketName::in(folder, kControlSocket));
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(address.sun_path, name.address().c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(socket);
  }

  std::string folder_;
  FileSystem& files_ = posix_file_system();
};

TEST_F(ControlFolderTest, IsFoundByTheWordsOfTheCheckpointDir) {
  EXPECT_THAT(jobs(), IsEmpty()) << "nobody has made the root";
  const auto orders = make("orders");
  const auto clicks = make("clicks", kDir + "/");
  const auto other = make("orders", kDir + "-2");
  EXPECT_THAT(jobs(), IsEmpty()) << "no socket yet";
  for (const auto* job : {&orders, &clicks, &other}) bind_socket((*job)->path());
  EXPECT_THAT(jobs(), ElementsAre("clicks", "orders"));
  EXPECT_THAT(jobs(kDir + "//"), ElementsAre("clicks", "orders"));
  EXPECT_THAT(jobs(kDir + "-2"), ElementsAre("orders"));
  EXPECT_THAT(jobs("box://bucket"), IsEmpty());
  EXPECT_EQ(orders->path(), control_folder(root(), kDir, "orders"));
}

TEST_F(ControlFolderTest, IsTheUsersAloneHoweverItWasLeft) {
  fs::create_directory(root());
  fs::permissions(root(), fs::perms::all);
  EXPECT_EQ(controlled_jobs(files_, root(), kDir).error().code(), ErrorCode::kPermissionDenied);
  make("orders");
  EXPECT_EQ(fs::status(root()).permissions(), fs::perms::owner_all);
}

TEST_F(ControlFolderTest, ALinkAtItsNameIsNotFollowed) {
  fs::create_directory(folder_ + "/elsewhere");
  fs::create_directory_symlink(folder_ + "/elsewhere", root());
  const auto made = ControlFolder::make(files_, root(), kDir, "orders");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(made.error().message(), HasSubstr(root()));
  EXPECT_EQ(controlled_jobs(files_, root(), kDir).error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(fs::is_empty(folder_ + "/elsewhere"));
}

TEST_F(ControlFolderTest, HasOneJobAtATimeAndGoesWithIt) {
  auto first = make("orders");
  EXPECT_EQ(ControlFolder::make(files_, root(), kDir, "orders").error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(fs::exists(first->path() + "/LOCK")) << "the refused one has removed nothing";
  auto beside = make("clicks");
  first.reset();
  EXPECT_TRUE(fs::exists(beside->path()));
  beside.reset();
  EXPECT_TRUE(fs::is_empty(root()));
  make("orders");
}

TEST_F(ControlFolderTest, WhatAKilledJobHasLeftIsTakenOver) {
  fs::create_directories(control_folder(root(), kDir, "orders"));
  fs::permissions(root(), fs::perms::owner_all);
  bind_socket(control_folder(root(), kDir, "orders"));
  EXPECT_THAT(jobs(), ElementsAre("orders"));
  EXPECT_EQ(make("orders")->path(), control_folder(root(), kDir, "orders"));
}

}  // namespace
}  // namespace tidemark
