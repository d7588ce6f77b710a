// The runs of a state, oldest first, as one: what the entries of each key come to.
//
// A key may have an entry in several runs; which of them count, and how, their kinds say. Runs are not changed: many of one
// size are merged into one that takes their place, a few entries at a time, so that there are never too many to read at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/detail/state/entry_run.h"
#include "tidemark/detail/state/table.h"

namespace tidemark::detail {

/// What knows how values are merged. One thread at a time.
class ValueFold {
 public:
  virtual ~ValueFold() = default;
  /// The values of a key, encoded, older ones first, as one; valid until the next call.
  virtual std::string_view fold(std::span<const std::string_view> values) = 0;
};

/// Goes through the keys of several runs, in the order of runs. One thread's.
class RunMerge {
 public:
  explicit RunMerge(const std::vector<std::shared_ptr<const EntryRun>>& oldest_first);

  bool at_end() const { return heap_.empty() && current_.empty(); }
  // Of a key, unless it is at the end; valid until next().
  std::uint64_t hash() const { return current_.front()->cursor.entry().hash; }
  std::string_view key() const { return current_.front()->cursor.entry().key; }
  /// What they all are to entries of still older runs.
  RunEntryKind kind() const { return kind_; }
  /// To be folded, older ones first; none of a key that was erased.
  std::span<const std::string_view> values() const { return values_; }
  void next();

 private:
  struct Input {
    explicit Input(std::shared_ptr<const EntryRun> run, std::size_t run_age) : cursor{std::move(run)}, age{run_age} {}
    EntryRunCursor cursor;
    std::size_t age;  // 0: of the oldest run
  };
  static bool comes_later(const Input* a, const Input* b);
  void take_key();

  std::vector<std::unique_ptr<Input>> inputs_;
  std::vector<Input*> heap_;     // the next entry in front, of the oldest run
  std::vector<Input*> current_;  // those that have the key, oldest first
  RunEntryKind kind_ = RunEntryKind::kMerged;
  std::vector<std::string_view> values_;
};

class EntryRuns {
 public:
  bool empty() const { return runs_.empty(); }
  std::size_t size() const { return runs_.size(); }
  std::vector<std::shared_ptr<const EntryRun>> oldest_first() const;
  std::uint64_t bytes() const;
  /// Of all entries.
  HashSpan hashes() const;
  /// While nobody reads them.
  std::size_t memory_bytes() const;
  /// Of cursors in all of them at once.
  std::size_t cursor_bytes() const;

  /// Newer than all others.
  void add(std::shared_ptr<const EntryRun> run);
  /// The values of a key, to be folded, older ones first. Only where the runs have indexes.
  std::vector<std::string> find(std::uint64_t hash, std::string_view key) const;

 private:
  friend class RunCompaction;
  struct Run {
    std::shared_ptr<const EntryRun> run;
    unsigned level = 0;  // how often its entries were merged; the older run's is not the smaller one
  };

  std::vector<Run> runs_;
};

/// Several runs on their way to become one. The owner of the runs may add to them meanwhile.
class RunCompaction {
 public:
  static constexpr std::size_t kMergedAtOnce = 4;

  /// True where so many runs of one level are there.
  static bool is_due(const EntryRuns& runs) { return first_due(runs).has_value(); }
  /// Where it is due. `runs` and `files` outlive it.
  RunCompaction(EntryRuns& runs, ScratchFiles& files, bool with_index);

  /// Merges so many keys, or all that are left. True once the one run is there; after an Error the runs are as they were.
  bool step(std::size_t keys, ValueFold& fold);

 private:
  static std::optional<std::size_t> first_due(const EntryRuns& runs);
  static std::vector<std::shared_ptr<const EntryRun>> merged(const EntryRuns& runs, std::size_t first);

  EntryRuns& runs_;
  std::size_t first_;  // of the merged ones
  RunMerge merge_;
  EntryRunWriter writer_;
};

/// All keys of `runs` and of `newer`, to each of which what stands before it is older. It can't tell what changed.
std::unique_ptr<TableView> view_of_runs(const EntryRuns& runs, std::vector<std::unique_ptr<TableView>> newer,
                                        std::unique_ptr<ValueFold> fold);

}  // namespace tidemark::detail
