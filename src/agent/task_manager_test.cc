#include "agent/task_manager.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/fake_job_manager_test.h"
#include "control/worker_order.h"
#include "env/memory_file_system.h"
#include "env/posix_file_system.h"
#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kNsPerS = 1'000'000'000;

class ImmediatePool final : public BlockingPool {
 public:
  void submit(std::unique_ptr<BackgroundWork> work) override {
    while (work->step() != Progress::kDone) continue;
  }
};

/// Work stands still until the test lets it go on.
class HoldingPool final : public BlockingPool {
 public:
  void submit(std::unique_ptr<BackgroundWork> work) override { held.push_back(std::move(work)); }
  void run_all() {
    for (const auto& work : std::exchange(held, {})) {
      while (work->step() != Progress::kDone) continue;
    }
  }
  std::vector<std::unique_ptr<BackgroundWork>> held;
};

/// A worker's process whose end the test decides.
struct FakeProcess {
  ProcessOrder order;
  Mailbox* owner;
  ProcessCallbacks callbacks;
  std::vector<std::int64_t> stops = {};  // their graces
  bool is_held = true;
  std::uint32_t pid = 0;

  void begin() {
    owner->post([this] { callbacks.on_started(pid); });
  }
  void end(ProcessEnd how) {
    owner->post([this, how] {
      if (is_held) callbacks.on_ended(how);
    });
  }
};

class FakeProcesses final : public Processes {
 public:
  std::unique_ptr<StartedProcess> start(ProcessOrder order, Mailbox& owner, ProcessCallbacks callbacks) override {
    FakeProcess& one = started.emplace_back(std::move(order), &owner, std::move(callbacks));
    one.pid = static_cast<std::uint32_t>(4710 + started.size());
    return std::make_unique<Handle>(one);
  }
  std::list<FakeProcess> started;

 private:
  class Handle final : public StartedProcess {
   public:
    explicit Handle(FakeProcess& process) : process_{process} {}
    ~Handle() override { process_.is_held = false; }
    void stop(std::int64_t grace_ms) override { process_.stops.push_back(grace_ms); }

   private:
    FakeProcess& process_;
  };
};

/// A program of this machine, larger than two parts.
std::string program() {
  std::string bytes(64, '\0');
  value_or_throw(value_or_throw(posix_file_system().open("/proc/self/exe"))->read(0, bytes));
  bytes.resize(2 * kLargestPart + 1000, 'x');
  return bytes;
}

class TaskManagerTest : public testing::Test {
 protected:
  TaskManagerTest() { open(); }
  void open() { task_manager_ = value_or_throw(TaskManager::open(env(), *transport_, processes_, settings())); }
  Env env() { return {.clock = &world_.clock(), .files = &files_, .pool = &pool_, .calls = &calls_}; }
  static TaskManagerSettings settings() {
    return {.job_manager = "jm:6123",
            .id = "tm-1",
            .host = "machine",
            .data_host = "tm",
            .folder = "/tm",
            .cores = 8,
            .slots = 4,
            .process_bytes = 400 << 20,
            .memory_bytes = 4000,
            .stop_grace_ms = 7000};
  }

