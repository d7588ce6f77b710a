// Coordinator, alignments and commit ledgers of a small job, run together in random order with random faults.
//
// Two sources, two tasks in the middle, two sinks, every one connected to every one behind it by a bounded queue.
// Messages to the coordinator arrive in any order; files, pointer and committed output survive a crash, everything else
// doesn't. Faults stop after a while, and then the job must come to its end.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "protocol/alignment.h"
#include "protocol/checkpoint_coordinator.h"
#include "protocol/commit_ledger.h"

namespace tidemark {
namespace {

void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error{what};
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_{seed} {}
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

using Record = std::pair<std::uint32_t, std::uint64_t>;  // source, number
struct CancelMarker {
  CheckpointId id;
};
struct EndOfData {};
using Element = std::variant<Record, Barrier, CancelMarker, EndOfData>;

struct Channel {
  std::size_t to = 0;     // task
  std::size_t input = 0;  // of that task
  std::deque<Element> queue;
};

// What a task puts into a checkpoint.
struct TaskState {
  std::uint64_t position = 0;           // of a source
  std::vector<std::uint64_t> received;  // records by input
  std::vector<std::uint64_t> sent;      // records by output
  std::vector<std::string> committables;
  friend bool operator==(const TaskState&, const TaskState&) = default;
};

struct Told {
  enum Kind { kTrigger, kAborted, kComplete, kDrain } kind;
  Barrier barrier;
};

struct Upload {
  CheckpointId id = 0;
  TaskState state;
};

struct Task {
  TaskId id;
  bool source = false;
  bool sink = false;
  TaskState state;
  std::unique_ptr<BarrierAlignment> alignment;
  std::vector<std::size_t> outputs;  // channels
  std::vector<std::size_t> inputs;   // channels
  std::vector<bool> input_ended;
  bool drained = false;
  bool ended = false;
  std::deque<Told> mail;
  std::vector<Upload> uploads;
  CommitLedger ledger;
  std::vector<CommitOrder> commits;
  std::vector<Record> open_output;
  std::set<CheckpointId> forwarded;  // barrier or marker
};

constexpr std::size_t kQueueBound = 3;
constexpr std::uint32_t kParallelism = 2;
constexpr std::uint64_t kRecordsPerSource = 200;
constexpr std::size_t kFaultySteps = 15'000;
constexpr std::size_t kMostSteps = 200'000;

struct Statistics {
  std::size_t completed = 0, aborted = 0, restarts = 0, late = 0, stops = 0, uncertain = 0, savepoints = 0, refused = 0;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed, CheckpointMode mode) : chance_{seed} {
    options_ = {.interval_ns = static_cast<std::int64_t>(20 + chance_.below(200)),
                .min_pause_ns = static_cast<std::int64_t>(chance_.below(3) * 30),
                .max_concurrent = 1 + chance_.below(3),
                .timeout_ns = static_cast<std::int64_t>(200 + chance_.below(3000)),
                .num_retained = 1 + chance_.below(3),
                .mode = mode,
                .closing_attempts = static_cast<std::uint32_t>(1 + chance_.below(3)),
                .closing_retry_pause_ns = 40};
    if (chance_.one_in(3)) options_.tolerable_failures = chance_.below(4);
    if (chance_.one_in(8)) options_.interval_ns = 0;
    stops_wanted_ = chance_.below(3);
  }

  Statistics run() {
    begin_attempt();
    while (!finished_) {
      require(++steps_ < kMostSteps, "the job never ends");
      act();
      if (restart_wanted_ && !coordinator_->finalizing()) restart();
    }
    return statistics_;
  }

 private:
  bool faulty() const { return steps_ < kFaultySteps; }
  Moment now() const { return {now_ns_, now_ns_}; }

  // ---- attempts

