#include "state/saved_store_files.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "env/memory_file_system.h"

namespace tidemark {
namespace {

StoreFile listed(const std::string& name) { return {name, {.path = "../shared/1-1-" + name, .size = 1, .checksum = 2, .key_groups = {}}}; }

class SavedStoreFilesTest : public testing::Test {
 protected:
  std::vector<std::string> saved(CheckpointId id) {
    std::vector<std::string> names;
    plan_ = saved_.begin(id);
    for (const auto& [name, file] : *plan_.saved) names.push_back(name);
    return names;
  }
  void write(const std::vector<std::string>& names) {
    for (const std::string& name : names) plan_.written->files.push_back(listed(name));
  }

  SavedStoreFiles saved_{"/checkpoints/shared", "sort-1", {0, 64}};
  SavedStoreFiles::Plan plan_;
};

using Names = std::vector<std::string>;

TEST_F(SavedStoreFilesTest, OnlyFilesOfTheNewestCompletedCheckpointAreListedAgain) {
  EXPECT_EQ(saved(1), Names{});
  write({"a", "b"});
  EXPECT_EQ(saved(2), Names{}) << "checkpoint 1 may yet fail";
  write({"b", "c"});
  saved_.completed(1);
  saved_.aborted(2);
  EXPECT_EQ(saved(3), (Names{"a", "b"}));
  write({"b", "c"});
  EXPECT_EQ(saved(4), (Names{"a", "b"}));
  write({"b", "c"});
  saved_.completed(3);
  saved_.aborted(4);
  EXPECT_EQ(saved(5), (Names{"b", "c"}));
}

// Checkpoint 2 takes the place of 1, with whose files they go; 3 must not list them then.
TEST_F(SavedStoreFilesTest, WhatACheckpointInFlightSavesAnewIsNotListedByALaterOne) {
  saved(1);
  write({"a"});
  saved(2);
  saved_.completed(1);
  EXPECT_EQ(saved(3), Names{});
  saved_.aborted(2);
  saved_.aborted(3);
  EXPECT_EQ(saved(4), Names{"a"});
}

TEST_F(SavedStoreFilesTest, ACheckpointThatANewerOneHasOvertakenCountsNoMore) {
  saved(1);
  write({"a"});
  saved(2);
  write({"b"});
  saved_.completed(2);
  saved_.completed(1);
  EXPECT_EQ(saved(3), Names{"b"});
}

TEST_F(SavedStoreFilesTest, OfARestoredCheckpointThoseInTheSharedFolderAreListedAgain) {
  MemoryFileSystem files;
  value_or_throw(files.make_directories("/checkpoints/shared"));
  value_or_throw(files.make_directories("/elsewhere/shared"));
  StoreFiles from{.format = "sort-1", .key_groups = {0, 64}, .files = {listed("a"), listed("b")}};
  from.files[0].file.path = "/checkpoints/shared/3-7-a.snap";
  from.files[1].file.path = "/elsewhere/shared/3-7-b.snap";
  saved_.restored(files, from);
  EXPECT_EQ(saved(8), Names{"a"});
  EXPECT_EQ(plan_.saved->at("a").path, "../shared/3-7-a.snap");
}

}  // namespace
}  // namespace tidemark
