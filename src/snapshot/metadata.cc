#include "snapshot/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "snapshot/format.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using detail::ByteReader;
using detail::ByteWriter;

constexpr std::string_view kMagic{"TMMETA\r\n", 8};
constexpr std::size_t kPreludeSize = 32;
constexpr std::size_t kPreludeChecksumAt = 24;
constexpr std::uint32_t kCritical = 1;

/// Numbers are never reused.
enum class Section : std::uint32_t {
  kCheckpoint = 1,  // once
  kOperator = 2,    // once an operator
  kInFlight = 3,    // reserved, critical: batches between tasks
  kFileChains = 4,  // reserved, critical: base and deltas of incremental files
  kDrained = 5,     // at most once, empty: the sources were told to end
  kStore = 6,       // at most once a subtask: the files of its store
};

void put_range(ByteWriter& out, KeyGroupRange range) {
  out.put_varint(range.begin);
  out.put_varint(range.end);
}

void put_file(ByteWriter& out, const SnapshotFile& file) {
  out.put_string(file.path);
  out.put_varint(file.size);
  out.put_u64(file.checksum);
  put_range(out, file.key_groups);
}

void put_list_state(ByteWriter& out, const OperatorListState& state) {
  out.put_string(state.name);
  out.put_u8(static_cast<std::uint8_t>(state.redistribution));
  out.put_string(state.schema);
  out.put_varint(state.items.size());
  for (const std::string& item : state.items) out.put_string(item);
}

void put_state(ByteWriter& out, const StateDescriptor& state) {
  out.put_string(state.name);
  out.put_u8(state_kind_byte(state));
  out.put_string(state.key_schema);
  out.put_string(state.namespace_schema);
  out.put_string(state.value_schema);
}

void put_subtask(ByteWriter& out, const OperatorSnapshot& subtask) {
  out.put_string(subtask.uid);
  out.put_varint(subtask.subtask);
  out.put_varint(subtask.keyed_files.size());
  for (const SnapshotFile& file : subtask.keyed_files) put_file(out, file);
  out.put_varint(subtask.list_states.size());
  for (const OperatorListState& state : subtask.list_states) put_list_state(out, state);
  out.put_varint(subtask.committables.size());
  for (const std::string& committable : subtask.committables) out.put_string(committable);
  out.put_varint(subtask.watermarks.size());
  for (const KeyGroupWatermark& watermark : subtask.watermarks) {
    put_range(out, watermark.key_groups);
    out.put_i64(watermark.watermark.ms());
  }
}

std::string operator_section(const CheckpointMetadata::Operator& op) {
  ByteWriter out;
  out.put_string(op.uid);
  out.put_string(op.name);
  out.put_varint(op.parallelism);
  out.put_varint(op.max_parallelism);
  out.put_varint(op.states.size());
  for (const StateDescriptor& state : op.states) put_state(out, state);
  out.put_varint(op.subtasks.size());
  for (const OperatorSnapshot& subtask : op.subtasks) put_subtask(out, subtask);
  return out.take();
}

std::string store_section(const std::string& uid, const OperatorSnapshot& subtask) {
  ByteWriter out;
  out.put_string(uid);
  out.put_varint(subtask.subtask);
  out.put_string(subtask.store.format);
  put_range(out, subtask.store.key_groups);
  out.put_varint(subtask.store.files.size());
  for (const StoreFile& file : subtask.store.files) {
    out.put_string(file.name);
    out.put_string(file.file.path);
    out.put_varint(file.file.size);
    out.put_u64(file.file.checksum);
  }
  return out.take();
}

std::string checkpoint_section(const CheckpointMetadata& metadata) {
  ByteWriter out;
  out.put_string(metadata.job);
  out.put_varint(metadata.id);
  out.put_varint(metadata.attempt);
  out.put_u8(static_cast<std::uint8_t>(metadata.kind));
  out.put_i64(metadata.triggered_wall_ms);
  out.put_i64(metadata.completed_wall_ms);
  out.put_u32(detail::kHashId);
  return out.take();
}