  void begin_attempt() {
    ++attempt_;
    tasks_.clear();
    channels_.clear();
    to_coordinator_.clear();
    cleaning_.clear();
    triggered_.clear();
    finalize_.reset();
    savepoints_.clear();
    require(requests_.empty(), "a request was never answered");
    restart_wanted_ = over_ = false;
    build_tasks();
    restore_tasks();
    std::vector<TaskId> ids;
    for (const Task& task : tasks_) ids.push_back(task.id);
    std::vector<CompletedCheckpoint> found;
    for (const auto& [id, metadata] : storage_) found.push_back({id, CheckpointKind::kPeriodic});
    std::erase_if(found, [&](const CompletedCheckpoint& c) { return c.id > pointer_; });  // never pointed to
    coordinator_ = std::make_unique<CheckpointCoordinator>(options_, ids, next_id_, found);
    command([&](Commands& out) { coordinator_->start(now(), out); });
  }

  void build_tasks() {
    for (std::uint32_t vertex = 0; vertex < 3; ++vertex) {
      for (std::uint32_t subtask = 0; subtask < kParallelism; ++subtask) {
        Task& task = tasks_.emplace_back();
        task.id = {vertex, subtask};
        task.source = vertex == 0;
        task.sink = vertex == 2;
      }
    }
    for (std::size_t from = 0; from < tasks_.size(); ++from) {
      for (std::size_t to = 0; to < tasks_.size(); ++to) {
        if (tasks_[to].id.vertex != tasks_[from].id.vertex + 1) continue;
        tasks_[from].outputs.push_back(channels_.size());
        tasks_[to].inputs.push_back(channels_.size());
        channels_.push_back({to, tasks_[to].inputs.size() - 1, {}});
      }
    }
    for (Task& task : tasks_) {
      task.alignment = std::make_unique<BarrierAlignment>(options_.mode, std::max<std::size_t>(task.inputs.size(), 1));
      task.input_ended.resize(task.inputs.size());
      task.state.received.resize(task.inputs.size());
      task.state.sent.resize(task.outputs.size());
    }
  }

  void restore_tasks() {
    if (pointer_ == 0) return;
    require(storage_.contains(pointer_), "the checkpoint to restore from is gone");
    for (Task& task : tasks_) {
      task.state = storage_.at(pointer_).at(task.id);
      require(files_.contains({pointer_, task.id}), "the files of the checkpoint to restore from are gone");
      if (task.sink) task.commits = task.ledger.restore(pointer_, task.state.committables);
    }
  }

  void restart() {
    ++statistics_.restarts;
    begin_attempt();
  }

  // ---- one random action

  void act() {
    switch (chance_.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return step_task(tasks_[chance_.below(tasks_.size())]);
      case 5:
        return read_mail(tasks_[chance_.below(tasks_.size())]);
      case 6:
        return finish_upload(tasks_[chance_.below(tasks_.size())]);
      case 7:
        return deliver_to_coordinator();
      case 8:
        return finish_finalize();
      case 9:
        return commit_one(tasks_[chance_.below(tasks_.size())]);
      case 10:
        return clean_one();
      default:
        return pass_time();
    }
  }

  // Without faults checkpoints are fast beside their timeout.
  void pass_time() {
    if (!faulty() && coordinator_->pending() > 0) return;
    const auto deadline = coordinator_->next_deadline();
    if (deadline && chance_.one_in(25)) {
      now_ns_ = std::max(now_ns_, *deadline);
      command([&](Commands& out) { coordinator_->on_time(now(), out); });
      const auto next = coordinator_->next_deadline();
      require(!next || *next > now_ns_, "a deadline that time does not resolve");
    } else {
      now_ns_ += static_cast<std::int64_t>(chance_.below(5));
      command([&](Commands& out) { coordinator_->on_time(now(), out); });
    }
    if (faulty() && chance_.one_in(250)) crash();
    if (stops_wanted_ > 0 && chance_.one_in(300)) stop();
    if (faulty() && chance_.one_in(100)) ask();
  }

