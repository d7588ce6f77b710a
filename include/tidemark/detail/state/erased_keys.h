// The keys that were erased from a table, by epoch, for snapshots that hold no more than what changed since an older one.
//
// A key may stand there several times, or have come back: whoever applies a snapshot erases first and puts in then. Keys of
// epochs that no snapshot will be built upon are dropped, and all are once they are many beside what the table holds: then
// a snapshot of everything costs less.
//
// Threads: the table's writer. What share() gives is read by any thread: after a snapshot's begin() nothing is added to the
// chunks of epochs up to its bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tidemark/detail/base/bytes.h"

namespace tidemark::detail {

class CowDomain;

class ErasedKeys {
 public:
  struct Chunk {
    std::uint32_t epoch;
    ByteWriter keys;  ///< encoded, a length before each
  };
  using Chunks = std::vector<std::shared_ptr<const Chunk>>;

  explicit ErasedKeys(CowDomain& domain) : domain_{domain} {}
  ErasedKeys(const ErasedKeys&) = delete;
  ErasedKeys& operator=(const ErasedKeys&) = delete;
  ~ErasedKeys() { drop_all(); }

  /// From a table that now holds `live` entries.
  void add(std::string_view key, std::size_t live);
  /// The table begins anew; that its old content is gone is said elsewhere.
  void restart();

  /// All keys that were erased in epochs after this one are here.
  std::uint32_t known_since() const { return known_since_; }
  /// In the order of their epochs.
  Chunks share() const { return {chunks_.begin(), chunks_.end()}; }

 private:
  void begin_chunk();
  void drop_first();
  void drop_all();

  CowDomain& domain_;
  std::vector<std::shared_ptr<Chunk>> chunks_;
  std::vector<std::size_t> counts_;  // of keys, a chunk
  std::size_t count_ = 0;
  std::size_t counted_bytes_ = 0;  // with the domain
  std::uint32_t known_since_ = 0;
};

}  // namespace tidemark::detail
