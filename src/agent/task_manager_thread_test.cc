// A TaskManager over the real network, with real processes: of the shell, which does what a job would.
#include "agent/task_manager_thread.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <string>

#include "agent/fake_job_manager_test.h"
#include "control/described_value.h"
#include "control/process_report.h"
#include "control/worker_order.h"
#include "env/posix_env.h"
#include "env/posix_file_system.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TaskManagerThreadTest : public testing::Test {
 protected:
  TaskManagerThreadTest() {
    value_or_throw(remove_tree(files_, folder_));
    job_manager_.executable = value_or_throw(read_file(files_, "/bin/sh"));
    task_manager_ = value_or_throw(TaskManagerThread::start(posix_.env(), settings()));
    EXPECT_TRUE(world_.run_until([&] { return job_manager_.registrations.size() == 1; }));
  }
  ~TaskManagerThreadTest() override {
    task_manager_.reset();
    value_or_throw(remove_tree(files_, folder_));
  }
  TaskManagerSettings settings() {
    return {.job_manager = job_manager_.listener->address(), .folder = folder_, .slots = 2, .stop_grace_ms = 200};
  }

  void run(std::uint64_t number, const std::string& script) {
    job_manager_.say(MessageKind::kStartWorker, StartWorker{.number = number,
                                                            .name = name_of(number),
                                                            .executable = test::hash_of(job_manager_.executable),
                                                            .arguments = {"-c", script},
                                                            .token = "secret"});
  }
  static std::string name_of(std::uint64_t number) { return "job-1-w" + std::to_string(number); }
  std::string log_path(std::uint64_t number) { return folder_ + "/logs/" + name_of(number) + ".log"; }
  std::string log(std::uint64_t number) { return read_file(files_, log_path(number)).value_or(""); }
  WorkerEnded end_of(std::uint64_t number) {
    const auto is_it = [number](const WorkerEnded& end) { return end.number == number; };
    EXPECT_TRUE(world_.run_until([&] { return std::ranges::any_of(job_manager_.ended, is_it); }));
    const auto found = std::ranges::find_if(job_manager_.ended, is_it);
    return found == job_manager_.ended.end() ? WorkerEnded{} : *found;
  }
  TaskManagerAnswered ask(std::uint64_t number, const std::string& path) {
    job_manager_.say(MessageKind::kTaskManagerAsked, TaskManagerAsked{.number = number, .path = path, .query = {}});
    const auto is_it = [number](const TaskManagerAnswered& answer) { return answer.number == number; };
    EXPECT_TRUE(world_.run_until([&] { return std::ranges::any_of(job_manager_.answers, is_it); }));
    return *std::ranges::find_if(job_manager_.answers, is_it);
  }
  // Of one that prints it in its first line.
  pid_t pid_of(std::uint64_t number) {
    EXPECT_TRUE(world_.run_until([&] { return log(number).ends_with('\n'); }));
    return std::stoi(log(number));
  }
  bool is_gone(pid_t pid) {
    const auto stat = read_file(files_, "/proc/" + std::to_string(pid) + "/stat");
    return !stat || stat->find(") Z ") != std::string::npos;
  }

  FileSystem& files_ = posix_file_system();
  const std::string folder_ = testing::TempDir() + "tidemark_task_manager";
  PosixEnv posix_{1};
  test::RealWorld world_;
  test::FakeJobManager job_manager_{world_, world_.join(test::identity_of("jobmanager")), world_.free_address(), 3};
  std::unique_ptr<TaskManagerThread> task_manager_;
};

TEST_F(TaskManagerThreadTest, SaysWhereItsWorkersAreReachedAndWhatTheMachineHas) {
  const RegisterTaskManager& said = job_manager_.registrations.front();
  EXPECT_EQ(said.data_host, "127.0.0.1");
  EXPECT_EQ(said.id, task_manager_->id());
  EXPECT_THAT(said.id, StartsWith(said.host + "-"));
  EXPECT_GE(said.cores, 1u);
  EXPECT_GT(said.memory_bytes, 0u);
  EXPECT_LT(said.memory_bytes, task_manager_->settings().process_bytes);
  EXPECT_EQ(said.slots, 2u);
}

TEST_F(TaskManagerThreadTest, AWorkerRunsInAFolderOfItsOwnWithItsOrder) {
  run(1, "pwd; echo $TMPDIR; echo \"$TIDEMARK_WORKER\"; touch left");
  EXPECT_TRUE(end_of(1).in_order);
  EXPECT_THAT(log(1), StartsWith(folder_ + "/workers/job-1-w1\n" + folder_ + "/tmp\n"));
  const WorkerOrder order = value_or_throw(parse_worker_order(log(1).substr(log(1).find('{'))));
  EXPECT_EQ(order.master, job_manager_.listener->address());
  EXPECT_EQ(order.token, "secret");
  EXPECT_EQ(order.data_host, "127.0.0.1");
  EXPECT_TRUE(files_.stat(folder_ + "/workers/job-1-w1/left"));
}

TEST_F(TaskManagerThreadTest, OneThatIsKilledIsToldAtOnceAndTheOtherRunsOn) {
  run(1, "echo $$; exec sleep 1000");
  run(2, "echo $$; exec sleep 1000");
  const pid_t first = pid_of(1), second = pid_of(2);
  ::kill(first, SIGKILL);
  const Error cause = error_of(end_of(1).cause);
  EXPECT_THAT(cause.message(),
              AllOf(HasSubstr("worker job-1-w1"), HasSubstr("was ended by signal 9 (SIGKILL)"), HasSubstr(log_path(1))));
  EXPECT_FALSE(is_gone(second));
  job_manager_.say(MessageKind::kStopWorker, WorkerNumber{2});
  EXPECT_EQ(error_of(end_of(2).cause).code(), ErrorCode::kCancelled);
}