  void crash() {
    if (over_) return;
    command([&](Commands& out) { coordinator_->on_task_failed(now(), out); });
    require_all_ended();
    restart_wanted_ = true;
  }

  void stop() {
    --stops_wanted_;
    StopRequest how;
    if (chance_.one_in(2)) how = {.savepoint = ++newest_request_, .drain = chance_.one_in(2)};
    Commands out;
    const bool accepted = coordinator_->request_stop(now(), out, how) == StopOutcome::kAccepted;
    if (accepted && how.savepoint != 0) requests_.insert(how.savepoint);
    obey(out);
  }

  void ask() {
    const CheckpointKind kind = chance_.one_in(3) ? CheckpointKind::kPeriodic : CheckpointKind::kSavepoint;
    Commands out;
    const RequestOutcome outcome = coordinator_->request_checkpoint(kind, ++newest_request_, now(), out);
    if (outcome == RequestOutcome::kTriggered) requests_.insert(newest_request_);
    obey(out);
  }

  // ---- tasks

  void step_task(Task& task) {
    const bool room =
        std::ranges::all_of(task.outputs, [&](std::size_t c) { return channels_[c].queue.size() < kQueueBound; });
    if (!room) return;
    if (task.source) return emit(task);
    const std::size_t input = chance_.below(task.inputs.size());
    Channel& channel = channels_[task.inputs[input]];
    if (channel.queue.empty() || task.alignment->blocked(input)) return;
    const Element element = channel.queue.front();
    channel.queue.pop_front();
    if (const auto* record = std::get_if<Record>(&element)) return process(task, input, *record);
    if (const auto* barrier = std::get_if<Barrier>(&element))
      return obey(task, task.alignment->on_barrier(input, *barrier, now_ns_));
    if (const auto* marker = std::get_if<CancelMarker>(&element))
      return obey(task, task.alignment->on_cancel_marker(input, marker->id));
    task.input_ended[input] = true;
    if (std::ranges::count(task.input_ended, false) == 0) end_of_data(task);
  }

  void emit(Task& task) {
    if (task.state.position < kRecordsPerSource && !task.drained) return send(task, {task.id.subtask, task.state.position++});
    if (!task.ended) end_of_data(task);
  }

  void process(Task& task, std::size_t input, const Record& record) {
    ++task.state.received[input];
    if (task.sink) {
      task.open_output.push_back(record);
    } else {
      send(task, record);
    }
  }

  void send(Task& task, const Record& record) {
    const std::size_t output = (record.first + record.second) % task.outputs.size();
    ++task.state.sent[output];
    channels_[task.outputs[output]].queue.push_back(record);
  }

  void broadcast(Task& task, const Element& element) {
    for (const std::size_t channel : task.outputs) channels_[channel].queue.push_back(element);
  }

  void end_of_data(Task& task) {
    task.ended = true;
    broadcast(task, EndOfData{});
    tell_coordinator([this, id = task.id](Commands& out) { (void)coordinator_->on_end_of_data(id, now(), out); });
  }

  void obey(Task& task, const AlignmentDecision& decision) {
    for (const auto& [id, cause] : decision.aborted) {
      forward(task, id, CancelMarker{id});
      if (cause == AlignmentAbort::kToldByCoordinator) continue;
      decline(task, id,
              cause == AlignmentAbort::kCancelMarker ? DeclineReason::kCancelMarker : DeclineReason::kAlignmentAborted);
    }
    if (decision.snapshot) take_snapshot(task, *decision.snapshot);
  }

  void forward(Task& task, CheckpointId id, const Element& element) {
    require(task.forwarded.insert(id).second, "a task sent two things of one checkpoint downstream");
    broadcast(task, element);
  }

  void take_snapshot(Task& task, const Barrier& barrier) {
    if (faulty() && chance_.one_in(60)) {
      forward(task, barrier.id, CancelMarker{barrier.id});
      return decline(task, barrier.id, DeclineReason::kNotReady);
    }
    forward(task, barrier.id, barrier);
    if (task.sink) prepare(task, barrier.id);
    files_.insert({barrier.id, task.id});
    task.uploads.push_back({barrier.id, task.state});
    task.uploads.back().state.committables = task.ledger.pending();
  }

