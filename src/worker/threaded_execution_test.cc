#include "worker/threaded_execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/memory_file_system.h"
#include "env/posix_env.h"
#include "tidemark/detail/channel/exchange.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/map.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kKeys = 97;

struct Number {
  std::int64_t value = 0;
};
struct Counted {
  std::int64_t key = 0;
  std::int64_t count = 0;
};
struct KeyOf {
  std::int64_t operator()(const Number& number) const { return number.value % kKeys; }
};

// The numbers of one subtask, batch by batch; the last watermark is the end of time.
class Numbers final : public detail::SourceOperator {
 public:
  Numbers(std::int64_t total, bool ends) : total_{total}, ends_{ends} {}

  Out<Number>& out() { return out_; }
  void open(detail::OperatorContext& context) override {
    next_ = context.name.subtask;
    step_ = context.parallelism;
  }
  void receive(detail::Batch&) override {}
  Poll poll() override {
    if (next_ >= total_) {
      if (!ends_) return Poll::kNothing;
      watermark_ = Timestamp::max();
      return Poll::kFinished;
    }
    for (int i = 0; i < 100 && next_ < total_; ++i, next_ += step_) out_.emit(Timestamp{next_}, Number{next_});
    watermark_ = Timestamp{next_ - step_};
    out_.flush();
    return Poll::kEmitted;
  }
  Timestamp watermark() const override { return watermark_; }
  std::uint64_t records_out() const override { return out_.emitted(); }

 private:
  std::int64_t total_;
  bool ends_;
  std::int64_t next_ = 0;
  std::int64_t step_ = 1;
  Timestamp watermark_ = Timestamp::min();
  Out<Number> out_;
};

struct Counting : KeyedProcess<std::int64_t, Number, Counted> {
  ValueState<std::int64_t> count_;
  explicit Counting(Declare& declare) : count_{declare, "count"} {}
  void process(const Number&, Context& ctx, Out<Counted>& out) override {
    count_.mutate([](std::int64_t& n) { ++n; });
    out.emit({ctx.key(), count_.get()});
  }
};

// The largest count that arrived of each key, of all subtasks.
struct Results {
  std::mutex mutex;
  std::map<std::int64_t, std::int64_t> counts;
  std::int64_t records = 0;
};

class Collecting final : public detail::Operator {
 public:
  explicit Collecting(Results& results) : results_{results} {}
  void open(detail::OperatorContext&) override {}
  void receive(detail::Batch& in) override {
    const auto& batch = static_cast<const detail::TypedBatch<Counted>&>(in);
    const std::lock_guard lock{results_.mutex};
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      std::int64_t& count = results_.counts[batch.values()[i].key];
      count = std::max(count, batch.values()[i].count);
    }
    results_.records += batch.size();
    received_ += batch.size();
  }
  std::uint64_t records_out() const override { return 0; }
  std::uint64_t late_dropped() const override { return received_; }  // no matter what: it is to be told

 private:
  Results& results_;
  std::uint64_t received_ = 0;
};

/// numbers -> add one | by key: counting -> collecting.
struct TestJob {
  std::int64_t total = 20'000;
  bool ends = true;
  std::int64_t fails_at = -1;
  std::function<void(const detail::SinkRecovery&)> recover = [](const detail::SinkRecovery&) {};
  Results results;
  PhysicalPlan plan;
  detail::JobFactories factories;

