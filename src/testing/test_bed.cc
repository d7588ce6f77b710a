#include "tidemark/detail/testing/test_bed.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "api/job_access.h"
#include "coordinator/attempt_start.h"
#include "coordinator/checkpoint_metadata.h"
#include "snapshot/checkpoint_store.h"
#include "testing/test_attempt.h"
#include "testing/test_world.h"
#include "tidemark/detail/base/arena.h"

namespace tidemark::detail {
namespace {

constexpr const char* kJobName = "test";
constexpr const char* kCheckpoints = "/checkpoints";
// A job that takes more between two words of the test does not come to rest.
constexpr std::uint64_t kMaxSteps = 20'000'000;

class PoisonedArenas {
 public:
  PoisonedArenas() { arenas_poisoned.fetch_add(1, std::memory_order_relaxed); }
  ~PoisonedArenas() { arenas_poisoned.fetch_sub(1, std::memory_order_relaxed); }
  PoisonedArenas(const PoisonedArenas&) = delete;
  PoisonedArenas& operator=(const PoisonedArenas&) = delete;
};

void list_files(FileSystem& files, const std::string& folder, std::vector<std::string>& paths) {
  for (const DirectoryEntry& entry : value_or_throw(files.list(folder))) {
    if (entry.name.starts_with('.')) continue;
    const std::string path = join_path(folder, entry.name);
    if (entry.is_directory) {
      list_files(files, path, paths);
    } else {
      paths.push_back(path);
    }
  }
}

}  // namespace

class TestBed::Parts {
 public:
  explicit Parts(const TestOptions& options) : options_{options}, world_{options.seed} {
    if (options_.parallelism == 0 || options_.batch == 0) {
      throw Error{ErrorCode::kInvalidArgument, "TestOptions: parallelism and batch are at least 1"};
    }
  }

  Job& job() { return job_; }
  NodeId last_node() const { return static_cast<NodeId>(JobAccess::builder(job_).plan().nodes.size() - 1); }
  void add_feed(std::shared_ptr<Feed> feed) { feeds_.push_back(std::move(feed)); }
  void add_output(std::shared_ptr<OutputRows> rows) { outputs_.push_back({std::move(rows), last_node()}); }

  void start() {
    const JobBuilder& builder = JobAccess::builder(job_);
    if (builder.complaint()) throw *builder.complaint();
    watch_operators(builder.factories());
    store_ = value_or_throw(CheckpointStore::open(world_.files, kCheckpoints, kJobName, {Resume::Kind::kLatest, {}}));
    restored_.limits.resize(feeds_.size());
    begin_attempt(options_.parallelism);
    // What has sources of its own is driven by run().
    if (!feeds_.empty()) come_to_rest();
  }

  void require_running() const {
    if (ended_) throw Error{ErrorCode::kFailedPrecondition, "the job under test has ended: nothing can be done to it any more"};
    if (attempt_->failure()) throw attempt_->failure()->within("the job under test has failed, and only restore() can start it again");
  }

  void require_open(const Feed& feed) const {
    require_running();
    if (!feed.limit().closed) return;
    throw Error{ErrorCode::kFailedPrecondition, fmt::format("input '{}' of the job under test has ended: nothing can be put into it any more", feed.name())};
  }

  void fed(Feed& feed) {
    if (waiting_ != nullptr && waiting_ != &feed) settle();
    waiting_ = &feed;
    if (feed.size() - feed.limit().released >= options_.batch) settle();
  }

  void add_watermark(Timestamp watermark) {
    require_running();
    settle();
    for (const auto& feed : feeds_) {
      if (!feed->limit().closed) put_watermark(*feed, watermark);
    }
  }
  void add_watermark(Feed& feed, Timestamp watermark) {
    require_open(feed);
    settle();
    put_watermark(feed, watermark);
  }

  void set_time(Timestamp now) {
    require_running();
    settle();
    turn([this, now] { world_.clock.set_wall_ms(now.ms()); });
  }

  void settle() {
    if (waiting_ == nullptr) return;
    require_running();
    Feed& feed = *std::exchange(waiting_, nullptr);
    turn([&feed, size = feed.size()] { feed.set_limit({.released = size}); });
  }

  void snapshot() {
    require_running();
    settle();
    begin_snapshot(CheckpointKind::kPeriodic);
    come_to_rest();
  }

