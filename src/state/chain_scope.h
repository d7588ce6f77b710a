// Which entries of a checkpoint's files count for a subtask: of a key group that several files hold a state of, those from
// the newest file on in which it is whole.
//
// Reads nothing but what the opened files say of themselves. Immutable; the readers must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "snapshot/snapshot_file_reader.h"

namespace tidemark {

class ChainScope {
 public:
  using Files = std::vector<std::unique_ptr<SnapshotFileReader>>;

  /// `files` are those of one checkpoint, in its order; `wanted` the subtask's key groups. kDataLoss where a file continues
  /// one that is not there: in the key groups `in_stores` the files of a store are what they continue.
  static Result<ChainScope> of(const Files& files, KeyGroupRange wanted, const std::vector<KeyGroupRange>& in_stores = {});

  /// In which of the wanted key groups the file's entries of the state count.
  std::vector<KeyGroupRange> key_groups(std::size_t file, std::uint32_t state) const;
  /// False where is_dropped() is for every namespace.
  bool has_dropped(std::size_t file, std::uint32_t state) const;
  /// True if a newer file says that the namespace has gone with all entries in it.
  bool is_dropped(std::size_t file, std::uint32_t state, std::string_view name_space) const;

 private:
  ChainScope(const Files& files, KeyGroupRange wanted) : files_{&files}, wanted_{wanted} {}

  struct State;
  void note(std::size_t file, std::uint32_t state, const std::vector<KeyGroupRange>& in_stores);
  void set_base(State& state, KeyGroupRange key_groups, std::size_t file) const;
  Result<> check_bases(std::size_t file, std::uint32_t state) const;

  static constexpr std::size_t kNone = ~std::size_t{0};

  struct State {
    std::vector<std::size_t> base;  // for each wanted key group, the newest file in which it is whole
    std::map<std::string, std::vector<std::size_t>, std::less<>> dropped;  // namespace -> files that say so
  };

  const Files* files_;
  KeyGroupRange wanted_;
  std::map<std::string, State, std::less<>> states_;
};

}  // namespace tidemark
