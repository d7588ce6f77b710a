#include "snapshot/snapshot_file_reader.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {

namespace format = snapshot_format;
using detail::ByteReader;
using detail::ByteWriter;
using format::BlockCodec;
using format::BlockType;

namespace {

constexpr std::string_view kHeader = "header";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kIndex = "index";

std::string index_of(std::uint32_t key_group) { return fmt::format("index of key group {}", key_group); }

bool may_be_skipped(BlockType type) { return static_cast<std::uint8_t>(type) >= 128; }

}  // namespace

struct SnapshotCursor::Buffer {
  Buffer() : context{ZSTD_createDCtx()} { TIDEMARK_CHECK(context != nullptr, "no memory for a decompressor"); }
  ~Buffer() { ZSTD_freeDCtx(context); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  ZSTD_DCtx* context;
  std::string stored;        // the block as it lies in the file
  std::string decompressed;  // unused where it lies there plainly
  std::string_view payload;  // of the current block
  std::optional<std::uint32_t> block;  // whose payload this is
};

SnapshotCursor::SnapshotCursor(const SnapshotFileReader& reader, EntryLayout layout, std::vector<Run> runs,
                               std::unique_ptr<Buffer> buffer)
    : reader_{&reader}, layout_{layout}, runs_{std::move(runs)}, buffer_{std::move(buffer)} {}
SnapshotCursor::SnapshotCursor(SnapshotCursor&&) noexcept = default;
SnapshotCursor& SnapshotCursor::operator=(SnapshotCursor&&) noexcept = default;
SnapshotCursor::~SnapshotCursor() = default;

Result<bool> SnapshotCursor::next_block() {
  if (!at_.ok()) return reader_->damaged_block(runs_[next_run_ - 1].block, "its entries do not fit their lengths");
  next_run_ = block_end_;
  left_in_run_ = 0;
  if (next_run_ == runs_.size()) return false;
  const std::uint32_t block = runs_[next_run_].block;
  while (block_end_ < runs_.size() && runs_[block_end_].block == block) ++block_end_;
  TIDEMARK_TRY(reader_->load_block(block, *buffer_));
  at_ = ByteReader{std::string_view{}};
  at_begin_ = 0;
  return true;
}

bool SnapshotCursor::next_run() {
  if (!at_.ok() || next_run_ == block_end_) return false;
  const Run& run = runs_[next_run_++];
  const bool overlaps = run.offset < at_begin_ + at_.position();
  at_begin_ = run.offset;
  at_ = ByteReader{buffer_->payload.substr(run.offset)};
  if (overlaps || at_.get_varint() != run.key_group || at_.get_varint() != run.count) at_.fail();
  key_group_ = run.key_group;
  left_in_run_ = run.count;
  return at_.ok();
}

SnapshotFileReader::~SnapshotFileReader() = default;

bool SnapshotFileReader::holds_entries(BlockType type) const {
  return type == BlockType::kData || type == BlockType::kTimer || (header_.partial && type == BlockType::kDelta);
}

Result<std::unique_ptr<SnapshotFileReader>> SnapshotFileReader::open(FileSystem& files, std::string path,
                                                                     const SnapshotFile* expected) {
  for (;;) {
    TIDEMARK_ASSIGN(file, files.open(path));
    std::unique_ptr<SnapshotFileReader> reader{new SnapshotFileReader{path, std::move(file)}};
    Result<> read = reader->read_all_but_entries(expected);
    if (read) return reader;
    if (!reader->file_->use_other_copy()) return std::unexpected{std::move(read).error()};
  }
}

Result<> SnapshotFileReader::read_all_but_entries(const SnapshotFile* expected) {
  TIDEMARK_ASSIGN(size, file_->size());
  if (expected != nullptr && size != expected->size) {
    return damaged("size", fmt::format("{} bytes, but its checkpoint says {}", size, expected->size));
  }
  TIDEMARK_TRY(read_header(size));
  TIDEMARK_ASSIGN(trailer, read_trailer(size));
  TIDEMARK_TRY(read_index(trailer, size));
  return read_schema();
}

std::unexpected<Error> SnapshotFileReader::damaged(std::string_view where, std::string_view what) const {
  return fail(
      ErrorCode::kDataLoss,
      fmt::format("snapshot file '{}' is damaged: {}: {}; bring back an intact copy of the file or resume from another "
                  "checkpoint with --resume=PATH",
                  path_, where, what));
}

std::unexpected<Error> SnapshotFileReader::damaged_block(std::uint32_t number, std::string_view what) const {
  return damaged(fmt::format("block {} of {}", number, blocks_.size()), what);
}

std::unexpected<Error> SnapshotFileReader::newer(std::string_view what) const {
  return fail(
      ErrorCode::kUnsupportedVersion,
      fmt::format(
          "snapshot file '{}' was written by a newer Tidemark: {}, and this one reads up to version {}; use that "
          "newer Tidemark or resume from another checkpoint with --resume=PATH",
          path_, what, format::kPartialVersion));
}

Result<> SnapshotFileReader::read_bytes(std::uint64_t offset, std::uint64_t size, std::string_view where,
                                        std::string& out) const {
  out.resize(size);
  TIDEMARK_ASSIGN(read, file_->read(offset, {out.data(), out.size()}));
  if (read != size) return damaged(where, "the file ends within it");
  return {};
}

Result<> SnapshotFileReader::read_header(std::uint64_t file_size) {
  std::string bytes;
  TIDEMARK_TRY(read_bytes(0, std::min<std::uint64_t>(file_size, format::kLargestHeader), kHeader, bytes));
  ByteReader preamble{bytes};
  if (preamble.get_bytes(format::kMagic.size()) != format::kMagic) {
    return damaged(kHeader, "the file does not begin as a snapshot file does");
  }
  const std::uint32_t version = preamble.get_u32();
  const std::uint32_t size = preamble.get_u32();
  if (size < format::kPreambleSize + sizeof header_checksum_ || size > bytes.size())
    return damaged(kHeader, "its length is wrong");
  const std::string_view hashed = std::string_view{bytes}.substr(0, size - sizeof header_checksum_);
  header_checksum_ = ByteReader{std::string_view{bytes}.substr(hashed.size())}.get_u64();
  if (detail::hash_bytes(hashed) != header_checksum_) return damaged(kHeader, "its checksum does not match");
  if (version != format::kVersion && version != format::kPartialVersion) {
    return newer(fmt::format("it has version {}", version));
  }
  header_.partial = version == format::kPartialVersion;
  header_size_ = size;

  ByteReader in{hashed.substr(format::kPreambleSize)};
  const std::uint32_t hash_id = in.get_u32();
  const std::uint32_t order = in.get_u32();
  header_.order = static_cast<EntryOrder>(order);
  header_.max_parallelism = in.get_u32();
  header_.key_groups.begin = in.get_u32();
  header_.key_groups.end = in.get_u32();
  header_.subtask = in.get_u32();
  header_.attempt = in.get_u32();
  header_.checkpoint = in.get_u64();
  header_.job = in.get_string();
  header_.uid = in.get_string();
  const KeyGroupRange groups = header_.key_groups;
  if (!in.ok() || in.remaining() != 0 || groups.begin > groups.end || groups.end > header_.max_parallelism ||
      header_.max_parallelism > kLargestMaxParallelism) {
    return damaged(kHeader, "its fields contradict one another");
  }
  if (hash_id != detail::kHashId) return newer(fmt::format("its keys are hashed by function {}", hash_id));
  if (order > static_cast<std::uint32_t>(EntryOrder::kKey))
    return newer(fmt::format("its entries have order {}", order));
  return {};
}

Result<SnapshotFileReader::Trailer> SnapshotFileReader::read_trailer(std::uint64_t file_size) const {
  if (file_size < header_size_ + format::kTrailerSize) return damaged(kEnd, "the file is cut off");
  std::string bytes;
  TIDEMARK_TRY(read_bytes(file_size - format::kTrailerSize, format::kTrailerSize, kEnd, bytes));
  ByteReader in{bytes};
  Trailer trailer;
  trailer.lists_at = in.get_u64();
  trailer.directory_at = in.get_u64();
  trailer.table_at = in.get_u64();
  trailer.schema_at = in.get_u64();
  trailer.block_count = in.get_u32();
  const std::uint32_t version = in.get_u32();
  trailer.table_checksum = in.get_u64();
  ByteWriter hashed;
  hashed.put_bytes(std::string_view{bytes}.substr(0, in.position()));
  hashed.put_u64(header_checksum_);
  const std::uint64_t checksum = in.get_u64();
  if (in.get_bytes(format::kTrailerMagic.size()) != format::kTrailerMagic) return damaged(kEnd, "the file is cut off");
  if (detail::hash_bytes(hashed.view()) != checksum) return damaged(kEnd, "its checksum does not match");

  const std::uint64_t directory_size = std::uint64_t{header_.key_groups.size()} * format::kDirectoryEntrySize;
  const std::uint64_t table_size = std::uint64_t{trailer.block_count} * format::kTableEntrySize;
  const std::uint64_t table_end = file_size - format::kTrailerSize;
  const bool in_order = header_size_ <= trailer.schema_at && trailer.schema_at < trailer.lists_at &&
                        trailer.lists_at <= trailer.directory_at && trailer.directory_at <= trailer.table_at &&
                        trailer.table_at <= table_end;
  const std::uint32_t header_version = header_.partial ? format::kPartialVersion : format::kVersion;
  if (version != header_version || !in_order || trailer.table_at - trailer.directory_at != directory_size ||
      table_end - trailer.table_at != table_size || trailer.block_count == 0) {
    return damaged(kEnd, "its fields contradict one another");
  }
  return trailer;
}

Result<> SnapshotFileReader::read_index(const Trailer& trailer, std::uint64_t file_size) {
  std::string bytes;
  TIDEMARK_TRY(read_bytes(trailer.lists_at, file_size - format::kTrailerSize - trailer.lists_at, kIndex, bytes));
  const std::size_t lists_size = trailer.directory_at - trailer.lists_at;
  const std::size_t directory_size = trailer.table_at - trailer.directory_at;
  TIDEMARK_TRY(read_table(trailer, std::string_view{bytes}.substr(lists_size + directory_size)));
  directory_ = bytes.substr(lists_size, directory_size);
  bytes.resize(lists_size);
  lists_ = std::move(bytes);
  for (std::uint32_t kg = header_.key_groups.begin; kg < header_.key_groups.end; ++kg) TIDEMARK_TRY(list_of(kg));
  return {};
}

Result<> SnapshotFileReader::read_table(const Trailer& trailer, std::string_view table) {
  if (detail::hash_bytes(table) != trailer.table_checksum) return damaged("block table", "its checksum does not match");
  blocks_.resize(trailer.block_count);
  ByteReader in{table};
  for (Block& block : blocks_) {
    block.offset = in.get_u64();
    block.checksum = in.get_u64();
    block.raw_size = in.get_u32();
    block.stored_size = in.get_u32();
    block.records = in.get_u32();
    block.state = in.get_u32();
    block.key_groups.begin = in.get_u32();
    block.key_groups.end = in.get_u32();
    block.type = static_cast<BlockType>(in.get_u8());
    block.codec = static_cast<BlockCodec>(in.get_u8());
    in.get_u16();
  }
  std::uint64_t offset = header_size_;
  for (std::uint32_t number = 0; number < blocks_.size(); ++number) {
    TIDEMARK_TRY(check_block(number, offset));
    offset += format::kBlockHeaderSize + blocks_[number].stored_size;
  }
  const Block& schema = blocks_.back();
  if (offset != trailer.lists_at || schema.offset != trailer.schema_at || schema.type != BlockType::kSchema) {
    return damaged("block table", "it does not cover the file");
  }
  return {};
}

Result<> SnapshotFileReader::check_block(std::uint32_t number, std::uint64_t expected_offset) const {
  const Block& block = blocks_[number];
  if (block.offset != expected_offset) return damaged_block(number, "it does not follow the block before");
  if (may_be_skipped(block.type)) return {};
  if (!holds_entries(block.type) && block.type != BlockType::kSchema) {
    return newer(fmt::format("block {} has type {}", number, static_cast<int>(block.type)));
  }
  const bool plain = block.codec == BlockCodec::kNone;
  if (!plain && block.codec != BlockCodec::kZstd) {
    return newer(fmt::format("block {} is compressed by method {}", number, static_cast<int>(block.codec)));
  }
  if (plain ? block.raw_size != block.stored_size : block.raw_size > format::kLargestCompressed) {
    return damaged_block(number, "its length is wrong");
  }
  if (block.records > block.raw_size) return damaged_block(number, "it cannot hold as many entries as it says");
  return {};
}

Result<> SnapshotFileReader::read_schema() {
  const auto number = static_cast<std::uint32_t>(blocks_.size() - 1);
  SnapshotCursor::Buffer buffer;
  TIDEMARK_TRY(load_block(number, buffer));
  ByteReader in{buffer.payload};
  for (std::uint64_t left = in.get_varint(); left > 0 && in.ok(); --left) {
    ByteReader record{in.get_string()};
    StateDescriptor state;
    state.name = record.get_string();
    const std::uint8_t kind = record.get_u8();
    const bool is_known = read_state_kind(kind, StateDescriptor::Kind::kWindow, state);
    state.key_schema = record.get_string();
    state.namespace_schema = record.get_string();
    state.value_schema = record.get_string();
    EntryLayout layout;
    layout.key = record.get_u32();
    layout.name_space = record.get_u32();
    layout.map_key = record.get_u32();
    layout.value = record.get_u32();
    if (!record.ok() || layout == EntryLayout{0, 0, 0, 0})
      return damaged_block(number, "a state's description is wrong");
    if (!is_known) {
      return newer(fmt::format("state '{}' is of kind {}", state.name, kind));
    }
    StatePart part{.whole = {header_.key_groups}};
    if (header_.partial && !read_part(record, part)) return damaged_block(number, "a state's part is wrong");
    states_.push_back(std::move(state));
    layouts_.push_back(layout);
    parts_.push_back(std::move(part));
  }
  if (!in.ok() || in.remaining() != 0) return damaged_block(number, "its length is wrong");
  return {};
}

// False if it is none.
bool SnapshotFileReader::read_part(ByteReader& record, StatePart& part) const {
  const std::uint8_t kind = record.get_u8();
  if (kind > static_cast<std::uint8_t>(StatePart::Kind::kErased)) return false;
  part.kind = static_cast<StatePart::Kind>(kind);
  part.whole.clear();
  std::uint64_t at = header_.key_groups.begin;
  for (std::uint64_t left = record.get_varint(); left > 0 && record.ok(); --left) {
    const std::uint64_t begin = record.get_varint();
    const std::uint64_t end = record.get_varint();
    if (begin < at || end <= begin || end > header_.key_groups.end) return false;
    part.whole.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    at = end;
  }
  for (std::uint64_t left = record.get_varint(); left > 0 && record.ok(); --left) {
    part.dropped_namespaces.emplace_back(record.get_string());
  }
  // What was written before there was this has none.
  const std::uint64_t living_since_s = record.remaining() > 0 ? record.get_varint() : 0;
  if (living_since_s > std::numeric_limits<std::uint32_t>::max()) return false;
  part.living_since_s = static_cast<std::uint32_t>(living_since_s);
  return record.ok() && (part.kind == StatePart::Kind::kEntries || (part.whole.empty() && part.dropped_namespaces.empty()));
}

std::optional<std::uint32_t> SnapshotFileReader::find_state(std::string_view name) const {
  for (std::uint32_t id = 0; id < states_.size(); ++id) {
    if (states_[id].name == name && parts_[id].kind == StatePart::Kind::kEntries) return id;
  }
  return std::nullopt;
}

std::uint64_t SnapshotFileReader::records(std::uint32_t state) const {
  std::uint64_t sum = 0;
  for (const Block& block : blocks_) {
    if (holds_entries(block.type) && block.state == state) sum += block.records;
  }
  return sum;
}

std::uint64_t SnapshotFileReader::stored_bytes(std::uint32_t state) const {
  std::uint64_t sum = 0;
  for (const Block& block : blocks_) {
    if (holds_entries(block.type) && block.state == state) sum += block.stored_size;
  }
  return sum;
}

std::uint64_t SnapshotFileReader::raw_bytes(std::uint32_t state) const {
  std::uint64_t sum = 0;
  for (const Block& block : blocks_) {
    if (holds_entries(block.type) && block.state == state) sum += block.raw_size;
  }
  return sum;
}

Result<SnapshotCursor> SnapshotFileReader::entries(std::uint32_t state, KeyGroupRange range, SnapshotCursor* former) const {
  TIDEMARK_CHECK(state < states_.size(), "a snapshot file is asked for the states it has");
  const std::uint32_t begin = std::max(range.begin, header_.key_groups.begin);
  const std::uint32_t end = std::min(range.end, header_.key_groups.end);
  std::vector<SnapshotCursor::Run> runs;
  for (std::uint32_t key_group = begin; key_group < end; ++key_group) TIDEMARK_TRY(append_runs(key_group, state, runs));
  TIDEMARK_CHECK(former == nullptr || former->reader_ == this, "a cursor's block is of its own file");
  auto buffer = former != nullptr ? std::move(former->buffer_) : std::make_unique<SnapshotCursor::Buffer>();
  return SnapshotCursor{*this, layouts_[state], std::move(runs), std::move(buffer)};
}

Result<std::string_view> SnapshotFileReader::list_of(std::uint32_t key_group) const {
  const std::size_t entry_at = std::size_t{key_group - header_.key_groups.begin} * format::kDirectoryEntrySize;
  const std::string_view entry = std::string_view{directory_}.substr(entry_at, format::kDirectoryEntrySize);
  ByteReader in{entry};
  const std::uint32_t offset = in.get_u32();
  const std::uint32_t size = in.get_u32();
  const std::uint64_t checksum = in.get_u64();
  if (offset > lists_.size() || size > lists_.size() - offset) {
    return damaged(index_of(key_group), "it lies outside of the file");
  }
  const std::string_view list = std::string_view{lists_}.substr(offset, size);
  ByteWriter hashed;
  hashed.put_u32(key_group);
  hashed.put_bytes(entry.substr(0, 2 * sizeof(std::uint32_t)));
  hashed.put_bytes(list);
  if (detail::hash_bytes(hashed.view()) != checksum) return damaged(index_of(key_group), "its checksum does not match");
  return list;
}

Result<> SnapshotFileReader::append_runs(std::uint32_t key_group, std::uint32_t state,
                                         std::vector<SnapshotCursor::Run>& runs) const {
  TIDEMARK_ASSIGN(list, list_of(key_group));
  if (list.empty()) return {};

  ByteReader items{list};
  for (std::uint64_t left = items.get_varint(); left > 0 && items.ok(); --left) {
    const std::uint64_t of_state = items.get_varint();
    const std::uint64_t block_number = items.get_varint();
    const std::uint64_t run_offset = items.get_varint();
    const std::uint64_t count = items.get_varint();
    if (!items.ok() || of_state != state) continue;
    if (block_number >= blocks_.size()) return damaged(index_of(key_group), "it names a block that is not there");
    const Block& block = blocks_[block_number];
    const bool follows = runs.empty() || runs.back().block < block_number ||
                         (runs.back().block == block_number && runs.back().offset < run_offset);
    if (!follows || !holds_entries(block.type) || block.state != state || !block.key_groups.contains(key_group) ||
        run_offset >= block.raw_size || count > block.records) {
      return damaged(index_of(key_group), fmt::format("it contradicts block {}", block_number));
    }
    runs.push_back({key_group, static_cast<std::uint32_t>(block_number), static_cast<std::uint32_t>(run_offset),
                    static_cast<std::uint32_t>(count)});
  }
  // What follows the runs belongs to later versions: tagged fields that may be skipped.
  if (!items.ok()) return damaged(index_of(key_group), "its length is wrong");
  return {};
}

Result<> SnapshotFileReader::load_block(std::uint32_t number, SnapshotCursor::Buffer& buffer) const {
  if (buffer.block == number) return {};
  buffer.block.reset();
  Result<> loaded = load_block_once(number, buffer);
  if (!loaded) {
    // Another thread may have given up the copy since this one read it.
    file_->use_other_copy();
    loaded = load_block_once(number, buffer);
  }
  if (loaded) buffer.block = number;
  return loaded;
}

Result<> SnapshotFileReader::load_block_once(std::uint32_t number, SnapshotCursor::Buffer& buffer) const {
  const Block& block = blocks_[number];
  const std::string where = fmt::format("block {} of {}", number, blocks_.size());
  TIDEMARK_TRY(
      read_bytes(block.offset, format::kBlockHeaderSize + std::uint64_t{block.stored_size}, where, buffer.stored));
  ByteWriter header;
  header.put_u8(static_cast<std::uint8_t>(block.type));
  header.put_u8(static_cast<std::uint8_t>(block.codec));
  header.put_u16(0);
  header.put_u32(block.state);
  header.put_u32(block.raw_size);
  header.put_u32(block.stored_size);
  header.put_u32(block.records);
  header.put_u32(block.key_groups.begin);
  header.put_u32(block.key_groups.end);
  header.put_u32(number);
  header.put_u64(block.checksum);
  const std::string_view stored = buffer.stored;
  if (stored.substr(0, format::kBlockHeaderSize) != header.view())
    return damaged(where, "its header does not match the index");
  const std::string_view payload = stored.substr(format::kBlockHeaderSize);
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  XXH3_64bits_update(&hash, header.data(), format::kBlockChecksumAt);
  XXH3_64bits_update(&hash, payload.data(), payload.size());
  if (XXH3_64bits_digest(&hash) != block.checksum) return damaged(where, "its checksum does not match");

  if (block.codec == BlockCodec::kNone) {
    buffer.payload = payload;
    return {};
  }
  buffer.decompressed.resize(block.raw_size);
  const std::size_t size = ZSTD_decompressDCtx(buffer.context, buffer.decompressed.data(), buffer.decompressed.size(),
                                               payload.data(), payload.size());
  if (ZSTD_isError(size) || size != block.raw_size) return damaged(where, "it cannot be decompressed");
  buffer.payload = buffer.decompressed;
  return {};
}

Result<> verify_snapshot_file(FileSystem& files, const std::string& path, const SnapshotFile& expected) {
  const auto damaged = [&](std::string_view what) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("snapshot file '{}' is not the one that its checkpoint names: {}; bring back an "
                            "intact copy of it or resume from another checkpoint with --resume=PATH",
                            path, what));
  };
  TIDEMARK_ASSIGN(file, files.open(path));
  TIDEMARK_ASSIGN(size, file->size());
  if (size != expected.size) return damaged(fmt::format("{} bytes instead of {}", size, expected.size));
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  std::string chunk(std::size_t{1} << 20, '\0');
  for (std::uint64_t offset = 0; offset < size;) {
    TIDEMARK_ASSIGN(read, file->read(offset, {chunk.data(), chunk.size()}));
    if (read == 0) return damaged("it shrinks while it is read");
    XXH3_64bits_update(&hash, chunk.data(), read);
    offset += read;
  }
  if (XXH3_64bits_digest(&hash) != expected.checksum) return damaged("its checksum does not match");
  return {};
}

}  // namespace tidemark