  void restore(std::uint32_t parallelism) {
    if (!attempt_->failure()) settle();
    if (ended_) throw Error{ErrorCode::kFailedPrecondition, "the job under test has ended: there is nothing to restore"};
    const bool compares = !attempt_->failure();
    const auto undone = restart(parallelism == 0 ? parallelism_ : parallelism);
    come_to_rest();
    for (std::size_t i = 0; i < log_.size(); ++i) {
      log_[i]();
      come_to_rest();
    }
    if (compares) compare_with(undone);
  }

  void end(Feed& feed) {
    require_open(feed);
    settle();
    turn([&feed, size = feed.size()] { feed.set_limit({.released = size, .closed = true}); });
  }

  void end() {
    require_running();
    settle();
    turn([this] {
      for (const auto& feed : feeds_) feed->set_limit({.released = feed->size(), .closed = true});
    });
    finish();
  }

  void run() {
    require_running();
    for (;;) {
      const std::uint64_t read_before = attempt_->records_in();
      if (!step_until([&] { return attempt_->records_in() > read_before; })) {
        if (!leap()) break;
      } else if (options_.snapshot_between_records) {
        begin_snapshot(CheckpointKind::kPeriodic);
        step_until([&] { return !pending_; });
        restart(next_parallelism());
        step_until([&] { return attempt_->running(); });
      }
    }
    finish();
  }

  bool was_parallel() const { return was_parallel_; }
  TestWorld& world() { return world_; }

  std::size_t timers(NodeId node) const {
    std::size_t sum = 0;
    for (const Operator* op : operators_.at(node)) sum += op->timers();
    return sum;
  }

 private:
  void put_watermark(Feed& feed, Timestamp watermark) {
    feed.add_watermark(watermark);
    waiting_ = &feed;
    settle();
  }

  /// Something that the test does to the job. It may be done again, after a restart.
  using Event = std::function<void()>;

  struct Output {
    std::shared_ptr<OutputRows> rows;
    NodeId node;
  };

  /// Where the test stood at a barrier.
  struct Moment {
    CheckpointId checkpoint = 0;  ///< 0: the beginning
    std::vector<FeedLimit> limits;
    std::int64_t wall_ms = 0;
    std::size_t events = 0;  ///< of the log, that lie before
  };

  void watch_operators(const JobFactories& factories) {
    factories_ = factories;
    operators_.resize(factories_.nodes.size());
    for (std::size_t i = 0; i < factories_.nodes.size(); ++i) {
      factories_.nodes[i].make = [this, i, make = factories_.nodes[i].make] {
        auto op = make();
        operators_[i].push_back(op.get());
        return op;
      };
    }
    if (!options_.one_slot_outbox) return;
    for (EdgeFactory& edge : factories_.edges) {
      if (!edge.make_writer) continue;
      edge.make_writer = [make = edge.make_writer](std::vector<SendingEnd*> edges, std::uint32_t max_parallelism) {
        auto writer = make(std::move(edges), max_parallelism);
        writer->limit_batches(1);
        return writer;
      };
    }
  }

  bool is_output(NodeId node) const {
    return std::ranges::any_of(outputs_, [&](const Output& output) { return output.node == node; });
  }

  PhysicalPlan plan_for(std::uint32_t parallelism) const {
    LogicalPlan logical = JobAccess::builder(job_).plan();
    logical.job = kJobName;
    logical.parallelism = parallelism;
    const auto is_single = [&](NodeId id) {
      const std::uint32_t own = logical.nodes[id].parallelism;
      return (own != 0 ? own : parallelism) == 1;
    };
    for (const Output& output : outputs_) logical.nodes[output.node].parallelism = 1;
    for (LogicalEdge& edge : logical.edges) {
      if (edge.exchange != Exchange::kForward) continue;
      // An output is no part of a chain, so that backpressure reaches what comes before it.
      const bool cut = is_output(edge.to) || (options_.task_per_operator && is_single(edge.from) && is_single(edge.to));
      if (cut) edge.exchange = Exchange::kRebalance;
    }
    return value_or_throw(make_physical_plan(std::move(logical)));
  }

  void begin_attempt(std::uint32_t parallelism) {
    const bool is_first = attempts_++ == 0;
    if (is_first) {
      world_.spills_state = options_.spills_state;
    } else if (options_.other_backend_at_restores) {
      world_.spills_state = !world_.spills_state;
    }
    for (auto& of_node : operators_) of_node.clear();
    parallelism_ = parallelism;
    was_parallel_ = was_parallel_ || parallelism > 1;
    PhysicalPlan plan = plan_for(parallelism);
    AttemptBeginning beginning{.attempt = value_or_throw(store_->begin_attempt()),
                               .checkpoint = value_or_throw(store_->restorable()),
                               .checkpoint_path = store_->restorable_path()};
    AttemptStart start = value_or_throw(make_attempt_start(plan, beginning));
    start.lazy_restore = {.on = world_.random.next() % 2 == 0, .from_bytes = 1, .unit_bytes = 64};
    const std::size_t edge_capacity = options_.one_slot_outbox ? 1 : Edge::kCapacity;
    attempt_ = std::make_unique<TestAttempt>(world_, std::move(plan), factories_, edge_capacity, std::move(start));
  }

