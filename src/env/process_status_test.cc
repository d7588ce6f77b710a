#include "env/process_status.h"

#include <gmock/gmock.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <latch>
#include <string>
#include <thread>

#include "env/memory_file_system.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

TEST(ProcessStatusTest, IsThatOfThisProcess) {
  const ProcessStatus status = status_of_this_process(posix_file_system());
  EXPECT_GT(status.resident_bytes, 0u);
  EXPECT_GT(status.file_bytes, 0u);
  EXPECT_LE(status.file_bytes + status.shared_bytes, status.resident_bytes);
  EXPECT_GE(status.threads, 1u);
  EXPECT_GE(status.open_files, 1u);
}

TEST(ProcessStatusTest, WhatCanBeReadBackFromFilesIsNotCounted) {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  EXPECT_GT(unreclaimable_bytes_of(posix_file_system(), pid), 0u);
  MemoryFileSystem files;
  EXPECT_EQ(unreclaimable_bytes_of(files, pid), 0u) << "there is no such process";
  ASSERT_TRUE(files.make_directories("/proc/8"));
  ASSERT_TRUE(value_or_throw(files.create("/proc/8/status", CreateMode::kTruncate))->append("Name:\ta\nRssAnon:\t7 kB\nRssFile:\t90 kB\nRssShmem:\t2 kB\n"));
  EXPECT_EQ(unreclaimable_bytes_of(files, 8), 9u * 1024);
}

TEST(ProcessStatusTest, ThreadsHaveTheirNamesAndStates) {
  std::latch named{1};
  std::latch over{1};
  std::thread thread{[&] {
    ::pthread_setname_np(::pthread_self(), "a (b) c");
    named.count_down();
    over.wait();
  }};
  named.wait();
  const auto threads = threads_of_this_process(posix_file_system());
  over.count_down();
  thread.join();
  const auto found = std::ranges::find(threads, "a (b) c", &ThreadStatus::name);
  ASSERT_NE(found, threads.end());
  EXPECT_TRUE(found->state == 'S' || found->state == 'R' || found->state == 'D') << found->state;
}

TEST(ProcessStatusTest, ReadsWhatTheSystemWrites) {
  MemoryFileSystem files;
  const auto put = [&](const std::string& path, const std::string& text) {
    ASSERT_TRUE(files.make_directories(parent_path(path)));
    auto file = value_or_throw(files.create(path, CreateMode::kTruncate));
    ASSERT_TRUE(file->append(text));
  };
  put("/proc/self/status", "Name:\tVmRSS:\nVmRSS:\t    2048 kB\nRssAnon:\t 1000 kB\nRssFile:\t  1024 kB\nRssShmem:\t 24 kB\n");
  put("/proc/self/stat", "7 (a) b) R 1 7 7 0 -1 0 0 0 0 0 200 50 0 0 20 0 3 0 100 0\n");
  put("/proc/self/task/9/comm", "tasks-1\n");
  put("/proc/self/task/9/stat", "9 (tasks-1) S 1 7 7 0 -1 0 0 0 0 0 100 0 0 0 20 0 3 0 100 0\n");
  put("/proc/self/task/9/wchan", "futex_wait_queue");
  put("/proc/self/task/9/status", "Name:\tx\nSigBlk:\tfffffffe00000001\nSigIgn:\t0000000000001000\n");
  put("/proc/self/task/10/comm", "ended meanwhile\n");
  const ProcessStatus status = status_of_this_process(files);
  EXPECT_EQ(status.resident_bytes, 2048u * 1024);
  EXPECT_EQ(status.file_bytes, 1024u * 1024);
  EXPECT_EQ(status.shared_bytes, 24u * 1024);
  EXPECT_EQ(status.cpu_ms, 2'500);
  EXPECT_EQ(status.threads, 2u);
  const auto threads = threads_of_this_process(files);
  ASSERT_EQ(threads.size(), 2u);
  EXPECT_EQ(threads[0].id, 9u);
  EXPECT_EQ(threads[0].name, "tasks-1");
  EXPECT_EQ(threads[0].state, 'S');
  EXPECT_EQ(threads[0].cpu_ms, 1'000);
  EXPECT_EQ(threads[0].waits_in, "futex_wait_queue");
  EXPECT_EQ(threads[0].blocked_signals, 0xfffffffe00000001u);
  EXPECT_EQ(threads[1].state, '?');
  EXPECT_TRUE(threads_of_this_process(*std::make_unique<MemoryFileSystem>()).empty());
}

}  // namespace
}  // namespace tidemark
