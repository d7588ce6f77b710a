// Metadata and damage for the tests of this room.
#pragma once

#include <string>
#include <string_view>

#include "env/file_system.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// Every field differs from its default, every list has items and an empty one.
inline CheckpointMetadata sample_metadata(CheckpointId id = 41, AttemptId attempt = 7) {
  CheckpointMetadata metadata;
  metadata.job = "orders";
  metadata.id = id;
  metadata.attempt = attempt;
  metadata.kind = CheckpointKind::kStop;
  metadata.triggered_wall_ms = 1'436'918'400'000;
  metadata.completed_wall_ms = 1'436'918'400'120;

  CheckpointMetadata::Operator source{
      .uid = "source", .name = "Source: orders", .parallelism = 1, .max_parallelism = 64};
  OperatorSnapshot offsets{.uid = "source", .subtask = 0};
  offsets.list_states.push_back({"splits", Redistribution::kSplit, R"("string")", {"a:10", "", "b:20"}});
  offsets.list_states.push_back({"seen", Redistribution::kUnion, R"("string")", {}});
  source.subtasks.push_back(offsets);

  CheckpointMetadata::Operator count{.uid = "count", .name = "Count", .parallelism = 2, .max_parallelism = 64};
  count.states.push_back({"counts", StateDescriptor::Kind::kMap, R"("string")", R"("int64")", R"("uint64")"});
  count.states.push_back({"timers", StateDescriptor::Kind::kTimers, R"("string")", "", ""});
  for (std::uint32_t subtask = 0; subtask < 2; ++subtask) {
    OperatorSnapshot part{.uid = "count", .subtask = subtask};
    const KeyGroupRange range = range_of_subtask(subtask, 2, 64);
    part.watermarks.push_back({range, subtask == 0 ? Timestamp{1'436'918'000'000} : Timestamp::min()});
    count.subtasks.push_back(part);
  }

  CheckpointMetadata::Operator sink{.uid = "sink", .name = "Sink", .parallelism = 1, .max_parallelism = 64};
  OperatorSnapshot pending{.uid = "sink", .subtask = 0};
  pending.committables = {"part-0-41", std::string("\0binary\xff", 8)};
  sink.subtasks.push_back(pending);

  metadata.operators = {source, count, sink};
  return metadata;
}

inline void put_file(FileSystem& files, const std::string& path, std::string_view bytes) {
  auto file = value_or_throw(files.create(path, CreateMode::kTruncate));
  value_or_throw(file->append(bytes));
  value_or_throw(file->sync());
  value_or_throw(file->close());
}

/// Calls `f` with `bytes` after each single flipped bit, then with each truncation, then with a byte more.
template <class F>
void for_each_damage(std::string_view bytes, F&& f) {
  std::string damaged{bytes};
  for (char& byte : damaged) {
    for (int bit = 0; bit < 8; ++bit) {
      byte = static_cast<char>(byte ^ (1 << bit));
      f(std::string_view{damaged});
      byte = static_cast<char>(byte ^ (1 << bit));
    }
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) f(bytes.substr(0, size));
  damaged.push_back('x');
  f(std::string_view{damaged});
}

}  // namespace tidemark