  // Time passes where nothing else is to do: an hour at most.
  bool run_until(const std::function<bool()>& holds) {
    const std::int64_t give_up_ns = world_.clock().steady_ns() + 3600 * kNsPerS;
    while (world_.clock().steady_ns() < give_up_ns) {
      const bool goes_on = world_.run_until([&] { return step() || holds() || world_.clock().steady_ns() >= give_up_ns; });
      if (holds()) return true;
      if (goes_on) continue;
      if (!task_manager_->next_deadline_ns()) return false;
      world_.clock().set_ns(std::max(world_.clock().steady_ns(), *task_manager_->next_deadline_ns()));
    }
    return false;
  }
  bool step() {
    const bool may_step = !has_ended_;
    if (may_step) has_ended_ = task_manager_->step() == Progress::kDone;
    return has_ended_ && may_step;
  }
  void run_for_s(std::int64_t seconds) {
    const std::int64_t end = world_.clock().steady_ns() + seconds * kNsPerS;
    run_until([&] { return world_.clock().steady_ns() >= end; });
  }
  test::FakeJobManager& make_job_manager(std::uint64_t epoch = 3) {
    return job_managers_.emplace_back(world_, world_.network().join("jm", test::identity_of("jobmanager")), "jm:6123", epoch);
  }
  test::FakeJobManager& registered(std::uint64_t epoch = 3) {
    test::FakeJobManager& jm = make_job_manager(epoch);
    EXPECT_TRUE(run_until([&] { return !jm.registrations.empty(); }));
    return jm;
  }
  void order(test::FakeJobManager& jm, StartWorker order) {
    if (order.executable.empty()) order.executable = test::hash_of(program());
    jm.say(MessageKind::kStartWorker, order);
  }
  FakeProcess& running(test::FakeJobManager& jm, std::uint64_t number = 1) {
    jm.executable = program();
    order(jm, {.number = number, .name = "orders-3-w" + std::to_string(number), .token = "secret"});
    const std::size_t before = processes_.started.size();
    EXPECT_TRUE(run_until([&] { return processes_.started.size() > before; }));
    processes_.started.back().begin();
    EXPECT_TRUE(run_until([&] { return !jm.started.empty() && jm.started.back() == number; }));
    return processes_.started.back();
  }
  Error end_of_only_worker(test::FakeJobManager& jm) {
    EXPECT_TRUE(run_until([&] { return !jm.ended.empty(); }));
    EXPECT_EQ(jm.ended.size(), 1u);
    EXPECT_FALSE(jm.ended.front().in_order);
    return error_of(jm.ended.front().cause);
  }

  test::MemoryWorld world_{1};
  MemoryFileSystem files_;
  ImmediatePool pool_;
  HoldingPool calls_;
  FakeProcesses processes_;
  std::list<test::FakeJobManager> job_managers_;
  std::unique_ptr<Transport> transport_ = world_.network().join("tm", test::identity_of("taskmanager tm-1"));
  std::unique_ptr<TaskManager> task_manager_;
  bool has_ended_ = false;
};

TEST_F(TaskManagerTest, SaysWhatItHas) {
  const RegisterTaskManager said = registered().registrations.front();
  EXPECT_EQ(said.id, "tm-1");
  EXPECT_EQ(said.host, "machine");
  EXPECT_EQ(said.data_host, "tm");
  EXPECT_EQ(said.slots, 4u);
  EXPECT_EQ(said.cores, 8u);
  EXPECT_EQ(said.memory_bytes, 4000u);
  EXPECT_EQ(said.folder, "/tm");
}

TEST_F(TaskManagerTest, CallsUntilAJobManagerAnswers) {
  run_for_s(100);
  const std::int64_t before = world_.clock().steady_ns();
  registered();
  EXPECT_LE(world_.clock().steady_ns() - before, 6 * kNsPerS);
}

TEST_F(TaskManagerTest, OneThatIsRefusedAsksAgain) {
  test::FakeJobManager& jm = make_job_manager();
  jm.registers = false;
  ASSERT_TRUE(run_until([&] { return jm.registrations.size() == 1; }));
  jm.say(MessageKind::kTaskManagerRefused,
         TaskManagerRefused{report_of(Error{ErrorCode::kAlreadyExists, "tm-1 is here already"})});
  EXPECT_TRUE(run_until([&] { return jm.registrations.size() == 2; }));
}

TEST_F(TaskManagerTest, AJobManagerThatDoesNotAnswerIsCalledAgain) {
  test::FakeJobManager& jm = make_job_manager();
  jm.registers = false;
  EXPECT_TRUE(run_until([&] { return jm.registrations.size() == 3; }));
}

