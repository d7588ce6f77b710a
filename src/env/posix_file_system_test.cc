#include "env/posix_file_system.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PosixFileSystemTest : public ::testing::Test {
 protected:
  PosixFileSystemTest() : root_{::testing::TempDir() + "tidemark-XXXXXX"} {
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
  }
  ~PosixFileSystemTest() override { std::filesystem::remove_all(root_); }
  std::string at(std::string_view path) const { return join_path(root_, path); }

  FileSystem& files_ = posix_file_system();
  std::string root_;
};

TEST_F(PosixFileSystemTest, AFullDiskIsExhaustedAndStaysSoForThatFile) {
  auto file = value_or_throw(files_.create("/dev/full", CreateMode::kTruncate));
  const auto written = file->append("x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(written.error().message(),
              AllOf(HasSubstr("write to '/dev/full'"), HasSubstr("No space left"), HasSubstr("free space")));
  const auto synced = file->sync();
  ASSERT_FALSE(synced) << "a sync after a failed write must not look like success";
  EXPECT_EQ(synced.error().code(), ErrorCode::kResourceExhausted);
}

TEST_F(PosixFileSystemTest, AFileSizeLimitCutsAWriteAndIsReported) {
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto file = value_or_throw(files_.create(at("f"), CreateMode::kExclusive));
  const auto written = file->append(std::string(1500, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written) << "the kernel writes 1000 bytes and says so; the rest must be tried";
  EXPECT_EQ(written.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(file->size(), 1000u);
}

TEST_F(PosixFileSystemTest, NoPermissionIsReportedAsSuch) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser is refused nothing";
  ASSERT_EQ(::chmod(root_.c_str(), 0500), 0);
  const auto created = files_.create(at("f"), CreateMode::kExclusive);
  ::chmod(root_.c_str(), 0700);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(created.error().message(), HasSubstr("check owner and mode"));
}

TEST_F(PosixFileSystemTest, APipeIsRefusedWithoutWaitingForAWriter) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  const auto opened = files_.open(at("pipe"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(PosixFileSystemTest, TheLockOfAnotherProcessIsRefusedNamesItAndEndsWithIt) {
  int ready[2];
  int finish[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(finish, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = files_.lock(at("LOCK"));
    char c = lock ? 'y' : 'n';
    if (::write(ready[1], &c, 1) != 1 || ::read(finish[0], &c, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  ASSERT_EQ(c, 'y');
  const auto refused = files_.lock(at("LOCK"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message(), HasSubstr("process " + std::to_string(child) + " holds it"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(files_.lock(at("LOCK")).has_value());
  for (const int fd : {ready[0], ready[1], finish[0], finish[1]}) ::close(fd);
}

TEST_F(PosixFileSystemTest, LinksToFoldersAreFollowedByNameButNotIntoTheDepthNorRemovedThrough) {
  ASSERT_TRUE(files_.make_directories(at("real/inner")));
  ASSERT_TRUE(replace_file(files_, at("real/inner/f.json"), "1"));
  std::filesystem::create_directory_symlink(at("real"), at("real/inner/ring"));
  std::filesystem::create_directory_symlink(at("real"), at("link"));
  EXPECT_EQ(value_or_throw(glob(files_, at("link/inner/*.json"))).size(), 1u);
  EXPECT_EQ(value_or_throw(glob(files_, at("real/**/*.json"))).size(), 1u);

  ASSERT_TRUE(files_.make_directories(at("job")));
  std::filesystem::create_directory_symlink(at("real"), at("job/link"));
  value_or_throw(remove_tree(files_, at("job")));
  EXPECT_EQ(value_or_throw(read_file(files_, at("real/inner/f.json"))), "1");
}

TEST_F(PosixFileSystemTest, MakeDurableDirectoriesMakesEveryParent) {
  value_or_throw(make_durable_directories(files_, at("a/b/c")));
  value_or_throw(make_durable_directories(files_, at("a/b/c")));
  EXPECT_TRUE(value_or_throw(files_.stat(at("a/b/c"))).is_directory);
}

TEST_F(PosixFileSystemTest, AFailedReplaceLeavesTheOldContentAndNoTemporaryFile) {
  value_or_throw(replace_file(files_, at("f"), "old"));
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 10, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto replaced = replace_file(files_, at("f"), std::string(100, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(replaced);
  EXPECT_EQ(value_or_throw(read_file(files_, at("f"))), "old");
  EXPECT_EQ(value_or_throw(files_.list(root_)).size(), 1u);
}

}  // namespace
}  // namespace tidemark
