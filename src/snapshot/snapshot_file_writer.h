// Writes one data file of a snapshot: entries of keyed state in blocks, then the index. Append-only, a block at a time.
//
// One thread at a time. The writer owns its file until finish(); destroyed before, it leaves a file without an end,
// which no reader opens. The first failure sticks: add() then does nothing, and finish() returns it. Invariants: blocks
// hold entries of one state; key groups ascend within a state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/file_system.h"
#include "snapshot/format.h"

namespace tidemark {

class SnapshotFileWriter {
 public:
  /// `path` must be free; its folder must be there.
  static Result<std::unique_ptr<SnapshotFileWriter>> create(FileSystem& files, std::string path,
                                                            SnapshotFileHeader header);
  ~SnapshotFileWriter();
  SnapshotFileWriter(const SnapshotFileWriter&) = delete;
  SnapshotFileWriter& operator=(const SnapshotFileWriter&) = delete;

  /// The id of a further state, for add(): 0, 1, ... `layout` names the parts whose size is the same in every entry;
  /// the parts that the descriptor doesn't have (namespace, map key) take no room whatever it says.
  std::uint32_t add_state(const StateDescriptor& state, EntryLayout layout = {});
  /// The same for a part of a state, in a file whose header says that it is partial. Of erased keys there is no value.
  std::uint32_t add_part(const StateDescriptor& state, StatePart part, EntryLayout layout = {});

  /// Copies the entry's bytes into the current block. True if that filled the block and it went to the file (or an
  /// earlier failure stands): the moment to end a step. Entries of one state one after the other, its key groups
  /// ascending; going from state to state and back is allowed, but each change ends a block.
  bool add(std::uint32_t state, std::uint32_t key_group, std::string_view key, std::string_view name_space,
           std::string_view map_key, std::string_view value) {
    if (state != run_state_ || key_group != run_key_group_) [[unlikely]] {
      if (!begin_run(state, key_group)) return true;
    }
    const std::size_t bound = key.size() + name_space.size() + map_key.size() + value.size() + 4 * kLongestLength;
    if (bound > static_cast<std::size_t>(end_ - at_)) [[unlikely]] {
      if (!make_room(bound)) return true;
    }
    put(layout_.key, key);
    put(layout_.name_space, name_space);
    put(layout_.map_key, map_key);
    put(layout_.value, value);
    ++run_count_;
    if (at_ - begin_ >= static_cast<std::ptrdiff_t>(snapshot_format::kTargetBlockSize)) [[unlikely]]
      return end_block();
    return false;
  }

  /// False once something failed; finish() says what.
  bool ok() const { return !error_; }
  /// In the file so far, without the current block.
  std::uint64_t bytes_written() const { return offset_; }

  /// Writes the rest and the index, syncs and closes; CheckpointStore::complete() syncs the folder. The path is the
  /// name alone. Call once.
  Result<SnapshotFile> finish();

  /// Of a state's entries in a range of key groups, after finish(): their bytes before compression.
  std::uint64_t raw_bytes(std::uint32_t state, KeyGroupRange key_groups) const;

 private:
  struct Hasher;
  struct Compressor;
  struct State {
    StateDescriptor descriptor;
    EntryLayout layout;
    StatePart part;
    std::uint32_t next_key_group = 0;  // the smallest that may come
  };
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
  struct Run {
    std::uint32_t key_group = 0;
    std::uint32_t state = 0;
    std::uint32_t block = 0;
    std::uint32_t offset = 0;  // in the raw block
    std::uint32_t count = 0;
    std::uint32_t size = 0;  // raw
  };

  snapshot_format::BlockType block_type(const State& state) const;

  static constexpr std::uint32_t kNoState = 0xffff'ffff;
  static constexpr std::size_t kLongestLength = 5;

  SnapshotFileWriter(std::string path, SnapshotFileHeader header, std::unique_ptr<WritableFile> file);

  void put(std::uint32_t width, std::string_view part) {
    if (width == EntryLayout::kVariable) {
      put_length(static_cast<std::uint32_t>(part.size()));
    } else if (width != part.size()) [[unlikely]] {
      return refuse_width(width, part.size());
    }
    if (!part.empty()) std::memcpy(at_, part.data(), part.size());
    at_ += part.size();
  }
  void put_length(std::uint32_t v) {
    while (v >= 0x80) {
      *at_++ = static_cast<char>(v | 0x80);
      v >>= 7;
    }
    *at_++ = static_cast<char>(v);
  }

  bool begin_run(std::uint32_t state, std::uint32_t key_group);
  void end_run();
  bool make_room(std::size_t bound);
  void reserve(std::size_t size);
  bool end_block();
  bool write_block(Block block, std::string_view raw);
  void append(std::string_view bytes);
  void fail_with(Error error);
  [[gnu::cold]] void refuse_width(std::uint32_t width, std::size_t size);
  void write_header();
  void write_schema();
  void write_index();

  std::string path_;
  SnapshotFileHeader header_;
  std::unique_ptr<WritableFile> file_;
  std::unique_ptr<Hasher> whole_;
  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<Error> error_;
  std::uint64_t offset_ = 0;
  std::uint64_t header_checksum_ = 0;

  std::vector<State> states_;
  std::vector<Block> blocks_;
  std::vector<Run> runs_;

  // The current block: [begin_, at_) of room up to end_.
  std::unique_ptr<char[]> buffer_;
  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
  std::uint32_t block_state_ = kNoState;
  std::uint32_t block_records_ = 0;
  std::uint32_t block_first_key_group_ = 0;
  std::uint32_t block_last_key_group_ = 0;

  // The current run within it.
  std::uint32_t run_state_ = kNoState;
  std::uint32_t run_key_group_ = 0;
  std::uint32_t run_count_ = 0;
  std::uint32_t run_offset_ = 0;
  EntryLayout layout_;
};

}  // namespace tidemark