  // A step of somebody; false if nobody has anything to do.
  bool step() {
    const bool completes = pending_ && world_.random.next() % 4 == 0 && complete_snapshot();
    if (!completes && !attempt_->step() && !(pending_ && complete_snapshot())) return false;
    if (attempt_->failure()) throw *attempt_->failure();
    return true;
  }

  // False if it came to rest before.
  template <class Condition>
  bool step_until(Condition&& condition) {
    for (std::uint64_t steps = 0; !condition(); ++steps) {
      if (!step()) return false;
      if (steps >= kMaxSteps) throw Error{ErrorCode::kTimeout, fmt::format("the job under test has taken {} steps and does not come to rest", steps)};
    }
    return true;
  }

  void come_to_rest() {
    step_until([] { return false; });
    if (pending_) throw Error{ErrorCode::kInternal, fmt::format("snapshot {} of the job under test was never completed", pending_->checkpoint)};
  }

  void turn(Event event) {
    if (!options_.snapshot_between_records) {
      apply(std::move(event));
      come_to_rest();
      return;
    }
    if (world_.random.next() % 2 == 0) {
      // The barrier rides behind some of what the event sets off.
      apply(std::move(event));
      for (std::uint64_t steps = world_.random.next() % 16; steps > 0 && step(); --steps) {
      }
      begin_snapshot(CheckpointKind::kPeriodic);
    } else {
      // What follows the barrier must not get into the snapshot: it is undone, and done again.
      begin_snapshot(CheckpointKind::kPeriodic);
      apply(std::move(event));
    }
    come_to_rest();
    restore(next_parallelism());
  }

  void apply(Event event) {
    log_.push_back(std::move(event));
    log_.back()();
  }

  std::uint32_t next_parallelism() {
    const auto& all = options_.parallelism_of_restores;
    return all.empty() ? parallelism_ : all[restores_++ % all.size()];
  }

  void begin_snapshot(CheckpointKind kind) {
    Moment moment{.checkpoint = store_->next_checkpoint_id(), .limits = {}, .wall_ms = world_.clock.wall_ms(), .events = log_.size()};
    for (const auto& feed : feeds_) moment.limits.push_back(feed->limit());
    value_or_throw(store_->prepare(moment.checkpoint));
    barrier_ = {.id = moment.checkpoint, .triggered_wall_ms = moment.wall_ms, .kind = kind};
    pending_ = std::move(moment);
    attempt_->trigger(barrier_, store_->checkpoint_path(barrier_.id));
  }

  // False if it is not so far.
  bool complete_snapshot() {
    auto snapshots = attempt_->take_snapshots();
    if (!snapshots) return false;
    const CheckpointMetadata metadata = value_or_throw(
        make_checkpoint_metadata(attempt_->plan(), attempt_->number(), barrier_, std::move(*snapshots), world_.clock.wall_ms()));
    const std::vector<RetainedCheckpoint> older = store_->retained();
    value_or_throw(store_->complete(metadata, older));
    for (const RetainedCheckpoint& each : older) value_or_throw(store_->remove(each.id, each.attempt));
    log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(pending_->events));
    restored_ = *std::exchange(pending_, std::nullopt);
    attempt_->notify_complete(barrier_.id);
    return true;
  }

  // Everything is as it was at the newest snapshot; gives what had come out since, by output.
  std::vector<std::vector<OutputRow>> restart(std::uint32_t parallelism) {
    attempt_.reset();
    pending_.reset();
    std::vector<std::vector<OutputRow>> undone;
    for (const Output& output : outputs_) undone.push_back(output.rows->rewind(restored_.checkpoint));
    for (std::size_t i = 0; i < feeds_.size(); ++i) feeds_[i]->set_limit(restored_.limits[i]);
    if (!feeds_.empty()) world_.clock.set_wall_ms(restored_.wall_ms);
    begin_attempt(parallelism);
    return undone;
  }

