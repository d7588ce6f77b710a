#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "env/local_copies.h"
#include "env/memory_file_system.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_file_writer.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

constexpr const char* kPath = "/snapshots/a.snap";

struct Row {
  std::uint32_t state = 0;
  std::uint32_t key_group = 0;
  std::string key;
  std::string name_space;
  std::string map_key;
  std::string value;
  friend bool operator==(const Row&, const Row&) = default;
};

SnapshotFileHeader header(KeyGroupRange range = {0, 64}, std::uint32_t max_parallelism = 64) {
  SnapshotFileHeader h;
  h.job = "orders";
  h.uid = "count";
  h.subtask = 2;
  h.checkpoint = 41;
  h.attempt = 7;
  h.key_groups = range;
  h.max_parallelism = max_parallelism;
  return h;
}

StateDescriptor value_state(std::string name) {
  return {std::move(name), StateDescriptor::Kind::kValue, R"("uint64")", "", R"("uint64")"};
}

StateDescriptor window_state() {
  return {"windows", StateDescriptor::Kind::kWindow, R"("string")", R"({"window":"int64"})", R"("uint64")"};
}

StateDescriptor map_state() {
  return {"map", StateDescriptor::Kind::kMap, R"("string")", "", R"({"map":["string","string"]})"};
}

std::string read_back(FileSystem& files, const std::string& path) { return value_or_throw(read_file(files, path)); }

void put_file(FileSystem& files, const std::string& path, std::string_view bytes) {
  auto file = value_or_throw(files.create(path, CreateMode::kTruncate));
  value_or_throw(file->append(bytes));
  value_or_throw(file->close());
}

Result<std::vector<Row>> read_rows(FileSystem& files, KeyGroupRange range = {0, kLargestMaxParallelism},
                                   const SnapshotFile* expected = nullptr) {
  TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files, kPath, expected));
  std::vector<Row> rows;
  for (std::uint32_t state = 0; state < reader->states().size(); ++state) {
    TIDEMARK_TRY(reader->for_each(state, range, [&](const SnapshotEntry& e) {
      rows.push_back({state, e.key_group, std::string{e.key}, std::string{e.name_space}, std::string{e.map_key},
                      std::string{e.value}});
    }));
  }
  return rows;
}

class SnapshotFileTest : public testing::Test {
 protected:
  void SetUp() override { value_or_throw(files_.make_directories("/snapshots")); }

  std::unique_ptr<SnapshotFileWriter> create(SnapshotFileHeader h = header()) {
    return value_or_throw(SnapshotFileWriter::create(files_, kPath, std::move(h)));
  }

  SnapshotFile write(const std::vector<StateDescriptor>& states, const std::vector<Row>& rows,
                     SnapshotFileHeader h = header()) {
    auto writer = create(std::move(h));
    for (const StateDescriptor& state : states) writer->add_state(state);
    for (const Row& r : rows) writer->add(r.state, r.key_group, r.key, r.name_space, r.map_key, r.value);
    return value_or_throw(writer->finish());
  }

  MemoryFileSystem files_;
};

std::vector<Row> small_rows() {
  return {{0, 1, "k1", "", "", "v1"},  {0, 1, "k2", "", "", ""},     {0, 5, "k3", "", "", std::string(300, 'x')},
          {1, 1, "a", "w1", "", "1"},  {1, 7, "b", "w2", "", "2"},   {2, 0, "m", "", "k", "v"},
          {2, 7, "m", "", "k2", "v2"}, {2, 7, "m", "", "", "no-key"}};
}

const std::vector<StateDescriptor> kSmallStates{value_state("v"), window_state(), map_state()};

TEST_F(SnapshotFileTest, ADamagedLocalCopyIsPassedOver) {
  const SnapshotFile file = write(kSmallStates, small_rows());
  const std::string intact = read_back(files_, kPath);
  MemoryFileSystem local;
  for (std::size_t at = 0; at < intact.size(); ++at) {
    std::string damaged = intact;
    damaged[at] ^= 1;
    value_or_throw(local.make_directories("/copies"));
    put_file(local, "/copies/a.snap", damaged);
    LocalCopies copies{files_, "/snapshots", local, "/copies"};
    ASSERT_EQ(read_rows(copies, {0, 64}, &file), small_rows()) << "byte " << at;
  }
}

