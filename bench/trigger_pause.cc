// How long does a task stand still at a checkpoint's trigger?
//
// A count by key with a checkpoint every 100 ms; each task reports its synchronous part with its acknowledgement. The
// longest of a checkpoint's tasks counts. There is no bare loop: it has nothing to stand still for. The aim: 1 ms at most.
#include <filesystem>
#include <mutex>

#include "api/job_access.h"
#include "bench/measure.h"
#include "coordinator/job_master.h"
#include "coordinator/master_options.h"
#include "env/posix_env.h"
#include "snapshot/checkpoint_store.h"
#include "tidemark/tidemark.h"
#include "worker/threaded_execution.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;

constexpr double kAimUs = 1000;

struct Click {
  std::int64_t user;
};

struct Count : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> clicks_;
  explicit Count(Declare& declare) : clicks_{declare, "clicks"} {}
  void process(const Click&, Context&, Out<std::int64_t>& out) override {
    const std::int64_t clicks = clicks_.get() + 1;
    clicks_.set(clicks);
    if (clicks % 4096 == 0) out.emit(clicks);
  }
};

/// Notes the longest synchronous part of each checkpoint and passes everything on.
class Ear final : public ExecutionListener {
 public:
  Ear(ExecutionListener& master, std::map<CheckpointId, std::int64_t>& longest_ns) : master_{master}, longest_ns_{longest_ns} {}

  void on_sinks_agreed() override { master_.on_sinks_agreed(); }
  void on_running() override { master_.on_running(); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override {
    {
      const std::lock_guard lock{mutex_};
      std::int64_t& longest = longest_ns_[id];
      longest = std::max(longest, snapshot.sync_ns);
    }
    master_.on_ack(task, id, std::move(snapshot));
  }
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override { master_.on_decline(task, id, reason, std::move(cause)); }
  void on_end_of_data(TaskId task) override { master_.on_end_of_data(task); }
  void on_task_failed(TaskId task, Error error) override { master_.on_task_failed(task, std::move(error)); }
  void on_ended() override { master_.on_ended(); }

 private:
  ExecutionListener& master_;
  std::mutex mutex_;  // guards longest_ns_
  std::map<CheckpointId, std::int64_t>& longest_ns_;
};

class ListeningFactory final : public ExecutionFactory {
 public:
  ListeningFactory(ThreadedExecutionFactory& threads, std::map<CheckpointId, std::int64_t>& longest_ns) : threads_{threads}, longest_ns_{longest_ns} {}
  std::unique_ptr<Execution> make(ExecutionListener& master) override {
    ear_ = std::make_unique<Ear>(master, longest_ns_);
    return threads_.make(*ear_);
  }

 private:
  ThreadedExecutionFactory& threads_;
  std::map<CheckpointId, std::int64_t>& longest_ns_;
  std::unique_ptr<Ear> ear_;
};

// `main`: the longest in µs; `more`: the median, and how many checkpoints.
bench::Figures run(std::uint64_t keys, double run_s) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-pause-" + std::to_string(getpid()));
  const double end_s = bench::wall_s() + run_s;
  const char* args[] = {"pause"};
  Job job{"pause", 1, args};
  // Ends when it is stopped from here: when the time is up and each key was there.
  PosixEnv posix{4};
  JobMaster* master = nullptr;
  job.from(generate<Click>(std::nullopt, [&](std::uint64_t n) {
        if (n >= 2 * keys && n % 100'000 == 0 && bench::wall_s() > end_s) master->request_stop();
        return Click{n < keys ? static_cast<std::int64_t>(n) : bench::uniform(n, keys)};
      }))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Count>()
      .uid("count")
      .to(discard());
  const detail::JobBuilder& builder = detail::JobAccess::builder(job);
  LogicalPlan logical = builder.plan();
  logical.job = "pause";
  logical.parallelism = 1;
  const PhysicalPlan plan = value_or_throw(make_physical_plan(std::move(logical)));

  Options options;
  options.checkpointing.dir = folder;
  options.checkpointing.interval = std::chrono::milliseconds{100};
  auto store = value_or_throw(CheckpointStore::open(*posix.env().files, options.checkpointing.dir, "pause", {}));
  std::map<CheckpointId, std::int64_t> longest_ns;
  ThreadedExecutionFactory threads{posix.env(), CheckpointMode::kExactlyOnce, plan, builder.factories(), 0};
  ListeningFactory factory{threads, longest_ns};
  JobMaster job_master{posix.env(), plan, std::move(store), factory, master_options(options)};
  master = &job_master;
  const JobOutcome& outcome = job_master.run_until_done();
  fs::remove_all(folder);
  if (outcome.error) throw *outcome.error;
  std::vector<double> us;
  for (const auto& [id, ns] : longest_ns) us.push_back(static_cast<double>(ns) / 1e3);
  return {*std::max_element(us.begin(), us.end()), {bench::median(us), static_cast<double>(us.size())}};
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"pause at a trigger", options};
  for (const std::uint64_t keys : {options.size(1'000'000, 100'000), std::uint64_t{20'000'000}}) {
    const std::string name = bench::many(keys) + " keys";
    if (!options.wants(name) || (options.quick && keys > 1'000'000)) continue;
    bench::Candidate engine{[&] { return tidemark::run(keys, options.quick ? 0.5 : keys > 1'000'000 ? 20 : 6); }};
    bench::alternate({&engine}, options.rounds(keys > 1'000'000 ? 1 : 3), bench::Cores::kAll);
    bench::Row row;
    row.name = name;
    row.unit = "us, longest";
    row.engine = engine.main();
    row.aim = tidemark::kAimUs;
    row.more = {{"median", engine.more(0)}, {"checkpoints", engine.more(1)}};
    report.print(row);
  }
}
