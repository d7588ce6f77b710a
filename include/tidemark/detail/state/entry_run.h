// Entries of a state in a scratch file, a run: written once in the order of hashes and keys, then read from the front or
// looked up by key.
//
// Writers and cursors are one thread's, a run is everybody's. All that touches the file throws Error, which names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/detail/state/hash_part.h"

namespace tidemark::detail {

/// What an entry is to those of its key in older runs.
enum class RunEntryKind : std::uint8_t {
  kMerged,     ///< its value is to be merged with theirs
  kReplacing,  ///< its value counts instead of theirs
  kErased,     ///< theirs count no more, and it has none
};

/// Key and value are encoded.
struct RunEntry {
  std::uint64_t hash = 0;
  std::string_view key;
  RunEntryKind kind = RunEntryKind::kMerged;
  std::string_view value;
};

/// What a newer entry does to the values of its key: to those that are to be folded, older ones first.
template <class Value>
void add_to(std::vector<Value>& values, const RunEntry& newer) {
  if (newer.kind != RunEntryKind::kMerged) values.clear();
  if (newer.kind != RunEntryKind::kErased) values.emplace_back(newer.value);
}

/// The order of a run; no two of its entries have the same place.
inline bool comes_before(const RunEntry& a, const RunEntry& b) {
  return a.hash != b.hash ? a.hash < b.hash : a.key < b.key;
}

/// What a reader needs of memory for a run, but for entries that are larger.
inline constexpr std::size_t kRunBlockBytes = 16u << 10;

/// Written and sealed. The file goes with it.
class EntryRun {
 public:
  std::uint64_t entries() const { return entries_; }
  std::uint64_t bytes() const { return file_->size(); }
  HashSpan hashes() const { return hashes_; }
  /// Of the index: what the run takes of memory while nobody reads it.
  std::size_t memory_bytes() const { return index_.capacity() * sizeof(Block); }
  /// Of the largest block: what a cursor takes.
  std::size_t cursor_bytes() const { return largest_block_; }

  /// The entry of a key, whose bytes go into `block`; false if there is none. Only of a run with an index.
  bool find(std::uint64_t hash, std::string_view key, std::string& block, RunEntry& found) const;

 private:
  friend class EntryRunWriter;
  friend class EntryRunCursor;
  struct Block {
    std::uint64_t first_hash;
    std::uint64_t offset;
  };

  /// Gives where the next one begins; empty at the end of the file.
  std::uint64_t read_block(std::uint64_t offset, std::string& block) const;

  std::unique_ptr<ScratchFile> file_;
  std::uint64_t entries_ = 0;
  HashSpan hashes_;
  std::size_t largest_block_ = 0;
  std::vector<Block> index_;
};

class EntryRunWriter {
 public:
  /// With an index, of 16 bytes a block, keys can be looked up.
  EntryRunWriter(ScratchFiles& files, bool with_index);

  /// In the order of the run.
  void add(const RunEntry& entry);
  std::uint64_t bytes() const { return run_->bytes() + block_.size(); }
  std::shared_ptr<const EntryRun> finish();

 private:
  void end_block();

  std::unique_ptr<EntryRun> run_;
  bool with_index_;
  std::uint64_t first_hash_ = 0;  // of the block
  ByteWriter block_;
};

class EntryRunCursor {
 public:
  /// At the first entry.
  explicit EntryRunCursor(std::shared_ptr<const EntryRun> run);
  EntryRunCursor(const EntryRunCursor&) = delete;
  EntryRunCursor& operator=(const EntryRunCursor&) = delete;

  bool at_end() const { return block_.empty(); }
  /// Unless it is at the end; valid until next().
  const RunEntry& entry() const { return entry_; }
  void next();

 private:
  void read_block();
  void read_entry();

  std::shared_ptr<const EntryRun> run_;
  std::uint64_t next_block_ = 0;  // its offset
  std::string block_;
  std::size_t at_ = 0;  // in block_, of the next entry
  RunEntry entry_;
};

/// Entries that come in no order, a part of the hashes at a time, on their way into a run.
class RunRows {
 public:
  void add(const RunEntry& entry);
  /// In their order; behind what was written before.
  void write_to(EntryRunWriter& writer);

 private:
  struct Row {
    std::uint64_t hash;
    RunEntryKind kind;
    std::size_t begin;  // in bytes_: key and value
    std::size_t key_size;
    std::size_t value_size;
  };
  RunEntry entry_of(const Row& row) const;

  std::vector<Row> rows_;
  std::string bytes_;
};

}  // namespace tidemark::detail
