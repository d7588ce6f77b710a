#include "control/executable_store.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

#include "env/child_process.h"
#include "env/memory_file_system.h"
#include "env/posix_env.h"
#include "env/posix_file_system.h"
#include "env/sha256.h"
#include "env/split_mix_random.h"
#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kFolder = "/jobs";

/// What a program of this machine begins with, and some content.
std::string program(const std::string& content) {
  const auto self = value_or_throw(posix_file_system().open("/proc/self/exe"));
  std::string bytes(64, '\0');
  value_or_throw(self->read(0, bytes));
  return bytes + content;
}

std::string hash_of(const std::string& bytes) {
  Sha256 hash;
  hash.append(bytes);
  return hash.finish_hex();
}

class ExecutableStoreTest : public testing::Test {
 protected:
  ExecutableStore& open() {
    store_.reset();
    return store_.emplace(value_or_throw(ExecutableStore::open(files_, clock_, kFolder)));
  }
  Result<Executable> upload(const std::string& bytes, const std::string& name = "orders", const std::string& expected = {}) {
    auto upload = value_or_throw(store_->begin(name));
    value_or_throw(upload.append(bytes.substr(0, 7)));
    value_or_throw(upload.append(bytes.substr(7)));
    return upload.finish(expected);
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const DirectoryEntry& entry : value_or_throw(files_.list(kFolder))) found.push_back(entry.name);
    return found;
  }

  test::HandClock clock_;
  MemoryFileSystem files_;
  std::optional<ExecutableStore> store_;
};

TEST_F(ExecutableStoreTest, WhatIsUploadedIsFoundByItsHash) {
  open();
  const std::string bytes = program("a job");
  const Executable uploaded = value_or_throw(upload(bytes));
  EXPECT_EQ(uploaded.hash, hash_of(bytes));
  EXPECT_EQ(uploaded.name, "orders");
  EXPECT_EQ(uploaded.bytes, bytes.size());
  EXPECT_EQ(uploaded.uploaded_ms, clock_.wall_ms());
  EXPECT_EQ(value_or_throw(store_->find(uploaded.hash)).name, "orders");
  EXPECT_EQ(value_or_throw(store_->read(uploaded.hash, 0, 1u << 20)), bytes);
  EXPECT_EQ(value_or_throw(store_->read(uploaded.hash, 3, 5)), bytes.substr(3, 5));
  EXPECT_EQ(value_or_throw(store_->read(uploaded.hash, bytes.size(), 5)), "");
  EXPECT_EQ(value_or_throw(read_file(files_, store_->path_of(uploaded.hash))), bytes);
}