void put_section(ByteWriter& out, Section type, std::string_view payload) {
  const std::size_t begin = out.size();
  out.put_u32(static_cast<std::uint32_t>(type));
  out.put_u32(kCritical);
  out.put_u64(payload.size());
  out.put_bytes(payload);
  out.put_u64(detail::hash_bytes(out.view().substr(begin)));
}

/// Turns bytes into metadata. Decoding functions leave a failed reader behind where something does not fit; it is
/// looked at once a section.
class Decoder {
 public:
  Decoder(std::string_view bytes, const std::string& path) : bytes_{bytes}, path_{path} {}

  Result<CheckpointMetadata> decode() {
    TIDEMARK_ASSIGN(sections, read_prelude());
    std::size_t at = kPreludeSize;
    for (std::uint32_t number = 0; number < sections; ++number) TIDEMARK_TRY(read_section(number, at));
    if (at != bytes_.size()) return damaged("end", "bytes follow the last section");
    if (!has_checkpoint_) return damaged("end", "the section of the checkpoint itself is missing");
    return std::move(metadata_);
  }

 private:
  Result<std::uint32_t> read_prelude() {
    ByteReader in{bytes_};
    if (in.get_bytes(kMagic.size()) != kMagic)
      return damaged("prelude", "the file does not begin as a checkpoint's metadata does");
    const std::uint32_t version = in.get_u32();
    const std::uint32_t sections = in.get_u32();
    const std::uint64_t size = in.get_u64();
    const std::uint64_t checksum = in.get_u64();
    if (!in.ok()) return damaged("prelude", "the file is cut off");
    if (detail::hash_bytes(bytes_.substr(0, kPreludeChecksumAt)) != checksum)
      return damaged("prelude", "its checksum does not match");
    if (version != kMetadataVersion) return newer(fmt::format("it has version {}", version));
    if (size != bytes_.size())
      return damaged("prelude", fmt::format("the file has {} bytes instead of {}", bytes_.size(), size));
    return sections;
  }

  Result<> read_section(std::uint32_t number, std::size_t& at) {
    const std::string where = fmt::format("section {}", number);
    ByteReader in{bytes_.substr(at)};
    const std::uint32_t type = in.get_u32();
    const std::uint32_t flags = in.get_u32();
    const std::string_view payload = in.get_bytes(in.get_u64());
    const std::size_t hashed_size = in.position();
    const std::uint64_t checksum = in.get_u64();
    if (!in.ok()) return damaged(where, "its length is wrong");
    if (detail::hash_bytes(bytes_.substr(at, hashed_size)) != checksum)
      return damaged(where, "its checksum does not match");
    at += in.position();

    ByteReader content{payload};
    switch (static_cast<Section>(type)) {
      case Section::kCheckpoint:
        if (has_checkpoint_) return damaged(where, "the section of the checkpoint itself is there twice");
        read_checkpoint(content);
        has_checkpoint_ = true;
        break;
      case Section::kOperator:
        metadata_.operators.push_back(read_operator(content));
        break;
      case Section::kDrained:
        metadata_.drained = true;
        break;
      case Section::kStore:
        read_store(content);
        break;
      default:
        if ((flags & kCritical) != 0)
          return newer(fmt::format("{} is of type {}, without which it cannot be restored", where, type));
        return {};
    }
    if (!newer_.empty()) return newer(fmt::format("{} has {}", where, newer_));
    if (!content.ok() || content.remaining() != 0) return damaged(where, "its content does not fit its length");
    return {};
  }

  void read_checkpoint(ByteReader& in) {
    metadata_.job = in.get_string();
    metadata_.id = in.get_varint();
    metadata_.attempt = get_u32(in);
    metadata_.kind = get_enum(in, CheckpointKind::kPeriodic, CheckpointKind::kStopSavepoint, "a kind of checkpoint");
    metadata_.triggered_wall_ms = in.get_i64();
    metadata_.completed_wall_ms = in.get_i64();
    if (in.get_u32() != detail::kHashId && in.ok()) newer_ = "another hash of keys";
  }

