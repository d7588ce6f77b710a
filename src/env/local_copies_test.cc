#include "env/local_copies.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "env/memory_file_system.h"

namespace tidemark {
namespace {

class LocalCopiesTest : public testing::Test {
 protected:
  static constexpr std::string_view kContent = "some entries and then an index";

  std::unique_ptr<LocalCopies> make() { return std::make_unique<LocalCopies>(storage, "/far/job", local, "/near/copies"); }

  static void write(FileSystem& files, const std::string& path, std::string_view content) {
    ASSERT_TRUE(files.make_directories(parent_path(path)));
    auto file = files.create(path, CreateMode::kTruncate);
    ASSERT_TRUE(file) << file.error().what();
    ASSERT_TRUE((*file)->append(content.substr(0, content.size() / 2)));
    ASSERT_TRUE((*file)->append(content.substr(content.size() / 2)));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE((*file)->close());
  }
  static std::string read(const ReadableFile& file) {
    std::string content(*file.size(), '\0');
    content.resize(*file.read(0, {content.data(), content.size()}));
    return content;
  }
  std::optional<std::string> copy(const std::string& name) {
    auto content = read_file(local, "/near/copies/" + name);
    return content ? std::optional{*content} : std::nullopt;
  }
  /// Reads of the storage's data, not of its names, fail from now on.
  void cut_off_storage_reads(std::uint64_t but_for) {
    storage.set_hook([but_for, reads = std::uint64_t{0}](FileOperation operation, const std::string&) mutable -> std::optional<Error> {
      if (operation != FileOperation::kRead || reads++ < but_for) return std::nullopt;
      return Error{ErrorCode::kIo, "the storage is not to be read"};
    });
  }

