// The namespaces of a state that went with all their entries (slices of windows), by epoch: for snapshots that hold no more
// than what changed since an older one. The task's thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::detail {

class DroppedNamespaces {
 public:
  /// In `epoch`, the newest so far. No snapshot will ask for what was dropped up to `needed_since`.
  void add(std::string name, std::uint32_t epoch, std::uint32_t needed_since);

  /// Of what went up to this epoch, with a namespace or key by key, nothing is known.
  void forget(std::uint32_t epoch);

  /// All that were dropped in epochs after this one are here.
  std::uint32_t known_since() const { return known_since_; }
  /// Each once, in order.
  std::vector<std::string> since(std::uint32_t epoch) const;

 private:
  // They stand in a snapshot's description; more of them than this, and writing the state whole is better.
  static constexpr std::size_t kMostKept = 65536;

  struct Dropped {
    std::uint32_t epoch;
    std::string name;
  };
  std::vector<Dropped> dropped_;  // by epoch
  std::uint32_t known_since_ = 0;
};

}  // namespace tidemark::detail