TEST_F(SnapshotFileTest, EntriesComeBackAsTheyWereWritten) {
  const SnapshotFile file = write(kSmallStates, small_rows());
  EXPECT_EQ(file.path, "a.snap");
  EXPECT_EQ(file.key_groups, (KeyGroupRange{0, 64}));
  EXPECT_EQ(read_rows(files_, {0, 64}, &file), small_rows());
  const auto reader = value_or_throw(SnapshotFileReader::open(files_, kPath, &file));
  EXPECT_EQ(reader->header(), header());
  EXPECT_EQ(reader->states(), kSmallStates);
  EXPECT_EQ(reader->find_state("windows"), 1u);
  EXPECT_EQ(reader->find_state("nothing"), std::nullopt);
  EXPECT_EQ(reader->records(2), 3u);
}

TEST_F(SnapshotFileTest, SizeAndChecksumAreThoseOfTheFile) {
  const SnapshotFile file = write(kSmallStates, small_rows());
  const std::string bytes = read_back(files_, kPath);
  EXPECT_EQ(file.size, bytes.size());
  EXPECT_EQ(file.checksum, detail::hash_bytes(bytes));
  EXPECT_TRUE(verify_snapshot_file(files_, kPath, file));
  std::string flipped = bytes;
  flipped[flipped.size() / 2] ^= 1;
  put_file(files_, kPath, flipped);
  EXPECT_EQ(verify_snapshot_file(files_, kPath, file).error().code(), ErrorCode::kDataLoss);
}

TEST_F(SnapshotFileTest, StatesWithoutEntriesAndFilesWithoutStatesAreRead) {
  write({value_state("empty"), window_state()}, {});
  auto reader = value_or_throw(SnapshotFileReader::open(files_, kPath));
  EXPECT_EQ(reader->states().size(), 2u);
  EXPECT_EQ(read_rows(files_), std::vector<Row>{});
  value_or_throw(files_.remove(kPath));
  write({}, {}, header({3, 3}));
  EXPECT_EQ(read_rows(files_), std::vector<Row>{});
}

TEST_F(SnapshotFileTest, ARangeHoldsTheEntriesOfItsKeyGroupsOnly) {
  std::vector<Row> rows;
  for (std::uint32_t group = 100; group < 3000; ++group) {
    for (std::uint32_t i = 0; i < group % 40; ++i) {
      rows.push_back({0, group, std::to_string(group) + "/" + std::to_string(i), "", "",
                      std::string(i, static_cast<char>(group))});
    }
  }
  write({value_state("v")}, rows, header({100, 3000}, 4096));
  EXPECT_GT(value_or_throw(SnapshotFileReader::open(files_, kPath))->block_count(), 4u);
  EXPECT_EQ(read_rows(files_), rows);
  for (const KeyGroupRange range :
       {KeyGroupRange{0, 101}, {100, 100}, {700, 701}, {1234, 2345}, {2999, 4096}, {3000, 4096}}) {
    std::vector<Row> expected;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(expected),
                 [&](const Row& r) { return range.contains(r.key_group); });
    EXPECT_EQ(read_rows(files_, range), expected);
  }
}

TEST_F(SnapshotFileTest, EntriesLargerThanABlockAreWhole) {
  std::vector<Row> rows;
  std::uint64_t x = 1;
  for (const std::size_t size : {10, 300'000, 5, 131'072, 262'144, 1'000'000, 17'000'000, 3}) {
    std::string value(size, '\0');
    for (char& c : value) c = static_cast<char>((x = x * 6364136223846793005 + 1442695040888963407) >> 56);
    rows.push_back({0, 3, std::to_string(size), "", "", std::move(value)});
  }
  write({value_state("v")}, rows);
  EXPECT_TRUE(read_rows(files_) == rows);
}

TEST_F(SnapshotFileTest, LargeBlocksThatWouldCompressStayReadable) {
  const std::vector<Row> rows{{0, 3, "big", "", "", std::string(20'000'000, 'a')}, {0, 3, "next", "", "", "b"}};
  write({value_state("v")}, rows);
  EXPECT_TRUE(read_rows(files_) == rows);
}

TEST_F(SnapshotFileTest, AddSaysWhenABlockWentToTheFile) {
  auto writer = create();
  const std::uint32_t state = writer->add_state(value_state("v"));
  const std::uint64_t before = writer->bytes_written();
  int blocks = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (!writer->add(state, 1, std::to_string(i), "", "", std::string(20, 'v'))) continue;
    ++blocks;
    EXPECT_GT(writer->bytes_written(), before);
  }
  EXPECT_EQ(blocks, 4);  // of 128 KiB
  value_or_throw(writer->finish());
}

