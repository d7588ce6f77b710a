// Data files of snapshots: any bytes, also under right checksums, are refused or hold no more entries than their index
// says; any entries written are read back, whole or by ranges of key groups.
#include "env/memory_file_system.h"
#include "fuzz/input.h"
#include "fuzz/seal.h"
#include "fuzz/target.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_file_writer.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

constexpr const char* kPath = "/a.snap";
constexpr KeyGroupRange kAllKeyGroups{0, kLargestMaxParallelism};

struct Entry {
  std::uint32_t state = 0;
  std::uint32_t key_group = 0;
  std::string key, name_space, map_key, value;
  friend bool operator==(const Entry&, const Entry&) = default;
};

void check_error(const Error& error) {
  TIDEMARK_CHECK(error.code() == ErrorCode::kDataLoss || error.code() == ErrorCode::kUnsupportedVersion,
                 "a file that can't be read is damaged or newer");
  TIDEMARK_CHECK(error.message().find(kPath) != std::string::npos, "an error names the file");
}

void check_state(const SnapshotFileReader& reader, std::uint32_t state) {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint32_t last_group = 0;
  const auto done = reader.for_each(state, kAllKeyGroups, [&](const SnapshotEntry& entry) {
    TIDEMARK_CHECK(reader.header().key_groups.contains(entry.key_group), "entries lie in the file's key groups");
    TIDEMARK_CHECK(entry.key_group >= last_group, "key groups ascend");
    last_group = entry.key_group;
    ++count;
    for (const std::string_view part : {entry.key, entry.name_space, entry.map_key, entry.value})
      bytes += detail::hash_bytes(part) & 1;  // touches all of it
  });
  TIDEMARK_CHECK(count <= reader.records(state), "a state has no more entries than its blocks say");
  TIDEMARK_CHECK(bytes <= 4 * count, "each part was read");
  if (!done) check_error(done.error());
}

void check_file(std::string_view bytes) {
  MemoryFileSystem files;
  auto file = value_or_throw(files.create(kPath, CreateMode::kTruncate));
  value_or_throw(file->append(bytes));
  value_or_throw(file->close());
  const auto reader = SnapshotFileReader::open(files, kPath);
  if (!reader) return check_error(reader.error());
  for (std::uint32_t state = 0; state < (*reader)->states().size(); ++state) check_state(**reader, state);
}

// What a writer is given: states, and entries that ascend by key group within each.
struct Content {
  SnapshotFileHeader header;
  std::vector<StateDescriptor> states;
  std::vector<EntryLayout> layouts;
  std::vector<StatePart> parts;
  std::vector<Entry> entries;
};

std::string of_width(std::string text, std::uint32_t width) {
  if (width != EntryLayout::kVariable) text.resize(width, '.');
  return text;
}

StatePart any_part(Input& in, const SnapshotFileHeader& header) {
  if (!header.partial) return {.whole = {header.key_groups}};
  if (in.flag()) return {.kind = StatePart::Kind::kErased};
  StatePart part;
  std::uint32_t at = header.key_groups.begin;
  while (at < header.key_groups.end && in.flag()) {
    const auto end = std::min(at + 1 + static_cast<std::uint32_t>(in.below(5)), header.key_groups.end);
    part.whole.push_back({at, end});
    at = end + static_cast<std::uint32_t>(in.below(3));
  }
  for (std::size_t count = in.below(3); count > 0; --count) part.dropped_namespaces.emplace_back(in.text());
  part.living_since_s = in.number<std::uint32_t>();
  return part;
}

void add_states(Input& in, Content& content) {
  for (std::size_t count = 1 + in.below(3); count > 0; --count) {
    StateDescriptor state{.name = std::string{in.text()}, .kind = static_cast<StateDescriptor::Kind>(1 + in.below(5))};
    if (in.flag()) state.namespace_schema = R"("int64")";
    const auto width = [&] { return in.flag() ? EntryLayout::kVariable : static_cast<std::uint32_t>(in.below(17)); };
    EntryLayout layout{.key = 1 + static_cast<std::uint32_t>(in.below(16)),
                       .name_space = width(),
                       .map_key = width(),
                       .value = width()};
    if (in.flag()) layout.key = EntryLayout::kVariable;
    if (state.namespace_schema.empty()) layout.name_space = 0;
    if (state.kind != StateDescriptor::Kind::kMap) layout.map_key = 0;
    content.states.push_back(state);
    content.parts.push_back(any_part(in, content.header));
    if (content.parts.back().kind == StatePart::Kind::kErased) layout.map_key = layout.value = 0;
    content.layouts.push_back(layout);
  }
}

