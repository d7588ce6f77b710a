// Files that are wrong under right checksums: no input may crash the reader, make it hang or allocate without bound.
#include <gtest/gtest.h>

#include <cstring>

#include "env/memory_file_system.h"
#include "snapshot/checkpoint_samples.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_file_writer.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

namespace format = snapshot_format;
constexpr const char* kPath = "/forged.snap";
constexpr KeyGroupRange kRange{0, 8};

std::string good_file(bool partial = false) {
  MemoryFileSystem files;
  SnapshotFileHeader header{.job = "j", .uid = "u", .key_groups = kRange, .max_parallelism = 8, .partial = partial};
  auto writer = value_or_throw(SnapshotFileWriter::create(files, kPath, header));
  writer->add_state({"v", StateDescriptor::Kind::kValue, "1", "", "2"}, {.key = 1});
  const StateDescriptor map{"m", StateDescriptor::Kind::kMap, "1", "3", "2"};
  if (partial) {
    writer->add_part(map, {.whole = {{0, 2}, {5, 8}}, .dropped_namespaces = {"a", "bc"}});
    writer->add_part(map, {.kind = StatePart::Kind::kErased});
    writer->add(2, 3, "gone", "n", "", "");
  } else {
    writer->add_state(map);
  }
  for (std::uint32_t group = 0; group < 8; group += 3) writer->add(0, group, "k", "", "", std::string(group * 30, 'v'));
  for (std::uint32_t group = 0; group < 8; group += 2) writer->add(1, group, "key", "n", "map", "value");
  value_or_throw(writer->finish());
  return value_or_throw(read_file(files, kPath));
}

template <class T>
T load(const std::string& bytes, std::size_t at) {
  T v;
  std::memcpy(&v, bytes.data() + at, sizeof v);
  return v;
}

void store(std::string& bytes, std::size_t at, std::uint64_t v) { std::memcpy(bytes.data() + at, &v, sizeof v); }

/// Makes every checksum of `bytes` right; `good` tells where its parts lie.
void reseal(std::string& bytes, const std::string& good) {
  const std::size_t trailer = good.size() - format::kTrailerSize;
  const auto lists = load<std::uint64_t>(good, trailer);
  const auto directory = load<std::uint64_t>(good, trailer + 8);
  const auto table = load<std::uint64_t>(good, trailer + 16);
  const auto blocks = load<std::uint32_t>(good, trailer + 32);

  const std::size_t header = load<std::uint32_t>(good, 12) - 8;
  store(bytes, header, detail::hash_bytes(bytes.data(), header));
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t entry = table + i * format::kTableEntrySize;
    const auto at = load<std::uint64_t>(good, entry);
    const auto stored = load<std::uint32_t>(good, entry + 20);
    const std::string hashed = bytes.substr(at, 32) + bytes.substr(at + format::kBlockHeaderSize, stored);
    store(bytes, at + format::kBlockChecksumAt, detail::hash_bytes(hashed));
    store(bytes, entry + 8, detail::hash_bytes(hashed));
  }
  for (std::uint32_t group = kRange.begin; group < kRange.end; ++group) {
    const std::size_t entry = directory + group * format::kDirectoryEntrySize;
    std::string hashed(reinterpret_cast<const char*>(&group), sizeof group);
    hashed += bytes.substr(entry, 8);
    const auto offset = load<std::uint32_t>(bytes, entry);
    if (offset <= directory - lists)
      hashed += bytes.substr(lists, directory - lists).substr(offset, load<std::uint32_t>(bytes, entry + 4));
    store(bytes, entry + 8, detail::hash_bytes(hashed));
  }
  store(bytes, trailer + 40, detail::hash_bytes(bytes.data() + table, trailer - table));
  store(bytes, trailer + 48, detail::hash_bytes(bytes.substr(trailer, 48) + bytes.substr(header, 8)));
}

Result<std::size_t> count_entries(FileSystem& files) {
  TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files, kPath));
  std::size_t count = 0;
  for (std::uint32_t state = 0; state < reader->states().size(); ++state) {
    TIDEMARK_TRY(reader->for_each(state, {0, kLargestMaxParallelism}, [&](const SnapshotEntry&) { ++count; }));
  }
  return count;
}

TEST(ForgedSnapshotFile, ResealingAGoodFileChangesNothing) {
  const std::string good = good_file();
  std::string bytes = good;
  reseal(bytes, good);
  EXPECT_EQ(bytes, good);
}

TEST(ForgedSnapshotFile, RunsThatOverlapAreRefused) {
  using namespace std::string_literals;
  MemoryFileSystem files;
  SnapshotFileHeader header{.job = "j", .uid = "u", .key_groups = kRange, .max_parallelism = 8};
  auto writer = value_or_throw(SnapshotFileWriter::create(files, kPath, header));
  writer->add_state({"v", StateDescriptor::Kind::kValue, "1", "", "2"}, {.key = 1});
  // The value of the first entry reads as a run of key group 3 with one entry.
  writer->add(0, 0, "k", "", "", "\x03\x81\x80\x00k\x00"s);
  writer->add(0, 3, "k", "", "", "v");
  value_or_throw(writer->finish());
  const std::string good = value_or_throw(read_file(files, kPath));

  std::string bytes = good;
  const std::size_t trailer = good.size() - format::kTrailerSize;
  const auto lists = load<std::uint64_t>(good, trailer);
  const auto directory = load<std::uint64_t>(good, trailer + 8);
  const auto list = load<std::uint32_t>(good, directory + 3 * format::kDirectoryEntrySize);
  const std::size_t run_offset_at = lists + list + 3;  // behind the count of runs, the state and the block
  ASSERT_GT(bytes[run_offset_at], 6);
  bytes[run_offset_at] = 6;  // behind the first run's header, the key and the value's length
  reseal(bytes, good);
  value_or_throw(files.remove(kPath));
  put_file(files, kPath, bytes);

  const auto reader = value_or_throw(SnapshotFileReader::open(files, kPath));
  const auto whole = reader->for_each(0, kRange, [](const SnapshotEntry&) {});
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code(), ErrorCode::kDataLoss);
}

void forge_each_byte(const std::string& good) {
  MemoryFileSystem files;
  int read = 0;
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {0x01, 0x02, 0x40, 0x80, 0xff}) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      reseal(bytes, good);
      put_file(files, kPath, bytes);
      const auto count = count_entries(files);
      ++(count ? read : refused);
      if (count) {
        EXPECT_LE(*count, good.size());
      } else {
        EXPECT_TRUE(count.error().code() == ErrorCode::kDataLoss ||
                    count.error().code() == ErrorCode::kUnsupportedVersion);
      }
    }
  }
  EXPECT_GT(read, 100);     // a changed value, say
  EXPECT_GT(refused, 500);  // a changed length
}

TEST(ForgedSnapshotFile, AnyByteOfAnyValueUnderRightChecksumsEndsInEntriesOrAnError) { forge_each_byte(good_file()); }

TEST(ForgedSnapshotFile, OfAPartialFileToo) { forge_each_byte(good_file(true)); }

}  // namespace
}  // namespace tidemark
