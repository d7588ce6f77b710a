// Where a process keeps state that does not fit into its memory: stores and scratch files, in a folder of its own.
//
// One thread. Files outlive it, and it outlives whoever it is offered to.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "env/env.h"
#include "env/scratch_folder.h"
#include "state/memory_state_store.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark {

/// Which state of keys lies in stores.
enum class Spilling : std::uint8_t {
  kNone,
  kAll,       ///< next to nothing of it may stay in memory
  kByChance,  ///< chance decides what does
};

class LocalStores {
 public:
  /// `hook`: before each operation of a store.
  LocalStores(FileSystem& files, MemoryStateStores::Hook hook, const std::string& folder)
      : scratch_{files, join_path(folder, "scratch"), "a disk of the simulated world"} {
    stores_.set_hook(std::move(hook));
    stores_.give_files(files, join_path(folder, "stores"));
  }

  /// Snapshots that stores have given are read in any case.
  void offer_to(Env& env, Spilling spilling) {
    env.state_memory = spilling == Spilling::kAll ? &little_memory_ : nullptr;
    env.state_stores = spilling == Spilling::kNone ? nullptr : &stores_;
    env.other_stores = &stores_;
    env.scratch = &scratch_;
  }

 private:
  MemoryStateStores stores_;
  ScratchFolder scratch_;
  detail::StateMemory little_memory_{detail::StateMemory::kUnlimited, 0, 0};  // of what can spill nothing stays
};

}  // namespace tidemark
