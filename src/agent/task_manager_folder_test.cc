#include "agent/task_manager_folder.h"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "env/memory_file_system.h"
#include "env/posix_file_system.h"
#include "env/transport_harness.h"

namespace tidemark {
namespace {

class TaskManagerFolderTest : public testing::Test {
 protected:
  TaskManagerFolder open() { return value_or_throw(TaskManagerFolder::open(files_, clock_, "/tm")); }
  void write(const std::string& path, std::size_t bytes) {
    value_or_throw(value_or_throw(files_.create(path, CreateMode::kExclusive))->append(std::string(bytes, 'x')));
    pass_second();
  }
  std::string upload(TaskManagerFolder& folder, int content) {
    std::string bytes(64, '\0');
    value_or_throw(value_or_throw(posix_file_system().open("/proc/self/exe"))->read(0, bytes));
    auto upload = value_or_throw(folder.executables().begin("job"));
    value_or_throw(upload.append(bytes + std::to_string(content)));
    pass_second();
    return value_or_throw(upload.finish()).hash;
  }
  void pass_second() { clock_.set_ns(clock_.steady_ns() + 1'000'000'000); }
  bool has(const std::string& path) { return files_.stat(path).has_value(); }

  test::HandClock clock_;
  MemoryFileSystem files_{&clock_};
};

TEST_F(TaskManagerFolderTest, WhatWorkersWroteAndPrintedOutlivesATaskManager) {
  {
    auto folder = open();
    write(value_or_throw(folder.make_place("orders")) + "/part-0", 10);
    write(folder.log_of("orders-1-w1"), 10);
    folder.clear_place("orders");
  }
  open();
  EXPECT_TRUE(has("/tm/workers/orders/part-0"));
  EXPECT_TRUE(has("/tm/logs/orders-1-w1.log"));
}

TEST_F(TaskManagerFolderTest, SocketsOfWorkersWithLongNamesAreShortAndApart) {
  TaskManagerFolder folder = open();
  const std::string job(128, 'j');
  const std::string first = folder.socket_of(job + "-0123abcd-9-w1");
  EXPECT_LE(first.size() - folder.sockets().size(), 90u) << "the address of a socket has room for 107 bytes";
  EXPECT_NE(first, folder.socket_of(job + "-0123abcd-10-w1"));
  EXPECT_NE(first, folder.socket_of(job + "-0123abcd-9-w2"));
  EXPECT_EQ(parent_path(folder.socket_of("../../x")), folder.sockets());
}

TEST_F(TaskManagerFolderTest, NoNameLeadsOutOfIt) {
  auto folder = open();
  for (const std::string& name : std::vector<std::string>{"..", ".", "", "a/b", "/etc", "a\nb", std::string(1000, 'x')}) {
    const std::string place = value_or_throw(folder.make_place(name));
    EXPECT_EQ(parent_path(place), "/tm/workers") << name;
    EXPECT_EQ(parent_path(folder.log_of(name)), "/tm/logs") << name;
    EXPECT_NE(place, "/tm/workers/..") << name;
    EXPECT_NE(place, "/tm/workers/.") << name;
  }
}

TEST_F(TaskManagerFolderTest, TheNewestExecutablesAndThoseInUseAreKept) {
  auto folder = open();
  std::vector<std::string> hashes;
  for (int i = 0; i < 20; ++i) hashes.push_back(upload(folder, i));
  folder.forget_executables({hashes[1]});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(folder.executables().find(hashes[i]).has_value(), i == 1 || i >= 4) << i;
}

TEST_F(TaskManagerFolderTest, LogsTakeNoMoreThanTheyMayButForThoseOfWorkersThatRun) {
  auto folder = open();
  for (const char* name : {"runs-w1.log", "oldest-w1.log", "old-w1.log.1", "new-w1.log", "newest-w1.log"}) {
    write(std::string{"/tm/logs/"} + name, 10);
  }
  folder.forget_logs({"runs-w1"}, 25);
  EXPECT_TRUE(has("/tm/logs/runs-w1.log"));
  EXPECT_FALSE(has("/tm/logs/oldest-w1.log"));
  EXPECT_FALSE(has("/tm/logs/old-w1.log.1"));
  EXPECT_TRUE(has("/tm/logs/new-w1.log"));
  EXPECT_TRUE(has("/tm/logs/newest-w1.log"));
  folder.forget_logs({"runs-w1"}, 25, 1);
  EXPECT_TRUE(has("/tm/logs/runs-w1.log"));
  EXPECT_FALSE(has("/tm/logs/new-w1.log"));
  EXPECT_TRUE(has("/tm/logs/newest-w1.log"));
}

}  // namespace
}  // namespace tidemark