TEST_F(TaskManagerTest, AWorkerIsStartedAsItWasOrdered) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  order(jm, {.number = 9, .name = "orders-3-w1", .arguments = {"--input", "a b"}, .token = "secret", .slots = 3});
  ASSERT_TRUE(run_until([&] { return processes_.started.size() == 1; }));
  FakeProcess& process = processes_.started.front();
  ASSERT_EQ(process.order.words.size(), 3u);
  EXPECT_EQ(value_or_throw(read_file(files_, process.order.words[0])), program());
  EXPECT_EQ(process.order.words[1], "--input");
  EXPECT_EQ(process.order.words[2], "a b");
  EXPECT_EQ(process.order.log, "/tm/logs/orders-3-w1.log");
  EXPECT_TRUE(value_or_throw(files_.stat(process.order.folder)).is_directory);
  ASSERT_EQ(process.order.environment.size(), 2u);
  EXPECT_EQ(process.order.environment[0].first, kWorkerOrderVariable);
  const WorkerOrder told = value_or_throw(parse_worker_order(process.order.environment[0].second));
  EXPECT_EQ(told.name, "orders-3-w1");
  EXPECT_EQ(told.master, "jm:6123");
  EXPECT_EQ(told.token, "secret");
  EXPECT_EQ(told.data_host, "tm");
  EXPECT_EQ(told.memory_bytes, 3000u) << "the part of its slots";
  EXPECT_THAT(jm.started, IsEmpty()) << "it has not begun yet";
  process.begin();
  ASSERT_TRUE(run_until([&] { return !jm.started.empty(); }));
  EXPECT_THAT(jm.started, ElementsAre(9u));
}

TEST_F(TaskManagerTest, AnExecutableIsFetchedOnceForAllThatWaitForIt) {
  test::FakeJobManager& jm = registered();
  order(jm, {.number = 1});
  order(jm, {.number = 2});
  ASSERT_TRUE(run_until([&] { return jm.wanted.size() == 1; }));
  jm.executable = program();
  jm.send_part();
  ASSERT_TRUE(run_until([&] { return processes_.started.size() == 2; }));
  std::vector<std::uint64_t> offsets;
  for (const ExecutableWanted& wanted : jm.wanted) offsets.push_back(wanted.offset);
  EXPECT_THAT(offsets, ElementsAre(0u, kLargestPart, 2 * kLargestPart));
  order(jm, {.number = 3});
  ASSERT_TRUE(run_until([&] { return processes_.started.size() == 3; }));
  EXPECT_EQ(jm.wanted.size(), 3u) << "it is there";
}

TEST_F(TaskManagerTest, AnExecutableThatIsDamagedIsNotRun) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  jm.executable.back() = 'y';
  order(jm, {.number = 1, .name = "orders-3-w1"});
  EXPECT_THAT(end_of_only_worker(jm).message(),
              AllOf(HasSubstr("worker orders-3-w1 was not started on machine"), HasSubstr("damaged")));
  EXPECT_THAT(processes_.started, IsEmpty());
}

TEST_F(TaskManagerTest, AnExecutableThatTheJobManagerHasNoLongerIsSaid) {
  test::FakeJobManager& jm = registered();
  order(jm, {.number = 1});
  ASSERT_TRUE(run_until([&] { return jm.wanted.size() == 1; }));
  jm.say(MessageKind::kExecutablePart, ExecutablePart{.hash = test::hash_of(program())});
  EXPECT_EQ(end_of_only_worker(jm).code(), ErrorCode::kNotFound);
}

TEST_F(TaskManagerTest, PartsThatWereNotAskedForAreNotTaken) {
  const std::string hash = test::hash_of(program());
  const ExecutablePart wrong[] = {
      {.hash = hash, .offset = 5, .size = 100, .bytes = "later"},
      {.hash = hash, .offset = 0, .size = 3, .bytes = "longer than the whole"},
      {.hash = hash, .offset = 0, .size = 10 * kLargestPart, .bytes = std::string(kLargestPart + 1, 'x')},
  };
  test::FakeJobManager& jm = registered();
  for (std::uint64_t number = 1; const ExecutablePart& part : wrong) {
    order(jm, {.number = number});
    ASSERT_TRUE(run_until([&] { return jm.wanted.size() == number; }));
    jm.say(MessageKind::kExecutablePart, part);
    ASSERT_TRUE(run_until([&] { return jm.ended.size() == number; }));
    EXPECT_EQ(error_of(jm.ended.back().cause).code(), ErrorCode::kDataLoss);
    ++number;
  }
  jm.say(MessageKind::kExecutablePart, wrong[0]);  // of one that nobody waits for any more
  running(jm, 10);
}

