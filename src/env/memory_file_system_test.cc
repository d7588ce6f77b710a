#include "env/memory_file_system.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "env/split_mix_random.h"

namespace tidemark {
namespace {

void write(FileSystem& files, const std::string& path, std::string_view content, bool sync) {
  auto file = value_or_throw(files.create(path, CreateMode::kTruncate));
  value_or_throw(file->append(content));
  if (sync) value_or_throw(file->sync());
}

std::string content_of(FileSystem& files, const std::string& path) {
  const auto content = read_file(files, path);
  return content ? *content : "absent";
}

// What `path` may hold after `prepare` and a crash of the machine, over many seeds.
std::set<std::string> outcomes(const std::function<void(FileSystem&)>& prepare, const std::string& path) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    MemoryFileSystem files;
    prepare(files);
    SplitMixRandom random{seed};
    files.crash_machine(random);
    seen.insert(content_of(files, path));
  }
  return seen;
}

using Outcomes = std::set<std::string>;

TEST(MemoryFileSystemTest, WhatIsSyncedSurvivesACrashOfTheMachine) {
  EXPECT_EQ(outcomes(
                [](FileSystem& files) {
                  write(files, "f", "abc", true);
                  value_or_throw(files.sync_directory("."));
                },
                "f"),
            Outcomes{"abc"});
}

TEST(MemoryFileSystemTest, AnUnsyncedTailIsLostKeptCutOrZeroed) {
  const Outcomes seen = outcomes(
      [](FileSystem& files) {
        auto file = value_or_throw(files.create("f", CreateMode::kExclusive));
        value_or_throw(file->append("abc"));
        value_or_throw(file->sync());
        value_or_throw(files.sync_directory("."));
        value_or_throw(file->append("de"));
      },
      "f");
  EXPECT_EQ(seen, (Outcomes{"abc", "abcd", "abcde", std::string("abc\0\0", 5), std::string("abcd\0", 5)}));
}

TEST(MemoryFileSystemTest, ANewNameMayBeLostUntilItsFolderIsSynced) {
  EXPECT_EQ(outcomes([](FileSystem& files) { write(files, "f", "abc", true); }, "f"), (Outcomes{"abc", "absent"}));
}

TEST(MemoryFileSystemTest, ARemovalMayBeUndoneUntilItsFolderIsSynced) {
  const auto remove = [](FileSystem& files) {
    write(files, "f", "abc", true);
    value_or_throw(files.sync_directory("."));
    value_or_throw(files.remove("f"));
  };
  EXPECT_EQ(outcomes(remove, "f"), (Outcomes{"abc", "absent"}));
  EXPECT_EQ(outcomes([&](FileSystem& files) { remove(files), value_or_throw(files.sync_directory(".")); }, "f"),
            Outcomes{"absent"});
}

TEST(MemoryFileSystemTest, ARenameIsDoneWholeOrNotAtAll) {
  std::set<std::pair<std::string, std::string>> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemoryFileSystem files;
    write(files, "a", "new", true);
    write(files, "b", "old", true);
    value_or_throw(files.sync_directory("/"));
    value_or_throw(files.rename("a", "b"));
    SplitMixRandom random{seed};
    files.crash_machine(random);
    seen.emplace(content_of(files, "a"), content_of(files, "b"));
  }
  EXPECT_EQ(seen, (std::set<std::pair<std::string, std::string>>{{"new", "old"}, {"absent", "new"}}));
}

TEST(MemoryFileSystemTest, ARenameBetweenFoldersIsDurableWithEitherFolderAndNeverLosesTheFile) {
  for (const char* synced : {"from", "to", ""}) {
    std::set<std::pair<std::string, std::string>> seen;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      MemoryFileSystem files;
      value_or_throw(make_durable_directories(files, "from"));
      value_or_throw(make_durable_directories(files, "to"));
      write(files, "from/f", "x", true);
      if (*synced == '\0') value_or_throw(files.sync_directory("from"));
      value_or_throw(files.rename("from/f", "to/f"));
      if (*synced != '\0') value_or_throw(files.sync_directory(synced));
      SplitMixRandom random{seed};
      files.crash_machine(random);
      seen.emplace(content_of(files, "from/f"), content_of(files, "to/f"));
    }
    const std::pair<std::string, std::string> moved{"absent", "x"};
    const std::pair<std::string, std::string> not_moved{"x", "absent"};
    EXPECT_EQ(seen, (*synced == '\0' ? std::set{moved, not_moved} : std::set{moved})) << synced;
  }
}

TEST(MemoryFileSystemTest, AFolderThatIsNotDurableTakesItsFilesAlong) {
  const auto in_folder = [](bool durable) {
    return [durable](FileSystem& files) {
      if (durable) value_or_throw(make_durable_directories(files, "a/b"));
      value_or_throw(files.make_directories("a/b"));
      write(files, "a/b/f", "x", true);
      value_or_throw(files.sync_directory("a/b"));
    };
  };
  EXPECT_EQ(outcomes(in_folder(false), "a/b/f"), (Outcomes{"x", "absent"}));
  EXPECT_EQ(outcomes(in_folder(true), "a/b/f"), Outcomes{"x"});
}

