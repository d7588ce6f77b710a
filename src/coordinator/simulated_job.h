// A job made of nothing but its protocol, on one thread and one seed, for the tests of this room: tasks that count
// through a split each and "commit" the ranges they counted, files in memory, a pool and a clock that move when told
// to.
//
// The ranges committed are the job's output; exactly once means that they cover each split with neither gap nor
// overlap.
#pragma once

#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/job_master.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "protocol/commit_ledger.h"
#include "snapshot/shared_files.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::uint32_t kSplits = 2;

class ManualClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return 1'436'918'400'000 + steady_ns_ / kMs; }
  std::int64_t steady_ns() const override { return steady_ns_; }
  void advance_ns(std::int64_t ns) { steady_ns_ += ns; }

 private:
  std::int64_t steady_ns_ = 1'000 * kMs;
};

/// Steps a work chosen by the seed.
class SeededPool final : public BlockingPool {
 public:
  void submit(std::unique_ptr<BackgroundWork> work) override { works_.push_back(std::move(work)); }
  bool step(Random& random) {
    if (works_.empty()) return false;
    const auto which = works_.begin() + static_cast<std::ptrdiff_t>(random.next() % works_.size());
    if ((*which)->step() == Progress::kDone) works_.erase(which);
    return true;
  }
  void lose_all() { works_.clear(); }

 private:
  std::vector<std::unique_ptr<BackgroundWork>> works_;
};

/// What goes wrong, one time in so many; 0: never.
struct Faults {
  std::uint64_t decline_one_in = 0;  // snapshots
  std::uint64_t ignore_one_in = 0;   // snapshots: neither acknowledged nor declined
  std::uint64_t fail_one_in = 0;     // records
  std::uint64_t fail_commit_one_in = 0;
  std::optional<Error> fail_at_start;  // the attempt's opening, once
  std::optional<Error> sink_refuses;   // when it is asked, each time
  int no_threads = 0;                  // attempts that can't even begin
};

struct World {
  explicit World(std::uint64_t seed) : random{seed} {}
  Env env() { return {.clock = &clock, .random = &random, .files = &files, .pool = &pool}; }
  bool one_in(std::uint64_t n) { return n != 0 && random.next() % n == 0; }

  SplitMixRandom random;
  ManualClock clock;
  MemoryFileSystem files{&clock};
  SeededPool pool;
  Faults faults;
  std::uint32_t records = 200;      // of each split
  std::set<std::string> committed;  // survives every crash, as renamed files would
  std::vector<StateDescriptor> states;           // of the counting tasks
  std::uint64_t state_bytes_per_checkpoint = 0;  // that the state of each task grows by
};

inline PhysicalPlan counting_job(std::vector<StateDescriptor> states = {}) {
  LogicalPlan plan{.job = "count", .parallelism = kSplits, .nodes = {}, .edges = {}};
  plan.nodes.push_back(
      {.id = 0, .name = "numbers", .uid = "numbers", .location = "job.cc:1", .keeps_state = true, .states = std::move(states)});
  plan.nodes.push_back(
      {.id = 1, .name = "files", .uid = "files", .location = "job.cc:2", .keeps_state = true, .states = {}});
  plan.nodes.push_back({.id = 2, .name = "audit", .uid = {}, .location = "job.cc:3", .parallelism = 1, .states = {}});
  plan.edges.push_back({0, 1, Exchange::kForward, {}});
  plan.edges.push_back({1, 2, Exchange::kGlobal, {}});
  return value_or_throw(make_physical_plan(std::move(plan)));
}

/// Which shared files a task's incremental checkpoints list: those of the newest complete one that every checkpoint under
/// way lists, too, without a random tail, and a new one.
class SimulatedChain {
 public:
  using Files = std::vector<SnapshotFile>;

