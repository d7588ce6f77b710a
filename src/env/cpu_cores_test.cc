#include "env/cpu_cores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <string>
#include <thread>

#include "env/memory_file_system.h"

namespace tidemark {
namespace {

using testing::ElementsAre;

// The last one that this process may use: not the one that a wrong program would use by chance.
int a_core() { return cores_of_this_thread().back(); }

TEST(CpuCoresTest, AThreadRunsWhereItIsToldAndNoOtherDoes) {
  const std::vector<int> before = cores_of_this_thread();
  std::vector<int> cores;
  std::jthread{[&] {
    value_or_throw(run_this_thread_on({a_core()}));
    cores = cores_of_this_thread();
  }}.join();
  EXPECT_THAT(cores, ElementsAre(before.back()));
  EXPECT_EQ(cores_of_this_thread(), before);
}

TEST(CpuCoresTest, AThreadCanBeLetGoAgain) {
  const std::vector<int> before = cores_of_this_thread();
  std::vector<int> cores;
  std::jthread{[&] {
    value_or_throw(run_this_thread_on({a_core()}));
    value_or_throw(run_this_thread_on(before));
    cores = cores_of_this_thread();
  }}.join();
  EXPECT_EQ(cores, before);
}

TEST(CpuCoresTest, ACoreThatIsNotThereIsRefused) {
  const auto made = run_this_thread_on({CPU_SETSIZE - 1});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), testing::HasSubstr(std::to_string(CPU_SETSIZE - 1)));
}

class TopologyTest : public testing::Test {
 protected:
  void siblings(int core, const std::string& list) {
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(core) + "/topology";
    value_or_throw(files_.make_directories(folder));
    value_or_throw(replace_file(files_, folder + "/thread_siblings_list", list + "\n"));
  }
  MemoryFileSystem files_;
};

TEST_F(TopologyTest, OneOfEachPhysicalCoreComesFirst) {
  for (const int core : {0, 1}) siblings(core, "0-1");
  for (const int core : {2, 3}) siblings(core, "2-3");
  EXPECT_THAT(physical_cores_first(files_, {0, 1, 2, 3}), ElementsAre(0, 2, 1, 3));
}

TEST_F(TopologyTest, SiblingsFarApartAreKnown) {
  for (const int core : {0, 2}) siblings(core, "0,2");
  for (const int core : {1, 3}) siblings(core, "1,3");
  EXPECT_THAT(physical_cores_first(files_, {0, 1, 2, 3}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(physical_cores_first(files_, {0, 2, 3}), ElementsAre(0, 3, 2));
}

TEST_F(TopologyTest, WhatTheSystemDoesNotSayIsACoreOfItsOwn) {
  siblings(1, "");
  EXPECT_THAT(physical_cores_first(files_, {4, 1, 7}), ElementsAre(4, 1, 7));
}

}  // namespace
}  // namespace tidemark
