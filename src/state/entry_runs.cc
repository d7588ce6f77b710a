#include "tidemark/detail/state/entry_runs.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

#include "state/view_reader.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark::detail {
namespace {

std::string_view value_of(std::span<const std::string_view> values, ValueFold& fold) {
  if (values.empty()) return {};
  return values.size() == 1 ? values.front() : fold.fold(values);
}

}  // namespace

RunMerge::RunMerge(const std::vector<std::shared_ptr<const EntryRun>>& oldest_first) {
  for (const auto& run : oldest_first) {
    inputs_.push_back(std::make_unique<Input>(run, inputs_.size()));
    if (!inputs_.back()->cursor.at_end()) heap_.push_back(inputs_.back().get());
  }
  std::ranges::make_heap(heap_, comes_later);
  take_key();
}

bool RunMerge::comes_later(const Input* a, const Input* b) {
  const RunEntry& entry_a = a->cursor.entry();
  const RunEntry& entry_b = b->cursor.entry();
  if (comes_before(entry_b, entry_a)) return true;
  return a->age > b->age && !comes_before(entry_a, entry_b);
}

void RunMerge::next() {
  for (Input* input : current_) {
    input->cursor.next();
    if (input->cursor.at_end()) continue;
    heap_.push_back(input);
    std::ranges::push_heap(heap_, comes_later);
  }
  take_key();
}

void RunMerge::take_key() {
  current_.clear();
  values_.clear();
  kind_ = RunEntryKind::kMerged;
  while (!heap_.empty()) {
    const RunEntry& entry = heap_.front()->cursor.entry();
    if (!current_.empty() && comes_before(current_.front()->cursor.entry(), entry)) return;
    std::ranges::pop_heap(heap_, comes_later);
    current_.push_back(heap_.back());
    heap_.pop_back();
    if (entry.kind != RunEntryKind::kMerged && current_.size() > 1) {
      TIDEMARK_PROBE("state: a restored entry counts instead of one that did not fit into memory");
    }
    add_to(values_, entry);
    if (entry.kind != RunEntryKind::kMerged || kind_ != RunEntryKind::kMerged) {
      kind_ = values_.empty() ? RunEntryKind::kErased : RunEntryKind::kReplacing;
    }
  }
}

std::vector<std::shared_ptr<const EntryRun>> EntryRuns::oldest_first() const {
  std::vector<std::shared_ptr<const EntryRun>> all;
  for (const Run& run : runs_) all.push_back(run.run);
  return all;
}

std::uint64_t EntryRuns::bytes() const {
  std::uint64_t bytes = 0;
  for (const Run& run : runs_) bytes += run.run->bytes();
  return bytes;
}

HashSpan EntryRuns::hashes() const {
  HashSpan hashes;
  for (const Run& run : runs_) hashes.add(run.run->hashes());
  return hashes;
}

std::size_t EntryRuns::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Run& run : runs_) bytes += run.run->memory_bytes();
  return bytes;
}

std::size_t EntryRuns::cursor_bytes() const {
  std::size_t bytes = 0;
  for (const Run& run : runs_) bytes += run.run->cursor_bytes();
  return bytes;
}

void EntryRuns::add(std::shared_ptr<const EntryRun> run) {
  if (run->entries() != 0) runs_.push_back({std::move(run), 0});
}

std::vector<std::string> EntryRuns::find(std::uint64_t hash, std::string_view key) const {
  std::vector<std::string> values;
  std::string block;
  RunEntry entry;
  for (const Run& run : runs_) {
    if (!run.run->find(hash, key, block, entry)) continue;
    TIDEMARK_PROBE("state: a key is looked up in what did not fit into memory");
    add_to(values, entry);
  }
  return values;
}

// Of the newest level, which is the smallest, the oldest ones: so that levels still descend.
std::optional<std::size_t> RunCompaction::first_due(const EntryRuns& runs) {
  for (std::size_t end = runs.size(); end > 0;) {
    std::size_t first = end - 1;
    while (first > 0 && runs.runs_[first - 1].level == runs.runs_[first].level) --first;
    if (end - first >= kMergedAtOnce) return first;
    end = first;
  }
  return std::nullopt;
}

std::vector<std::shared_ptr<const EntryRun>> RunCompaction::merged(const EntryRuns& runs, std::size_t first) {
  const auto all = runs.oldest_first();
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + kMergedAtOnce};
}