  void restore(Files files) { complete_ = std::move(files); }
  Files extend(CheckpointId id, SnapshotFile added, Random& random) {
    Files next = complete_;
    for (const auto& [other, files] : under_way_) {
      std::erase_if(next, [&](const SnapshotFile& file) { return std::ranges::find(files, file) == files.end(); });
    }
    next.resize(next.size() - random.next() % (next.size() + 1));
    next.push_back(std::move(added));
    return under_way_[id] = next;
  }
  void on_complete(CheckpointId id) {
    if (const auto found = under_way_.find(id); found != under_way_.end()) complete_ = found->second;
    under_way_.erase(under_way_.begin(), under_way_.upper_bound(id));
  }
  void on_aborted(CheckpointId id) { under_way_.erase(id); }

 private:
  Files complete_;
  std::map<CheckpointId, Files> under_way_;
};

/// All tasks of an attempt: "numbers -> files" once a split, and an "audit" that only acknowledges.
class SimulatedExecution final : public Execution {
 public:
  SimulatedExecution(World& world, ExecutionListener& listener) : world_{world}, listener_{listener} {
    for (std::uint32_t split = 0; split < kSplits; ++split) tasks_.push_back({.id = {0, split}});
    tasks_.push_back({.id = {1, 0}});
  }

  void start(AttemptStart start) override {
    if (world_.faults.no_threads > 0) {
      --world_.faults.no_threads;
      over_ = true;
      throw Error{ErrorCode::kResourceExhausted, "the system gives no thread"};
    }
    started_ = std::move(start);
    tasks_[0].todo.push_back([this] { open(); });
  }
  void trigger(const Barrier& barrier, const std::string& folder) override {
    TIDEMARK_CHECK(!cancelled_, "a cancelled execution gets no call");
    TIDEMARK_CHECK(barrier.id > newest_barrier_, "barriers come in the order of their ids");
    newest_barrier_ = barrier.id;
    for (Task& task : tasks_) task.todo.push_back([this, &task, barrier, folder] { snapshot(task, barrier, folder); });
  }
  void notify_complete(CheckpointId id) override {
    TIDEMARK_CHECK(!cancelled_, "a cancelled execution gets no call");
    completed.push_back(id);
    for (Task& task : tasks_) task.todo.push_back([this, &task, id] {
      task.chain.on_complete(id);
      commit(task, task.ledger.on_complete(id));
    });
  }
  void notify_aborted(CheckpointId id) override {
    TIDEMARK_CHECK(!cancelled_, "a cancelled execution gets no call");
    TIDEMARK_CHECK(id <= newest_barrier_, "tasks are told only of what they have heard of");
    aborted.push_back(id);
    if (started_.shared_folder.empty()) return;
    for (Task& task : tasks_) task.todo.push_back([&task, id] { task.chain.on_aborted(id); });
  }
  void drain() override {
    TIDEMARK_CHECK(!cancelled_, "a cancelled execution gets no call");
    for (Task& task : tasks_) task.drained = true;
  }
  void finish() override {
    TIDEMARK_CHECK(!cancelled_, "a cancelled execution gets no call");
    for (Task& task : tasks_) task.todo.push_back([&task] { task.ended = true; });
  }
  void cancel() override {
    TIDEMARK_CHECK(!cancelled_, "cancelled twice");
    cancelled_ = true;
  }

  InputProgress input_progress() const override {
    InputProgress result;
    for (const Task& task : tasks_) result.records += task.position;
    return result;
  }

