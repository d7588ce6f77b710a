// Version 1 as it was first written: tests/compat/v1/orders is a job's folder, tests/compat/v1/claims what a savepoint and two
// jobs that went on from one leave. This and every later build must read them.
//
// TIDEMARK_WRITE_FIXTURES=1 writes what is not there yet: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "env/memory_file_system.h"
#include "env/posix_file_system.h"
#include "snapshot/checkpoint_samples.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/copied_tree.h"
#include "snapshot/job_folder.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_file_writer.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

std::string fixture_folder() { return TIDEMARK_SOURCE_DIR "/tests/compat/v1"; }

struct Row {
  std::uint32_t state = 0;
  std::uint32_t key_group = 0;
  std::string key;
  std::string name_space;
  std::string map_key;
  std::string value;
  friend bool operator==(const Row&, const Row&) = default;
};

std::string eight_bytes(std::uint64_t v) { return {reinterpret_cast<const char*>(&v), sizeof v}; }

std::vector<StateDescriptor> fixture_states() {
  return {{"total", StateDescriptor::Kind::kValue, R"("uint64")", "", R"("uint64")"},
          {"per-window", StateDescriptor::Kind::kWindow, R"("string")", R"("int64")", R"("uint64")"},
          {"items", StateDescriptor::Kind::kMap, R"("string")", "", R"({"map":["string","string"]})"},
          {"timers", StateDescriptor::Kind::kTimers, R"("string")", "", ""},
          {"unused", StateDescriptor::Kind::kList, R"("string")", "", R"("string")"}};
}

/// Several blocks of the first state; of the others all parts, an empty part, and key groups without entries.
std::vector<Row> fixture_rows(KeyGroupRange range) {
  std::vector<Row> rows;
  for (std::uint32_t group = range.begin; group < range.end; ++group) {
    for (std::uint64_t i = 0; i < 300 * (group % 3); ++i)
      rows.push_back({0, group, eight_bytes(group * 1000 + i), "", "", eight_bytes(i)});
  }
  for (std::uint32_t group = range.begin; group < range.end; group += 5) {
    rows.push_back({1, group, "key " + std::to_string(group), eight_bytes(group * 2000), "", eight_bytes(7)});
  }
  rows.push_back({2, range.begin + 1, "cart", "", "apple", "3"});
  rows.push_back({2, range.begin + 1, "cart", "", "", ""});
  rows.push_back({2, range.begin + 9, "cart of long lines", "", "line", std::string(200'000, 'x')});
  rows.push_back({2, range.begin + 9, "cart of long lines", "", "next", "y"});
  rows.push_back({3, range.end - 1, "timer", "", "", ""});
  return rows;
}

Result<SnapshotFile> write_fixture_file(FileSystem& files, const std::string& path, std::uint32_t subtask,
                                        KeyGroupRange range) {
  SnapshotFileHeader header{.job = "orders", .uid = "count", .subtask = subtask, .checkpoint = 2, .attempt = 1};
  header.key_groups = range;
  header.max_parallelism = 64;
  TIDEMARK_ASSIGN(writer, SnapshotFileWriter::create(files, path, header));
  const auto states = fixture_states();
  for (std::size_t i = 0; i < states.size(); ++i) {
    writer->add_state(states[i], i == 0 ? EntryLayout{.key = 8, .value = 8} : EntryLayout{});
  }
  for (const Row& r : fixture_rows(range)) writer->add(r.state, r.key_group, r.key, r.name_space, r.map_key, r.value);
  return writer->finish();
}

CheckpointMetadata fixture_metadata() {
  CheckpointMetadata metadata = sample_metadata(2, 1);
  metadata.operators[1].states = fixture_states();
  return metadata;
}

void write_orders(FileSystem& files) {
  const std::string folder = fixture_folder();
  if (files.stat(folder + "/orders")) return;
  {
    const auto store = value_or_throw(CheckpointStore::open(files, folder, "orders", {}));
    value_or_throw(store->begin_attempt());
    value_or_throw(store->prepare(2));
    CheckpointMetadata metadata = fixture_metadata();
    for (std::uint32_t subtask = 0; subtask < 2; ++subtask) {
      const std::string path = store->checkpoint_path(2) + "/count-" + std::to_string(subtask) + ".snap";
      auto file = value_or_throw(write_fixture_file(files, path, subtask, range_of_subtask(subtask, 2, 64)));
      metadata.operators[1].subtasks[subtask].keyed_files = {file};
    }
    value_or_throw(store->complete(metadata));
  }
  value_or_throw(files.remove(folder + "/orders/LOCK"));
}

std::string claims_folder() { return fixture_folder() + "/claims"; }

CheckpointMetadata drained_savepoint() {
  CheckpointMetadata metadata = sample_metadata(9, 4);
  metadata.kind = CheckpointKind::kStopSavepoint;
  metadata.drained = true;
  return metadata;
}

SnapshotClaim fixture_claim() {
  return {.job = "orders", .folder = "/data/state/orders", .token = "00c0ffee00c0ffee"};
}

CheckpointPointer owner_pointer() {
  CheckpointPointer pointer{.job = "orders", .attempt = 5};
  pointer.checkpoints = {{7, 3, CheckpointKind::kPeriodic},
                         {9, 4, CheckpointKind::kStopSavepoint, "/data/savepoints/savepoint-orders-1"}};
  pointer.claims = {{.path = "/data/savepoints/savepoint-orders-1", .token = "00c0ffee00c0ffee", .since = 5},
                    {.path = "/data/other/chk-3-1", .token = "0123456789abcdef", .since = 2}};
  return pointer;
}

CheckpointPointer guest_pointer() {
  CheckpointPointer pointer{.job = "orders", .attempt = 2};
  pointer.restored = {.path = "/data/savepoints/savepoint-orders-1", .since = 2};
  return pointer;
}

void write_claims(FileSystem& files) {
  if (files.stat(claims_folder())) return;
  for (const char* folder : {"/savepoint", "/owner", "/guest"}) {
    value_or_throw(files.make_directories(claims_folder() + folder));
  }
  value_or_throw(write_metadata_file(files, claims_folder() + "/savepoint", drained_savepoint()));
  value_or_throw(write_claim(files, claims_folder() + "/savepoint", fixture_claim()));
  value_or_throw(replace_file(files, join_path(claims_folder() + "/owner", kCurrentName), encode_pointer(owner_pointer())));
  value_or_throw(replace_file(files, join_path(claims_folder() + "/guest", kCurrentName), encode_pointer(guest_pointer())));
}

class CompatV1 : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv("TIDEMARK_WRITE_FIXTURES") == nullptr) return;
    write_orders(posix_file_system());
    write_claims(posix_file_system());
  }
};