  void prepare(Task& task, CheckpointId id) {
    std::vector<std::string> names;
    if (!task.open_output.empty()) {
      names.push_back(std::to_string(attempt_) + "/" + std::to_string(task.id.subtask) + "/" + std::to_string(id));
      prepared_[names.back()] = std::move(task.open_output);
      task.open_output.clear();
    }
    task.ledger.prepare(id, names);
  }

  void decline(Task& task, CheckpointId id, DeclineReason reason) {
    tell_coordinator([this, task_id = task.id, id, reason](Commands& out) {
      (void)coordinator_->on_decline(task_id, id, reason, Error{ErrorCode::kIo, "simulated"}, now(), out);
    });
  }

  void finish_upload(Task& task) {
    if (task.uploads.empty()) return;
    const auto which = task.uploads.begin() + static_cast<std::ptrdiff_t>(chance_.below(task.uploads.size()));
    const Upload upload = std::move(*which);
    task.uploads.erase(which);
    if (faulty() && chance_.one_in(60))
      return decline(task, upload.id, chance_.one_in(2) ? DeclineReason::kIo : DeclineReason::kAsync);
    const int copies = chance_.one_in(20) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      tell_coordinator([this, id = task.id, upload](Commands& out) { acknowledge(id, upload, out); });
    }
  }

  void acknowledge(TaskId task, const Upload& upload, Commands& out) {
    TaskSnapshot snapshot;
    snapshot.operators.push_back({.uid = "op", .subtask = task.subtask, .committables = upload.state.committables});
    acknowledged_.insert_or_assign({upload.id, task}, upload.state);
    const AckOutcome outcome = coordinator_->on_ack(task, upload.id, snapshot, now(), out);
    require(outcome != AckOutcome::kUnknownTask && outcome != AckOutcome::kUnknownCheckpoint,
            "an own acknowledgement is unknown");
    if (outcome == AckOutcome::kLate) ++statistics_.late;
  }

  void read_mail(Task& task) {
    if (task.mail.empty()) return;
    const Told told = task.mail.front();
    task.mail.pop_front();
    switch (told.kind) {
      case Told::kTrigger:
        return obey(task, task.alignment->on_barrier(0, told.barrier, now_ns_));
      case Told::kAborted:
        if (chance_.one_in(2)) std::erase_if(task.uploads, [&](const Upload& u) { return u.id == told.barrier.id; });
        return obey(task, task.alignment->on_abort_notification(told.barrier.id));
      case Told::kDrain:
        task.drained = true;
        return;
      case Told::kComplete:
        for (CommitOrder& order : task.ledger.on_complete(told.barrier.id)) task.commits.push_back(std::move(order));
    }
  }

  void commit_one(Task& task) {
    if (task.commits.empty()) return;
    const auto which = task.commits.begin() + static_cast<std::ptrdiff_t>(chance_.below(task.commits.size()));
    require(prepared_.contains(which->committable), "a commit of something that was never prepared");
    committed_.insert(which->committable);
    if (faulty() && chance_.one_in(4)) return;  // done, but the answer is lost: it is committed again
    task.ledger.on_committed(which->sequence);
    task.commits.erase(which);
  }

  // ---- coordinator and storage

  void tell_coordinator(std::function<void(Commands&)> message) { to_coordinator_.push_back(std::move(message)); }

  void deliver_to_coordinator() {
    if (to_coordinator_.empty()) return;
    const auto which = to_coordinator_.begin() + static_cast<std::ptrdiff_t>(chance_.below(to_coordinator_.size()));
    const auto message = std::move(*which);
    to_coordinator_.erase(which);
    command(message);
  }