  /// One step of a task chosen by the seed; false if none has anything to do.
  bool step() {
    if (over_) return false;
    if (cancelled_ || std::ranges::all_of(tasks_, &Task::ended)) {
      over_ = true;
      listener_.on_ended();
      return true;
    }
    const std::size_t first = world_.random.next() % tasks_.size();
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (step(tasks_[(first + i) % tasks_.size()])) return true;
    }
    return false;
  }
  bool over() const { return over_; }
  const AttemptStart& started() const { return started_; }

  std::vector<CheckpointId> completed;  // as told
  std::vector<CheckpointId> aborted;

 private:
  struct Task {
    TaskId id;
    std::deque<std::function<void()>> todo = {};
    std::uint32_t position = 0;
    std::uint32_t range_begin = 0;  // of the range that is open
    CommitLedger ledger = {};
    SimulatedChain chain = {};
    bool drained = false;
    bool said_end = false;
    bool ended = false;
  };

  bool step(Task& task) {
    if (failed_ || task.ended) return false;
    if (!task.todo.empty()) {
      const auto what = std::move(task.todo.front());
      task.todo.pop_front();
      what();
      return true;
    }
    if (!running_) return false;
    if (task.id.vertex == 0 && task.position < world_.records && !task.drained) {
      ++task.position;
      if (world_.one_in(world_.faults.fail_one_in))
        fail(task, Error{ErrorCode::kUserCode, "operator 'numbers': bad luck"});
      return true;
    }
    if (task.said_end) return false;
    task.said_end = true;
    listener_.on_end_of_data(task.id);
    return true;
  }

  void open() {
    if (world_.faults.sink_refuses) return fail(tasks_[0], *world_.faults.sink_refuses);
    listener_.on_sinks_agreed();
    for (const auto& of_node : started_.committables) world_.committed.insert(of_node.begin(), of_node.end());
    if (world_.faults.fail_at_start) {
      const Error error = *std::exchange(world_.faults.fail_at_start, std::nullopt);
      return fail(tasks_[0], error);
    }
    for (Task& task : tasks_) {
      if (task.id.vertex == 0 && started_.restored) restore(task, started_.restores[0][task.id.subtask]);
    }
    if (started_.drained) drain();
    running_ = true;
    listener_.on_running();
  }

  void restore(Task& task, const OperatorRestore& from) {
    for (const OperatorListState& list : from.list_states) {
      for (const std::string& item : list.items) task.position = static_cast<std::uint32_t>(std::stoul(item));
    }
    task.range_begin = task.position;
    SimulatedChain::Files shared;
    for (const SnapshotFile& file : from.keyed_files) {
      TIDEMARK_CHECK(value_or_throw(read_file(world_.files, file.path)) == "state", "what a checkpoint names is there");
      if (parent_path(file.path) != started_.shared_folder) continue;
      shared.push_back(file);
      shared.back().path.replace(0, started_.shared_folder.size(), "../shared");
    }
    task.chain.restore(std::move(shared));
  }

  void snapshot(Task& task, const Barrier& barrier, const std::string& folder) {
    if (task.id.vertex != 0) return listener_.on_ack(task.id, barrier.id, TaskSnapshot{});
    if (task.position > task.range_begin) {
      const std::string range = std::to_string(task.id.subtask) + ":" + std::to_string(task.range_begin) + "-" +
                                std::to_string(task.position);
      task.ledger.prepare(barrier.id, std::vector{range});
      task.range_begin = task.position;
    }
    if (world_.one_in(world_.faults.ignore_one_in)) return;
    if (world_.one_in(world_.faults.decline_one_in)) {
      return listener_.on_decline(task.id, barrier.id, DeclineReason::kGeneric, Error{ErrorCode::kInternal, "no mood"});
    }
    TaskSnapshot result{
        .operators = {{.uid = "numbers", .subtask = task.id.subtask}, {.uid = "files", .subtask = task.id.subtask}},
        .bytes = 5};
    result.operators[0].list_states.push_back(
        {"position", Redistribution::kSplit, "\"string\"", {std::to_string(task.position)}});
    result.operators[1].committables = task.ledger.pending();
    if (!folder.empty()) {
      auto files = write_state(task, barrier, folder);
      if (!files) return listener_.on_decline(task.id, barrier.id, DeclineReason::kIo, files.error());
      result.operators[0].keyed_files = std::move(*files);
    }
    listener_.on_ack(task.id, barrier.id, std::move(result));
  }

  Result<SimulatedChain::Files> write_state(Task& task, const Barrier& barrier, const std::string& folder) {
    const std::string name = "numbers-" + std::to_string(task.id.subtask) + ".snap";
    SnapshotFile file{name, 5 + world_.state_bytes_per_checkpoint * barrier.id, 0, range_of_subtask(task.id.subtask, kSplits, kDefaultMaxParallelism)};
    if (started_.shared_folder.empty() || is_savepoint(barrier.kind)) {
      TIDEMARK_TRY(write(folder, name));
      TIDEMARK_TRY(world_.files.sync_directory(folder));
      return SimulatedChain::Files{file};
    }
    const std::string shared = std::to_string(started_.attempt) + "-" + std::to_string(barrier.id) + "-" + name;
    TIDEMARK_TRY(write(started_.shared_folder, shared));
    file.path = "../shared/" + shared;
    return task.chain.extend(barrier.id, std::move(file), world_.random);
  }

  Result<> write(const std::string& folder, const std::string& name) {
    TIDEMARK_ASSIGN(file, world_.files.create(join_path(folder, name), CreateMode::kTruncate));
    TIDEMARK_TRY(file->append("state"));
    TIDEMARK_TRY(file->sync());
    return file->close();
  }

  void commit(Task& task, const std::vector<CommitOrder>& orders) {
    for (const CommitOrder& order : orders) {
      if (world_.one_in(world_.faults.fail_commit_one_in)) return fail(task, Error{ErrorCode::kIo, "can't rename"});
      world_.committed.insert(order.committable);
      task.ledger.on_committed(order.sequence);
    }
  }

  void fail(const Task& task, const Error& error) {
    failed_ = true;
    listener_.on_task_failed(task.id, error);
  }

  World& world_;
  ExecutionListener& listener_;
  AttemptStart started_;
  std::vector<Task> tasks_;
  CheckpointId newest_barrier_ = 0;
  bool running_ = false;
  bool failed_ = false;
  bool cancelled_ = false;
  bool over_ = false;
};