  void build(std::uint32_t parallelism) {
    LogicalPlan logical{.job = "job", .parallelism = parallelism, .max_parallelism = 64, .nodes = {}, .edges = {}};
    const auto add = [&](std::string name, std::string uid) {
      const auto id = static_cast<NodeId>(logical.nodes.size());
      const bool keeps_state = !uid.empty();
      logical.nodes.push_back({.id = id, .name = std::move(name), .uid = std::move(uid), .location = {}, .keeps_state = keeps_state, .states = {}});
    };
    add("numbers", "");
    add("add one", "");
    add("counting", "counting");
    add("collecting", "collecting");
    logical.edges = {{0, 1, Exchange::kForward, {}}, {1, 2, Exchange::kHash, {}}, {2, 3, Exchange::kForward, {}}};
    plan = value_or_throw(make_physical_plan(std::move(logical)));

    const auto add_one = [fails_at = fails_at](const Number& number) {
      if (number.value == fails_at) throw std::runtime_error{"not this one"};
      return Number{number.value + 1};
    };
    using Mapping = detail::MapOperator<Number, decltype(add_one)>;
    using CountingOperator = detail::KeyedProcessOperator<Counting, KeyOf>;
    factories.nodes.resize(4);
    factories.nodes[0].make = [this] { return std::make_unique<Numbers>(total, ends); };
    factories.nodes[1].make = [add_one] { return std::make_unique<Mapping>(add_one); };
    factories.nodes[2].make = [] {
      return std::make_unique<CountingOperator>([](Declare& d) { return std::make_unique<Counting>(d); }, KeyOf{});
    };
    factories.nodes[3].make = [this] { return std::make_unique<Collecting>(results); };
    factories.nodes[3].recover = [this](const detail::SinkRecovery& recovery) { recover(recovery); };
    const auto attach = []<class Op>(std::type_identity<Op>) {
      return [](detail::Operator& from, detail::BatchReceiver& to) { static_cast<Op&>(from).out().add_receiver(to); };
    };
    factories.edges.resize(3);
    factories.edges[0].attach = attach(std::type_identity<Numbers>{});
    factories.edges[1].attach = attach(std::type_identity<Mapping>{});
    factories.edges[1].make_writer = [](std::vector<detail::SendingEnd*> edges, std::uint32_t max_parallelism) -> std::unique_ptr<detail::EdgeWriter> {
      return std::make_unique<detail::KeyByWriter<Number, KeyOf>>(std::move(edges), KeyOf{}, max_parallelism);
    };
    factories.edges[2].attach = attach(std::type_identity<CountingOperator>{});
  }

  std::size_t tasks() const {
    std::size_t n = 0;
    for (const PhysicalVertex& vertex : plan.vertices) n += vertex.parallelism;
    return n;
  }
};

// Remembers what it is told, and lets a test wait for it.
class Master final : public ExecutionListener {
 public:
  void on_sinks_agreed() override { note([&] { ++agreed; }); }
  void on_running() override { note([&] { running = true; }); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot) override {
    note([&] { EXPECT_TRUE(acks[id].insert(task).second); });
  }
  void on_decline(TaskId, CheckpointId, DeclineReason, Error cause) override { note([&] { declined = cause.message(); }); }
  void on_end_of_data(TaskId) override { note([&] { ++ended_data; }); }
  void on_task_failed(TaskId, Error error) override { note([&] { failures.push_back(error.message()); }); }
  void on_ended() override { note([&] { ++ended; }); }

  template <class Condition>
  void wait(Condition&& condition) {
    std::unique_lock lock{mutex};
    changed.wait(lock, condition);
  }

  std::mutex mutex;
  std::condition_variable changed;
  int agreed = 0;
  bool running = false;
  std::map<CheckpointId, std::set<TaskId>> acks;
  std::string declined;
  std::size_t ended_data = 0;
  std::vector<std::string> failures;
  int ended = 0;

 private:
  template <class Change>
  void note(Change&& change) {
    const std::lock_guard lock{mutex};
    EXPECT_EQ(ended, 0) << "on_ended() is the last call";
    change();
    changed.notify_all();
  }
};

class ThreadedExecutionTest : public testing::TestWithParam<std::size_t> {
 protected:
  std::unique_ptr<Execution> make() {
    factory = std::make_unique<ThreadedExecutionFactory>(env(), CheckpointMode::kExactlyOnce, job.plan, job.factories, GetParam());
    return factory->make(master);
  }
  Env env() {
    Env env = real.env();
    env.files = &files;
    return env;
  }
  void take_checkpoint(Execution& execution, CheckpointId id, CheckpointKind kind) {
    const std::string folder = "/chk-" + std::to_string(id);
    ASSERT_TRUE(files.make_directories(folder).has_value());
    execution.trigger({.id = id, .kind = kind}, folder);
    master.wait([&] { return master.acks[id].size() == job.tasks() || !master.declined.empty() || !master.failures.empty(); });
    EXPECT_EQ(master.declined, "");
    execution.notify_complete(id);
  }

  PosixEnv real{2};
  MemoryFileSystem files;
  TestJob job;
  Master master;
  std::unique_ptr<ThreadedExecutionFactory> factory;
};