TEST_F(SnapshotFileTest, StatesMayTakeTurns) {
  std::vector<Row> rows;
  for (std::uint32_t group = 0; group < 64; ++group) {
    for (std::uint32_t state = 0; state < 3; ++state)
      rows.push_back({state, group, "k", state == 1 ? "n" : "", state == 2 ? "m" : "", "v"});
  }
  write(kSmallStates, rows);
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.state < b.state; });
  EXPECT_EQ(read_rows(files_), rows);
}

TEST_F(SnapshotFileTest, PartsOfOneSizeNeedNoLengths) {
  const auto size_with = [&](EntryLayout layout) {
    auto writer = create();
    const std::uint32_t state = writer->add_state(value_state("v"), layout);
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const std::uint64_t key = detail::hash_bytes(&i, sizeof i);
      const std::uint64_t value = detail::hash_bytes(&key, sizeof key);
      const auto bytes_of = [](const std::uint64_t& v) {
        return std::string_view{reinterpret_cast<const char*>(&v), sizeof v};
      };
      writer->add(state, static_cast<std::uint32_t>(i / 20), bytes_of(key), "", "", bytes_of(value));
    }
    const SnapshotFile file = value_or_throw(writer->finish());
    EXPECT_EQ(value_or_throw(read_rows(files_)).size(), 1000u);
    value_or_throw(files_.remove(kPath));
    return file.size;
  };
  EXPECT_LT(size_with({.key = 8, .value = 8}) + 500, size_with({}));
}

TEST_F(SnapshotFileTest, APartOfAnotherSizeThanDeclaredFailsTheFile) {
  auto writer = create();
  const std::uint32_t state = writer->add_state(value_state("v"), {.key = 8, .value = 8});
  writer->add(state, 1, "12345678", "", "", "1234");
  EXPECT_FALSE(writer->ok());
  EXPECT_TRUE(writer->add(state, 1, "12345678", "", "", "12345678"));
  EXPECT_EQ(writer->finish().error().code(), ErrorCode::kInternal);
}

TEST_F(SnapshotFileTest, TimersHaveBlocksOfTheirOwn) {
  StateDescriptor timers{"timers", StateDescriptor::Kind::kTimers, R"("string")", "", ""};
  write({timers}, {{0, 1, "12345678key", "", "", ""}});
  const std::string bytes = read_back(files_, kPath);
  std::uint32_t first_block = 0;
  std::memcpy(&first_block, bytes.data() + 12, sizeof first_block);
  EXPECT_EQ(bytes[first_block], static_cast<char>(snapshot_format::BlockType::kTimer));
  EXPECT_EQ(value_or_throw(read_rows(files_)).size(), 1u);
}

TEST_F(SnapshotFileTest, StatesWithATimeToLiveComeBackAsSuch) {
  StateDescriptor timed = value_state("timed");
  timed.has_ttl = true;
  const SnapshotFile file = write({value_state("v"), timed}, {{1, 1, "key", "", "", "1234value"}});
  const auto reader = value_or_throw(SnapshotFileReader::open(files_, kPath, &file));
  EXPECT_EQ(reader->states(), (std::vector<StateDescriptor>{value_state("v"), timed}));
}

TEST_F(SnapshotFileTest, EveryFlippedBitEndsInAnErrorThatNamesTheFileOrInAnEqualResult) {
  const SnapshotFile file = write(kSmallStates, small_rows());
  const std::string bytes = read_back(files_, kPath);
  int equal = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      put_file(files_, kPath, flipped);
      const auto rows = read_rows(files_, {0, 64}, &file);
      if (rows) {
        EXPECT_EQ(*rows, small_rows());
        ++equal;
        continue;
      }
      EXPECT_EQ(rows.error().code(), ErrorCode::kDataLoss) << rows.error().message();
      EXPECT_THAT(rows.error().message(), HasSubstr(kPath));
    }
  }
  EXPECT_EQ(equal, 0);  // everything is under a checksum
}