Content any_content(Input& in) {
  Content content;
  content.header = {
      .job = std::string{in.text()}, .uid = std::string{in.text()}, .subtask = in.number<std::uint32_t>()};
  content.header.max_parallelism = 32;
  content.header.key_groups.begin = static_cast<std::uint32_t>(in.below(17));
  content.header.key_groups.end = content.header.key_groups.begin + 1 + static_cast<std::uint32_t>(in.below(16));
  content.header.partial = in.flag();
  add_states(in, content);
  std::vector<std::uint32_t> group(content.states.size(), content.header.key_groups.begin);
  constexpr std::size_t kMostEntries = 64;
  constexpr std::size_t kLongestValue = 150'000;  // more than a block
  std::size_t left_for_long_values = 500'000;
  while (!in.empty() && content.entries.size() < kMostEntries) {
    const std::size_t state = in.below(content.states.size());
    const EntryLayout& layout = content.layouts[state];
    group[state] = std::min(group[state] + static_cast<std::uint32_t>(in.below(3)), content.header.key_groups.end - 1);
    Entry entry{.state = static_cast<std::uint32_t>(state), .key_group = group[state]};
    entry.key = of_width(std::string{in.text()}, layout.key);
    entry.name_space = of_width(std::string{in.text()}, layout.name_space);
    entry.map_key = of_width(std::string{in.text()}, layout.map_key);
    std::string value{in.text()};
    if (in.number<std::uint8_t>() == 'L' && left_for_long_values >= kLongestValue) {
      left_for_long_values -= kLongestValue;
      value.resize(kLongestValue, 'v');
    }
    entry.value = of_width(std::move(value), layout.value);
    content.entries.push_back(std::move(entry));
  }
  return content;
}

SnapshotFile write(FileSystem& files, const Content& content) {
  auto writer = value_or_throw(SnapshotFileWriter::create(files, kPath, content.header));
  for (std::size_t i = 0; i < content.states.size(); ++i) {
    writer->add_part(content.states[i], content.parts[i], content.layouts[i]);
  }
  for (const Entry& e : content.entries) writer->add(e.state, e.key_group, e.key, e.name_space, e.map_key, e.value);
  return value_or_throw(writer->finish());
}

std::vector<Entry> entries_of(const SnapshotFileReader& reader, std::uint32_t state, KeyGroupRange range) {
  std::vector<Entry> entries;
  value_or_throw(reader.for_each(state, range, [&](const SnapshotEntry& e) {
    entries.push_back({state, e.key_group, std::string{e.key}, std::string{e.name_space}, std::string{e.map_key},
                       std::string{e.value}});
  }));
  return entries;
}

void check_content(const Content& content, KeyGroupRange range) {
  MemoryFileSystem files;
  const SnapshotFile file = write(files, content);
  value_or_throw(verify_snapshot_file(files, kPath, file));
  const auto reader = value_or_throw(SnapshotFileReader::open(files, kPath, &file));
  TIDEMARK_CHECK(reader->header() == content.header && reader->states() == content.states, "a file says what it is");
  for (std::uint32_t state = 0; state < content.states.size(); ++state) {
    TIDEMARK_CHECK(reader->part(state) == content.parts[state], "a file says what it holds of a state");
    for (const KeyGroupRange wanted : {kAllKeyGroups, range}) {
      std::vector<Entry> expected = content.entries;
      std::erase_if(expected, [&](const Entry& e) { return e.state != state || !wanted.contains(e.key_group); });
      TIDEMARK_CHECK(entries_of(*reader, state, wanted) == expected, "the entries of a state are read as written");
    }
  }
  check_file(value_or_throw(read_file(files, kPath)));
}

void check(std::string_view input) {
  if (input.starts_with(snapshot_format::kMagic)) {
    check_file(input);
    std::string sealed{input};
    SnapshotSeal{sealed}.apply();
    return check_file(sealed);
  }
  Input in{input};
  const auto a = static_cast<std::uint32_t>(in.below(33)), b = static_cast<std::uint32_t>(in.below(33));
  check_content(any_content(in), {std::min(a, b), std::max(a, b)});
}

const Registration kTarget{"snapshot_file", check};

}  // namespace
}  // namespace tidemark::fuzz