  void clean_one() {
    if (cleaning_.empty()) return;
    cleaning_.pop_front();
    command([&](Commands& out) { coordinator_->on_cleaned(now(), out); });
  }

  void finish_finalize() {
    if (!finalize_) return;
    const Finalize finalize = std::move(*finalize_);
    finalize_.reset();
    const CheckpointId id = finalize.barrier.id;
    const std::uint64_t fate = faulty() ? chance_.below(20) : 19;
    const bool moves = fate >= 2;
    auto outcome = fate == 0 ? FinalizeOutcome::kFailed : FinalizeOutcome::kCompleted;
    if (fate == 1 || fate == 2) outcome = FinalizeOutcome::kUncertain;
    if (finalize.barrier.kind == CheckpointKind::kSavepoint) {
      if (outcome == FinalizeOutcome::kUncertain) outcome = FinalizeOutcome::kFailed;
      if (outcome == FinalizeOutcome::kCompleted) check_savepoint(id);
    } else if (moves) {
      move_pointer(finalize);
    }
    if (outcome == FinalizeOutcome::kCompleted) may_complete_ = id;
    if (outcome == FinalizeOutcome::kUncertain) {
      ++statistics_.uncertain;
      triggered_.erase(id);
    }
    const auto error =
        outcome == FinalizeOutcome::kCompleted ? std::nullopt : std::optional{Error{ErrorCode::kIo, "simulated"}};
    command([&](Commands& out) { coordinator_->on_finalized(id, outcome, error, now(), out); });
    may_complete_ = 0;
  }

  // Whoever restores it finds every record before it in the output, committed or to be committed.
  void check_savepoint(CheckpointId id) {
    ++statistics_.savepoints;
    std::set<std::string> output = committed_;
    for (const Task& task : tasks_) {
      for (const std::string& name : acknowledged_.at({id, task.id}).committables) output.insert(name);
    }
    std::set<Record> seen;
    for (const std::string& name : output) seen.insert(prepared_.at(name).begin(), prepared_.at(name).end());
    for (std::uint32_t source = 0; source < kParallelism; ++source) {
      for (std::uint64_t number = 0; number < acknowledged_.at({id, {0, source}}).position; ++number) {
        require(seen.contains({source, number}), "a savepoint lacks a record");
      }
    }
  }

  void move_pointer(const Finalize& finalize) {
    require(finalize.barrier.id > pointer_, "the pointer moves backward");
    pointer_ = finalize.barrier.id;
    for (const Task& task : tasks_) storage_[pointer_][task.id] = acknowledged_.at({pointer_, task.id});
  }

  void command(const std::function<void(Commands&)>& input) {
    Commands out;
    input(out);
    obey(out);
  }

  void obey(const Commands& out) {
    for (const Command& c : out) std::visit([this](const auto& each) { carry_out(each); }, c);
  }

  void tell_tasks(const Told& told, bool sources_only) {
    for (Task& task : tasks_) {
      if (task.source || !sources_only) task.mail.push_back(told);
    }
  }

  void carry_out(const Trigger& c) {
    require(!over_ && !restart_wanted_, "a trigger after the end");
    require(c.barrier.id >= next_id_, "an id is used twice");
    require(c.barrier.kind != CheckpointKind::kPeriodic || c.request != 0 ||
                triggered_.size() - savepoints_.size() < options_.max_concurrent,
            "too many at once");
    require(c.request != 0 || !is_savepoint(c.barrier.kind), "a savepoint that nobody asked for");
    if (c.barrier.kind == CheckpointKind::kSavepoint) savepoints_.insert(c.barrier.id);
    require(c.barrier.kind != CheckpointKind::kFinal || std::ranges::all_of(tasks_, &Task::ended),
            "a final one before the end");
    next_id_ = c.barrier.id + 1;
    triggered_.insert(c.barrier.id);
    tell_tasks({Told::kTrigger, c.barrier}, true);
  }