class SimulatedFactory final : public ExecutionFactory {
 public:
  explicit SimulatedFactory(World& world) : world_{world} {}

  std::unique_ptr<Execution> make(ExecutionListener& listener) override {
    TIDEMARK_CHECK(current == nullptr, "one attempt at a time");
    auto execution = std::make_unique<Guarded>(*this, listener);
    current = &execution->inner;
    ++attempts;
    return execution;
  }

  SimulatedExecution* current = nullptr;
  int attempts = 0;
  AttemptStart last_start;
  std::vector<CheckpointId> completed;  // as told, of all attempts
  std::vector<CheckpointId> aborted;
  bool crashing = false;

 private:
  // Keeps what the execution was told beyond its life.
  struct Guarded final : Execution {
    Guarded(SimulatedFactory& owner, ExecutionListener& listener) : factory{owner}, inner{owner.world_, listener} {}
    ~Guarded() override {
      TIDEMARK_CHECK(inner.over() || factory.crashing, "an execution ends before it is destroyed");
      factory.completed.insert(factory.completed.end(), inner.completed.begin(), inner.completed.end());
      factory.aborted.insert(factory.aborted.end(), inner.aborted.begin(), inner.aborted.end());
      factory.current = nullptr;
    }
    void start(AttemptStart start) override {
      factory.last_start = start;
      inner.start(std::move(start));
    }
    void trigger(const Barrier& barrier, const std::string& folder) override { inner.trigger(barrier, folder); }
    void notify_complete(CheckpointId id) override { inner.notify_complete(id); }
    void notify_aborted(CheckpointId id) override { inner.notify_aborted(id); }
    void drain() override { inner.drain(); }
    void finish() override { inner.finish(); }
    void cancel() override { inner.cancel(); }
    InputProgress input_progress() const override { return inner.input_progress(); }

    SimulatedFactory& factory;
    SimulatedExecution inner;
  };

  World& world_;
};

/// One process that runs the job.
class SimulatedRun {
 public:
  explicit SimulatedRun(World& world, JobMasterOptions options = default_options(),
                        Resume resume = {Resume::Kind::kLatest, {}}, bool with_store = true)
      : world_{world},
        factory{world},
        master{world.env(), counting_job(world.states), with_store ? value_or_throw(open_store(world, resume)) : nullptr, factory,
               options} {}
  ~SimulatedRun() { factory.crashing = true; }

