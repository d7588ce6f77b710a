#include "coordinator/job_manager_thread.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "env/kernel_random.h"
#include "env/posix_env.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class JobManagerThreadTest : public testing::Test {
 protected:
  ~JobManagerThreadTest() override {
    manager_.reset();
    std::filesystem::remove_all(folder_);
  }
  void start() { manager_ = value_or_throw(JobManagerThread::start(posix_.env(), secrets_, {.folder = folder_, .address = "127.0.0.1:0"})); }

  const std::string folder_ = testing::TempDir() + "tidemark-jobmanager";
  PosixEnv posix_{2};
  KernelRandom secrets_;
  std::unique_ptr<JobManagerThread> manager_;
};

TEST_F(JobManagerThreadTest, ManyThreadsAskAtOnce) {
  start();
  EXPECT_THAT(manager_->address(), HasSubstr("127.0.0.1:"));
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 50; ++n) {
          if (manager_->control().jobs().empty() && manager_->control().task_managers().empty() && !manager_->control().job("none")) ++answered;
          if (!manager_->control().cancel("none")) ++answered;
        }
      });
    }
  }
  EXPECT_EQ(answered, 400);
}

TEST_F(JobManagerThreadTest, AQuestionIsAnsweredOnce) {
  start();
  std::promise<Result<std::string>> ran;
  manager_->control().run({.executable = std::string(64, 'a')}, [&](Result<std::string> job) { ran.set_value(std::move(job)); });
  EXPECT_EQ(ran.get_future().get().error().code(), ErrorCode::kNotFound);
  std::promise<Result<>> disposed;
  manager_->control().dispose_savepoint(folder_, [&](Result<> done) { disposed.set_value(std::move(done)); });
  EXPECT_FALSE(disposed.get_future().get());
}

TEST_F(JobManagerThreadTest, TheNextOneFindsTheFolderFree) {
  start();
  EXPECT_FALSE(JobManagerThread::start(posix_.env(), secrets_, {.folder = folder_, .address = "127.0.0.1:0"}));
  manager_.reset();
  start();
}

}  // namespace
}  // namespace tidemark