TEST_F(TaskManagerTest, AFullDiskIsTheReasonThatIsTold) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  files_.set_hook([](FileOperation operation, const std::string&) -> std::optional<Error> {
    if (operation != FileOperation::kAppend) return {};
    return Error{ErrorCode::kResourceExhausted, "no space is left"};
  });
  order(jm, {.number = 1});
  EXPECT_THAT(end_of_only_worker(jm).message(), HasSubstr("no space is left"));
}

TEST_F(TaskManagerTest, AWorkersEndIsToldWithItsReason) {
  test::FakeJobManager& jm = registered();
  running(jm).end({.how = "was ended by signal 9 (SIGKILL)", .last_lines = "record 7\nrecord 8"});
  const Error cause = end_of_only_worker(jm);
  EXPECT_THAT(cause.message(), AllOf(HasSubstr("worker orders-3-w1 on machine was ended by signal 9 (SIGKILL)"),
                                     HasSubstr("record 7\nrecord 8"), HasSubstr("/tm/logs/orders-3-w1.log")));
  EXPECT_EQ(cause.retry(), Retry::kRestart);
  EXPECT_EQ(jm.ended.front().number, 1u);
}

TEST_F(TaskManagerTest, OneThatEndsByItselfHasEndedInOrder) {
  test::FakeJobManager& jm = registered();
  running(jm).end({.in_order = true, .how = "ended with status 0"});
  ASSERT_TRUE(run_until([&] { return !jm.ended.empty(); }));
  EXPECT_TRUE(jm.ended.front().in_order);
  EXPECT_EQ(jm.ended.front().cause.message, "");
}

TEST_F(TaskManagerTest, OneThatCanNotBeStartedIsToldAsEnded) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  order(jm, {.number = 1});
  ASSERT_TRUE(run_until([&] { return !processes_.started.empty(); }));
  processes_.started.front().end({.how = "could not be started: no memory"});
  EXPECT_THAT(end_of_only_worker(jm).message(), HasSubstr("no memory"));
  EXPECT_THAT(jm.started, IsEmpty());
}

