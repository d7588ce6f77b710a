#include "snapshot/snapshot_file_writer.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {

namespace format = snapshot_format;
using format::BlockCodec;
using format::BlockType;

namespace {

void put_part(const StatePart& part, detail::ByteWriter& out) {
  out.put_u8(static_cast<std::uint8_t>(part.kind));
  out.put_varint(part.whole.size());
  for (const KeyGroupRange range : part.whole) {
    out.put_varint(range.begin);
    out.put_varint(range.end);
  }
  out.put_varint(part.dropped_namespaces.size());
  for (const std::string& name : part.dropped_namespaces) out.put_string(name);
  out.put_varint(part.living_since_s);
}

}  // namespace

struct SnapshotFileWriter::Hasher {
  Hasher() { XXH3_64bits_reset(&state); }
  void update(std::string_view bytes) { XXH3_64bits_update(&state, bytes.data(), bytes.size()); }
  std::uint64_t digest() const { return XXH3_64bits_digest(&state); }
  XXH3_state_t state;
};

struct SnapshotFileWriter::Compressor {
  Compressor() : context{ZSTD_createCCtx()} { TIDEMARK_CHECK(context != nullptr, "no memory for a compressor"); }
  ~Compressor() { ZSTD_freeCCtx(context); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// Behind the room for a block header in `out`: `raw` compressed, or as it is if that isn't smaller.
  BlockCodec compress(std::string_view raw) {
    if (raw.size() <= format::kLargestCompressed) {
      out.resize(format::kBlockHeaderSize + ZSTD_compressBound(raw.size()));
      const std::size_t size = ZSTD_compressCCtx(context, out.data() + format::kBlockHeaderSize,
                                                 out.size() - format::kBlockHeaderSize, raw.data(), raw.size(), 1);
      if (!ZSTD_isError(size) && size < raw.size()) {
        out.resize(format::kBlockHeaderSize + size);
        return BlockCodec::kZstd;
      }
    }
    out.resize(format::kBlockHeaderSize);
    out.append(raw);
    return BlockCodec::kNone;
  }

  ZSTD_CCtx* context;
  std::string out;
};

SnapshotFileWriter::SnapshotFileWriter(std::string path, SnapshotFileHeader header, std::unique_ptr<WritableFile> file)
    : path_{std::move(path)},
      header_{std::move(header)},
      file_{std::move(file)},
      whole_{std::make_unique<Hasher>()},
      compressor_{std::make_unique<Compressor>()} {
  reserve(format::kUsualBlockLimit);
}

SnapshotFileWriter::~SnapshotFileWriter() = default;

Result<std::unique_ptr<SnapshotFileWriter>> SnapshotFileWriter::create(FileSystem& files, std::string path,
                                                                       SnapshotFileHeader header) {
  TIDEMARK_CHECK(header.key_groups.begin <= header.key_groups.end && header.key_groups.end <= header.max_parallelism &&
                     header.max_parallelism <= kLargestMaxParallelism,
                 "a snapshot file's key groups lie within the max parallelism");
  TIDEMARK_ASSIGN(file, files.create(path, CreateMode::kExclusive));
  std::unique_ptr<SnapshotFileWriter> writer{
      new SnapshotFileWriter{std::move(path), std::move(header), std::move(file)}};
  writer->write_header();
  if (writer->error_) return std::unexpected{*writer->error_};
  return writer;
}

std::uint32_t SnapshotFileWriter::add_state(const StateDescriptor& state, EntryLayout layout) {
  return add_part(state, {.whole = {header_.key_groups}}, layout);
}

std::uint32_t SnapshotFileWriter::add_part(const StateDescriptor& state, StatePart part, EntryLayout layout) {
  const bool erased = part.kind == StatePart::Kind::kErased;
  TIDEMARK_CHECK(header_.partial || (!erased && part.whole == std::vector{header_.key_groups}),
                 "only a partial file has parts of states");
  if (state.namespace_schema.empty()) layout.name_space = 0;
  if (erased || state.kind != StateDescriptor::Kind::kMap) layout.map_key = 0;
  if (erased) layout.value = 0;
  TIDEMARK_CHECK(layout != (EntryLayout{0, 0, 0, 0}), "an entry takes at least a byte");
  states_.push_back({state, layout, std::move(part), header_.key_groups.begin});
  return static_cast<std::uint32_t>(states_.size() - 1);
}

BlockType SnapshotFileWriter::block_type(const State& state) const {
  if (state.part.whole != std::vector{header_.key_groups}) return BlockType::kDelta;
  return state.descriptor.kind == StateDescriptor::Kind::kTimers ? BlockType::kTimer : BlockType::kData;
}

std::uint64_t SnapshotFileWriter::raw_bytes(std::uint32_t state, KeyGroupRange key_groups) const {
  std::uint64_t sum = 0;
  for (const Run& run : runs_) {
    if (run.state == state && key_groups.contains(run.key_group)) sum += run.size;
  }
  return sum;
}

bool SnapshotFileWriter::begin_run(std::uint32_t state, std::uint32_t key_group) {
  if (error_) return false;
  TIDEMARK_CHECK(state < states_.size(), "entries belong to a state that was added");
  TIDEMARK_CHECK(key_group >= states_[state].next_key_group && key_group < header_.key_groups.end,
                 "key groups of a snapshot file ascend within a state and lie within its range");
  if (block_state_ != state && block_state_ != kNoState) {
    end_block();
    if (error_) return false;
  }
  end_run();
  if (block_state_ == kNoState) {
    block_state_ = state;
    block_first_key_group_ = key_group;
  }
  states_[state].next_key_group = key_group;
  layout_ = states_[state].layout;
  reserve(kLongestLength + format::kRunCountSize);
  run_offset_ = static_cast<std::uint32_t>(at_ - begin_);
  put_length(key_group);
  at_ += format::kRunCountSize;  // by end_run()
  run_state_ = state;
  run_key_group_ = key_group;
  return true;
}

void SnapshotFileWriter::end_run() {
  if (run_state_ == kNoState) return;
  run_state_ = kNoState;
  if (run_count_ == 0) {
    at_ = begin_ + run_offset_;
    return;
  }
  char* count_at = begin_ + run_offset_;
  while (static_cast<unsigned char>(*count_at++) >= 0x80) {
  }
  count_at[0] = static_cast<char>(run_count_ | 0x80);
  count_at[1] = static_cast<char>((run_count_ >> 7) | 0x80);
  count_at[2] = static_cast<char>((run_count_ >> 14) & 0x7f);
  runs_.push_back({run_key_group_, block_state_, static_cast<std::uint32_t>(blocks_.size()), run_offset_, run_count_,
                   static_cast<std::uint32_t>(at_ - begin_) - run_offset_});
  block_records_ += run_count_;
  block_last_key_group_ = run_key_group_;
  run_count_ = 0;
}

bool SnapshotFileWriter::make_room(std::size_t bound) {
  if (bound > format::kLargestEntry) {
    fail_with(
        {ErrorCode::kInvalidArgument,
         fmt::format(
             "{}: an entry of {} bytes in state '{}' of operator '{}' is larger than 1 GiB, the largest one that a "
             "snapshot can hold: split it, for example into the entries of a map state",
             path_, bound, states_[run_state_].descriptor.name, header_.uid)});
    return false;
  }
  const std::size_t used = static_cast<std::size_t>(at_ - begin_);
  if (run_count_ + block_records_ > 0 && used + bound > format::kUsualBlockLimit) {
    const std::uint32_t state = run_state_;
    const std::uint32_t key_group = run_key_group_;
    end_block();
    if (error_ || !begin_run(state, key_group)) return false;
  }
  reserve(bound);
  return true;
}

void SnapshotFileWriter::reserve(std::size_t size) {
  if (size <= static_cast<std::size_t>(end_ - at_)) return;
  const std::size_t used = static_cast<std::size_t>(at_ - begin_);
  const std::size_t room = used + size + format::kUsualBlockLimit;
  auto larger = std::make_unique_for_overwrite<char[]>(room);
  if (used > 0) std::memcpy(larger.get(), begin_, used);
  buffer_ = std::move(larger);
  begin_ = buffer_.get();
  at_ = begin_ + used;
  end_ = begin_ + room;
}

bool SnapshotFileWriter::end_block() {
  end_run();
  if (block_records_ == 0) return true;
  Block block;
  block.records = block_records_;
  block.state = block_state_;
  block.key_groups = {block_first_key_group_, block_last_key_group_ + 1};
  block.type = block_type(states_[block_state_]);
  const std::string_view raw{begin_, static_cast<std::size_t>(at_ - begin_)};
  block_state_ = kNoState;
  block_records_ = 0;
  at_ = begin_;
  write_block(block, raw);
  return true;
}

bool SnapshotFileWriter::write_block(Block block, std::string_view raw) {
  if (error_) return false;
  block.codec = compressor_->compress(raw);
  std::string& out = compressor_->out;
  block.offset = offset_;
  block.raw_size = static_cast<std::uint32_t>(raw.size());
  block.stored_size = static_cast<std::uint32_t>(out.size() - format::kBlockHeaderSize);

  detail::ByteWriter header;
  header.put_u8(static_cast<std::uint8_t>(block.type));
  header.put_u8(static_cast<std::uint8_t>(block.codec));
  header.put_u16(0);
  header.put_u32(block.state);
  header.put_u32(block.raw_size);
  header.put_u32(block.stored_size);
  header.put_u32(block.records);
  header.put_u32(block.key_groups.begin);
  header.put_u32(block.key_groups.end);
  header.put_u32(static_cast<std::uint32_t>(blocks_.size()));
  Hasher hasher;
  hasher.update(header.view());
  hasher.update(std::string_view{out}.substr(format::kBlockHeaderSize));
  block.checksum = hasher.digest();
  header.put_u64(block.checksum);
  std::memcpy(out.data(), header.data(), format::kBlockHeaderSize);

  append(out);
  blocks_.push_back(block);
  return !error_;
}

void SnapshotFileWriter::append(std::string_view bytes) {
  if (error_) return;
  if (auto appended = file_->append(bytes); !appended) return fail_with(std::move(appended.error()));
  whole_->update(bytes);
  offset_ += bytes.size();
}

void SnapshotFileWriter::fail_with(Error error) {
  if (error_) return;
  error_ = std::make_unique<Error>(std::move(error));
  run_state_ = kNoState;  // sends every further add() through begin_run(), which refuses
  run_count_ = 0;
  block_state_ = kNoState;
  block_records_ = 0;
  at_ = begin_;
}

void SnapshotFileWriter::refuse_width(std::uint32_t width, std::size_t size) {
  fail_with(
      {ErrorCode::kInternal,
       fmt::format("{}: a part of an entry has {} bytes, but its state was declared to have {}", path_, size, width)});
}

void SnapshotFileWriter::write_header() {
  detail::ByteWriter out;
  out.put_bytes(format::kMagic);
  out.put_u32(header_.partial ? format::kPartialVersion : format::kVersion);
  out.put_u32(0);  // the size, below
  out.put_u32(detail::kHashId);
  out.put_u32(static_cast<std::uint32_t>(header_.order));
  out.put_u32(header_.max_parallelism);
  out.put_u32(header_.key_groups.begin);
  out.put_u32(header_.key_groups.end);
  out.put_u32(header_.subtask);
  out.put_u32(header_.attempt);
  out.put_u64(header_.checkpoint);
  out.put_string(header_.job);
  out.put_string(header_.uid);
  const auto size = static_cast<std::uint32_t>(out.size() + sizeof(std::uint64_t));
  TIDEMARK_CHECK(size <= format::kLargestHeader, "job and uid are short names");
  std::memcpy(out.data() + 12, &size, sizeof size);
  header_checksum_ = detail::hash_bytes(out.view());
  out.put_u64(header_checksum_);
  append(out.view());
}

void SnapshotFileWriter::write_schema() {
  detail::ByteWriter out;
  out.put_varint(states_.size());
  for (const State& state : states_) {
    detail::ByteWriter record;
    record.put_string(state.descriptor.name);
    record.put_u8(state_kind_byte(state.descriptor));
    record.put_string(state.descriptor.key_schema);
    record.put_string(state.descriptor.namespace_schema);
    record.put_string(state.descriptor.value_schema);
    record.put_u32(state.layout.key);
    record.put_u32(state.layout.name_space);
    record.put_u32(state.layout.map_key);
    record.put_u32(state.layout.value);
    if (header_.partial) put_part(state.part, record);
    out.put_string(record.view());
  }
  Block block;
  block.type = BlockType::kSchema;
  block.records = static_cast<std::uint32_t>(states_.size());
  write_block(block, out.view());
}

void SnapshotFileWriter::write_index() {
  const std::uint64_t lists_at = offset_;
  std::stable_sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.key_group < b.key_group; });

  detail::ByteWriter lists;
  detail::ByteWriter directory;
  auto run = runs_.begin();
  for (std::uint32_t key_group = header_.key_groups.begin; key_group < header_.key_groups.end; ++key_group) {
    const std::size_t list_at = lists.size();
    const auto end = std::find_if(run, runs_.end(), [&](const Run& r) { return r.key_group != key_group; });
    if (run != end) lists.put_varint(static_cast<std::uint64_t>(end - run));
    for (; run != end; ++run) {
      lists.put_varint(run->state);
      lists.put_varint(run->block);
      lists.put_varint(run->offset);
      lists.put_varint(run->count);
    }
    detail::ByteWriter hashed;
    hashed.put_u32(key_group);
    hashed.put_u32(static_cast<std::uint32_t>(list_at));
    hashed.put_u32(static_cast<std::uint32_t>(lists.size() - list_at));
    const std::string_view entry = hashed.view().substr(sizeof(std::uint32_t));
    directory.put_bytes(entry);
    hashed.put_bytes(lists.view().substr(list_at));
    directory.put_u64(detail::hash_bytes(hashed.view()));
  }
  append(lists.view());
  const std::uint64_t directory_at = offset_;
  append(directory.view());

  const std::uint64_t table_at = offset_;
  detail::ByteWriter table;
  table.reserve(blocks_.size() * format::kTableEntrySize);
  for (const Block& block : blocks_) {
    table.put_u64(block.offset);
    table.put_u64(block.checksum);
    table.put_u32(block.raw_size);
    table.put_u32(block.stored_size);
    table.put_u32(block.records);
    table.put_u32(block.state);
    table.put_u32(block.key_groups.begin);
    table.put_u32(block.key_groups.end);
    table.put_u8(static_cast<std::uint8_t>(block.type));
    table.put_u8(static_cast<std::uint8_t>(block.codec));
    table.put_u16(0);
  }
  append(table.view());

  detail::ByteWriter trailer;
  trailer.put_u64(lists_at);
  trailer.put_u64(directory_at);
  trailer.put_u64(table_at);
  trailer.put_u64(blocks_.back().offset);
  trailer.put_u32(static_cast<std::uint32_t>(blocks_.size()));
  trailer.put_u32(header_.partial ? format::kPartialVersion : format::kVersion);
  trailer.put_u64(detail::hash_bytes(table.view()));
  // Hashed with the header's checksum, so that the end of one file never passes for that of another.
  detail::ByteWriter hashed;
  hashed.put_bytes(trailer.view());
  hashed.put_u64(header_checksum_);
  trailer.put_u64(detail::hash_bytes(hashed.view()));
  trailer.put_bytes(format::kTrailerMagic);
  append(trailer.view());
}

Result<SnapshotFile> SnapshotFileWriter::finish() {
  TIDEMARK_CHECK(file_ != nullptr, "a snapshot file is finished once");
  if (!error_) end_block();
  if (!error_) write_schema();
  if (!error_) write_index();
  const std::unique_ptr<WritableFile> file = std::move(file_);
  if (error_) return std::unexpected{*error_};
  if (!detail::planted(detail::PlantedBug::kAckBeforeFsync)) TIDEMARK_TRY(file->sync());
  TIDEMARK_TRY(file->close());
  SnapshotFile result;
  result.path = path_.substr(path_.rfind('/') + 1);
  result.size = offset_;
  result.checksum = whole_->digest();
  result.key_groups = header_.key_groups;
  return result;
}

}  // namespace tidemark
