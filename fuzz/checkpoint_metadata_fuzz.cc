// `_metadata` and CURRENT: any bytes, also under right checksums, are refused or mean what is written back; any
// checkpoint survives being written.
#include "fuzz/input.h"
#include "fuzz/seal.h"
#include "fuzz/target.h"
#include "snapshot/checkpoint_pointer.h"
#include "snapshot/metadata.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

const std::string kMetadataPath = "/chk/_metadata";
const std::string kPointerPath = "/CURRENT";

void check_error(const Error& error, const std::string& path) {
  TIDEMARK_CHECK(error.code() == ErrorCode::kDataLoss || error.code() == ErrorCode::kUnsupportedVersion,
                 "a file that can't be read is damaged or newer");
  TIDEMARK_CHECK(error.message().starts_with("'" + path + "'"), "an error names the file");
}

void check_metadata_round_trip(const CheckpointMetadata& metadata) {
  const auto bytes = encode_metadata(metadata);
  TIDEMARK_CHECK(bytes.has_value(), "small metadata can be written");
  const auto back = decode_metadata(*bytes, kMetadataPath);
  TIDEMARK_CHECK(back.has_value(), "metadata that was written can be read");
  TIDEMARK_CHECK(*back == metadata, "metadata survives being written and read");
}

void check_metadata(std::string_view bytes) {
  if (const auto metadata = decode_metadata(bytes, kMetadataPath))
    check_metadata_round_trip(*metadata);
  else
    check_error(metadata.error(), kMetadataPath);
}

void check_pointer(std::string_view bytes) {
  const auto pointer = decode_pointer(bytes, kPointerPath);
  if (!pointer) return check_error(pointer.error(), kPointerPath);
  const auto back = decode_pointer(encode_pointer(*pointer), kPointerPath);
  TIDEMARK_CHECK(back && *back == *pointer, "a pointer survives being written and read");
}

template <class T, class Make>
std::vector<T> any_list(Input& in, Make&& make) {
  std::vector<T> items;
  for (std::size_t left = in.below(4); left > 0; --left) items.push_back(make());
  return items;
}

KeyGroupRange any_range(Input& in, std::uint32_t end) {
  const auto a = static_cast<std::uint32_t>(in.below(end + 1)), b = static_cast<std::uint32_t>(in.below(end + 1));
  return {std::min(a, b), std::max(a, b)};
}

OperatorSnapshot any_subtask(Input& in, std::uint32_t key_groups) {
  const auto text = [&] { return std::string{in.text()}; };
  OperatorSnapshot subtask{.uid = text(), .subtask = in.number<std::uint32_t>()};
  subtask.keyed_files = any_list<SnapshotFile>(in, [&] {
    return SnapshotFile{text() + ".snap", in.number<std::uint64_t>(), in.number<std::uint64_t>(),
                        any_range(in, key_groups)};
  });
  subtask.list_states = any_list<OperatorListState>(in, [&] {
    return OperatorListState{text(), static_cast<Redistribution>(in.below(2)), text(), any_list<std::string>(in, text)};
  });
  subtask.committables = any_list<std::string>(in, text);
  subtask.watermarks = any_list<KeyGroupWatermark>(
      in, [&] { return KeyGroupWatermark{any_range(in, key_groups), Timestamp{in.number<std::int64_t>()}}; });
  return subtask;
}

CheckpointMetadata::Operator any_operator(Input& in) {
  const auto text = [&] { return std::string{in.text()}; };
  CheckpointMetadata::Operator op{.uid = text(), .name = text()};
  op.max_parallelism = static_cast<std::uint32_t>(in.below(kLargestMaxParallelism + 1));
  op.parallelism = static_cast<std::uint32_t>(in.below(op.max_parallelism + 1));
  op.states = any_list<StateDescriptor>(in, [&] {
    return StateDescriptor{text(), static_cast<StateDescriptor::Kind>(1 + in.below(5)), text(), text(), text()};
  });
  op.subtasks = any_list<OperatorSnapshot>(in, [&] { return any_subtask(in, op.max_parallelism); });
  return op;
}

CheckpointMetadata any_metadata(Input& in) {
  CheckpointMetadata metadata{
      .job = std::string{in.text()}, .id = in.number<std::uint64_t>(), .attempt = in.number<std::uint32_t>()};
  metadata.kind = static_cast<CheckpointKind>(in.below(3));
  metadata.triggered_wall_ms = in.number<std::int64_t>();
  metadata.completed_wall_ms = in.number<std::int64_t>();
  metadata.operators = any_list<CheckpointMetadata::Operator>(in, [&] { return any_operator(in); });
  return metadata;
}

CheckpointPointer any_pointer(Input& in) {
  CheckpointPointer pointer{.job = any_value<std::string>(in, Values::kReadableAsText),
                            .attempt = in.number<std::uint32_t>()};
  pointer.checkpoints = any_list<RetainedCheckpoint>(in, [&] {
    return RetainedCheckpoint{in.number<std::uint64_t>(), in.number<std::uint32_t>(),
                              static_cast<CheckpointKind>(in.below(3))};
  });
  return pointer;
}

void check(std::string_view input) {
  std::string sealed{input};
  check_metadata(sealed);
  seal_metadata(sealed);
  check_metadata(sealed);

  sealed = input;
  check_pointer(sealed);
  seal_pointer(sealed);
  check_pointer(sealed);

  Input in{input};
  check_metadata_round_trip(any_metadata(in));
  Input again{input};
  check_pointer(encode_pointer(any_pointer(again)));
}

const Registration kTarget{"checkpoint_metadata", check};

}  // namespace
}  // namespace tidemark::fuzz
