// Reads one data file of a snapshot: its index at once, then only the blocks that are asked for.
//
// A reader is immutable after open(): any number of threads may have cursors on it. Cursors point into their reader,
// and entries into the cursor's current block. Every length and checksum is verified before it is used: whatever the
// file holds ends in entries as they were written or in an error that names file and block, never in a crash or an
// allocation larger than the file or 16 MiB.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "env/file_system.h"
#include "snapshot/format.h"
#include "tidemark/detail/base/bytes.h"

namespace tidemark {

class SnapshotFileReader;

/// The entries of one state in a range of key groups, block by block. Movable, one thread.
class SnapshotCursor {
 public:
  SnapshotCursor(SnapshotCursor&&) noexcept;
  SnapshotCursor& operator=(SnapshotCursor&&) noexcept;
  ~SnapshotCursor();

  /// Reads the next block (the only call that does I/O): false at the end. Entries of the block before become invalid.
  Result<bool> next_block();
  /// The next entry of the current block; false at its end and where it is damaged, which next_block() then reports.
  bool next(SnapshotEntry& entry) {
    while (left_in_run_ == 0) [[unlikely]] {
      if (!next_run()) return false;
    }
    --left_in_run_;
    entry.key_group = key_group_;
    entry.key = get(layout_.key);
    entry.name_space = get(layout_.name_space);
    entry.map_key = get(layout_.map_key);
    entry.value = get(layout_.value);
    if (at_.ok()) [[likely]]
      return true;
    left_in_run_ = 0;
    return false;
  }

 private:
  friend class SnapshotFileReader;
  struct Buffer;
  struct Run {
    std::uint32_t key_group = 0;
    std::uint32_t block = 0;
    std::uint32_t offset = 0;
    std::uint32_t count = 0;
  };

  SnapshotCursor(const SnapshotFileReader& reader, EntryLayout layout, std::vector<Run> runs, std::unique_ptr<Buffer> buffer);

  std::string_view get(std::uint32_t width) {
    return at_.get_bytes(width == EntryLayout::kVariable ? at_.get_varint() : width);
  }
  bool next_run();

  const SnapshotFileReader* reader_;
  EntryLayout layout_;
  std::vector<Run> runs_;
  std::size_t next_run_ = 0;   // in runs_
  std::size_t block_end_ = 0;  // in runs_: the first run of another block
  std::unique_ptr<Buffer> buffer_;
  detail::ByteReader at_{std::string_view{}};
  std::size_t at_begin_ = 0;  // in the block's payload: where at_ began
  std::uint32_t left_in_run_ = 0;
  std::uint32_t key_group_ = 0;
};

class SnapshotFileReader {
 public:
  /// Reads header, schemas and index. With `expected`, the size must be the same (its checksum is not computed: every
  /// block has its own; verify_snapshot_file() does). kDataLoss for damage, kUnsupportedVersion for a newer format,
  /// kNotFound.
  static Result<std::unique_ptr<SnapshotFileReader>> open(FileSystem& files, std::string path,
                                                          const SnapshotFile* expected = nullptr);
  ~SnapshotFileReader();

  const std::string& path() const { return path_; }
  const SnapshotFileHeader& header() const { return header_; }
  /// A state's index is its id. In a partial file a state may come twice: once for its entries, once for erased keys.
  const std::vector<StateDescriptor>& states() const { return states_; }
  /// The id of its entries.
  std::optional<std::uint32_t> find_state(std::string_view name) const;
  const StatePart& part(std::uint32_t state) const { return parts_[state]; }
  const EntryLayout& layout(std::uint32_t state) const { return layouts_[state]; }
  /// Entries of one state in the whole file.
  std::uint64_t records(std::uint32_t state) const;
  /// Of these entries in the file, and before compression.
  std::uint64_t stored_bytes(std::uint32_t state) const;
  std::uint64_t raw_bytes(std::uint32_t state) const;
  std::size_t block_count() const { return blocks_.size(); }

