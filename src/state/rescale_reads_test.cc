// A subtask that takes over some of the key groups of a file reads their blocks and no others.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "state/keyed_subtask_test.h"

namespace tidemark::detail {
namespace {

/// Counts the bytes that are read from snapshot files.
class CountingFiles final : public FileSystem {
 public:
  explicit CountingFiles(FileSystem& files) : files_{files} {}

  std::uint64_t take_bytes_read() { return bytes_read_.exchange(0); }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    TIDEMARK_ASSIGN(file, files_.open(path));
    return std::make_unique<CountedFile>(std::move(file), bytes_read_);
  }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path, CreateMode mode) override {
    return files_.create(path, mode);
  }
  Result<FileInfo> stat(const std::string& path) override { return files_.stat(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override { return files_.list(path); }
  Result<> make_directories(const std::string& path) override { return files_.make_directories(path); }
  Result<> rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
  Result<> remove(const std::string& path) override { return files_.remove(path); }
  Result<> remove_directory(const std::string& path) override { return files_.remove_directory(path); }
  Result<> sync_directory(const std::string& path) override { return files_.sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(path); }

 private:
  class CountedFile final : public ReadableFile {
   public:
    CountedFile(std::unique_ptr<ReadableFile> file, std::atomic<std::uint64_t>& bytes_read)
        : file_{std::move(file)}, bytes_read_{bytes_read} {}
    Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const override {
      TIDEMARK_ASSIGN(size, file_->read(offset, out));
      bytes_read_ += size;
      return size;
    }
    Result<std::uint64_t> size() const override { return file_->size(); }

   private:
    std::unique_ptr<ReadableFile> file_;
    std::atomic<std::uint64_t>& bytes_read_;
  };

  FileSystem& files_;
  std::atomic<std::uint64_t> bytes_read_{0};
};

/// A subtask that keeps a number under each of many keys.
class Numbers {
 public:
  Numbers(Env& env, std::uint32_t subtask, std::uint32_t parallelism) {
    context_.env = &env;
    context_.name = {.name = "keyed process", .uid = "numbers", .subtask = subtask};
    context_.parallelism = parallelism;
    context_.max_parallelism = kMaxParallelism;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
  }

  void put(std::int64_t key, std::int64_t value) {
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    number_.set(value);
  }
  std::vector<SnapshotFile> save(const std::string& prefix) {
    SnapshotRequest request{.barrier = {.id = 1}, .folder = kFolder, .file_prefix = prefix, .job = "job"};
    return absolute(run(*backend_.snapshot(request, context_, {})));
  }
  void restore(std::vector<SnapshotFile> files) {
    context_.restore.keyed_files = std::move(files);
    backend_.restore(context_);
  }
  /// What it holds, all of which must be its own.
  void add_to(std::map<std::int64_t, std::int64_t>& content) {
    static_cast<StateTable<std::int64_t, std::int64_t>*>(backend_.bound_tables()[0])
        ->for_each([&](std::uint64_t word, std::int64_t value) {
          const std::int64_t key = KeyCodec<std::int64_t>::from_word(word);
          EXPECT_TRUE(context_.key_groups().contains(key_group_of(hash_key(key), kMaxParallelism)));
          EXPECT_TRUE(content.emplace(key, value).second);
        });
  }

 private:
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::int64_t> number_{declare_, "number"};
};

class RescaleReads : public testing::Test {
 protected:
  static constexpr std::uint32_t kSubtasks = 8;

  void SetUp() override {
    value_or_throw(files_.make_directories(kFolder));
    Numbers whole{env_, 0, 1};
    for (std::int64_t key = 0; key < 300'000; ++key) whole.put(key, static_cast<std::int64_t>(random_.next()));
    whole.add_to(content_);
    saved_ = whole.save("whole");
    counting_.take_bytes_read();
  }

  MemoryFileSystem files_;
  CountingFiles counting_{files_};
  SplitMixRandom random_{5};
  Env env_{.files = &counting_};
  std::vector<SnapshotFile> saved_;
  std::map<std::int64_t, std::int64_t> content_;
};

TEST_F(RescaleReads, EachSubtaskReadsItsShareAndAllTogetherReadAllOfIt) {
  const std::uint64_t file_bytes = saved_.at(0).size;
  std::uint64_t all_bytes = 0;
  std::map<std::int64_t, std::int64_t> merged;
  for (std::uint32_t i = 0; i < kSubtasks; ++i) {
    Numbers part{env_, i, kSubtasks};
    part.restore(saved_);
    const std::uint64_t bytes = counting_.take_bytes_read();
    EXPECT_LT(bytes, file_bytes / kSubtasks * 3 / 2) << "of " << file_bytes;
    all_bytes += bytes;
    part.add_to(merged);
  }
  EXPECT_TRUE(merged == content_);
  EXPECT_LT(all_bytes, file_bytes * 5 / 4) << "what is read twice are indexes, and blocks with the keys of two subtasks";
}

TEST_F(RescaleReads, AFileWhoseKeyGroupsAreAnothersIsReadNoFurtherThanItsIndex) {
  Numbers first{env_, 0, 2};
  first.restore(saved_);
  const std::vector<SnapshotFile> half = first.save("half");
  counting_.take_bytes_read();
  Numbers second{env_, 1, 2};
  second.restore(half);
  EXPECT_LT(counting_.take_bytes_read(), half.at(0).size / 100);
  std::map<std::int64_t, std::int64_t> nothing;
  second.add_to(nothing);
  EXPECT_TRUE(nothing.empty());
}

}  // namespace
}  // namespace tidemark::detail