TEST_P(ThreadedExecutionTest, RunsAPlanFromStartToEndWithCheckpointsOnTheWay) {
  job.build(3);
  auto execution = make();
  std::atomic<int> looks = 0;
  std::jthread onlooker{[&](const std::stop_token& over) {
    while (!over.stop_requested()) {
      factory->vertex_metrics();
      ++looks;
      looks.notify_one();
      std::this_thread::yield();
    }
  }};
  looks.wait(0);
  execution->start({.attempt = 1});
  master.wait([&] { return master.running; });
  for (CheckpointId id = 1; id <= 5; ++id) take_checkpoint(*execution, id, CheckpointKind::kPeriodic);
  master.wait([&] { return master.ended_data == job.tasks(); });
  take_checkpoint(*execution, 6, CheckpointKind::kFinal);
  execution->finish();
  master.wait([&] { return master.ended == 1; });
  execution.reset();
  onlooker = {};
  EXPECT_THAT(master.failures, testing::IsEmpty());
  EXPECT_EQ(job.results.records, job.total);
  std::int64_t sum = 0;
  for (const auto& [key, count] : job.results.counts) sum += count;
  EXPECT_EQ(job.results.counts.size(), static_cast<std::size_t>(kKeys));
  EXPECT_EQ(sum, job.total) << "each key was counted in one place";
  EXPECT_EQ(factory->metrics().watermark, Timestamp::max());
  const std::vector<VertexMetrics> vertices = factory->vertex_metrics();
  ASSERT_EQ(vertices.size(), 2u);
  EXPECT_EQ(vertices[1].name, "counting -> collecting");
  ASSERT_EQ(vertices[1].subtasks.size(), 3u);
  std::uint64_t records = 0;
  for (const SubtaskMetrics& subtask : vertices[1].subtasks) {
    records += subtask.records_in;
    EXPECT_EQ(subtask.late_dropped, subtask.records_in);
  }
  EXPECT_EQ(records, static_cast<std::uint64_t>(job.total));
  EXPECT_LT(skew(vertices[1]), 3);
}

TEST_P(ThreadedExecutionTest, FailsAtTheStartWhenASinkCannotBeRecoveredAndOpensNothing) {
  job.recover = [](const detail::SinkRecovery& recovery) {
    EXPECT_EQ(recovery.uid, "collecting");
    EXPECT_EQ(recovery.job, "job");
    EXPECT_EQ(recovery.attempt, 3u);
    EXPECT_TRUE(recovery.only_checks);
    throw Error{ErrorCode::kIo, "the folder is gone"};
  };
  job.build(2);
  auto execution = make();
  execution->start({.attempt = 3});
  master.wait([&] { return !master.failures.empty(); });
  EXPECT_THAT(master.failures.front(), HasSubstr("the folder is gone"));
  EXPECT_FALSE(master.running);
  EXPECT_EQ(master.agreed, 0);
  execution->cancel();
  master.wait([&] { return master.ended == 1; });
  execution.reset();
  EXPECT_EQ(job.results.records, 0);
}

TEST_P(ThreadedExecutionTest, RecoversASinkWithTheCommittablesOfItsNode) {
  std::vector<std::string> given;
  job.recover = [&](const detail::SinkRecovery& recovery) {
    EXPECT_TRUE(recovery.restored);
    EXPECT_EQ(master.agreed, recovery.only_checks ? 0 : 1) << "it is told between asking and changing";
    given = recovery.committables;
  };
  job.total = 10;
  job.build(1);
  auto execution = make();
  AttemptStart start{.attempt = 2, .restored = true};
  start.committables = {{}, {}, {}, {"a", "b"}};
  execution->start(std::move(start));
  master.wait([&] { return master.running; });
  EXPECT_THAT(given, testing::ElementsAre("a", "b"));
  execution->cancel();
  master.wait([&] { return master.ended == 1; });
}

TEST_P(ThreadedExecutionTest, AUserFailureIsReportedOnceAndTheRestEndsByCancel) {
  job.fails_at = 5000;
  job.total = 1'000'000;
  job.build(2);
  auto execution = make();
  execution->start({.attempt = 1});
  master.wait([&] { return !master.failures.empty(); });
  execution->cancel();
  master.wait([&] { return master.ended == 1; });
  execution.reset();
  ASSERT_EQ(master.failures.size(), 1u);
  EXPECT_THAT(master.failures.front(), HasSubstr("operator 'add one', subtask 0"));
  EXPECT_THAT(master.failures.front(), HasSubstr("\"value\":5000"));
  EXPECT_THAT(master.failures.front(), HasSubstr("not this one"));
}

