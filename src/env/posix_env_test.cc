#include "env/posix_env.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <functional>
#include <latch>
#include <set>
#include <thread>

#include "env/cpu_cores.h"
#include "env/thread_pool.h"

namespace tidemark {
namespace {

class Steps final : public BackgroundWork {
 public:
  Steps(int steps, std::function<void()> at_end) : left_{steps}, at_end_{std::move(at_end)} {}
  Progress step() noexcept override {
    if (--left_ > 0) return Progress::kMadeProgress;
    at_end_();
    return Progress::kDone;
  }

 private:
  int left_;
  std::function<void()> at_end_;
};

TEST(ThreadPoolTest, EveryWorkIsDoneBeforeThePoolIsGone) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool{3};
    for (int i = 0; i < 500; ++i) pool.submit(std::make_unique<Steps>(1 + i % 5, [&] { ++done; }));
  }
  EXPECT_EQ(done, 500);
}

TEST(ThreadPoolTest, AWorkMaySubmitAnotherWhileThePoolIsEnding) {
  std::atomic<int> done = 0;
  ThreadPool* here = nullptr;
  std::function<void(int)> chain = [&](int left) {
    ++done;
    if (left > 0) here->submit(std::make_unique<Steps>(1, [&chain, left] { chain(left - 1); }));
  };
  {
    ThreadPool pool{2};
    here = &pool;
    pool.submit(std::make_unique<Steps>(1, [&] { chain(99); }));
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPoolTest, WorksRunSideBySide) {
  std::latch both{2};
  ThreadPool pool{2};
  for (int i = 0; i < 2; ++i) pool.submit(std::make_unique<Steps>(1, [&] { both.arrive_and_wait(); }));
  both.wait();
}

TEST(ThreadPoolTest, APoolWithAThreadForEachWorkLetsNoneWaitForAnother) {
  constexpr int kWorks = 20;
  ThreadPool pool{0, ThreadPool::Growth::kThreadEach};
  for (int round = 0; round < 2; ++round) {
    std::latch done{kWorks};
    std::latch together{kWorks};
    for (int i = 0; i < kWorks; ++i) {
      pool.submit(std::make_unique<Steps>(1, [&] {
        together.arrive_and_wait();
        done.count_down();
      }));
    }
    done.wait();
  }
}

TEST(ThreadPoolTest, WhatAThreadThatKeepsToACoreSubmitsRunsOnAllCores) {
  const std::vector<int> all = cores_of_this_thread();
  std::vector<int> cores;
  {
    ThreadPool pool{0, ThreadPool::Growth::kThreadEach};
    std::jthread{[&] {
      value_or_throw(run_this_thread_on({all.front()}));
      pool.submit(std::make_unique<Steps>(1, [&] { cores = cores_of_this_thread(); }));
    }}.join();
  }
  EXPECT_EQ(cores, all);
}

// Of the thread that the work ran on.
int niceness_within(BlockingPool& pool) {
  std::latch done{1};
  int niceness = 0;
  pool.submit(std::make_unique<Steps>(1, [&] {
    niceness = getpriority(PRIO_PROCESS, 0);
    done.count_down();
  }));
  done.wait();
  return niceness;
}

TEST(PosixEnvTest, SnapshotsYieldTheirCoreToTasksAndCallsOfTheUserDoNot) {
  const int own = getpriority(PRIO_PROCESS, 0);
  if (own == 19) GTEST_SKIP() << "nothing yields to this process";
  PosixEnv env{1};
  EXPECT_GT(niceness_within(*env.env().pool), own);
  EXPECT_EQ(niceness_within(*env.env().calls), own);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
}

TEST(PosixEnvTest, EverythingIsThere) {
  PosixEnv owner{1};
  const Env env = owner.env();
  EXPECT_GT(env.clock->wall_ms(), 1'577'836'800'000);
  const std::int64_t before = env.clock->steady_ns();
  EXPECT_GE(env.clock->steady_ns(), before);
  EXPECT_NE(env.random->next(), env.random->next());
  EXPECT_TRUE(env.files->stat("/").has_value());
  std::latch done{1};
  env.pool->submit(std::make_unique<Steps>(1, [&] { done.count_down(); }));
  done.wait();
}

TEST(PosixEnvTest, TwoSeedsDiffer) {
  PosixEnv a{1};
  PosixEnv b{1};
  EXPECT_NE(a.env().random->next(), b.env().random->next());
}

TEST(SplitMixRandomTest, TheSameSeedGivesTheSameNumbersAndThreadsShareThem) {
  SplitMixRandom sequence{42};
  std::multiset<std::uint64_t> expected;
  for (int i = 0; i < 2000; ++i) expected.insert(sequence.next());

  SplitMixRandom shared{42};
  std::vector<std::uint64_t> drawn[2];
  {
    std::vector<std::jthread> threads;
    for (auto& mine : drawn) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) mine.push_back(shared.next());
      });
    }
  }
  std::multiset<std::uint64_t> all{drawn[0].begin(), drawn[0].end()};
  all.insert(drawn[1].begin(), drawn[1].end());
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace tidemark
