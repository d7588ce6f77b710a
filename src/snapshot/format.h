// The constants and fixed parts of a snapshot's data file, versions 1 and 2; docs/snapshot-format.md describes them byte by
// byte. What stands here stands in files that later builds must read: numbers are never reused and never change their
// meaning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

namespace snapshot_format {

inline constexpr std::string_view kMagic{"TMSNAP\r\n", 8};         // first bytes of the file
inline constexpr std::string_view kTrailerMagic{"\r\nTMTAIL", 8};  // last bytes of the file
inline constexpr std::uint32_t kVersion = 1;         // of a file that is whole
inline constexpr std::uint32_t kPartialVersion = 2;  // of one that continues older files: who reads version 1 refuses it

inline constexpr std::size_t kPreambleSize = 16;  // magic, version, size of the header: the same in all versions
inline constexpr std::size_t kLargestHeader = 4096;
inline constexpr std::size_t kBlockHeaderSize = 40;
inline constexpr std::size_t kBlockChecksumAt =
    32;  // within the block header, covers what stands before and the payload
inline constexpr std::size_t kTableEntrySize = 44;
inline constexpr std::size_t kDirectoryEntrySize = 16;
inline constexpr std::size_t kTrailerSize = 64;
inline constexpr std::size_t kRunCountSize = 3;  // a varint padded to this size, so that it can be written last

inline constexpr std::size_t kTargetBlockSize = 128u << 10;  // a block is written as soon as it has this many raw bytes
inline constexpr std::size_t kUsualBlockLimit = 256u << 10;  // only a single, larger entry makes a larger block
inline constexpr std::size_t kLargestCompressed =
    16u << 20;  // larger blocks are stored plain: bounds what a reader allocates
inline constexpr std::uint64_t kLargestEntry = 1ull << 30;

/// Numbers from 128 on may be skipped by a reader that doesn't know them; unknown ones below are refused.
enum class BlockType : std::uint8_t {
  kSchema = 1,         ///< the states of the file
  kData = 2,           ///< runs of entries
  kDelta = 3,          ///< runs of entries of a state that older files hold a part of
  kTimer = 4,          ///< runs of entries that are timers
  kOperatorState = 5,  ///< reserved
  kIndex = 6,          ///< reserved: smallest and largest key of each block
  kInFlight = 7,       ///< reserved: batches between tasks
};

enum class BlockCodec : std::uint8_t { kNone = 0, kZstd = 1 };

}  // namespace snapshot_format

/// How entries are sorted within a key group.
enum class EntryOrder : std::uint8_t {
  kHash = 0,  ///< by the hash of the key: checkpoints, whose restore builds tables directly
  kKey = 1,   ///< by the encoded key: savepoints, for ranges and binary search
};

/// Who wrote a data file, and for what.
struct SnapshotFileHeader {
  std::string job;
  std::string uid;  ///< of the operator
  std::uint32_t subtask = 0;
  CheckpointId checkpoint = 0;
  AttemptId attempt = 0;
  EntryOrder order = EntryOrder::kHash;
  KeyGroupRange key_groups;
  std::uint32_t max_parallelism = kDefaultMaxParallelism;
  bool partial = false;  ///< some of its states continue older files
  friend bool operator==(const SnapshotFileHeader&, const SnapshotFileHeader&) = default;
};

/// What a state of a data file is beside what older files of the same key groups hold of it.
struct StatePart {
  enum class Kind : std::uint8_t {
    kEntries = 0,  ///< entries, put in behind the erased keys of the same file
    kErased = 1,   ///< keys, with their namespaces, to take out of what older files hold
  };
  Kind kind = Kind::kEntries;
  /// Of entries: in these the file holds all of the state, and what older files hold of it is void. Ascending, apart.
  std::vector<KeyGroupRange> whole;
  /// Of entries: what older files hold in these namespaces is void. Ascending.
  std::vector<std::string> dropped_namespaces;
  /// Of entries that expire: what was written before this second since 1970 had, here and in older files. 0: nothing.
  std::uint32_t living_since_s = 0;
  friend bool operator==(const StatePart&, const StatePart&) = default;
};

/// The bytes of each part of an entry, where all entries of a state have the same; a length stands before the others.
struct EntryLayout {
  static constexpr std::uint32_t kVariable = 0xffff'ffff;
  std::uint32_t key = kVariable;
  std::uint32_t name_space = kVariable;
  std::uint32_t map_key = kVariable;
  std::uint32_t value = kVariable;
  friend bool operator==(const EntryLayout&, const EntryLayout&) = default;
};

/// The byte that says of what kind a state is: its highest bit, whether its entries expire.
inline std::uint8_t state_kind_byte(const StateDescriptor& state) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(state.kind) | (state.has_ttl ? 0x80u : 0u));
}
/// Sets kind and has_ttl; false if no state up to the kind `last` has that byte.
inline bool read_state_kind(std::uint8_t byte, StateDescriptor::Kind last, StateDescriptor& state) {
  const std::uint8_t kind = byte & 0x7f;
  state.kind = static_cast<StateDescriptor::Kind>(kind);
  state.has_ttl = byte != kind;
  return kind != 0 && kind <= static_cast<std::uint8_t>(state.has_ttl ? StateDescriptor::Kind::kMap : last);
}

/// One entry of keyed state in its encoded form. Empty: the parts that the state doesn't have.
struct SnapshotEntry {
  std::uint32_t key_group = 0;
  std::string_view key;
  std::string_view name_space;
  std::string_view map_key;
  std::string_view value;
};

}  // namespace tidemark