  CheckpointMetadata::Operator read_operator(ByteReader& in) {
    CheckpointMetadata::Operator op;
    op.uid = in.get_string();
    op.name = in.get_string();
    op.parallelism = get_u32(in);
    op.max_parallelism = get_u32(in);
    if (op.max_parallelism > kLargestMaxParallelism || op.parallelism > op.max_parallelism) in.fail();
    max_parallelism_ = op.max_parallelism;
    read_each(in, op.states, &Decoder::read_state);
    read_each(in, op.subtasks, &Decoder::read_subtask);
    return op;
  }

  // Of a subtask that stands in a section before.
  void read_store(ByteReader& in) {
    const std::string_view uid = in.get_string();
    const std::uint32_t number = get_u32(in);
    const auto op = std::ranges::find(metadata_.operators, uid, &CheckpointMetadata::Operator::uid);
    if (op == metadata_.operators.end()) return in.fail();
    const auto subtask = std::ranges::find(op->subtasks, number, &OperatorSnapshot::subtask);
    if (subtask == op->subtasks.end() || !subtask->store.format.empty()) return in.fail();
    max_parallelism_ = op->max_parallelism;
    StoreFiles& store = subtask->store;
    store.format = in.get_string();
    store.key_groups = read_range(in);
    if (store.format.empty()) return in.fail();
    read_each(in, store.files, &Decoder::read_store_file);
    for (StoreFile& file : store.files) file.file.key_groups = store.key_groups;
  }

  StoreFile read_store_file(ByteReader& in) {
    StoreFile file;
    file.name = in.get_string();
    if (!is_store_file_name(file.name)) in.fail();
    file.file.path = in.get_string();
    file.file.size = in.get_varint();
    file.file.checksum = in.get_u64();
    return file;
  }

  StateDescriptor read_state(ByteReader& in) {
    StateDescriptor state;
    state.name = in.get_string();
    const std::uint8_t kind = in.get_u8();
    if (!read_state_kind(kind, StateDescriptor::kLastKind, state) && in.ok()) {
      newer_ = fmt::format("a kind of state with the number {}", kind);
    }
    state.key_schema = in.get_string();
    state.namespace_schema = in.get_string();
    state.value_schema = in.get_string();
    return state;
  }

  OperatorSnapshot read_subtask(ByteReader& in) {
    OperatorSnapshot subtask;
    subtask.uid = in.get_string();
    subtask.subtask = get_u32(in);
    read_each(in, subtask.keyed_files, &Decoder::read_file);
    read_each(in, subtask.list_states, &Decoder::read_list_state);
    read_each(in, subtask.committables, &Decoder::read_text);
    read_each(in, subtask.watermarks, &Decoder::read_watermark);
    return subtask;
  }

  SnapshotFile read_file(ByteReader& in) {
    SnapshotFile file;
    file.path = in.get_string();
    file.size = in.get_varint();
    file.checksum = in.get_u64();
    file.key_groups = read_range(in);
    if (file.path.empty()) in.fail();
    return file;
  }

  OperatorListState read_list_state(ByteReader& in) {
    OperatorListState state;
    state.name = in.get_string();
    state.redistribution = get_enum(in, Redistribution::kSplit, Redistribution::kBroadcast, "a kind of redistribution");
    state.schema = in.get_string();
    read_each(in, state.items, &Decoder::read_text);
    return state;
  }

  KeyGroupWatermark read_watermark(ByteReader& in) {
    KeyGroupWatermark watermark;
    watermark.key_groups = read_range(in);
    watermark.watermark = Timestamp{in.get_i64()};
    return watermark;
  }

  std::string read_text(ByteReader& in) { return std::string{in.get_string()}; }