TEST_F(ExecutableStoreTest, TheSameContentIsThereOnceUnderItsFirstName) {
  open();
  const Executable first = value_or_throw(upload(program("a job"), "first"));
  clock_.set_ns(clock_.steady_ns() + 1'000'000'000);
  EXPECT_EQ(value_or_throw(upload(program("a job"), "second")).name, "first");
  EXPECT_THAT(names(), ElementsAre(first.hash));
}

TEST_F(ExecutableStoreTest, TwoUploadsOfTheSameContentAtOnceBothGoWell) {
  open();
  auto one = value_or_throw(store_->begin("one"));
  auto other = value_or_throw(store_->begin("other"));
  value_or_throw(one.append(program("a job")));
  value_or_throw(other.append(program("a job")));
  EXPECT_EQ(value_or_throw(one.finish()).name, "one");
  EXPECT_EQ(value_or_throw(other.finish()).name, "one");
}

TEST_F(ExecutableStoreTest, TheyAreListedByTheTimeOfTheirUpload) {
  open();
  std::vector<std::string> expected;
  for (const char* name : {"c", "a", "b"}) {
    clock_.set_ns(clock_.steady_ns() + 1'000'000'000);
    expected.push_back(value_or_throw(upload(program(name), name)).hash);
  }
  std::vector<std::string> listed;
  for (const Executable& one : value_or_throw(store_->list())) listed.push_back(one.hash);
  EXPECT_EQ(listed, expected);
}

TEST_F(ExecutableStoreTest, AnUploadThatIsNotFinishedLeavesNothing) {
  open();
  {
    auto upload = value_or_throw(store_->begin("orders"));
    value_or_throw(upload.append(program("half of a")));
    EXPECT_THAT(value_or_throw(store_->list()), IsEmpty());
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ExecutableStoreTest, WhatIsNoExecutableIsRefused) {
  open();
  std::string of_another_machine = program("");
  of_another_machine[18] = 8;  // MIPS
  std::string object_file = program("");
  object_file[16] = 1;
  const std::pair<std::string, std::string> wrong[] = {
      {"", "no executable"},
      {"#!/bin/sh\nexit 0\n", "no executable"},
      {program("").substr(0, 12), "no executable"},
      {object_file, "no whole program"},
      {of_another_machine, "machines of another kind"},
  };
  for (const auto& [bytes, expected] : wrong) {
    const auto uploaded = upload(bytes + std::string(bytes.size() < 7 ? 7 : 0, ' '));
    ASSERT_FALSE(uploaded);
    EXPECT_EQ(uploaded.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(uploaded.error().message(), testing::AllOf(HasSubstr("'orders'"), HasSubstr(expected)));
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ExecutableStoreTest, ContentOfAnotherHashThanExpectedIsRefused) {
  open();
  const auto uploaded = upload(program("damaged"), "orders", hash_of(program("whole")));
  ASSERT_FALSE(uploaded);
  EXPECT_THAT(uploaded.error().message(), HasSubstr("damaged on its way"));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_TRUE(upload(program("whole"), "orders", hash_of(program("whole"))));
}

TEST_F(ExecutableStoreTest, NoNameLeadsOutOfTheFolder) {
  open();
  for (const std::string& name :
       std::vector<std::string>{"../../etc/passwd", "..", "", "/", "a\0b", "\\\\x\\..", std::string(10'000, 'x')}) {
    const Executable uploaded = value_or_throw(upload(program(name), name));
    EXPECT_FALSE(uploaded.name.empty());
    EXPECT_LE(uploaded.name.size(), 128u);
    EXPECT_EQ(uploaded.name.find('/'), std::string::npos);
    EXPECT_NE(uploaded.name, "..");
  }
  for (const std::string& hash :
       std::vector<std::string>{"../jobs", "", "scratch-1", std::string(64, 'A'), std::string(65, 'a')}) {
    for (const ErrorCode code :
         {store_->find(hash).error().code(), store_->read(hash, 0, 1).error().code(), store_->remove(hash).error().code()}) {
      EXPECT_EQ(code, ErrorCode::kNotFound);
    }
  }
}

TEST_F(ExecutableStoreTest, OneThatIsRemovedIsGoneAndMayComeAgain) {
  open();
  const Executable uploaded = value_or_throw(upload(program("a job")));
  value_or_throw(store_->remove(uploaded.hash));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(store_->find(uploaded.hash).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(value_or_throw(upload(program("a job"))).hash, uploaded.hash);
}

TEST_F(ExecutableStoreTest, AFullDiskIsSaidAndLeavesNothing) {
  open();
  for (const FileOperation full : {FileOperation::kAppend, FileOperation::kSync}) {
    files_.set_hook([full](FileOperation operation, const std::string& path) -> std::optional<Error> {
      if (operation != full) return {};
      return Error{ErrorCode::kResourceExhausted, "no space for " + path};
    });
    {
      auto upload = value_or_throw(store_->begin("orders"));
      const auto appended = upload.append(program("a job"));
      const auto finished = appended ? upload.finish() : Result<Executable>{std::unexpected{appended.error()}};
      ASSERT_FALSE(finished);
      EXPECT_EQ(finished.error().code(), ErrorCode::kResourceExhausted);
    }
    files_.set_hook(nullptr);
    EXPECT_THAT(names(), IsEmpty());
  }
}

// At any call of a file the machine crashes: what was answered is there, and nothing is there in part.
TEST_F(ExecutableStoreTest, ACrashLosesNothingThatWasAnsweredAndLeavesNothingHalf) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SplitMixRandom random{seed};
    MemoryFileSystem files;
    int calls = static_cast<int>(random.next() % 40);
    const std::string kept = program("kept"), second = program("second");
    bool has_second = false, has_removed = false;
    {
      auto store = value_or_throw(ExecutableStore::open(files, clock_, kFolder));
      const auto put = [&](const std::string& bytes) {
        auto upload = store.begin("orders");
        return upload && upload->append(bytes) && upload->finish().has_value();
      };
      ASSERT_TRUE(put(kept));
      files.set_hook([&](FileOperation, const std::string&) -> std::optional<Error> {
        if (calls-- == 0) files.crash_machine(random);
        return calls < 0 ? std::optional{Error{ErrorCode::kIo, "the power has failed"}} : std::nullopt;
      });
      has_second = put(second);
      has_removed = has_second && store.remove(hash_of(second)).has_value();
      files.set_hook(nullptr);
    }
    const auto store = value_or_throw(ExecutableStore::open(files, clock_, kFolder));
    const auto listed = value_or_throw(store.list());
    for (const Executable& one : listed)
      EXPECT_EQ(hash_of(value_or_throw(store.read(one.hash, 0, one.bytes + 1))), one.hash) << "seed " << seed;
    EXPECT_TRUE(store.find(hash_of(kept))) << "seed " << seed;
    EXPECT_FALSE(has_removed && store.find(hash_of(second))) << "seed " << seed;
    for (const DirectoryEntry& entry : value_or_throw(files.list(kFolder)))
      EXPECT_TRUE(is_executable_hash(entry.name)) << "seed " << seed;
  }
}

TEST(ExecutableStoreOnDisk, ItsFilesCanBeRunAndNotChanged) {
  const std::string folder = testing::TempDir() + "tidemark_executable_store";
  value_or_throw(remove_tree(posix_file_system(), folder));
  const PosixClock clock;
  auto store = value_or_throw(ExecutableStore::open(posix_file_system(), clock, folder));
  auto upload = value_or_throw(store.begin("printf"));
  value_or_throw(upload.append(value_or_throw(read_file(posix_file_system(), "/usr/bin/printf"))));
  const Executable uploaded = value_or_throw(upload.finish());
  const ChildEnd end = value_or_throw(run_child({store.path_of(uploaded.hash), "it runs"}, 60'000));
  EXPECT_EQ(end.output, "it runs");
  value_or_throw(remove_tree(posix_file_system(), folder));
}

}  // namespace
}  // namespace tidemark
