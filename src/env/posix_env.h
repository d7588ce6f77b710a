// The real world: this machine's clock, randomness, files and threads.
//
// Threads: any. Ownership: a PosixEnv owns what env() points to, so it outlives everything that was given its Env; its
// destructor first finishes all background work.
#pragma once

#include "env/env.h"
#include "env/split_mix_random.h"
#include "env/thread_pool.h"

namespace tidemark {

class PosixClock final : public Clock {
 public:
  std::int64_t wall_ms() const override;
  std::int64_t steady_ns() const override;
};

class PosixEnv {
 public:
  /// Random numbers are seeded by the kernel.
  explicit PosixEnv(int pool_threads);

  Env env();

 private:
  PosixClock clock_;
  SplitMixRandom random_;
  ThreadPool pool_;
  // Of the user's functions, which records may wait for.
  ThreadPool calls_{0, ThreadPool::Growth::kThreadEach};
};

}  // namespace tidemark
