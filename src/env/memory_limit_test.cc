#include "env/memory_limit.h"

#include <gtest/gtest.h>

#include <string>

#include "env/memory_file_system.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class MemoryLimitTest : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& content) {
    value_or_throw(files_.make_directories(path.substr(0, path.rfind('/'))));
    value_or_throw(replace_file(files_, path, content));
  }
  std::uint64_t limit() { return memory_limit_bytes(files_); }

  MemoryFileSystem files_;
};

TEST_F(MemoryLimitTest, IsTheMachinesWithoutGroups) {
  put("/proc/meminfo", "MemTotal:        8388608 kB\nMemFree:          262680 kB\n");
  EXPECT_EQ(limit(), 8 * kGiB);
  put("/proc/self/cgroup", "0::/\n");
  put("/sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(limit(), 8 * kGiB);
}

TEST_F(MemoryLimitTest, IsTheLowestOfTheGroupAndThoseAboveIt) {
  put("/proc/meminfo", "MemTotal:        8388608 kB\n");
  put("/proc/self/cgroup", "0::/jobs/tidemark\n");
  put("/sys/fs/cgroup/memory.max", "7516192768\n");
  EXPECT_EQ(limit(), 7 * kGiB);
  put("/sys/fs/cgroup/jobs/memory.max", "2147483648\n");
  put("/sys/fs/cgroup/jobs/tidemark/memory.max", "4294967296\n");
  EXPECT_EQ(limit(), 2 * kGiB);
  put("/sys/fs/cgroup/jobs/tidemark/memory.max", "1073741824\n");
  EXPECT_EQ(limit(), kGiB);
}

TEST_F(MemoryLimitTest, KnowsTheFirstVersionOfGroupsToo) {
  put("/proc/meminfo", "MemTotal:        8388608 kB\n");
  put("/proc/self/cgroup", "7:cpu,cpuacct:/box\n4:memory:/box\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1073741824\n");
  EXPECT_EQ(limit(), kGiB);
}

TEST_F(MemoryLimitTest, WhatCantBeReadLimitsNothing) {
  EXPECT_EQ(limit(), ~std::uint64_t{0});
  put("/proc/meminfo", "MemTotal: many kB\n");
  put("/proc/self/cgroup", "0::\n:\nnothing\n5:memory:relative\n");
  EXPECT_EQ(limit(), ~std::uint64_t{0});
}

TEST(MemoryLimit, OfThisMachineIsSomething) {
  EXPECT_GT(memory_limit_bytes(posix_file_system()), std::uint64_t{64} << 20);
  EXPECT_LT(memory_limit_bytes(posix_file_system()), std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace tidemark
