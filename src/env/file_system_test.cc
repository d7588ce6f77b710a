// What every FileSystem promises, run against the one of this machine and the one in memory.
#include "env/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <tuple>

#include "env/memory_file_system.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    std::string folder = ::testing::TempDir() + "tidemark-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    root_ = folder;
  }
  void TearDown() override {
    if (GetParam()) std::filesystem::remove_all(root_);
  }

  FileSystem& files() { return GetParam() ? posix_file_system() : memory_; }
  std::string at(std::string_view path) const { return join_path(root_, path); }
  void write(std::string_view path, std::string_view content) {
    auto file = value_or_throw(files().create(at(path), CreateMode::kTruncate));
    value_or_throw(file->append(content));
    value_or_throw(file->close());
  }
  std::string read(std::string_view path) { return value_or_throw(read_file(files(), at(path))); }
  void make(std::string_view path) { value_or_throw(files().make_directories(at(path))); }

  std::string root_ = "/root";
  MemoryFileSystem memory_;
};

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Posix" : "Memory"; });

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kInternal : result.error().code();
}

TEST_P(FileSystemTest, AppendedBytesAreReadAtAnyOffset) {
  make("");
  auto file = value_or_throw(files().create(at("f"), CreateMode::kExclusive));
  value_or_throw(file->append("hello "));
  value_or_throw(file->append("world"));
  EXPECT_EQ(file->size(), 11u);
  value_or_throw(file->sync());
  value_or_throw(file->close());
  value_or_throw(file->close());
  EXPECT_EQ(code_of(file->append("x")), ErrorCode::kFailedPrecondition);

  const auto reader = value_or_throw(files().open(at("f")));
  EXPECT_EQ(value_or_throw(reader->size()), 11u);
  char buffer[8];
  EXPECT_EQ(value_or_throw(reader->read(6, buffer)), 5u);
  EXPECT_EQ(std::string_view(buffer, 5), "world");
  EXPECT_EQ(value_or_throw(reader->read(11, buffer)), 0u);
  EXPECT_EQ(value_or_throw(reader->read(100, buffer)), 0u);
}

TEST_P(FileSystemTest, AnOpenFileIsSeenToGrowAndSurvivesItsRemoval) {
  make("");
  auto file = value_or_throw(files().create(at("f"), CreateMode::kExclusive));
  const auto reader = value_or_throw(files().open(at("f")));
  EXPECT_EQ(value_or_throw(reader->size()), 0u);
  value_or_throw(file->append("abc"));
  EXPECT_EQ(value_or_throw(reader->size()), 3u);
  value_or_throw(files().remove(at("f")));
  char buffer[3];
  EXPECT_EQ(value_or_throw(reader->read(0, buffer)), 3u);
}

TEST_P(FileSystemTest, ExclusiveCreationRefusesATakenName) {
  make("");
  write("f", "old");
  EXPECT_EQ(code_of(files().create(at("f"), CreateMode::kExclusive)), ErrorCode::kAlreadyExists);
  EXPECT_EQ(read("f"), "old");
  write("f", "x");
  EXPECT_EQ(read("f"), "x");
}

