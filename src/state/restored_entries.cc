#include "state/restored_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "state/restored_value.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/state/changed_since.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

std::vector<KeyGroupRange> key_groups_of(const std::vector<StoreFiles>& stores) {
  std::vector<KeyGroupRange> ranges;
  for (const StoreFiles& store : stores) ranges.push_back(store.key_groups);
  return ranges;
}

}  // namespace

Error damaged_entry(const SnapshotFileReader& file, std::uint32_t state, std::uint32_t key_group, std::string_view what) {
  return Error{ErrorCode::kDataLoss,
               fmt::format("{}: an entry of state '{}' of operator '{}' in key group {} {}: the file is damaged; restore an "
                           "older checkpoint",
                           file.path(), file.states()[state].name, file.header().uid, key_group, what)};
}

RestoredEntries::RestoredEntries(ChainScope::Files files, const detail::OperatorContext& context)
    : key_groups_{context.key_groups()},
      max_parallelism_{context.max_parallelism},
      files_{std::move(files)},
      scope_{value_or_throw(ChainScope::of(files_, key_groups_, key_groups_of(context.restore.stores)))} {}

void RestoredEntries::add(const StateDescriptor& declared, detail::Table& table, std::size_t file, std::uint32_t id,
                          bool is_erased, Evolution evolution) {
  auto state = std::ranges::find(states_, &table, &State::table);
  if (state == states_.end()) state = states_.insert(states_.end(), {.declared = declared, .table = &table, .parts = {}});
  state->parts.push_back({.file = file,
                          .id = id,
                          .is_erased = is_erased,
                          .evolution = std::move(evolution),
                          .key_groups = scope_.key_groups(file, id)});
  // Of a file that other subtasks read, too, or that newer ones replace in part: what counts here, about.
  std::uint64_t counting = 0;
  for (const KeyGroupRange range : state->parts.back().key_groups) counting += range.size();
  bytes_ += files_[file]->stored_bytes(id) * counting / std::max<std::uint64_t>(files_[file]->header().key_groups.size(), 1);
}

void RestoredEntries::cut(std::uint64_t unit_bytes) {
  const std::uint64_t units = std::clamp<std::uint64_t>(bytes_ / std::max<std::uint64_t>(unit_bytes, 1), 1, key_groups_.size());
  groups_per_unit_ = static_cast<std::uint32_t>(key_groups_.size() / units);
  for (const State& state : states_) {
    for (const Part& part : state.parts) value_or_throw(files_[part.file]->entries(part.id, key_groups_));
  }
}

const RestoredEntries::State* RestoredEntries::find(const detail::Table& table) const {
  const auto found = std::ranges::find(states_, &table, &State::table);
  return found == states_.end() ? nullptr : &*found;
}

KeyGroupRange RestoredEntries::key_groups(std::size_t unit) const {
  const std::uint32_t begin = key_groups_.begin + static_cast<std::uint32_t>(unit) * groups_per_unit_;
  return {begin, std::min(begin + groups_per_unit_, key_groups_.end)};
}

std::uint64_t RestoredEntries::first_hash(std::size_t unit) const {
  const std::uint32_t begin = key_groups(unit).begin;
  return begin == 0 ? 0 : detail::last_hash_below(begin, max_parallelism_) + 1;
}

std::uint64_t RestoredEntries::last_hash(std::size_t unit) const {
  return detail::last_hash_below(key_groups(unit).end, max_parallelism_);
}

struct UnitReader::Source {
  RestoredValue restored;
  std::optional<SnapshotCursor> cursor;  // at the unit before
};

UnitReader::UnitReader(const RestoredEntries& entries, const RestoredEntries::State& state, std::uint32_t written_s)
    : entries_{entries}, state_{state} {
  sources_.reserve(state.parts.size());
  for (const RestoredEntries::Part& part : state.parts) {
    const StateDescriptor& saved = entries.files()[part.file]->states()[part.id];
    sources_.push_back({{saved, state.declared, part.evolution.conversion, written_s}, std::nullopt});
  }
}