TEST_F(TaskManagerTest, OfWorkersThatTakeTooMuchMemoryWhoIsFurthestBeyondItsPartIsKilled) {
  test::FakeJobManager& jm = registered();
  const auto has_mib = [&](FakeProcess& process, int anonymous, int shared = 0) {
    const std::string folder = "/proc/" + std::to_string(process.pid);
    ASSERT_TRUE(files_.make_directories(folder));
    auto status = value_or_throw(files_.create(folder + "/status", CreateMode::kTruncate));
    ASSERT_TRUE(status->append(fmt::format("Name:\torders\nRssAnon:\t{} kB\nRssFile:\t900000 kB\nRssShmem:\t{} kB\n", anonymous << 10, shared << 10)));
  };
  FakeProcess& first = running(jm, 1);
  FakeProcess& second = running(jm, 2);
  has_mib(first, 150);
  has_mib(second, 250);
  run_for_s(10);
  EXPECT_THAT(second.stops, IsEmpty()) << "it may use what the others leave";
  has_mib(first, 150, 1);
  ASSERT_TRUE(run_until([&] { return !second.stops.empty(); }));
  run_for_s(10);
  EXPECT_THAT(second.stops, ElementsAre(0)) << "once, and at once";
  EXPECT_THAT(first.stops, IsEmpty()) << "what the other has is given back soon";
  second.end({.was_stopped = true, .how = "was ended by signal 9 (SIGKILL)"});
  const Error cause = end_of_only_worker(jm);
  EXPECT_EQ(jm.ended.front().number, 2u);
  EXPECT_EQ(cause.code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(cause.retry(), Retry::kRestart);
  EXPECT_THAT(cause.message(), AllOf(HasSubstr("the workers on machine had 401 MiB of memory, and may have 400 MiB"),
                                     HasSubstr("worker orders-3-w2, with 250 MiB where 1 of 4 slots are 100 MiB"), HasSubstr("taskmanager.memory.process.size")));
  run_for_s(10);
  EXPECT_THAT(first.stops, IsEmpty());
}

TEST_F(TaskManagerTest, AWorkerIsStoppedWithItsGraceAndItsEndIsTold) {
  test::FakeJobManager& jm = registered();
  FakeProcess& process = running(jm);
  jm.say(MessageKind::kStopWorker, WorkerNumber{1});
  ASSERT_TRUE(run_until([&] { return !process.stops.empty(); }));
  EXPECT_THAT(process.stops, ElementsAre(7000));
  EXPECT_THAT(jm.ended, IsEmpty());
  process.end({.was_stopped = true, .how = "was ended by signal 15 (SIGTERM)"});
  EXPECT_EQ(end_of_only_worker(jm).code(), ErrorCode::kCancelled);
  jm.say(MessageKind::kStopWorker, WorkerNumber{1});  // it came too late
  running(jm, 2);
}

// Its broken connection may tell a JobManager of its end first.
TEST_F(TaskManagerTest, AStopThatComesTooLateIsNotTheReasonThatIsTold) {
  test::FakeJobManager& jm = registered();
  FakeProcess& process = running(jm);
  jm.say(MessageKind::kStopWorker, WorkerNumber{1});
  ASSERT_TRUE(run_until([&] { return !process.stops.empty(); }));
  process.end({.how = "was ended by signal 9 (SIGKILL)", .last_lines = "record 8"});
  const Error cause = end_of_only_worker(jm);
  EXPECT_EQ(cause.code(), ErrorCode::kIo);
  EXPECT_THAT(cause.message(), AllOf(HasSubstr("was ended by signal 9"), HasSubstr("record 8")));
}

TEST_F(TaskManagerTest, OneThatWaitsForItsExecutableIsStoppedAtOnce) {
  test::FakeJobManager& jm = registered();
  order(jm, {.number = 1});
  ASSERT_TRUE(run_until([&] { return jm.wanted.size() == 1; }));
  jm.say(MessageKind::kStopWorker, WorkerNumber{1});
  EXPECT_EQ(end_of_only_worker(jm).code(), ErrorCode::kCancelled);
  jm.executable = program();
  jm.send_part();
  running(jm, 2);
  EXPECT_EQ(processes_.started.size(), 1u) << "the first is not started any more";
}

TEST_F(TaskManagerTest, MoreSlotsThanThereAreCanNotBeHad) {
  test::FakeJobManager& jm = registered();
  order(jm, {.number = 1, .slots = 5});
  EXPECT_THAT(end_of_only_worker(jm).message(), HasSubstr("5 slots, and this TaskManager has 4"));
}

TEST_F(TaskManagerTest, AnExecutableThatIsNoHashIsRefused) {
  test::FakeJobManager& jm = registered();
  order(jm, {.number = 1, .executable = "../../bin/sh"});
  EXPECT_THAT(end_of_only_worker(jm).message(), HasSubstr("no hash"));
  EXPECT_THAT(jm.wanted, IsEmpty());
}

TEST_F(TaskManagerTest, AWorkersNameDoesNotLeadOutOfTheFolder) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  order(jm, {.number = 1, .name = "../../etc/passwd"});
  ASSERT_TRUE(run_until([&] { return !processes_.started.empty(); }));
  EXPECT_EQ(processes_.started.front().order.log, "/tm/logs/_.._.._etc_passwd.log");
  EXPECT_EQ(processes_.started.front().order.folder, "/tm/workers/_.._.._etc_passwd");
}

TEST_F(TaskManagerTest, WhenTheJobManagerIsLostAllWorkersAreEndedBeforeItRegistersAgain) {
  test::FakeJobManager& jm = registered();
  FakeProcess& process = running(jm);
  order(jm, {.number = 2, .executable = std::string(64, 'a')});  // which waits for its executable
  ASSERT_TRUE(run_until([&] { return jm.wanted.back().hash == std::string(64, 'a'); }));
  world_.network().reset("jm", "tm");
  ASSERT_TRUE(run_until([&] { return !process.stops.empty(); }));
  EXPECT_THAT(process.stops, ElementsAre(0)) << "at once";
  run_for_s(60);
  EXPECT_EQ(jm.registrations.size(), 1u);
  process.end({.how = "was ended by signal 9 (SIGKILL)"});
  ASSERT_TRUE(run_until([&] { return jm.registrations.size() == 2; }));
  run_for_s(1);
  EXPECT_THAT(jm.ended, IsEmpty()) << "the next one did not order it";
  running(jm, 1);
}