TEST_F(SnapshotFileTest, EveryTruncationEndsInAnErrorThatNamesTheFile) {
  write(kSmallStates, small_rows());
  const std::string bytes = read_back(files_, kPath);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    put_file(files_, kPath, std::string_view{bytes}.substr(0, size));
    const auto rows = read_rows(files_);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(rows.error().message(), HasSubstr(kPath));
  }
  put_file(files_, kPath, bytes + "x");
  EXPECT_EQ(read_rows(files_).error().code(), ErrorCode::kDataLoss);
}

TEST_F(SnapshotFileTest, ADamagedBlockIsNamed) {
  write(kSmallStates, small_rows());
  std::string bytes = read_back(files_, kPath);
  bytes[bytes.find("v1")] = 'w';
  put_file(files_, kPath, bytes);
  const auto rows = read_rows(files_);
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message(), HasSubstr("block 0 of 4"));
  EXPECT_THAT(rows.error().message(), HasSubstr("--resume=PATH"));
}

TEST_F(SnapshotFileTest, AFileOfAnotherSizeThanTheCheckpointSaysIsRefusedAtOnce) {
  SnapshotFile file = write(kSmallStates, small_rows());
  ++file.size;
  EXPECT_EQ(SnapshotFileReader::open(files_, kPath, &file).error().code(), ErrorCode::kDataLoss);
}

TEST_F(SnapshotFileTest, TheEndOfOneFileDoesNotPassForThatOfAnother) {
  write(kSmallStates, small_rows());
  const std::string first = read_back(files_, kPath);
  value_or_throw(files_.remove(kPath));
  auto other = header();
  other.checkpoint = 42;
  write(kSmallStates, small_rows(), other);
  const std::string second = read_back(files_, kPath);
  ASSERT_EQ(first.size(), second.size());
  put_file(files_, kPath, first.substr(0, 200) + second.substr(200));
  EXPECT_EQ(read_rows(files_).error().code(), ErrorCode::kDataLoss);
}

// A state of which the file holds key groups 8 to 16 whole, and of the others what changed.
struct Partial {
  static constexpr std::uint32_t kEntries = 0;
  static constexpr std::uint32_t kErased = 1;
  static constexpr std::uint32_t kWhole = 2;