  void carry_out(const NotifyAborted& c) {
    require(triggered_.erase(c.id) == 1, "an abort of what is not pending");
    savepoints_.erase(c.id);
    ++statistics_.aborted;
    tell_tasks({Told::kAborted, {.id = c.id}}, false);
  }

  void carry_out(const Finalize& c) {
    require(!finalize_, "two finalizes at once");
    require(c.snapshots.size() == tasks_.size(), "finalised without all acknowledgements");
    require(triggered_.contains(c.barrier.id), "finalised what is not pending");
    require_consistent_cut(c.barrier.id);
    finalize_ = c;
  }

  void require_consistent_cut(CheckpointId id) {
    for (const Task& task : tasks_) {
      const TaskState& sender = acknowledged_.at({id, task.id});
      for (std::size_t output = 0; output < task.outputs.size(); ++output) {
        const Channel& channel = channels_[task.outputs[output]];
        const std::uint64_t received = acknowledged_.at({id, tasks_[channel.to].id}).received[channel.input];
        const bool fits = options_.mode == CheckpointMode::kExactlyOnce ? received == sender.sent[output]
                                                                        : received >= sender.sent[output];
        require(fits, "checkpoint " + std::to_string(id) + " is no consistent cut");
      }
    }
  }

  void carry_out(const NotifyComplete& c) {
    require(c.id == may_complete_, "complete without a finalize that succeeded");
    require(!savepoints_.contains(c.id), "sinks commit a savepoint");
    require(triggered_.erase(c.id) == 1, "a completion of what is not pending");
    ++statistics_.completed;
    tell_tasks({Told::kComplete, {.id = c.id}}, false);
  }

  void carry_out(const DiscardState& c) {
    require(!triggered_.contains(c.id) && c.id != pointer_ && !storage_.contains(c.id),
            "discards a checkpoint that completed");
    for (const auto& [task, snapshot] : c.snapshots) files_.erase({c.id, task});
    cleaning_.push_back(c.id);
  }

  void carry_out(const DeleteCheckpoint& c) {
    require(c.id != pointer_, "deletes the last restorable checkpoint");
    require(storage_.erase(c.id) == 1, "deletes what is not there");
    for (const Task& task : tasks_) files_.erase({c.id, task.id});
    cleaning_.push_back(c.id);
  }

  void carry_out(const RequestEnded& c) {
    require(requests_.erase(c.request) == 1, "an answer to what was not asked, or a second one");
    if (c.error) {
      ++statistics_.refused;
    } else if (savepoints_.erase(c.id) == 1) {
      require(c.id == may_complete_ && triggered_.erase(c.id) == 1, "a savepoint without a finalize that succeeded");
    }
  }

  void carry_out(const DrainSources&) { tell_tasks({Told::kDrain, {}}, true); }

  void carry_out(const FailJob&) {
    over_ = true;
    require_all_ended();
    restart_wanted_ = true;
  }

  void carry_out(const Finish& c) {
    over_ = true;
    require(c.id == pointer_ && c.id + 1 == next_id_, "something came after the last checkpoint");
    require_all_ended();
    require(storage_.contains(c.id), "the last checkpoint is gone");
    drain_commits();
    if (c.kind == CheckpointKind::kFinal) {
      check_output({kRecordsPerSource, kRecordsPerSource});
      finished_ = true;
      return;
    }
    ++statistics_.stops;
    check_output({storage_.at(c.id).at({0, 0}).position, storage_.at(c.id).at({0, 1}).position});
    restart_wanted_ = true;
  }

  void require_all_ended() {
    for (const CheckpointId id : triggered_) {
      require(finalize_ && finalize_->barrier.id == id, "checkpoint " + std::to_string(id) + " never ended");
    }
  }

  void drain_commits() {
    for (Task& task : tasks_) {
      while (!task.mail.empty()) read_mail(task);
      for (const CommitOrder& order : task.commits) committed_.insert(order.committable);
    }
  }

