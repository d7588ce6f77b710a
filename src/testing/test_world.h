// What a job under test finds around it: files in memory, a clock that stands still until it is told to move, and work in
// the background that is done step by step. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/scratch_folder.h"
#include "env/split_mix_random.h"
#include "state/memory_state_store.h"

namespace tidemark {

/// Wall time is what the test sets, and begins in 1970; the steady clock moves along and never back.
class TestClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return wall_ms_; }
  std::int64_t steady_ns() const override { return steady_ns_; }

  void set_wall_ms(std::int64_t ms) {
    steady_ns_ += std::max<std::int64_t>(ms - wall_ms_, 0) * kNsPerMs;
    wall_ms_ = ms;
  }
  void leap_to_ns(std::int64_t ns) {
    if (ns <= steady_ns_) return;
    wall_ms_ += (ns - steady_ns_ + kNsPerMs - 1) / kNsPerMs;
    steady_ns_ = ns;
  }

 private:
  static constexpr std::int64_t kNsPerMs = 1'000'000;
  std::int64_t wall_ms_ = 0;
  std::int64_t steady_ns_ = 0;
};

class TestPool final : public BlockingPool {
 public:
  void submit(std::unique_ptr<BackgroundWork> work) override { works_.push_back(std::move(work)); }
  std::size_t size() const { return works_.size(); }
  void step(std::size_t which) {
    std::unique_ptr<BackgroundWork> work = std::move(works_[which]);  // which may submit more
    works_.erase(works_.begin() + static_cast<std::ptrdiff_t>(which));
    if (work->step() != Progress::kDone) works_.push_back(std::move(work));
  }

 private:
  std::vector<std::unique_ptr<BackgroundWork>> works_;
};

struct TestWorld {
  explicit TestWorld(std::uint64_t seed) : random{seed} { stores.give_files(files, "/stores"); }
  virtual ~TestWorld() = default;
  TestWorld(const TestWorld&) = delete;
  TestWorld& operator=(const TestWorld&) = delete;
  virtual Env env() {
    return {.clock = &clock,
            .random = &random,
            .files = &files,
            .pool = &pool,
            .state_stores = spills_state ? &stores : nullptr,
            .other_stores = &stores,
            .scratch = &scratch};
  }

  TestClock clock;
  SplitMixRandom random;
  MemoryFileSystem files{&clock};
  TestPool pool;
  MemoryStateStores stores;
  ScratchFolder scratch{files, "/scratch", "these are files in memory"};
  bool spills_state = false;
};

}  // namespace tidemark