TEST_F(TaskManagerTest, AnExecutableThatWasOnItsWayWhenTheJobManagerWasLostIsFetchedAgain) {
  test::FakeJobManager& jm = registered();
  order(jm, {.number = 1});
  ASSERT_TRUE(run_until([&] { return jm.wanted.size() == 1; }));
  world_.network().reset("jm", "tm");
  ASSERT_TRUE(run_until([&] { return jm.registrations.size() == 2; }));
  running(jm, 1);
  EXPECT_EQ(processes_.started.size(), 1u);
}

TEST_F(TaskManagerTest, AJobManagerThatWasFollowedByAnotherIsNotServed) {
  test::FakeJobManager& newer = registered(5);
  run_for_s(1);  // until it knows so
  newer.listener.reset();
  newer.transport.reset();
  test::FakeJobManager& older = make_job_manager(4);
  ASSERT_TRUE(run_until([&] { return older.closed == 2; })) << "it is called, and left each time";
  older.epoch = 6;
  ASSERT_TRUE(run_until([&] { return older.registrations.size() == 3; }));
  running(older);
}

TEST_F(TaskManagerTest, AMessageOfAnotherEpochEndsTheConnection) {
  test::FakeJobManager& jm = registered(5);
  jm.epoch = 4;
  order(jm, {.number = 1});
  ASSERT_TRUE(run_until([&] { return jm.closed == 1; }));
  EXPECT_THAT(processes_.started, IsEmpty());
}

TEST_F(TaskManagerTest, AWorkerThatIsOrderedTwiceEndsTheConnection) {
  test::FakeJobManager& jm = registered();
  running(jm);
  order(jm, {.number = 1});
  EXPECT_TRUE(run_until([&] { return jm.closed == 1; }));
}

TEST_F(TaskManagerTest, OneThatIsStoppedEndsItsWorkersFirst) {
  test::FakeJobManager& jm = registered();
  FakeProcess& process = running(jm);
  task_manager_->stop();
  ASSERT_TRUE(run_until([&] { return !process.stops.empty(); }));
  EXPECT_THAT(process.stops, ElementsAre(7000));
  EXPECT_FALSE(has_ended_);
  process.end({.how = "was ended by signal 15 (SIGTERM)"});
  ASSERT_TRUE(run_until([&] { return has_ended_ && jm.closed == 1; }));
  EXPECT_EQ(jm.ended.size(), 1u);
}

TEST_F(TaskManagerTest, OneThatHasNobodyIsStoppedAtOnce) {
  run_for_s(3);
  task_manager_->stop();
  EXPECT_TRUE(run_until([&] { return has_ended_; }));
}

TEST_F(TaskManagerTest, AnswersThatTakeLongHoldUpNothingElseAndAreLimited) {
  test::FakeJobManager& jm = registered();
  for (std::uint64_t number = 1; number <= 17; ++number) jm.say(MessageKind::kTaskManagerAsked, TaskManagerAsked{.number = number, .path = "/log", .query = {}});
  EXPECT_TRUE(run_until([&] { return !jm.answers.empty(); }));
  ASSERT_EQ(jm.answers.size(), 1u);
  EXPECT_EQ(jm.answers[0].number, 17u);
  EXPECT_EQ(jm.answers[0].status, 503);
  running(jm);  // its executable is fetched and stored
  calls_.run_all();
  EXPECT_TRUE(run_until([&] { return jm.answers.size() == 17; }));
  EXPECT_EQ(jm.answers.back().status, 200);
  jm.say(MessageKind::kTaskManagerAsked, TaskManagerAsked{.number = 18, .path = "/log", .query = {}});
  EXPECT_TRUE(run_until([&] { return !calls_.held.empty(); })) << "there is room again";
}

