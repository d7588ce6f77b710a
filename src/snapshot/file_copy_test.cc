#include "snapshot/file_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "env/local_copies.h"
#include "env/memory_file_system.h"
#include "env/posix_file_system.h"
#include "env/split_mix_random.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

std::string some_bytes(std::size_t size) {
  SplitMixRandom random{size};
  std::string bytes;
  while (bytes.size() < size) bytes.push_back(static_cast<char>(random.next()));
  return bytes;
}

SnapshotFile described(const std::string& path, const std::string& content) {
  return {.path = path, .size = content.size(), .checksum = detail::hash_bytes(content), .key_groups = {}};
}

TEST(FileCopy, IsTheFileWhateverItsSizeAndSaysWhatItIs) {
  MemoryFileSystem from;
  MemoryFileSystem to;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20, (std::size_t{3} << 20) + 7}) {
    const std::string name = "/" + std::to_string(size);
    const std::string content = some_bytes(size);
    value_or_throw(replace_file(from, name, content));
    FileCopy copy = value_or_throw(FileCopy::begin(from, name, to, name));
    while (!value_or_throw(copy.step())) continue;
    value_or_throw(copy.finish(true));
    EXPECT_EQ(copy.size(), size);
    EXPECT_EQ(copy.checksum(), detail::hash_bytes(content));
    EXPECT_TRUE(value_or_throw(read_file(to, name)) == content);
  }
}

TEST(FileCopy, LastsOnceItIsFinishedWithASync) {
  MemoryFileSystem files;
  SplitMixRandom random{1};
  value_or_throw(replace_file(files, "/a", some_bytes(5000)));
  FileCopy copy = value_or_throw(FileCopy::begin(files, "/a", files, "/b"));
  while (!value_or_throw(copy.step())) continue;
  value_or_throw(copy.finish(true));
  value_or_throw(files.sync_directory("/"));
  files.crash_machine(random);
  EXPECT_TRUE(value_or_throw(read_file(files, "/b")) == some_bytes(5000));
}

TEST(FileCopy, TakesNoNameThatIsTaken) {
  MemoryFileSystem files;
  value_or_throw(replace_file(files, "/a", "1"));
  value_or_throw(replace_file(files, "/b", "2"));
  EXPECT_FALSE(FileCopy::begin(files, "/a", files, "/b"));
  EXPECT_EQ(value_or_throw(read_file(files, "/b")), "2");
}

TEST(FetchFile, RefusesWhatIsNotWhatTheCheckpointListed) {
  MemoryFileSystem files;
  const std::string content = some_bytes(4000);
  for (const std::string& damaged : {content.substr(1), content + "x", "x" + content.substr(1)}) {
    value_or_throw(replace_file(files, "/1-1-a.snap", damaged));
    const auto fetched = fetch_file(files, described("/1-1-a.snap", content), files, "/local" + std::to_string(damaged.size()) + damaged.substr(0, 1));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(fetched.error().message(), HasSubstr("/1-1-a.snap"));
    EXPECT_THAT(fetched.error().message(), HasSubstr("--resume=PATH"));
  }
}

TEST(FetchFile, PassesADamagedLocalCopyOver) {
  MemoryFileSystem storage;
  MemoryFileSystem disk;
  const std::string content = some_bytes(4000);
  value_or_throw(storage.make_directories("/job"));
  value_or_throw(disk.make_directories("/copies"));
  value_or_throw(replace_file(storage, "/job/a.snap", content));
  value_or_throw(replace_file(disk, "/copies/a.snap", "x" + content.substr(1)));
  LocalCopies files{storage, "/job", disk, "/copies"};
  value_or_throw(fetch_file(files, described("/job/a.snap", content), disk, "/a"));
  EXPECT_TRUE(value_or_throw(read_file(disk, "/a")) == content);
}

TEST(FetchFile, LinksOnOneFileSystemAndCopiesBetweenTwo) {
  FileSystem& disk = posix_file_system();
  const std::string folder = testing::TempDir() + "/tidemark-fetch-file";
  value_or_throw(remove_tree(disk, folder));
  value_or_throw(disk.make_directories(folder));
  const std::string content = some_bytes(4000);
  value_or_throw(replace_file(disk, folder + "/a", content));
  value_or_throw(fetch_file(disk, described(folder + "/a", content), disk, folder + "/b"));
  const auto cut = fetch_file(disk, described(folder + "/a", content + "x"), disk, folder + "/cut");
  EXPECT_EQ(cut.error().code(), ErrorCode::kDataLoss) << "the size of a link is compared";
  EXPECT_THAT(cut.error().message(), HasSubstr(folder + "/a"));
  // A link goes on with what is written into the one file under either name.
  value_or_throw(value_or_throw(disk.create(folder + "/a", CreateMode::kTruncate))->append("changed"));
  EXPECT_EQ(value_or_throw(read_file(disk, folder + "/b")), "changed");
  MemoryFileSystem memory;
  value_or_throw(replace_file(memory, "/a", content));
  value_or_throw(fetch_file(memory, described("/a", content), disk, folder + "/c"));
  EXPECT_TRUE(value_or_throw(read_file(disk, folder + "/c")) == content);
  value_or_throw(remove_tree(disk, folder));
}

}  // namespace
}  // namespace tidemark