  void compare_with(const std::vector<std::vector<OutputRow>>& undone) {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      OutputRows& rows = *outputs_[i].rows;
      RowComparison comparison{.subject = fmt::format("output '{}' after a restore at parallelism {}", rows.name(), parallelism_),
                               .expected = undone[i],
                               .got = rows.since(restored_.checkpoint)};
      sort_by_content(comparison);
      if (const std::string difference = difference_of(comparison); !difference.empty()) {
        throw Error{ErrorCode::kInternal, difference + "\n  Expected is what came out before. What an operator remembers must be in its state, and "
                                                       "what it puts out may depend on nothing else"};
      }
      // In the order in which the test may have looked at them.
      rows.replace_since(restored_.checkpoint, undone[i]);
    }
  }

  void finish() {
    if (!attempt_->drained()) throw Error{ErrorCode::kFailedPrecondition, "the job under test does not end: one of its sources has no end"};
    begin_snapshot(CheckpointKind::kFinal);
    come_to_rest();
    attempt_->finish();
    if (!step_until([&] { return attempt_->ended(); })) {
      throw Error{ErrorCode::kInternal, "the job under test does not end: a sink has not committed"};
    }
    ended_ = true;
  }

  bool leap() {
    const auto deadline = attempt_->next_deadline_ns();
    if (deadline) world_.clock.leap_to_ns(*deadline);
    return deadline.has_value();
  }

  const PoisonedArenas poisoned_;
  const TestOptions options_;
  TestWorld world_;
  const char* argv_[1] = {kJobName};
  Job job_{kJobName, 1, argv_};
  std::vector<std::shared_ptr<Feed>> feeds_;
  std::vector<Output> outputs_;
  Feed* waiting_ = nullptr;  // has entries that wait for their batch to be full

  JobFactories factories_;
  std::unique_ptr<CheckpointStore> store_;
  std::vector<std::vector<Operator*>> operators_;  // of the attempt, by node
  std::vector<Event> log_;                         // since the newest snapshot, for what a restart has to do again
  Moment restored_;                                // of the newest complete snapshot
  std::optional<Moment> pending_;                  // of the one that is being taken
  Barrier barrier_;
  std::size_t attempts_ = 0;
  std::size_t restores_ = 0;
  std::uint32_t parallelism_ = 1;
  bool was_parallel_ = false;
  bool ended_ = false;
  std::unique_ptr<TestAttempt> attempt_;
};

TestBed::TestBed(const TestOptions& options) : parts_{std::make_unique<Parts>(options)} {}
TestBed::~TestBed() = default;

Job& TestBed::job() { return parts_->job(); }
NodeId TestBed::last_node() const { return parts_->last_node(); }
void TestBed::add_feed(std::shared_ptr<Feed> feed) { parts_->add_feed(std::move(feed)); }
void TestBed::add_output(std::shared_ptr<OutputRows> rows) { parts_->add_output(std::move(rows)); }
void TestBed::start() { parts_->start(); }
void TestBed::require_running() const { parts_->require_running(); }
void TestBed::require_open(const Feed& feed) const { parts_->require_open(feed); }
void TestBed::fed(Feed& feed) { parts_->fed(feed); }
void TestBed::add_watermark(Timestamp watermark) { parts_->add_watermark(watermark); }
void TestBed::add_watermark(Feed& feed, Timestamp watermark) { parts_->add_watermark(feed, watermark); }
void TestBed::set_time(Timestamp now) { parts_->set_time(now); }
void TestBed::snapshot() { parts_->snapshot(); }
void TestBed::restore(std::uint32_t parallelism) { parts_->restore(parallelism); }
void TestBed::end(Feed& feed) { parts_->end(feed); }
void TestBed::end() { parts_->end(); }
void TestBed::run() { parts_->run(); }
void TestBed::settle() { parts_->settle(); }
bool TestBed::was_parallel() const { return parts_->was_parallel(); }
std::size_t TestBed::timers(NodeId node) const { return parts_->timers(node); }

void TestBed::write_file(const std::string& path, const std::string& content) {
  FileSystem& files = parts_->world().files;
  value_or_throw(make_durable_directories(files, parent_path(path)));
  value_or_throw(replace_file(files, path, content));
}

std::vector<std::string> TestBed::read_lines(const std::string& folder) {
  FileSystem& files = parts_->world().files;
  std::vector<std::string> paths;
  list_files(files, folder, paths);
  std::vector<std::string> lines;
  for (const std::string& path : paths) {
    const std::string content = value_or_throw(read_file(files, path));
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t end = std::min(content.find('\n', at), content.size());
      lines.push_back(content.substr(at, end - at));
      at = end + 1;
    }
  }
  return lines;
}

}  // namespace tidemark::detail