TEST_F(TaskManagerTest, AFolderIsOfOneTaskManager) {
  const auto second = TaskManager::open(env(), *transport_, processes_, settings());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), AllOf(HasSubstr("'/tm'"), HasSubstr("--dir")));
}

// A sink's relative path leads there, and the next attempt must find what the one before committed.
TEST_F(TaskManagerTest, WorkersOfOneJobWorkInOneFolderWhoseContentStays) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  for (const std::uint64_t number : {1, 2}) {
    order(jm, {.number = number, .name = "orders-" + std::to_string(number) + "-w1", .job = "orders"});
    ASSERT_TRUE(run_until([&] { return processes_.started.size() == number; }));
    FakeProcess& process = processes_.started.back();
    EXPECT_EQ(process.order.folder, "/tm/workers/orders");
    const std::string output = process.order.folder + "/part-0";
    if (number == 1) value_or_throw(files_.create(output, CreateMode::kExclusive));
    EXPECT_TRUE(files_.stat(output));
    process.end({.in_order = true, .how = "ended with status 0"});
    ASSERT_TRUE(run_until([&] { return jm.ended.size() == number; }));
    EXPECT_TRUE(files_.stat(output));
  }
}

TEST_F(TaskManagerTest, AnEmptyFolderOfAJobGoesWithItsLastWorker) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  for (const std::uint64_t number : {1, 2}) order(jm, {.number = number, .job = "orders"});
  ASSERT_TRUE(run_until([&] { return processes_.started.size() == 2; }));
  for (const bool stays : {true, false}) {
    FakeProcess& process = stays ? processes_.started.front() : processes_.started.back();
    process.end({.in_order = true, .how = "ended with status 0"});
    ASSERT_TRUE(run_until([&] { return jm.ended.size() == (stays ? 1u : 2u); }));
    EXPECT_EQ(files_.stat("/tm/workers/orders").has_value(), stays);
  }
}

TEST_F(TaskManagerTest, CopiesOfCheckpointsStayForAnHourBehindAJobsLastWorker) {
  test::FakeJobManager& jm = registered();
  jm.executable = program();
  const auto run_worker = [&](std::uint64_t number) -> FakeProcess& {
    order(jm, {.number = number, .job_id = "77", .copies_of = "/shared/orders"});
    EXPECT_TRUE(run_until([&] { return processes_.started.size() == number; }));
    return processes_.started.back();
  };
  const auto end = [&](FakeProcess& process) {
    const std::size_t before = jm.ended.size();
    process.end({.in_order = true});
    EXPECT_TRUE(run_until([&] { return jm.ended.size() == before + 1; }));
  };
  FakeProcess& first = run_worker(1);
  const WorkerOrder told = value_or_throw(parse_worker_order(first.order.environment[0].second));
  EXPECT_EQ(told.copies_of, "/shared/orders");
  EXPECT_EQ(told.copies_in, "/tm/copies/77");
  ASSERT_TRUE(files_.make_directories(told.copies_in + "/chk-1-1"));
  const auto are_there = [&] { return files_.stat(told.copies_in).has_value(); };
  FakeProcess& second = run_worker(2);
  end(first);
  run_for_s(3'700);
  EXPECT_TRUE(are_there()) << "another still runs";
  end(second);
  run_for_s(3'500);
  end(run_worker(3));
  run_for_s(3'500);
  EXPECT_TRUE(are_there()) << "it came back";
  run_for_s(200);
  EXPECT_FALSE(are_there());
}

TEST_F(TaskManagerTest, CopiesOfJobsThatItKnowsNoMoreGoInTime) {
  ASSERT_TRUE(files_.make_directories("/tm/copies/77/chk-1-1"));
  task_manager_.reset();
  open();
  registered();
  run_for_s(3'500);
  EXPECT_TRUE(files_.stat("/tm/copies/77"));
  run_for_s(200);
  EXPECT_FALSE(files_.stat("/tm/copies/77"));
}

}  // namespace
}  // namespace tidemark