TEST_F(TaskManagerThreadTest, OneThatFailsSaysItsLastLines) {
  run(1, "echo before; echo 'orders.json: no such file' >&2; exit 4");
  EXPECT_THAT(error_of(end_of(1).cause).message(),
              AllOf(HasSubstr("ended with status 4"), HasSubstr("before\norders.json: no such file")));
}

TEST_F(TaskManagerThreadTest, OneThatPrintsWithoutEndFillsNoMoreThanItsFiles) {
  run(1, "head -c 50000000 /dev/zero; echo; echo done");
  EXPECT_TRUE(end_of(1).in_order);
  std::uint64_t bytes = 0;
  for (const char* suffix : {"", ".1", ".2"}) bytes += value_or_throw(files_.stat(log_path(1) + suffix)).size;
  EXPECT_LE(bytes, 3u * (10u << 20));
  EXPECT_EQ(value_or_throw(files_.list(folder_ + "/logs")).size(), 3u);
}

TEST_F(TaskManagerThreadTest, OneThatDoesNotStopIsKilledAfterItsGrace) {
  run(1, "trap '' TERM; echo $$; while :; do sleep 0.01; done");
  pid_of(1);
  job_manager_.say(MessageKind::kStopWorker, WorkerNumber{1});
  EXPECT_THAT(error_of(end_of(1).cause).message(), HasSubstr("SIGKILL"));
}

TEST_F(TaskManagerThreadTest, WhenTheJobManagerIsLostItsWorkersDieAndItRegistersAgain) {
  run(1, "trap '' TERM; echo $$; while :; do sleep 0.01; done");
  const pid_t pid = pid_of(1);
  job_manager_.line.reset();
  ASSERT_TRUE(world_.run_until([&] { return job_manager_.registrations.size() == 2; }));
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(TaskManagerThreadTest, ItsWorkersEndWithIt) {
  run(1, "trap '' TERM; echo $$; while :; do sleep 0.01; done");
  const pid_t pid = pid_of(1);
  task_manager_.reset();
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(TaskManagerThreadTest, AFolderIsOfOneTaskManager) {
  const auto second = TaskManagerThread::start(posix_.env(), settings());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), AllOf(HasSubstr(folder_), HasSubstr("--dir")));
}

TEST_F(TaskManagerThreadTest, TwoThatAreGivenNoFolderHaveOneEach) {
  TaskManagerSettings without = settings();
  without.folder.clear();
  const std::string temporary = folder_ + "/elsewhere";
  without.tmp_folder = temporary;
  const auto first = value_or_throw(TaskManagerThread::start(posix_.env(), without));
  const auto second = value_or_throw(TaskManagerThread::start(posix_.env(), without));
  EXPECT_THAT(first->folder(), StartsWith(temporary + "/"));
  EXPECT_THAT(second->folder(), StartsWith(temporary + "/"));
  EXPECT_NE(first->folder(), second->folder());
}

TEST_F(TaskManagerThreadTest, TheJobManagerIsToldHowItAndItsWorkersAre) {
  run(1, "echo a line of the worker");
  EXPECT_TRUE(end_of(1).in_order);
  EXPECT_THAT(ask(1, "/logs").body, HasSubstr("job-1-w1.log"));
  EXPECT_EQ(ask(2, "/logs/job-1-w1.log").body, "a line of the worker\n");
  EXPECT_THAT(ask(3, "/metrics").body, HasSubstr("Status.Process.Memory.Used"));
  EXPECT_THAT(ask(4, "/thread-dump").body, HasSubstr("threadInfos"));
  EXPECT_EQ(ask(5, "/logs/..%2fLOCK").status, 404);
  EXPECT_EQ(ask(6, "/executables").status, 404);
}

TEST_F(TaskManagerThreadTest, AnAnswerNeverEndsTheLineByItsSize) {
  const std::string report =
      to_described(ProcessReport{.metrics = {}, .threads = {{"tasks-0", "\"tasks-0\" RUNNABLE\n" + std::string(20u << 20, 'x')}}});
  const auto worker = value_or_throw(HttpServer::start(value_or_throw(UnixSocketName::in(folder_ + "/sockets", "large")), [&](const HttpRequest&) {
    return HttpResponse{.status = 200, .body = report};
  }));
  const TaskManagerAnswered answer = ask(1, "/thread-dump");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, AllOf(HasSubstr("large: tasks-0"), HasSubstr("RUNNABLE"), HasSubstr("too many for one answer"), Not(HasSubstr("xxxx"))));
}

TEST_F(TaskManagerThreadTest, PrometheusIsAnsweredWhereItIsTold) {
  TaskManagerSettings another = settings();
  another.folder += "/another";
  another.id = "tm-\"9\"";
  another.metrics = "127.0.0.1:0";
  const auto task_manager = value_or_throw(TaskManagerThread::start(posix_.env(), another));
  EXPECT_FALSE(task_manager_->metrics_address());
  const HttpPeer peer{.address = task_manager->metrics_address().value()};
  const HttpResponse metrics = value_or_throw(http_call(peer, {.path = "/metrics"}));
  EXPECT_THAT(metrics.body, HasSubstr("flink_taskmanager_Status_Process_Threads_Count{tm_id=\"tm-\\\"9\\\"\""));
  EXPECT_THAT(metrics.content_type, StartsWith("text/plain"));
  EXPECT_EQ(value_or_throw(http_call(peer, {.path = "/logs"})).status, 404);
}

}  // namespace
}  // namespace tidemark