TEST(MemoryFileSystemTest, ATruncationMayBeUndoneUntilTheFileIsSynced) {
  EXPECT_EQ(outcomes(
                [](FileSystem& files) {
                  write(files, "f", "old", true);
                  value_or_throw(files.sync_directory("."));
                  write(files, "f", "n", false);
                },
                "f"),
            (Outcomes{"old", "", "n", std::string(1, '\0')}));
}

TEST(MemoryFileSystemTest, ReplaceFileIsAtomicAtEveryStep) {
  for (int step = 0; step < 20; ++step) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      MemoryFileSystem files;
      SplitMixRandom random{seed};
      value_or_throw(replace_file(files, "f", "old"));
      int left = step;
      files.set_hook([&](FileOperation, const std::string&) -> std::optional<Error> {
        if (left-- == 0) files.crash_machine(random);
        return left < 0 ? std::optional{Error{ErrorCode::kIo, "crashed"}} : std::nullopt;
      });
      const bool done = replace_file(files, "f", "new").has_value();
      files.set_hook(nullptr);
      if (done) files.crash_machine(random);
      const std::string content = content_of(files, "f");
      EXPECT_TRUE(content == "new" || (!done && content == "old")) << content << " after step " << step;
    }
  }
}

TEST(MemoryFileSystemTest, HandlesAndLocksEndWithACrash) {
  MemoryFileSystem files;
  SplitMixRandom random{1};
  for (const bool machine : {false, true}) {
    auto writer = value_or_throw(files.create("f", CreateMode::kTruncate));
    const auto reader = value_or_throw(files.open("f"));
    const auto lock = value_or_throw(files.lock("LOCK"));
    EXPECT_FALSE(files.lock("LOCK"));
    if (machine) {
      files.crash_machine(random);
    } else {
      files.crash_process();
    }
    char buffer[1];
    EXPECT_FALSE(writer->append("x"));
    EXPECT_FALSE(writer->sync());
    EXPECT_FALSE(reader->read(0, buffer));
    EXPECT_FALSE(reader->size());
    const auto again = files.lock("LOCK");
    EXPECT_TRUE(again.has_value());
  }
}

TEST(MemoryFileSystemTest, TheLateEndOfADeadLockDoesNotReleaseItsSuccessor) {
  MemoryFileSystem files;
  auto dead = value_or_throw(files.lock("LOCK"));
  files.crash_process();
  const auto alive = value_or_throw(files.lock("LOCK"));
  dead.reset();
  EXPECT_FALSE(files.lock("LOCK"));
}

TEST(MemoryFileSystemTest, ACrashOfTheProcessLosesNoByte) {
  MemoryFileSystem files;
  write(files, "f", "abc", false);
  value_or_throw(files.rename("f", "g"));
  files.crash_process();
  EXPECT_EQ(content_of(files, "g"), "abc");
  EXPECT_EQ(content_of(files, "f"), "absent");
}

TEST(MemoryFileSystemTest, TheHookSeesEveryOperationAndItsErrorIsTheOperations) {
  MemoryFileSystem files;
  std::vector<FileOperation> seen;
  std::optional<FileOperation> refused;
  files.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
    EXPECT_FALSE(path.empty());
    seen.push_back(operation);
    if (operation == refused) return Error{ErrorCode::kResourceExhausted, "full"};
    return std::nullopt;
  });
  value_or_throw(replace_file(files, "f", "x"));
  EXPECT_EQ(seen, (std::vector{FileOperation::kCreate, FileOperation::kAppend, FileOperation::kSync,
                               FileOperation::kClose, FileOperation::kRename, FileOperation::kSyncDirectory}));
  for (const FileOperation operation :
       std::vector{FileOperation::kCreate, FileOperation::kAppend, FileOperation::kSync, FileOperation::kClose,
                   FileOperation::kRename, FileOperation::kSyncDirectory}) {
    refused = operation;
    const auto result = replace_file(files, "f", "y");
    ASSERT_FALSE(result) << to_string(operation);
    EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
  }
}

TEST(MemoryFileSystemTest, AFailedAppendLeavesAPartAndAFailedHandleStaysFailed) {
  MemoryFileSystem files;
  auto file = value_or_throw(files.create("f", CreateMode::kExclusive));
  bool full = true;
  files.set_hook([&](FileOperation operation, const std::string&) -> std::optional<Error> {
    if (full && operation == FileOperation::kAppend) return Error{ErrorCode::kResourceExhausted, "full"};
    return std::nullopt;
  });
  EXPECT_FALSE(file->append("abcd"));
  full = false;
  EXPECT_FALSE(file->append("abcd"));
  EXPECT_FALSE(file->sync());
  EXPECT_EQ(content_of(files, "f"), "ab");
}

TEST(MemoryFileSystemTest, TheSameSeedGivesTheSameCrash) {
  const auto run = [](std::uint64_t seed) {
    MemoryFileSystem files;
    for (int i = 0; i < 20; ++i) write(files, "f" + std::to_string(i), "abcdefgh", false);
    SplitMixRandom random{seed};
    files.crash_machine(random);
    std::string all;
    for (const auto& entry : value_or_throw(files.list("/")))
      all += entry.name + "=" + content_of(files, entry.name) + ";";
    return all;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(MemoryFileSystemTest, AFolderCanNotMoveIntoItself) {
  MemoryFileSystem files;
  value_or_throw(files.make_directories("a/b"));
  EXPECT_FALSE(files.rename("a", "a/b/c"));
}

}  // namespace
}  // namespace tidemark