UnitReader::~UnitReader() = default;

void UnitReader::read(std::size_t unit, std::size_t first_file) {
  saved_.clear();
  bytes_.clear();
  next_ = 0;
  parts_read_ = 0;
  KeyGroupRange wanted = entries_.key_groups(unit);
  if (detail::planted(detail::PlantedBug::kRestoreSkipsKeyGroup) && unit + 1 == entries_.unit_count()) --wanted.end;
  for (std::uint32_t part = 0; part < state_.parts.size(); ++part) {
    if (state_.parts[part].file < first_file) continue;
    const std::size_t before = saved_.size();
    for (const KeyGroupRange counting : state_.parts[part].key_groups) {
      const KeyGroupRange range{std::max(counting.begin, wanted.begin), std::min(counting.end, wanted.end)};
      if (range.begin < range.end) read_part(part, range);
    }
    if (saved_.size() > before) ++parts_read_;
  }
  sort();
}

void UnitReader::read_part(std::uint32_t number, KeyGroupRange key_groups) {
  const RestoredEntries::Part& part = state_.parts[number];
  const SnapshotFileReader& file = *entries_.files()[part.file];
  std::optional<SnapshotCursor>& cursor = sources_[number].cursor;
  cursor = value_or_throw(file.entries(part.id, key_groups, cursor ? &*cursor : nullptr));
  const bool has_dropped = entries_.scope().has_dropped(part.file, part.id);
  SnapshotEntry entry;
  while (value_or_throw(cursor->next_block())) {
    while (cursor->next(entry)) {
      if (has_dropped && entries_.scope().is_dropped(part.file, part.id, entry.name_space)) continue;
      const std::uint64_t hash = detail::hash_of_encoded(entry.key);
      if (key_group_of(hash, entries_.max_parallelism()) != entry.key_group) {
        throw damaged_entry(file, part.id, entry.key_group, "has a key of another key group");
      }
      saved_.push_back({hash, bytes_.size(), entry.key.size(), entry.value.size(), number});
      bytes_.append(entry.key).append(entry.value);
    }
  }
}

// Of a key the newest one last. A file in the order of hashes needs no more.
void UnitReader::sort() {
  if (parts_read_ <= 1 && std::ranges::is_sorted(saved_, {}, &Saved::hash)) return;
  std::ranges::stable_sort(saved_, [this](const Saved& a, const Saved& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const int order = key(a).compare(key(b));
    return order != 0 ? order < 0 : a.part < b.part;
  });
}

bool UnitReader::has_same_key(std::size_t a, std::size_t b) const {
  return saved_[a].hash == saved_[b].hash && key(saved_[a]) == key(saved_[b]);
}

bool UnitReader::next(Entry& entry) {
  for (; next_ < saved_.size(); ++next_) {
    const Saved& saved = saved_[next_];
    const RestoredEntries::Part& part = state_.parts[saved.part];
    const bool is_replaced = next_ + 1 < saved_.size() && has_same_key(next_, next_ + 1);
    if (is_replaced || part.is_erased) continue;
    const std::string_view bytes = std::string_view{bytes_}.substr(saved.at);
    const auto value = sources_[saved.part].restored.of(bytes.substr(saved.key_size, saved.value_size));
    if (!value) throw damaged(part, saved.hash, "is none of its saved type");
    entry = {saved.hash, key(saved), *value, &part};
    ++next_;
    return true;
  }
  return false;
}

void UnitReader::fail_undecodable(const Entry& entry) const { throw damaged(*entry.part, entry.hash, "does not decode"); }

Error UnitReader::damaged(const RestoredEntries::Part& part, std::uint64_t hash, std::string_view what) const {
  return damaged_entry(*entries_.files()[part.file], part.id, key_group_of(hash, entries_.max_parallelism()), what);
}

}  // namespace tidemark
