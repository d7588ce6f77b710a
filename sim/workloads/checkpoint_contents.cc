#include "sim/workloads/checkpoint_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "snapshot/snapshot_file_reader.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/connectors/assigned_splits.h"

namespace tidemark {
namespace {

/// The numbers from `next` on to `end` are still to be read.
struct Unread {
  std::uint64_t next = 0;
  std::uint64_t end = 0;
};

std::optional<Unread> unread_of(const detail::SplitState& state) {
  const std::size_t dash = state.split.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto begin = number_in(std::string_view{state.split}.substr(0, dash));
  const auto end = number_in(std::string_view{state.split}.substr(dash + 1));
  const auto next = state.position.empty() ? begin : number_in(state.position);
  if (!begin || !end || !next || *next < *begin || *next > *end) return std::nullopt;
  return Unread{*next, *end};
}

const CheckpointMetadata::Operator* find_operator(const CheckpointMetadata& checkpoint, const std::string& uid) {
  const auto found = std::ranges::find(checkpoint.operators, uid, &CheckpointMetadata::Operator::uid);
  return found == checkpoint.operators.end() ? nullptr : &*found;
}

Result<> read_file_entries(FileSystem& files, const std::string& path, const SnapshotFile& file,
                           std::string_view state, const std::function<bool(const SnapshotEntry&)>& take) {
  TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files, path, &file));
  const auto id = reader->find_state(state);
  if (!id) return {};
  const std::uint32_t groups = reader->header().max_parallelism;
  return reader->for_each(*id, KeyGroupRange{0, groups}, [&](const SnapshotEntry& entry) -> Result<> {
    const std::uint32_t group = key_group_of(detail::hash_of_encoded(entry.key), groups);
    if (group != entry.key_group || !file.key_groups.contains(group)) {
      return fail(ErrorCode::kDataLoss, fmt::format("'{}' has a key of group {} in group {}", path, group, entry.key_group));
    }
    if (!take(entry)) return fail(ErrorCode::kDataLoss, fmt::format("'{}' has a wrong or doubled entry of '{}'", path, state));
    return {};
  });
}

}  // namespace

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && rest == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

Result<std::vector<bool>> numbers_read(const CheckpointMetadata& checkpoint, const std::string& uid,
                                       std::uint64_t count) {
  const auto wrong = [&](std::string_view what) { return fail(ErrorCode::kDataLoss, fmt::format("source '{}': {}", uid, what)); };
  TIDEMARK_ASSIGN(enumerator, read_list_state<EnumeratorState>(checkpoint, uid, "enumerator"));
  TIDEMARK_ASSIGN(splits, read_list_state<detail::SplitState>(checkpoint, uid, "splits"));
  const auto given = enumerator.size() == 1 ? number_in(enumerator.front().unassigned) : std::nullopt;
  if (!given || *given > count) return wrong("its enumerator's position is damaged");
  std::vector<bool> read(count, false);
  std::fill_n(read.begin(), *given, true);
  for (const detail::SplitState& state : splits) {
    const auto unread = unread_of(state);
    if (!unread || unread->end > *given) return wrong(fmt::format("split '{}' at '{}' is damaged", state.split, state.position));
    for (std::uint64_t n = unread->next; n < unread->end; ++n) {
      if (!read[n]) return wrong(fmt::format("number {} is in two splits", n));
      read[n] = false;
    }
  }
  return read;
}

Result<> read_items(const CheckpointMetadata& checkpoint, const std::string& uid, std::string_view state,
                    const std::function<bool(std::string_view)>& take) {
  const CheckpointMetadata::Operator* op = find_operator(checkpoint, uid);
  if (op == nullptr) return fail(ErrorCode::kDataLoss, fmt::format("'{}' is not in checkpoint {}", uid, checkpoint.id));
  for (const OperatorSnapshot& subtask : op->subtasks) {
    for (const OperatorListState& list : subtask.list_states) {
      if (list.name != state) continue;
      for (const std::string& bytes : list.items) {
        if (!take(bytes)) return fail(ErrorCode::kDataLoss, fmt::format("an item of '{}' in '{}' is damaged", state, uid));
      }
    }
  }
  return {};
}

Result<> read_entries(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint,
                      const std::string& uid, std::string_view state,
                      const std::function<bool(const SnapshotEntry&)>& take) {
  const CheckpointMetadata::Operator* op = find_operator(checkpoint, uid);
  if (op == nullptr) return fail(ErrorCode::kDataLoss, fmt::format("'{}' is not in checkpoint {}", uid, checkpoint.id));
  std::vector<KeyGroupRange> seen;
  for (const OperatorSnapshot& subtask : op->subtasks) {
    for (const SnapshotFile& file : subtask.keyed_files) {
      if (std::ranges::any_of(seen, [&](KeyGroupRange other) { return other.intersects(file.key_groups); })) {
        return fail(ErrorCode::kDataLoss, fmt::format("'{}' has key groups that another file has", file.path));
      }
      seen.push_back(file.key_groups);
      TIDEMARK_TRY(read_file_entries(files, join_path(folder, file.path), file, state, take));
    }
  }
  return {};
}

}  // namespace tidemark