  static SnapshotFileHeader file_header() {
    SnapshotFileHeader h = header();
    h.partial = true;
    return h;
  }
  static StatePart entries() {
    return {.whole = {{8, 16}, {32, 33}}, .dropped_namespaces = {"n1", "n2"}, .living_since_s = 1'700'000'000};
  }
  static void write(SnapshotFileWriter& writer) {
    writer.add_part(window_state(), entries());
    writer.add_part(window_state(), {.kind = StatePart::Kind::kErased});
    writer.add_state(value_state("all"));
    for (std::uint32_t group = 0; group < 64; group += 4) writer.add(kEntries, group, "key", "n3", "", "value");
    for (std::uint32_t group = 1; group < 64; group += 9) writer.add(kErased, group, "gone", "n3", "", "");
    writer.add(kWhole, 5, "key", "", "", "value");
  }
};

TEST_F(SnapshotFileTest, PartsOfStatesComeBackAsWhatTheyAre) {
  auto writer = create(Partial::file_header());
  Partial::write(*writer);
  const SnapshotFile file = value_or_throw(writer->finish());
  EXPECT_EQ(writer->raw_bytes(Partial::kEntries, {0, 64}), 16 * (1 + 3 + 4 + 3 + 6u)) << "run, key, namespace, value";
  EXPECT_EQ(writer->raw_bytes(Partial::kEntries, {0, 4}), 17u);

  const auto reader = value_or_throw(SnapshotFileReader::open(files_, kPath, &file));
  EXPECT_EQ(reader->header(), Partial::file_header());
  ASSERT_EQ(reader->states().size(), 3u);
  EXPECT_EQ(reader->part(Partial::kEntries), Partial::entries());
  EXPECT_EQ(reader->part(Partial::kErased), (StatePart{.kind = StatePart::Kind::kErased}));
  EXPECT_EQ(reader->part(Partial::kWhole), (StatePart{.whole = {{0, 64}}}));
  EXPECT_EQ(reader->find_state("windows"), Partial::kEntries);
  EXPECT_EQ(reader->records(Partial::kErased), 7u);
  const std::vector<Row> rows = value_or_throw(read_rows(files_));
  EXPECT_EQ(rows.size(), 16 + 7 + 1u);
  EXPECT_EQ(rows[16], (Row{Partial::kErased, 1, "gone", "n3", "", ""}));
}

TEST_F(SnapshotFileTest, OnlyAPartialFileIsOfAVersionThatOlderReadersRefuse) {
  write(kSmallStates, small_rows());
  EXPECT_EQ(read_back(files_, kPath)[8], 1);
  value_or_throw(files_.remove(kPath));
  auto writer = create(Partial::file_header());
  Partial::write(*writer);
  value_or_throw(writer->finish());
  EXPECT_EQ(read_back(files_, kPath)[8], 2);
}

TEST_F(SnapshotFileTest, ANewerVersionIsRefusedAsSuch) {
  write(kSmallStates, small_rows());
  std::string bytes = read_back(files_, kPath);
  bytes[8] = 3;
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data() + 12, sizeof size);
  const std::uint64_t checksum = detail::hash_bytes(bytes.data(), size - sizeof checksum);
  std::memcpy(bytes.data() + size - sizeof checksum, &checksum, sizeof checksum);
  put_file(files_, kPath, bytes);
  const auto rows = read_rows(files_);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(rows.error().message(), HasSubstr("version 3"));
  EXPECT_THAT(rows.error().message(), HasSubstr(kPath));
}

TEST_F(SnapshotFileTest, AMissingFileAndATakenNameAreErrors) {
  EXPECT_EQ(SnapshotFileReader::open(files_, kPath).error().code(), ErrorCode::kNotFound);
  write({}, {});
  EXPECT_EQ(SnapshotFileWriter::create(files_, kPath, header()).error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(SnapshotFileTest, AFullDiskAtAnyOperationFailsTheFileAndNothingElse) {
  const std::set<FileOperation> writing{FileOperation::kCreate, FileOperation::kAppend, FileOperation::kSync,
                                        FileOperation::kClose};
  bool finished = false;
  int failures = 0;
  for (int fail_at = 0; !finished; ++fail_at) {
    int seen = 0;
    files_.set_hook([&](FileOperation operation, const std::string& path) -> std::optional<Error> {
      if (!writing.contains(operation) || seen++ != fail_at) return std::nullopt;
      return Error{ErrorCode::kResourceExhausted, path + ": no space left"};
    });
    const auto result = [&]() -> Result<SnapshotFile> {
      TIDEMARK_ASSIGN(writer, SnapshotFileWriter::create(files_, kPath, header()));
      const std::uint32_t state = writer->add_state(value_state("v"));
      for (int i = 0; i < 300; ++i) writer->add(state, 2, std::to_string(i), "", "", std::string(1000, 'v'));
      return writer->finish();
    }();
    files_.set_hook(nullptr);
    finished = result.has_value();
    if (finished) break;
    ++failures;
    EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
    const auto removed = files_.remove(kPath);
    EXPECT_TRUE(removed || fail_at == 0);
  }
  EXPECT_GE(failures, 6);
  EXPECT_EQ(value_or_throw(read_rows(files_)).size(), 300u);
}

TEST_F(SnapshotFileTest, AFinishedFileSurvivesACrashOfTheMachine) {
  const SnapshotFile file = write(kSmallStates, small_rows());
  value_or_throw(files_.sync_directory("/snapshots"));
  value_or_throw(files_.sync_directory("/"));
  class Ones final : public Random {
    std::uint64_t next() override { return ~0ull; }
  } ones;
  files_.crash_machine(ones);
  EXPECT_EQ(read_rows(files_, {0, 64}, &file), small_rows());
}

}  // namespace
}  // namespace tidemark
