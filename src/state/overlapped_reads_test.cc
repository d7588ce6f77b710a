#include "state/overlapped_reads.h"

#include <gmock/gmock.h>
#include <rocksdb/file_system.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace tidemark {
namespace {

using rocksdb::FSReadRequest;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using ::testing::ElementsAre;

constexpr std::string_view kContent = "0123456789abcdef";

/// What it is asked for, in order: "ahead 4+2", "read 4+2".
struct Log {
  std::vector<std::string> asked;
  bool refuses_ahead = false;
  bool fails = false;
};

class LoggedFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit LoggedFile(Log& log) : log_{log} {}

  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) const override {
    log_.asked.push_back("read " + std::to_string(offset) + "+" + std::to_string(size));
    if (log_.fails) return IOStatus::IOError("the disk is gone");
    std::memcpy(scratch, kContent.data() + offset, size);
    *result = {scratch, size};
    return IOStatus::OK();
  }
  IOStatus Prefetch(std::uint64_t offset, std::size_t size, const IOOptions&, IODebugContext*) override {
    log_.asked.push_back("ahead " + std::to_string(offset) + "+" + std::to_string(size));
    return log_.refuses_ahead ? IOStatus::NotSupported("no") : IOStatus::OK();
  }

 private:
  Log& log_;
};

class LoggedFiles final : public rocksdb::FileSystemWrapper {
 public:
  explicit LoggedFiles(Log& log) : FileSystemWrapper{rocksdb::FileSystem::Default()}, log_{log} {}
  const char* Name() const override { return "logged"; }
  IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* opened, IODebugContext*) override {
    if (path == "missing") return IOStatus::PathNotFound(path);
    *opened = std::make_unique<LoggedFile>(log_);
    return IOStatus::OK();
  }

 private:
  Log& log_;
};

struct OverlappedReads : ::testing::Test {
  IOStatus open(const std::string& path) { return files->NewRandomAccessFile(path, {}, &file, nullptr); }

  /// What the requests for these ranges give: their texts, or errors.
  std::vector<std::string> read(const std::vector<std::pair<std::uint64_t, std::size_t>>& ranges) {
    std::vector<std::array<char, 16>> scratch(ranges.size());
    std::vector<FSReadRequest> requests(ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      requests[i].offset = ranges[i].first;
      requests[i].len = ranges[i].second;
      requests[i].scratch = scratch[i].data();
    }
    EXPECT_TRUE(file->MultiRead(requests.data(), requests.size(), {}, nullptr).ok());
    std::vector<std::string> got;
    for (const FSReadRequest& request : requests) {
      got.push_back(request.status.ok() ? request.result.ToString() : request.status.ToString());
    }
    return got;
  }

  Log log;
  std::shared_ptr<rocksdb::FileSystem> files = with_overlapped_reads(std::make_shared<LoggedFiles>(log));
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
};

TEST_F(OverlappedReads, AllAreAskedForBeforeTheFirstIsWaitedFor) {
  ASSERT_TRUE(open("table").ok());
  EXPECT_THAT(read({{0, 2}, {4, 3}, {10, 1}}), ElementsAre("01", "456", "a"));
  EXPECT_THAT(log.asked, ElementsAre("ahead 0+2", "ahead 4+3", "ahead 10+1", "read 0+2", "read 4+3", "read 10+1"));
}

TEST_F(OverlappedReads, ASingleOneIsOnlyRead) {
  ASSERT_TRUE(open("table").ok());
  EXPECT_THAT(read({{4, 3}}), ElementsAre("456"));
  EXPECT_THAT(log.asked, ElementsAre("read 4+3"));
}

TEST_F(OverlappedReads, WhereTheKernelWillNotReadAheadTheyAreReadAllTheSame) {
  log.refuses_ahead = true;
  ASSERT_TRUE(open("table").ok());
  EXPECT_THAT(read({{0, 2}, {4, 3}}), ElementsAre("01", "456"));
}

TEST_F(OverlappedReads, ErrorsAreThoseOfTheReads) {
  ASSERT_TRUE(open("table").ok());
  log.fails = true;
  for (const std::string& got : read({{0, 2}, {4, 3}})) EXPECT_THAT(got, ::testing::HasSubstr("the disk is gone"));
  EXPECT_TRUE(open("missing").IsPathNotFound());
}

}  // namespace
}  // namespace tidemark
