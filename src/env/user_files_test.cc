#include "env/user_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "env/file_system.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

TEST(UserFiles, AreOfTheirSortAndNoLinks) {
  FileSystem& files = posix_file_system();
  const std::string folder = testing::TempDir() + "/tidemark-user-files";
  value_or_throw(remove_tree(files, folder));
  value_or_throw(files.make_directories(folder));
  value_or_throw(replace_file(files, folder + "/file", "content"));
  std::filesystem::create_symlink(folder + "/file", folder + "/link");
  std::filesystem::create_directory_symlink(folder, folder + "/folder-link");
  EXPECT_TRUE(is_user_file(folder + "/file"));
  EXPECT_FALSE(is_user_folder(folder + "/file"));
  EXPECT_TRUE(is_user_folder(folder));
  EXPECT_FALSE(is_user_file(folder));
  EXPECT_FALSE(is_user_file(folder + "/link"));
  EXPECT_FALSE(is_user_folder(folder + "/folder-link"));
  EXPECT_FALSE(is_user_file(folder + "/nothing"));
  EXPECT_TRUE(keep_for_user(folder));
  EXPECT_EQ(std::filesystem::status(folder).permissions(), std::filesystem::perms::owner_all);
  value_or_throw(remove_tree(files, folder));
}

TEST(UserFiles, APrivateFolderIsOneThatNobodyElseMayChange) {
  const std::string folder = testing::TempDir() + "/tidemark-private-folder";
  value_or_throw(remove_tree(posix_file_system(), folder));
  EXPECT_FALSE(is_private_folder(folder));
  value_or_throw(make_private_folder(folder));
  EXPECT_TRUE(is_private_folder(folder));
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all | std::filesystem::perms::group_write);
  EXPECT_FALSE(is_private_folder(folder));
  value_or_throw(make_private_folder(folder));
  EXPECT_TRUE(is_private_folder(folder));
  std::filesystem::create_directory_symlink(folder, folder + "/link");
  EXPECT_FALSE(is_private_folder(folder + "/link"));
  EXPECT_EQ(make_private_folder(folder + "/link").error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(make_private_folder(folder + "/no/such").error().code(), ErrorCode::kIo);
  value_or_throw(remove_tree(posix_file_system(), folder));
}

}  // namespace
}  // namespace tidemark
