#include "env/file_urls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/memory_file_system.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

using ::testing::IsEmpty;

class FileUrlsTest : public ::testing::Test {
 protected:
  static std::string content(FileSystem& files, const std::string& path) { return read_file(files, path).value_or("none"); }

  MemoryFileSystem storage_;
  MemoryFileSystem local_;
  FileUrls files_{storage_, local_};
};

TEST_F(FileUrlsTest, TheSchemeSaysWhoseAFileIs) {
  value_or_throw(make_durable_directories(files_, "/state"));
  value_or_throw(make_durable_directories(files_, "file:///sp/a"));
  value_or_throw(replace_file(files_, "/state/x", "far"));
  value_or_throw(replace_file(files_, "file:///sp/a/x", "near"));
  EXPECT_EQ(content(storage_, "/state/x"), "far");
  EXPECT_EQ(content(local_, "/sp/a/x"), "near");
  EXPECT_EQ(content(files_, "file:///sp/a/x"), "near");
  EXPECT_FALSE(local_.stat("/state"));
  EXPECT_FALSE(storage_.stat("/sp"));
  EXPECT_EQ(value_or_throw(files_.list("file:///sp/a")).size(), 1u);
  EXPECT_EQ(value_or_throw(files_.stat("file:///sp/a/x")).size, 4u);
  value_or_throw(files_.rename("file:///sp/a/x", "file:///sp/a/y"));
  value_or_throw(files_.remove("file:///sp/a/y"));
  value_or_throw(files_.remove_directory("file:///sp/a"));
  EXPECT_THAT(value_or_throw(local_.list("/sp")), IsEmpty());
}

TEST_F(FileUrlsTest, OtherSchemesAreTheStorages) {
  for (const char* path : {"box://bucket", "file:x", "file://host", "files:///x"}) {
    value_or_throw(files_.make_directories(path));
    EXPECT_TRUE(storage_.stat(path)) << path;
    EXPECT_EQ(without_file_scheme(path), path);
  }
}

TEST_F(FileUrlsTest, NothingIsRenamedFromTheOneToTheOther) {
  value_or_throw(files_.make_directories("/state"));
  value_or_throw(replace_file(files_, "/state/x", "far"));
  EXPECT_EQ(files_.rename("/state/x", "file:///state/x").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(files_.link("file:///state/x", "/state/y").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(content(storage_, "/state/x"), "far");
}

TEST_F(FileUrlsTest, APathKeepsItsScheme) {
  EXPECT_EQ(without_file_scheme("file:///sp/a"), "/sp/a");
  EXPECT_EQ(files_.absolute_path("file:///sp/a"), "file://" + local_.absolute_path("/sp/a"));
  EXPECT_EQ(files_.real_path("file:///sp/a"), "file://" + local_.real_path("/sp/a"));
  EXPECT_EQ(files_.absolute_path("sp"), storage_.absolute_path("sp"));
  FileUrls real{storage_, posix_file_system()};
  EXPECT_TRUE(real.stat(parent_path("file:///tmp"))) << "the root";
}

TEST_F(FileUrlsTest, ALockIsThatOfTheFileItself) {
  value_or_throw(files_.make_directories("file:///sp"));
  const auto held = value_or_throw(files_.lock("file:///sp/LOCK"));
  EXPECT_EQ(local_.lock("/sp/LOCK").error().code(), ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace tidemark