TEST_F(CompatV1, WhoOwnsASnapshotIsRead) {
  FileSystem& files = posix_file_system();
  EXPECT_EQ(value_or_throw(read_claim(files, claims_folder() + "/savepoint")), fixture_claim());
  EXPECT_EQ(value_or_throw(read_pointer_file(files, claims_folder() + "/owner")), owner_pointer());
  EXPECT_EQ(value_or_throw(read_pointer_file(files, claims_folder() + "/guest")), guest_pointer());
}

TEST_F(CompatV1, ADrainedSavepointIsRead) {
  EXPECT_EQ(value_or_throw(read_metadata_file(posix_file_system(), claims_folder() + "/savepoint")), drained_savepoint());
}

TEST_F(CompatV1, TheFirstCheckpointEverWrittenIsRead) {
  MemoryFileSystem files;
  copy_tree(posix_file_system(), fixture_folder() + "/orders", files, "/v1/orders");

  const auto store = value_or_throw(CheckpointStore::open(files, "/v1", "orders", {Resume::Kind::kLatest, ""}));
  EXPECT_EQ(store->retained(), (std::vector<RetainedCheckpoint>{{2, 1, CheckpointKind::kStop}}));
  EXPECT_EQ(value_or_throw(store->begin_attempt()), 2u);
  auto metadata = value_or_throw(store->restorable());
  ASSERT_TRUE(metadata);
  for (std::uint32_t subtask = 0; subtask < 2; ++subtask) {
    auto& keyed_files = metadata->operators[1].subtasks[subtask].keyed_files;
    ASSERT_EQ(keyed_files.size(), 1u);
    const SnapshotFile file = std::exchange(keyed_files, {}).front();
    const KeyGroupRange range = range_of_subtask(subtask, 2, 64);
    EXPECT_EQ(file.path, "/v1/orders/chk-2-1/count-" + std::to_string(subtask) + ".snap");
    EXPECT_EQ(file.key_groups, range);
    value_or_throw(verify_snapshot_file(files, file.path, file));
    const auto reader = value_or_throw(SnapshotFileReader::open(files, file.path, &file));
    EXPECT_EQ(reader->states(), fixture_states());
    EXPECT_EQ(reader->header().subtask, subtask);
    EXPECT_EQ(reader->header().order, EntryOrder::kHash);
    std::vector<Row> rows;
    for (std::uint32_t state = 0; state < reader->states().size(); ++state) {
      value_or_throw(reader->for_each(state, range, [&](const SnapshotEntry& e) {
        rows.push_back({state, e.key_group, std::string{e.key}, std::string{e.name_space}, std::string{e.map_key},
                        std::string{e.value}});
      }));
    }
    EXPECT_TRUE(rows == fixture_rows(range));
  }
  EXPECT_EQ(*metadata, fixture_metadata());
}

}  // namespace
}  // namespace tidemark