TEST_P(ThreadedExecutionTest, EndsOnceWheneverItIsCancelled) {
  for (int round = 0; round < 60; ++round) {
    TestJob each;
    each.ends = round % 2 == 0;
    each.total = round % 3 == 0 ? 0 : 1'000'000;
    each.build(2);
    Master told;
    ThreadedExecutionFactory made{env(), CheckpointMode::kExactlyOnce, each.plan, each.factories, GetParam()};
    auto execution = made.make(told);
    execution->start({.attempt = 1});
    for (int i = 0; i < 2 * round; ++i) std::this_thread::yield();
    if (round % 5 == 0) execution->trigger({.id = 1}, "");
    execution->cancel();
    if (round % 4 == 0) execution->cancel();
    told.wait([&] { return told.ended == 1; });
    execution.reset();
    EXPECT_EQ(told.ended, 1);
    EXPECT_THAT(told.failures, testing::IsEmpty());
  }
}

// Tasks that have nothing to do sleep; each call must find them.
TEST_P(ThreadedExecutionTest, SleepingTasksAnswerEveryCall) {
  job.ends = false;
  job.total = 0;
  job.build(2);
  auto execution = make();
  execution->start({.attempt = 1});
  master.wait([&] { return master.running; });
  for (CheckpointId id = 1; id <= 30; ++id) take_checkpoint(*execution, id, CheckpointKind::kPeriodic);
  take_checkpoint(*execution, 31, CheckpointKind::kStop);
  execution->finish();
  master.wait([&] { return master.ended == 1; });
}

// As pthread_create() does when the system has none left.
TEST_P(ThreadedExecutionTest, AThreadThatCannotBeMadeFailsTheStartAndNothingRuns) {
  for (std::size_t made = 0; made < GetParam(); ++made) {
    TestJob each;
    each.build(2);
    Master told;
    std::size_t left = made;
    const auto make_thread = [&](std::function<void()> run) {
      if (left-- == 0) throw std::system_error{std::make_error_code(std::errc::resource_unavailable_try_again)};
      return std::jthread{std::move(run)};
    };
    ThreadedExecutionFactory factory{env(), CheckpointMode::kExactlyOnce, each.plan, each.factories, GetParam(), make_thread};
    auto execution = factory.make(told);
    try {
      execution->start({.attempt = 1});
      FAIL() << "it starts without its threads";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
      EXPECT_THAT(error.message(), HasSubstr("worker.threads"));
    }
    execution.reset();
    EXPECT_FALSE(told.running);
    EXPECT_EQ(told.ended, 0);
    EXPECT_EQ(each.results.records, 0);
  }
}

TEST_P(ThreadedExecutionTest, AnOperatorThatCannotBeMadeFailsTheStart) {
  job.build(2);
  job.factories.nodes[2].make = []() -> std::unique_ptr<detail::Operator> { throw std::runtime_error{"no such model file"}; };
  auto execution = make();
  try {
    execution->start({.attempt = 1});
    FAIL() << "it starts without its operator";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("no such model file"));
  }
}

TEST_P(ThreadedExecutionTest, ASinkIsGivenTheListStatesOfAllItsSubtasks) {
  std::vector<OperatorListState> given;
  job.recover = [&](const detail::SinkRecovery& recovery) { given = recovery.list_states; };
  job.total = 10;
  job.build(2);
  auto execution = make();
  AttemptStart start{.attempt = 2, .restored = true, .restores = {}, .committables = {}};
  start.restores.resize(4);
  start.restores[3] = std::vector<OperatorRestore>(2);
  start.restores[3][0].list_states = {{"written", Redistribution::kSplit, "", {"a"}}};
  start.restores[3][1].list_states = {{"written", Redistribution::kSplit, "", {"b"}}};
  execution->start(std::move(start));
  master.wait([&] { return master.running; });
  ASSERT_EQ(given.size(), 2u);
  EXPECT_THAT(given[1].items, testing::ElementsAre("b"));
  execution->cancel();
  master.wait([&] { return master.ended == 1; });
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadedExecutionTest, testing::Values(1, 2, 4));

}  // namespace
}  // namespace tidemark
