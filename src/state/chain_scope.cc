#include "state/chain_scope.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark {
namespace {

KeyGroupRange intersection(KeyGroupRange a, KeyGroupRange b) {
  const std::uint32_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

}  // namespace

Result<ChainScope> ChainScope::of(const Files& files, KeyGroupRange wanted, const std::vector<KeyGroupRange>& in_stores) {
  ChainScope scope{files, wanted};
  for (std::size_t file = 0; file < files.size(); ++file) {
    for (std::uint32_t state = 0; state < files[file]->states().size(); ++state) scope.note(file, state, in_stores);
  }
  for (std::size_t file = 0; file < files.size(); ++file) {
    for (std::uint32_t state = 0; state < files[file]->states().size(); ++state) {
      TIDEMARK_TRY(scope.check_bases(file, state));
    }
  }
  return scope;
}

void ChainScope::set_base(State& state, KeyGroupRange key_groups, std::size_t file) const {
  const KeyGroupRange range = intersection(key_groups, wanted_);
  if (range.size() == 0) return;
  std::fill(state.base.begin() + (range.begin - wanted_.begin), state.base.begin() + (range.end - wanted_.begin), file);
}

void ChainScope::note(std::size_t file, std::uint32_t state, const std::vector<KeyGroupRange>& in_stores) {
  const SnapshotFileReader& reader = *(*files_)[file];
  const StatePart& part = reader.part(state);
  State& noted = states_[reader.states()[state].name];
  if (noted.base.empty()) {
    noted.base.resize(wanted_.size(), kNone);
    for (const KeyGroupRange range : in_stores) set_base(noted, range, 0);
  }
  for (const KeyGroupRange whole : part.whole) set_base(noted, whole, file);
  for (const std::string& name : part.dropped_namespaces) noted.dropped[name].push_back(file);
}

Result<> ChainScope::check_bases(std::size_t file, std::uint32_t state) const {
  const SnapshotFileReader& reader = *(*files_)[file];
  const std::string& name = reader.states()[state].name;
  const State& noted = states_.find(name)->second;
  const KeyGroupRange range = intersection(reader.header().key_groups, wanted_);
  for (std::uint32_t key_group = range.begin; key_group < range.end; ++key_group) {
    if (noted.base[key_group - wanted_.begin] != kNone) continue;
    return fail(ErrorCode::kDataLoss,
                fmt::format("{}: holds what changed of state '{}' of operator '{}' in key group {}, but the checkpoint names no "
                            "file that it continues; resume from another checkpoint with --resume=PATH",
                            reader.path(), name, reader.header().uid, key_group));
  }
  return {};
}

std::vector<KeyGroupRange> ChainScope::key_groups(std::size_t file, std::uint32_t state) const {
  const SnapshotFileReader& reader = *(*files_)[file];
  const State& noted = states_.find(reader.states()[state].name)->second;
  const KeyGroupRange range = intersection(reader.header().key_groups, wanted_);
  std::vector<KeyGroupRange> counting;
  for (std::uint32_t key_group = range.begin; key_group < range.end; ++key_group) {
    if (noted.base[key_group - wanted_.begin] > file) continue;
    if (!counting.empty() && counting.back().end == key_group) {
      ++counting.back().end;
    } else {
      counting.push_back({key_group, key_group + 1});
    }
  }
  return counting;
}

bool ChainScope::has_dropped(std::size_t file, std::uint32_t state) const {
  return !states_.find((*files_)[file]->states()[state].name)->second.dropped.empty();
}

bool ChainScope::is_dropped(std::size_t file, std::uint32_t state, std::string_view name_space) const {
  const SnapshotFileReader& reader = *(*files_)[file];
  const State& noted = states_.find(reader.states()[state].name)->second;
  const auto found = noted.dropped.find(name_space);
  if (found == noted.dropped.end()) return false;
  return std::ranges::any_of(found->second, [&](std::size_t newer) {
    return newer > file && (*files_)[newer]->header().key_groups.intersects(reader.header().key_groups);
  });
}

}  // namespace tidemark