  MemoryFileSystem storage;
  MemoryFileSystem local;
};

TEST_F(LocalCopiesTest, AFileIsReadFromItsCopy) {
  const auto files = make();
  write(*files, "/far/job/chk-1-1/a.snap", kContent);
  EXPECT_EQ(copy("chk-1-1/a.snap"), kContent);
  cut_off_storage_reads(1);  // its last bytes
  const auto file = files->open("/far/job/chk-1-1/a.snap");
  ASSERT_TRUE(file);
  EXPECT_EQ(read(**file), kContent);
}

TEST_F(LocalCopiesTest, ACopyOfAnotherContentOrLengthIsNotUsed) {
  const auto files = make();
  write(*files, "/far/job/a", kContent);
  for (const std::string other : {std::string{kContent} + "!", std::string{kContent.substr(1)}, std::string(kContent.size(), 'x'), std::string{}}) {
    write(local, "/near/copies/a", other);
    const auto file = files->open("/far/job/a");
    ASSERT_TRUE(file);
    EXPECT_EQ(read(**file), kContent);
  }
}

TEST_F(LocalCopiesTest, ADamagedCopyIsGivenUpWhenItsReaderSaysSo) {
  const auto files = make();
  const std::string content(1000, 'a');
  write(*files, "/far/job/a", content);
  std::string damaged = content;
  damaged[10] = 'b';
  write(local, "/near/copies/a", damaged);
  const auto file = files->open("/far/job/a");
  ASSERT_TRUE(file);
  EXPECT_EQ(read(**file), damaged);
  EXPECT_TRUE((*file)->use_other_copy());
  EXPECT_EQ(read(**file), content);
  EXPECT_FALSE((*file)->use_other_copy()) << "there is no third";
  EXPECT_EQ(copy("a"), std::nullopt);
}

TEST_F(LocalCopiesTest, ACopyThatCannotBeReadIsGivenUp) {
  const auto files = make();
  write(*files, "/far/job/a", kContent);
  int reads = 0;
  local.set_hook([&](FileOperation operation, const std::string&) -> std::optional<Error> {
    if (operation != FileOperation::kRead || reads++ == 0) return std::nullopt;
    return Error{ErrorCode::kIo, "the disk is broken"};
  });
  const auto file = files->open("/far/job/a");
  ASSERT_TRUE(file);
  EXPECT_EQ(read(**file), kContent);
  EXPECT_GT(reads, 1);
}

TEST_F(LocalCopiesTest, WithoutACopyTheStorageIsRead) {
  write(storage, "/far/job/a", kContent);
  const auto file = make()->open("/far/job/a");
  ASSERT_TRUE(file);
  EXPECT_EQ(read(**file), kContent);
  EXPECT_EQ(make()->open("/far/job/b").error().code(), ErrorCode::kNotFound);
}

TEST_F(LocalCopiesTest, ACopyIsNoFileWhereTheStorageHasNone) {
  const auto files = make();
  write(*files, "/far/job/a", kContent);
  ASSERT_TRUE(storage.remove("/far/job/a"));
  EXPECT_EQ(files->open("/far/job/a").error().code(), ErrorCode::kNotFound);
}

TEST_F(LocalCopiesTest, RemovedAndRenamedFilesHaveNoCopy) {
  const auto files = make();
  write(*files, "/far/job/chk-1-1/a", kContent);
  write(*files, "/far/job/b", kContent);
  write(*files, "/far/job/c", kContent);
  ASSERT_TRUE(files->remove("/far/job/chk-1-1/a"));
  ASSERT_TRUE(files->remove_directory("/far/job/chk-1-1"));
  ASSERT_TRUE(files->rename("/far/job/b", "/far/job/c"));
  EXPECT_EQ(local.list("/near/copies")->size(), 0u);
}

TEST_F(LocalCopiesTest, WhatLiesElsewhereHasNoCopy) {
  const auto files = make();
  for (const std::string path : {"/far/jobs/a", "/far/other/a", "/far/job/../x/a"}) write(*files, path, kContent);
  EXPECT_FALSE(local.list("/near/copies"));
}

TEST_F(LocalCopiesTest, AnUnfinishedFileHasNoCopy) {
  const auto files = make();
  ASSERT_TRUE(files->make_directories("/far/job"));
  {
    auto file = files->create("/far/job/a", CreateMode::kExclusive);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->append(kContent));
    EXPECT_EQ(copy("a"), std::nullopt);
  }
  EXPECT_EQ(local.list("/near/copies")->size(), 0u);
}

// Every operation of the local disk fails in turn, and from it on all of them.
TEST_F(LocalCopiesTest, NoFailureOfTheLocalDiskFailsAFile) {
  for (int failing = 0;; ++failing) {
    int operations = 0;
    const auto fail_from = [&](FileOperation, const std::string&) -> std::optional<Error> {
      if (operations++ < failing) return std::nullopt;
      return Error{ErrorCode::kResourceExhausted, "the disk is full"};
    };
    local.set_hook(fail_from);
    const auto files = make();
    write(*files, "/far/job/a", kContent);
    const auto file = files->open("/far/job/a");
    ASSERT_TRUE(file);
    EXPECT_EQ(read(**file), kContent);
    EXPECT_TRUE(files->remove("/far/job/a"));
    local.set_hook(nullptr);
    ASSERT_TRUE(remove_tree(local, "/near/copies"));
    if (operations <= failing) break;
  }
}

TEST_F(LocalCopiesTest, AStartRemovesWhatIsNoCopyAnyMore) {
  {
    const auto files = make();
    write(*files, "/far/job/chk-1-1/a", kContent);
    write(*files, "/far/job/chk-2-1/a", kContent);
  }
  write(local, "/near/copies/chk-2-1/b.part", "half");
  ASSERT_TRUE(remove_tree(storage, "/far/job/chk-1-1"));
  static_cast<void>(make());
  EXPECT_EQ(copy("chk-1-1/a"), std::nullopt);
  EXPECT_EQ(copy("chk-2-1/b.part"), std::nullopt);
  EXPECT_EQ(copy("chk-2-1/a"), kContent);
  EXPECT_EQ(local.list("/near/copies")->size(), 1u);
}

// A checkpoint is 24 MiB, in a folder of its own that goes when the next is complete, and what several share.
TEST_F(LocalCopiesTest, CopiesOfWhatAnotherProcessRemovesGoWhileTheJobRuns) {
  LocalCopies files{storage, "/far/job", local, "/near/copies", LocalCopies::Remover::kAnother};
  const std::string content(24u << 20, 'x');
  write(files, "/far/job/shared/s", kContent);
  const auto folder = [](int checkpoint) { return "chk-" + std::to_string(checkpoint) + "-1"; };
  for (int checkpoint = 1; checkpoint <= 7; ++checkpoint) {
    write(files, "/far/job/" + folder(checkpoint) + "/a", content);
    ASSERT_TRUE(remove_tree(storage, "/far/job/" + folder(checkpoint - 1)));
    EXPECT_LE(local.list("/near/copies")->size(), 5u) << "three checkpoints at the most, the newest, and what is shared";
    ASSERT_EQ(copy(folder(checkpoint) + "/a"), content);
  }
  EXPECT_EQ(copy("shared/s"), kContent);
}

// A storage that can't be reached says nothing about what is in it.
TEST_F(LocalCopiesTest, AStartKeepsCopiesWhereTheStorageDoesNotAnswer) {
  write(*make(), "/far/job/a", kContent);
  storage.set_hook([](FileOperation, const std::string&) { return std::optional{Error{ErrorCode::kIo, "no way there"}}; });
  static_cast<void>(make());
  EXPECT_EQ(copy("a"), kContent);
}

}  // namespace
}  // namespace tidemark