  /// Entries come by ascending key group and within one as written. Key groups outside the file's range have none. A `former`
  /// cursor of this reader is used up: the block that it is at need not be read again.
  Result<SnapshotCursor> entries(std::uint32_t state, KeyGroupRange range, SnapshotCursor* former = nullptr) const;

  /// Calls `f(const SnapshotEntry&)` for each of entries(). `f` returns void, or a Result<> whose error ends it.
  template <class F>
  Result<> for_each(std::uint32_t state, KeyGroupRange range, F&& f) const {
    TIDEMARK_ASSIGN(cursor, entries(state, range));
    while (true) {
      TIDEMARK_ASSIGN(more, cursor.next_block());
      if (!more) return {};
      SnapshotEntry entry;
      while (cursor.next(entry)) {
        if constexpr (std::is_void_v<std::invoke_result_t<F&, const SnapshotEntry&>>) {
          f(entry);
        } else {
          TIDEMARK_TRY(f(entry));
        }
      }
    }
  }

 private:
  friend class SnapshotCursor;
  struct Block {
    std::uint64_t offset = 0;
    std::uint64_t checksum = 0;
    std::uint32_t raw_size = 0;
    std::uint32_t stored_size = 0;
    std::uint32_t records = 0;
    std::uint32_t state = 0;
    KeyGroupRange key_groups;
    snapshot_format::BlockType type{};
    snapshot_format::BlockCodec codec{};
  };
  struct Trailer {
    std::uint64_t lists_at = 0;
    std::uint64_t directory_at = 0;
    std::uint64_t table_at = 0;
    std::uint64_t schema_at = 0;
    std::uint32_t block_count = 0;
    std::uint64_t table_checksum = 0;
  };

  SnapshotFileReader(std::string path, std::unique_ptr<ReadableFile> file)
      : path_{std::move(path)}, file_{std::move(file)} {}

  Result<> read_all_but_entries(const SnapshotFile* expected);
  Result<> read_header(std::uint64_t file_size);
  Result<Trailer> read_trailer(std::uint64_t file_size) const;
  Result<> read_index(const Trailer& trailer, std::uint64_t file_size);
  Result<> read_table(const Trailer& trailer, std::string_view table);
  Result<> check_block(std::uint32_t number, std::uint64_t expected_offset) const;
  Result<> read_schema();
  bool read_part(detail::ByteReader& record, StatePart& part) const;
  bool holds_entries(snapshot_format::BlockType type) const;
  Result<std::string_view> list_of(std::uint32_t key_group) const;
  Result<> append_runs(std::uint32_t key_group, std::uint32_t state, std::vector<SnapshotCursor::Run>& runs) const;
  Result<> read_bytes(std::uint64_t offset, std::uint64_t size, std::string_view where, std::string& out) const;
  Result<> load_block(std::uint32_t number, SnapshotCursor::Buffer& buffer) const;
  Result<> load_block_once(std::uint32_t number, SnapshotCursor::Buffer& buffer) const;
  std::unexpected<Error> damaged(std::string_view where, std::string_view what) const;
  std::unexpected<Error> damaged_block(std::uint32_t number, std::string_view what) const;
  std::unexpected<Error> newer(std::string_view what) const;

  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  SnapshotFileHeader header_;
  std::uint64_t header_size_ = 0;
  std::uint64_t header_checksum_ = 0;
  std::vector<StateDescriptor> states_;
  std::vector<EntryLayout> layouts_;
  std::vector<StatePart> parts_;
  std::vector<Block> blocks_;
  std::string lists_;      // each key group's runs
  std::string directory_;  // a fixed-width entry a key group: where its list is
};

/// Reads the whole file and compares size and checksum; kDataLoss if they differ.
Result<> verify_snapshot_file(FileSystem& files, const std::string& path, const SnapshotFile& expected);

}  // namespace tidemark