RunCompaction::RunCompaction(EntryRuns& runs, ScratchFiles& files, bool with_index)
    : runs_{runs}, first_{first_due(runs).value()}, merge_{merged(runs, first_)}, writer_{files, with_index} {}

bool RunCompaction::step(std::size_t keys, ValueFold& fold) {
  const bool has_oldest = first_ == 0;
  for (; keys > 0 && !merge_.at_end(); --keys, merge_.next()) {
    if (merge_.kind() == RunEntryKind::kErased && has_oldest) continue;  // nothing is left for it to erase
    writer_.add({merge_.hash(), merge_.key(), merge_.kind(), value_of(merge_.values(), fold)});
  }
  if (!merge_.at_end()) return false;
  TIDEMARK_PROBE("state: pieces of what did not fit into memory become one");
  const auto at = runs_.runs_.begin() + static_cast<std::ptrdiff_t>(first_);
  const unsigned level = at->level + 1;
  *at = {writer_.finish(), level};
  runs_.runs_.erase(at + 1, at + kMergedAtOnce);
  return true;
}

namespace {

// A "segment" is a bounded piece, and how many of them there are shows at the end.
class RunsView final : public TableView {
 public:
  RunsView(const EntryRuns& runs, std::vector<std::unique_ptr<TableView>> newer, std::unique_ptr<ValueFold> fold)
      : runs_{runs.oldest_first()}, newer_views_{std::move(newer)}, fold_{std::move(fold)} {
    for (const auto& view : newer_views_) newer_.emplace_back(*view);
  }

  std::size_t segment_count() const override { return segments_read_ + (finished_ ? 0 : 1); }
  /// It knows of none: so everything counts as changed.
  std::optional<std::uint32_t> changes_known_since() const override { return std::numeric_limits<std::uint32_t>::max(); }

  void read_segment(std::size_t, EntrySink& sink) override {
    TIDEMARK_PROBE("state: a snapshot reads what did not fit into memory");
    if (!merge_) merge_.emplace(std::exchange(runs_, {}));
    ++segments_read_;
    for (std::size_t bytes = 0; bytes < kRunBlockBytes;) {
      std::optional<std::uint64_t> hash;
      if (!merge_->at_end()) hash = merge_->hash();
      for (ViewReader& view : newer_) {
        if (view.has_entry()) hash = std::min(hash.value_or(view.hash()), view.hash());
      }
      if (!hash) {
        finished_ = true;
        return;
      }
      gather(*hash);
      bytes += write(*hash, sink);
    }
  }

 private:
  // A key of the hash at hand, with its values, older ones first.
  struct Key {
    std::string key;
    std::vector<std::string> values;
  };

  Key& key_of(std::string_view key) {
    const auto found = std::ranges::find(keys_, key, &Key::key);
    return found != keys_.end() ? *found : keys_.emplace_back(Key{std::string{key}, {}});
  }
  // Nearly always one key.
  void gather(std::uint64_t hash) {
    keys_.clear();
    for (; !merge_->at_end() && merge_->hash() == hash; merge_->next()) {
      Key& key = key_of(merge_->key());
      key.values.assign(merge_->values().begin(), merge_->values().end());
    }
    for (ViewReader& view : newer_) {
      for (; view.has_entry() && view.hash() == hash; view.skip()) {
        const ViewReader::Entry entry = view.get();
        key_of(entry.key).values.emplace_back(entry.value);
      }
    }
  }
  // Gives how many bytes these were.
  std::size_t write(std::uint64_t hash, EntrySink& sink) {
    std::size_t bytes = 0;
    for (const Key& key : keys_) {
      if (key.values.empty()) continue;
      values_.assign(key.values.begin(), key.values.end());
      const std::string_view value = value_of(values_, *fold_);
      sink.entry(hash, key.key, value);
      bytes += key.key.size() + value.size();
    }
    return bytes;
  }

  std::vector<std::shared_ptr<const EntryRun>> runs_;  // until the first segment
  std::vector<std::unique_ptr<TableView>> newer_views_;
  std::unique_ptr<ValueFold> fold_;
  std::optional<RunMerge> merge_;  // from the first segment on
  std::deque<ViewReader> newer_;   // of newer_views_
  std::vector<Key> keys_;
  std::vector<std::string_view> values_;
  std::size_t segments_read_ = 0;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<TableView> view_of_runs(const EntryRuns& runs, std::vector<std::unique_ptr<TableView>> newer,
                                        std::unique_ptr<ValueFold> fold) {
  return std::make_unique<RunsView>(runs, std::move(newer), std::move(fold));
}

}  // namespace tidemark::detail