  void check_output(const std::vector<std::uint64_t>& positions) {
    std::map<Record, int> seen;
    for (const std::string& name : committed_) {
      for (const Record& record : prepared_.at(name)) ++seen[record];
    }
    const bool exactly = options_.mode == CheckpointMode::kExactlyOnce;
    std::uint64_t total = 0;
    for (std::uint32_t source = 0; source < kParallelism; ++source) {
      total += positions[source];
      for (std::uint64_t number = 0; number < positions[source]; ++number) {
        const int times = seen[{source, number}];
        require(times >= 1, "a record is lost");
        require(!exactly || times == 1, "a record is doubled");
      }
    }
    require(!exactly || seen.size() == total, "output from behind the last checkpoint");
  }

  Chance chance_;
  CheckpointOptions options_;
  std::size_t steps_ = 0;
  std::int64_t now_ns_ = 0;
  std::uint64_t stops_wanted_ = 0;
  RequestId newest_request_ = 0;
  std::set<RequestId> requests_;  // not yet answered
  Statistics statistics_;
  bool finished_ = false;

  // What survives a crash.
  std::map<CheckpointId, std::map<TaskId, TaskState>> storage_;
  std::set<std::pair<CheckpointId, TaskId>> files_;
  CheckpointId pointer_ = 0;
  CheckpointId next_id_ = 1;
  std::map<std::string, std::vector<Record>> prepared_;
  std::set<std::string> committed_;

  // One attempt.
  std::uint32_t attempt_ = 0;
  std::vector<Task> tasks_;
  std::vector<Channel> channels_;
  std::unique_ptr<CheckpointCoordinator> coordinator_;
  std::vector<std::function<void(Commands&)>> to_coordinator_;
  std::deque<CheckpointId> cleaning_;
  std::set<CheckpointId> triggered_;
  std::set<CheckpointId> savepoints_;  // of those
  std::map<std::pair<CheckpointId, TaskId>, TaskState> acknowledged_;
  std::optional<Finalize> finalize_;
  CheckpointId may_complete_ = 0;
  bool restart_wanted_ = false;
  bool over_ = false;
};

// TIDEMARK_SEED=n runs that one; TIDEMARK_SEEDS=n as many.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void run_seeds(CheckpointMode mode) {
  const std::uint64_t first = from_environment("TIDEMARK_SEED", 1);
  const std::uint64_t count = from_environment("TIDEMARK_SEEDS", std::getenv("TIDEMARK_SEED") == nullptr ? 150 : 1);
  Statistics sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    try {
      const Statistics one = Simulation{seed, mode}.run();
      sum.completed += one.completed;
      sum.aborted += one.aborted;
      sum.restarts += one.restarts;
      sum.late += one.late;
      sum.stops += one.stops;
      sum.uncertain += one.uncertain;
      sum.savepoints += one.savepoints;
      sum.refused += one.refused;
    } catch (const std::exception& error) {
      FAIL() << "TIDEMARK_SEED=" << seed << ": " << error.what();
    }
  }
  if (count < 100) return;
  // The faults do happen.
  EXPECT_GT(sum.completed, count);
  EXPECT_GT(sum.aborted, count);
  EXPECT_GT(sum.restarts, count / 2);
  EXPECT_GT(sum.late, count / 4);
  EXPECT_GT(sum.stops, count / 10);
  EXPECT_GT(sum.uncertain, count / 20);
  EXPECT_GT(sum.savepoints, count);
  EXPECT_GT(sum.refused, count / 2);
  ::testing::Test::RecordProperty("completed", static_cast<int>(sum.completed));
  ::testing::Test::RecordProperty("aborted", static_cast<int>(sum.aborted));
}

TEST(ProtocolSimulation, ExactlyOnceLosesAndDoublesNothing) { run_seeds(CheckpointMode::kExactlyOnce); }
TEST(ProtocolSimulation, AtLeastOnceLosesNothing) { run_seeds(CheckpointMode::kAtLeastOnce); }

}  // namespace
}  // namespace tidemark