TEST_P(FileSystemTest, MissingThingsAreNotFoundAndNamed) {
  make("");
  EXPECT_EQ(code_of(files().open(at("no"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().stat(at("no"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().list(at("no"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().remove(at("no"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().remove_directory(at("no"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().sync_directory(at("no"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().rename(at("no"), at("yes"))), ErrorCode::kNotFound);
  const auto result = files().create(at("no/f"), CreateMode::kTruncate);
  EXPECT_EQ(code_of(result), ErrorCode::kNotFound);
  EXPECT_THAT(result.error().message(), HasSubstr("cannot create '" + at("no/f") + "'"));
}

TEST_P(FileSystemTest, FoldersListSortedAndOnlyEmptyOnesAreRemoved) {
  make("d/e");
  make("d/e");
  write("d/b", "22");
  write("d/.a", "1");
  const auto entries = value_or_throw(files().list(at("d")));
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, ".a");
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_FALSE(entries[1].is_directory);
  EXPECT_EQ(entries[2].name, "e");
  EXPECT_TRUE(entries[2].is_directory);
  EXPECT_EQ(value_or_throw(files().stat(at("d/b"))).size, 2u);
  EXPECT_TRUE(value_or_throw(files().stat(at("d"))).is_directory);

  EXPECT_EQ(code_of(files().remove_directory(at("d"))), ErrorCode::kFailedPrecondition);
  value_or_throw(files().remove_directory(at("d/e")));
  EXPECT_EQ(code_of(files().stat(at("d/e"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(files().open(at("d"))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(files().make_directories(at("d/b"))), ErrorCode::kAlreadyExists);
}

TEST_P(FileSystemTest, RenameReplaces) {
  make("d");
  write("a", "new");
  write("d/b", "old");
  value_or_throw(files().rename(at("a"), at("d/b")));
  EXPECT_EQ(read("d/b"), "new");
  EXPECT_EQ(code_of(files().stat(at("a"))), ErrorCode::kNotFound);
}

TEST_P(FileSystemTest, ALockExcludesEveryOtherUntilItIsReleased) {
  make("");
  auto first = value_or_throw(files().lock(at("LOCK")));
  const auto second = files().lock(at("LOCK"));
  EXPECT_EQ(code_of(second), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), HasSubstr("LOCK"));
  first.reset();
  EXPECT_TRUE(files().lock(at("LOCK")).has_value());
}

TEST_P(FileSystemTest, ReadFileKeepsItsLimit) {
  make("");
  write("f", std::string(1000, 'x'));
  EXPECT_EQ(value_or_throw(read_file(files(), at("f"), 1000)).size(), 1000u);
  EXPECT_EQ(code_of(read_file(files(), at("f"), 999)), ErrorCode::kParse);
  write("f", "");
  EXPECT_EQ(read("f"), "");
}

TEST_P(FileSystemTest, ReplaceFileLeavesOnlyTheNewContent) {
  make("");
  value_or_throw(replace_file(files(), at("f"), "one"));
  value_or_throw(replace_file(files(), at("f"), "two"));
  EXPECT_EQ(read("f"), "two");
  EXPECT_EQ(value_or_throw(files().list(at(""))).size(), 1u);
}

TEST_P(FileSystemTest, RemoveTreeRemovesAllAndForgivesAbsence) {
  make("d/e/f");
  write("d/e/x", "1");
  value_or_throw(remove_tree(files(), at("d")));
  EXPECT_EQ(code_of(files().stat(at("d"))), ErrorCode::kNotFound);
  value_or_throw(remove_tree(files(), at("d")));
}

TEST_P(FileSystemTest, GlobMatchesWithinAComponentAndAcrossFolders) {
  make("b/x/y");
  for (const char* name :
       {"b/1.json", "b/2.json", "b/10.json", "b/.json", "b/a.csv", "b/[1].txt", "b/x/3.json", "b/x/y/4.json"}) {
    write(name, "");
  }
  const auto matched = [&](std::string_view pattern) {
    std::vector<std::string> paths = value_or_throw(glob(files(), at(pattern)));
    for (std::string& path : paths) path = path.substr(at("").size() + 1);
    return paths;
  };
  EXPECT_THAT(matched("b/*.json"), ElementsAre("b/1.json", "b/10.json", "b/2.json"));
  EXPECT_THAT(matched("b/?.json"), ElementsAre("b/1.json", "b/2.json"));
  EXPECT_THAT(matched("b/[2-9].*"), ElementsAre("b/2.json"));
  EXPECT_THAT(matched("b/[!1]*.???"), ElementsAre("b/[1].txt", "b/a.csv"));
  EXPECT_THAT(matched("b/\\[1].txt"), ElementsAre("b/[1].txt"));
  EXPECT_THAT(matched("b/.j*"), ElementsAre("b/.json"));
  EXPECT_THAT(matched("b/a.csv"), ElementsAre("b/a.csv"));
  EXPECT_THAT(matched("*/*/*.json"), ElementsAre("b/x/3.json"));
  EXPECT_THAT(matched("b/**/[34]*"), ElementsAre("b/x/3.json", "b/x/y/4.json"));
  EXPECT_THAT(matched("b/x/**"), ElementsAre("b/x/3.json", "b/x/y", "b/x/y/4.json"));
  EXPECT_THAT(matched("**/**/4.json"), ElementsAre("b/x/y/4.json"));
}

TEST_P(FileSystemTest, GlobSaysWhetherTheFolderOrThePatternIsWrong) {
  make("b");
  const auto no_file = glob(files(), at("b/*.json"));
  EXPECT_EQ(code_of(no_file), ErrorCode::kNotFound);
  EXPECT_THAT(no_file.error().message(), HasSubstr("check the pattern against what is in '" + at("b") + "'"));
  const auto no_folder = glob(files(), at("c/*.json"));
  EXPECT_EQ(code_of(no_folder), ErrorCode::kNotFound);
  EXPECT_THAT(no_folder.error().message(), HasSubstr("there is no folder '" + at("c") + "'"));
  EXPECT_EQ(code_of(glob(files(), "")), ErrorCode::kNotFound);
}

TEST(GlobTest, ManyStarsTakeNoExponentialTime) {
  MemoryFileSystem files;
  std::ignore = value_or_throw(files.create(std::string(200, 'a'), CreateMode::kExclusive));
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(glob(files, pattern + "b").has_value());
}

TEST(PathTest, JoinAndParent) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("a", "/b"), "/b");
  EXPECT_EQ(join_path("a", ""), "a");
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(parent_path("a//b/"), "a");
}

}  // namespace
}  // namespace tidemark