  KeyGroupRange read_range(ByteReader& in) {
    KeyGroupRange range;
    range.begin = get_u32(in);
    range.end = get_u32(in);
    if (range.begin > range.end || range.end > max_parallelism_) in.fail();
    return range;
  }

  /// A count, then so many items. Every item takes at least a byte, so a wrong count ends with the bytes.
  template <class T>
  void read_each(ByteReader& in, std::vector<T>& items, T (Decoder::*read)(ByteReader&)) {
    for (std::uint64_t left = in.get_varint(); left > 0 && in.ok(); --left) items.push_back((this->*read)(in));
  }

  std::uint32_t get_u32(ByteReader& in) {
    const std::uint64_t v = in.get_varint();
    if (v > 0xffff'ffff) in.fail();
    return static_cast<std::uint32_t>(v);
  }

  template <class E>
  E get_enum(ByteReader& in, E first, E last, std::string_view what) {
    const std::uint8_t v = in.get_u8();
    if (in.ok() && (v < static_cast<std::uint8_t>(first) || v > static_cast<std::uint8_t>(last))) {
      newer_ = fmt::format("{} with the number {}", what, v);
    }
    return static_cast<E>(v);
  }

  std::unexpected<Error> damaged(std::string_view where, std::string_view what) const {
    return fail(
        ErrorCode::kDataLoss,
        fmt::format(
            "'{}' is damaged: {}: {}; bring back an intact copy of the file or resume from another checkpoint with "
            "--resume=PATH",
            path_, where, what));
  }
  std::unexpected<Error> newer(std::string_view what) const {
    return fail(
        ErrorCode::kUnsupportedVersion,
        fmt::format(
            "'{}' was written by a newer Tidemark: {}, and this one reads up to version {}; use that newer Tidemark or "
            "resume from another checkpoint with --resume=PATH",
            path_, what, kMetadataVersion));
  }

  std::string_view bytes_;
  const std::string& path_;
  CheckpointMetadata metadata_;
  bool has_checkpoint_ = false;
  std::uint32_t max_parallelism_ = 0;  // of the operator being read
  std::string newer_;                  // what was met that only a newer version knows
};

}  // namespace

bool is_store_file_name(std::string_view name) {
  constexpr std::size_t kLongest = 128;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kLongest && name.find_first_not_of('.') != std::string_view::npos &&
         std::ranges::all_of(name, is_allowed);
}

Result<std::string> encode_metadata(const CheckpointMetadata& metadata) {
  ByteWriter sections;
  std::uint32_t count = 0;
  const auto put = [&](Section type, std::string_view payload) {
    put_section(sections, type, payload);
    ++count;
  };
  put(Section::kCheckpoint, checkpoint_section(metadata));
  for (const CheckpointMetadata::Operator& op : metadata.operators) put(Section::kOperator, operator_section(op));
  if (metadata.drained) put(Section::kDrained, {});
  for (const CheckpointMetadata::Operator& op : metadata.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      if (!subtask.store.format.empty()) put(Section::kStore, store_section(op.uid, subtask));
    }
  }

  ByteWriter out;
  out.reserve(kPreludeSize + sections.size());
  out.put_bytes(kMagic);
  out.put_u32(kMetadataVersion);
  out.put_u32(count);
  out.put_u64(kPreludeSize + sections.size());
  out.put_u64(detail::hash_bytes(out.view()));
  out.put_bytes(sections.view());
  if (out.size() > kLargestMetadata) {
    return fail(
        ErrorCode::kResourceExhausted,
        fmt::format(
            "the metadata of checkpoint {} would have {} bytes, more than the largest allowed, {}: operator list "
            "states and committables are too large",
            metadata.id, out.size(), kLargestMetadata));
  }
  return out.take();
}

Result<CheckpointMetadata> decode_metadata(std::string_view bytes, const std::string& path) {
  return Decoder{bytes, path}.decode();
}

}  // namespace tidemark