  static Result<std::unique_ptr<CheckpointStore>> open_store(World& world,
                                                             Resume resume = {Resume::Kind::kLatest, {}}) {
    return CheckpointStore::open(world.files, "/state", "count", resume);
  }
  static JobMasterOptions default_options() {
    JobMasterOptions options;
    options.checkpoints.interval_ns = 40 * kMs;
    options.checkpoints.timeout_ns = 400 * kMs;
    return options;
  }
  static JobMasterOptions incremental(JobMasterOptions options, bool on = true) {
    options.incremental_checkpoints = on;
    return options;
  }
  static JobMasterOptions restarting(std::uint32_t attempts) {
    JobMasterOptions options = default_options();
    options.restart = FixedDelayRestart{attempts, 50 * kMs};
    return options;
  }

  /// One step of an actor chosen by the seed; a millisecond passes. False when the job is over.
  bool step() {
    if (over_) return false;
    world_.clock.advance_ns(kMs);
    const std::uint64_t first = world_.random.next() % 3;
    for (std::uint64_t i = 0; i < 3; ++i) {
      if (step_actor((first + i) % 3)) return !over_;
    }
    const auto deadline = master.next_deadline_ns();
    TIDEMARK_CHECK(deadline.has_value(), "the job hangs");
    world_.clock.advance_ns(std::max<std::int64_t>(*deadline - world_.clock.steady_ns(), 0));
    return true;
  }

  const JobOutcome& run() {
    for (int i = 0; step(); ++i) TIDEMARK_CHECK(i < 200'000, "the job doesn't end");
    return master.outcome();
  }
  /// Until `condition`, or the end.
  void run_until(const std::function<bool()>& condition) {
    while (!condition() && step()) {
    }
  }

 private:
  World& world_;
  bool over_ = false;

 public:
  SimulatedFactory factory;
  JobMaster master;

 private:
  bool step_actor(std::uint64_t actor) {
    if (actor == 0) return world_.pool.step(world_.random);
    if (actor == 1) return factory.current != nullptr && factory.current->step();
    const Progress progress = master.step();
    over_ = progress == Progress::kDone;
    return progress != Progress::kBlocked;
  }
};

/// What is wrong with the output; empty if each split is committed from 0 to its end with neither gap nor overlap.
/// `start` is that of the last attempt: one that was drained reads nothing beyond what it restored.
inline std::string output_fault(const World& world, const AttemptStart& start = {}) {
  for (std::uint32_t split = 0; split < kSplits; ++split) {
    const std::uint32_t end =
        start.drained ? static_cast<std::uint32_t>(std::stoul(start.restores[0][split].list_states.at(0).items.at(0))) : world.records;
    std::vector<std::pair<unsigned, unsigned>> ranges;
    for (const std::string& range : world.committed) {
      unsigned of = 0, from = 0, to = 0;
      TIDEMARK_CHECK(std::sscanf(range.c_str(), "%u:%u-%u", &of, &from, &to) == 3, "a range is split:from-to");
      if (of == split) ranges.emplace_back(from, to);
    }
    std::ranges::sort(ranges);
    unsigned covered = 0;
    for (const auto& [from, to] : ranges) {
      if (from != covered)
        return "split " + std::to_string(split) + ": " + std::to_string(from) + " follows " + std::to_string(covered);
      covered = to;
    }
    if (covered != end) return "split " + std::to_string(split) + " ends at " + std::to_string(covered);
  }
  return {};
}

inline std::vector<std::string> checkpoint_folders(World& world) {
  std::vector<std::string> result;
  for (const DirectoryEntry& entry : value_or_throw(world.files.list("/state/count"))) {
    if (entry.is_directory && entry.name != kSharedFolderName) result.push_back(entry.name);
  }
  return result;
}

/// What is wrong with the files that checkpoints share; empty if those are there that a checkpoint lists, and no other.
inline std::string shared_files_fault(World& world) {
  const auto found = value_or_throw(find_shared_files(world.files, "/state/count", [](const auto&) { return true; }));
  const auto listed = value_or_throw(shared_files_in_use(world.files, "/state/count"));
  for (const std::string& name : found) {
    if (!listed.contains(name)) return name + " is left over";
  }
  for (const std::string& name : listed) {
    if (!found.contains(name)) return name + " is missing";
  }
  return {};
}

}  // namespace tidemark
