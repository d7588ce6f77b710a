#include "worker/task_set.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

EdgeUse use_of(const detail::EdgeLoad& load) { return {.elements = load.elements, .capacity = load.capacity}; }

detail::PendingInput pending_of(const TaskMetrics::Node& node) {
  const auto known = [](std::int64_t figure) {
    return figure == TaskMetrics::kUnknown ? std::nullopt : std::optional{static_cast<std::uint64_t>(figure)};
  };
  return {.records = known(node.pending_records.load(std::memory_order_relaxed)), .bytes = known(node.pending_bytes.load(std::memory_order_relaxed))};
}

}  // namespace

/// Of one sink.
struct TaskSet::Recovery {
  const std::function<void(const detail::SinkRecovery&)>& recover;
  detail::SinkRecovery from;
};

// Commits what the restored checkpoint holds and discards the rest, sink by sink, before any task opens; and before that asks
// each sink whether it can.
class TaskSet::RecoverSinks final : public BackgroundWork {
 public:
  RecoverSinks(TaskSet& set, std::vector<Recovery> recoveries) : set_{set}, recoveries_{std::move(recoveries)} {}

  Progress step() noexcept override {
    if (next_ == recoveries_.size()) set_.listener_.on_sinks_agreed();
    std::optional<Error> error;
    try {
      if (next_ < 2 * recoveries_.size()) {
        Recovery& one = recoveries_[next_ % recoveries_.size()];
        one.from.only_checks = next_++ < recoveries_.size();
        one.recover(one.from);
        return Progress::kMadeProgress;
      }
    } catch (const Error& e) {
      error = e;
    } catch (...) {
      error = Error{ErrorCode::kInternal, detail::current_exception_text()};
    }
    set_.on_recovered(std::move(error));
    return Progress::kDone;
  }

 private:
  TaskSet& set_;  // outlives this: it does not end before on_recovered()
  std::vector<Recovery> recoveries_;
  std::size_t next_ = 0;  // all are checked first
};

TaskSet::TaskSet(const Env& env, CheckpointMode mode, const PhysicalPlan& plan, const detail::JobFactories& factories,
                 ExecutionListener& listener, const ThreadOf& thread_of, std::size_t edge_capacity,
                 std::optional<TaskShare> share)
    : env_{env},
      mode_{mode},
      plan_{plan},
      factories_{factories},
      listener_{listener},
      thread_of_{thread_of},
      edge_capacity_{edge_capacity},
      share_{std::move(share)} {}

TaskSet::~TaskSet() { TIDEMARK_CHECK(alive_.load() == 0, "an execution ends before it is destroyed"); }

void TaskSet::start(AttemptStart start) {
  attempt_ = start.attempt;
  drained_ = start.drained;
  std::vector<Recovery> recoveries;
  for (const LogicalNode& node : plan_.logical.nodes) {
    const auto& recover = factories_.nodes[node.id].recover;
    if (!recover) continue;
    detail::SinkRecovery recovery{&env_, plan_.logical.job, node.uid, start.attempt, start.restored, {}, {}};
    if (node.id < start.committables.size()) recovery.committables = std::move(start.committables[node.id]);
    if (node.id < start.restores.size()) {
      for (const OperatorRestore& subtask : start.restores[node.id]) {
        recovery.list_states.insert(recovery.list_states.end(), subtask.list_states.begin(), subtask.list_states.end());
      }
    }
    recoveries.push_back({recover, std::move(recovery)});
  }
  build(std::move(start));
  unopened_ = tasks_.size();
  alive_ = tasks_.size();
  if (share_ && !share_->recovers_sinks) return;
  ++alive_;
  env_.pool->submit(std::make_unique<RecoverSinks>(*this, std::move(recoveries)));
}

void TaskSet::on_recovered(std::optional<Error> error) {
  if (error) {
    listener_.on_task_failed(kNoTask, *error);
  } else if (share_) {
    share_->on_recovered();
  } else {
    open();
  }
  one_less();
}

void TaskSet::open() {
  for (auto& task : tasks_) task->open(drained_);
}

void TaskSet::put_question(NodeId enumerator, const detail::SplitQuestion& question) {
  const auto found = questions_.find(enumerator);
  if (found != questions_.end()) return found->second->put(question);
  listener_.on_task_failed(kNoTask, Error{ErrorCode::kDataLoss, "another worker asks for splits of node " + std::to_string(enumerator) +
                                                               ", which has none here: it runs another executable"});
}

void TaskSet::build(AttemptStart start) {
  place_tasks();
  make_edges();
  relay_questions();
  couple_groups();
  for (const PhysicalVertex& vertex : plan_.vertices) {
    for (std::uint32_t subtask = 0; subtask < vertex.parallelism; ++subtask) {
      if (is_here(subtask)) tasks_.push_back(build_task(vertex, subtask, start));
    }
  }
}

void TaskSet::place_tasks() {
  if (share_) {
    for (const PhysicalVertex& vertex : plan_.vertices) {
      TIDEMARK_CHECK(vertex.parallelism <= share_->worker_of_slot.size(), "every subtask has a slot");
    }
  }
  for (const PhysicalVertex& vertex : plan_.vertices) {
    std::vector<std::size_t>& places = place_of_.emplace_back();
    for (std::uint32_t subtask = 0; subtask < vertex.parallelism; ++subtask) {
      places.push_back(is_here(subtask) ? inboxes_.size() : kElsewhere);
      if (is_here(subtask)) inboxes_.push_back(std::make_shared<Inbox>(thread_of_(inboxes_.size())));
    }
  }
}

// Of sources whose enumerator another worker has. It is made here, too, as readers find their way to it by the factories.
void TaskSet::relay_questions() {
  for (const LogicalNode& node : plan_.logical.nodes) {
    if (!node.is_enumerator || is_here(0)) continue;
    const detail::NodeFactory& factory = factories_.nodes[node.id];
    factory.make();
    factory.questions()->relay_to([this, id = node.id](const detail::SplitQuestion& question) {
      share_->others->ask(worker_of(0), id, question);
    });
  }
}

// A group's name is its first source: the same in each process.
void TaskSet::couple_groups() {
  if (!share_ || !share_->aligns_groups) return;
  for (const LogicalNode& node : plan_.logical.nodes) {
    const auto& group = factories_.nodes[node.id].group;
    const bool is_known = std::ranges::any_of(groups_, [&](const auto& known) { return known.second == group; });
    if (group == nullptr || is_known) continue;
    group->couple();
    groups_.emplace(node.id, group);
  }
}

// Of a task that is here.
detail::Wakeable* TaskSet::inbox_of(std::uint32_t vertex, std::uint32_t subtask) const {
  return inboxes_[place_of_[vertex][subtask]].get();
}

void TaskSet::make_edges() {
  ChannelNumber channel = 0;
  for (const PhysicalEdge& edge : plan_.edges) {
    EdgeGrid& grid = grids_.emplace_back(EdgeGrid{.targets = plan_.vertices[edge.to_vertex].parallelism, .edges = {}});
    const std::uint32_t sources = plan_.vertices[edge.from_vertex].parallelism;
    for (std::uint32_t from = 0; from < sources; ++from) {
      for (std::uint32_t to = 0; to < grid.targets; ++to, ++channel) {
        const bool used = is_wired(edge.exchange, from, sources, to, grid.targets);
        grid.edges.push_back(used ? make_ends(edge, from, to, channel) : Ends{});
      }
    }
  }
}

TaskSet::Ends TaskSet::make_ends(const PhysicalEdge& edge, std::uint32_t from, std::uint32_t to, ChannelNumber channel) {
  if (!is_here(from) && !is_here(to)) return {};
  if (!is_here(from) || !is_here(to)) return make_remote_ends(edge, from, to, channel);
  Ends ends{.whole = std::make_unique<detail::Edge>(edge_capacity_)};
  ends.whole->connect(inbox_of(edge.from_vertex, from), inbox_of(edge.to_vertex, to));
  ends.sending = ends.whole.get();
  ends.receiving = ends.whole.get();
  return ends;
}

// One of the two tasks is another worker's.
TaskSet::Ends TaskSet::make_remote_ends(const PhysicalEdge& edge, std::uint32_t from, std::uint32_t to, ChannelNumber channel) {
  const LogicalEdge& logical = plan_.logical.edges[edge.logical_edge];
  const detail::BatchCodec* const codec = factories_.edges[edge.logical_edge].codec;
  if (codec == nullptr) {
    throw Error{ErrorCode::kInvalidArgument,
                "the records from " + describe(plan_.logical.nodes[logical.from]) + " to " + describe(plan_.logical.nodes[logical.to]) +
                    " can't leave their process, as their type has members that no codec knows: make it an aggregate of "
                    "numbers, text, times and containers of these"};
  }
  const auto capacity = static_cast<std::uint32_t>(edge_capacity_);
  Ends ends;
  if (is_here(from)) {
    ends.sending = &share_->others->send_to(worker_of(to), channel, *codec, *inbox_of(edge.from_vertex, from), capacity);
  } else {
    ends.receiving = &share_->others->receive_from(worker_of(from), channel, *codec, *inbox_of(edge.to_vertex, to), capacity);
  }
  return ends;
}

std::vector<detail::SendingEnd*> TaskSet::edges_from(std::uint32_t edge, std::uint32_t subtask) {
  const EdgeGrid& grid = grids_[edge];
  std::vector<detail::SendingEnd*> result;
  for (std::uint32_t target = 0; target < grid.targets; ++target) {
    if (detail::SendingEnd* one = grid.edges[subtask * grid.targets + target].sending) result.push_back(one);
  }
  return result;
}

std::vector<Task::Input> TaskSet::inputs_of(std::uint32_t vertex, std::uint32_t subtask, detail::Operator& first) {
  std::vector<Task::Input> result;
  for (std::size_t e = 0; e < grids_.size(); ++e) {
    if (plan_.edges[e].to_vertex != vertex) continue;
    const EdgeGrid& grid = grids_[e];
    const std::uint32_t input = plan_.logical.edges[plan_.edges[e].logical_edge].input;
    detail::BatchReceiver& receiver = first.input(input);
    for (std::size_t i = subtask; i < grid.edges.size(); i += grid.targets) {
      if (grid.edges[i].receiving != nullptr) result.push_back({grid.edges[i].receiving, &receiver, input});
    }
  }
  return result;
}

std::unique_ptr<Task> TaskSet::build_task(const PhysicalVertex& vertex, std::uint32_t subtask, AttemptStart& start) {
  std::vector<Task::Node> chain;
  std::map<NodeId, detail::Operator*> operators;
  for (const NodeId id : vertex.nodes) {
    const LogicalNode& logical = plan_.logical.nodes[id];
    Task::Node node;
    node.op = factories_.nodes[id].make();
    if (share_ && logical.is_enumerator) questions_[id] = factories_.nodes[id].questions();
    operators[id] = node.op.get();
    node.context.name = {logical.name, logical.uid, subtask};
    node.context.parallelism = vertex.parallelism;
    node.context.max_parallelism = plan_.logical.max_parallelism;
    node.context.attempt = start.attempt;
    node.context.restored = start.restored;
    node.context.shared_folder = start.shared_folder;
    if (id < start.restores.size() && subtask < start.restores[id].size()) node.context.restore = std::move(start.restores[id][subtask]);
    node.context.restore.lazy = start.lazy_restore;
    node.context.tell_loading = [this](const LoadEvent& event) { listener_.on_loading(event); };
    chain.push_back(std::move(node));
  }

  std::vector<std::unique_ptr<detail::EdgeWriter>> outputs;
  for (std::uint32_t e = 0; e < plan_.logical.edges.size(); ++e) {
    const LogicalEdge& edge = plan_.logical.edges[e];
    if (!operators.contains(edge.from)) continue;
    const auto physical = std::find_if(plan_.edges.begin(), plan_.edges.end(), [&](const PhysicalEdge& p) { return p.logical_edge == e; });
    if (physical == plan_.edges.end()) {
      factories_.edges[e].attach(*operators.at(edge.from), operators.at(edge.to)->input(edge.input));
      continue;
    }
    const auto index = static_cast<std::uint32_t>(physical - plan_.edges.begin());
    auto writer = factories_.edges[e].make_writer(edges_from(index, subtask), plan_.logical.max_parallelism);
    writer->open({.subtask = subtask,
                  .consumer = describe(plan_.logical.nodes[edge.to]),
                  .seed = edge.exchange == Exchange::kShuffle ? env_.random->next() : 0});
    factories_.edges[e].attach(*operators.at(edge.from), *writer);
    outputs.push_back(std::move(writer));
  }

  Task::Config config;
  config.id = {vertex.id, subtask};
  config.name = vertex.name;
  config.job = plan_.logical.job;
  config.env = env_;
  config.mode = mode_;
  config.inbox = inboxes_[place_of_[vertex.id][subtask]];
  config.listener = this;
  config.folder_of = [this](CheckpointId id) { return folder_of(id); };
  std::vector<Task::Input> inputs = inputs_of(vertex.id, subtask, *chain.front().op);
  return std::make_unique<Task>(std::move(config), std::move(chain), std::move(inputs), std::move(outputs));
}

std::string TaskSet::folder_of(CheckpointId id) {
  const std::lock_guard lock{mutex_};
  const auto found = folders_.find(id);
  return found == folders_.end() ? std::string{} : found->second;
}

void TaskSet::set_folder(CheckpointId id, std::string folder) {
  const std::lock_guard lock{mutex_};
  folders_[id] = std::move(folder);
}

void TaskSet::trigger(const Barrier& barrier, const std::string& folder) {
  set_folder(barrier.id, folder);
  for (const PhysicalVertex& vertex : plan_.vertices) {
    const bool has_input = std::any_of(plan_.edges.begin(), plan_.edges.end(), [&](const PhysicalEdge& e) { return e.to_vertex == vertex.id; });
    if (has_input) continue;
    for (const std::size_t place : place_of_[vertex.id]) {
      if (place != kElsewhere) tasks_[place]->trigger(barrier);
    }
  }
}

void TaskSet::notify_complete(CheckpointId id) {
  {
    const std::lock_guard lock{mutex_};
    folders_.erase(folders_.begin(), folders_.upper_bound(id));
  }
  for (auto& task : tasks_) task->notify_complete(id);
}

void TaskSet::notify_aborted(CheckpointId id) {
  {
    const std::lock_guard lock{mutex_};
    folders_.erase(id);
  }
  for (auto& task : tasks_) task->notify_aborted(id);
}

void TaskSet::drain() {
  for (auto& task : tasks_) task->drain();
}

void TaskSet::finish() {
  for (auto& task : tasks_) task->finish();
}

void TaskSet::cancel() {
  for (auto& task : tasks_) task->cancel();
}

std::vector<GroupWatermark> TaskSet::group_watermarks() const {
  std::vector<GroupWatermark> result;
  if (unopened_.load(std::memory_order_acquire) > 0) return result;  // a reader that is not open yet is no member
  for (const auto& [name, group] : groups_) result.push_back({.group = name, .watermark_ms = group->lowest().ms()});
  return result;
}

void TaskSet::hear_group_watermarks(const std::vector<GroupWatermark>& others) {
  for (const GroupWatermark& told : others) {
    if (const auto group = groups_.find(told.group); group != groups_.end()) group->second->hear(Timestamp{told.watermark_ms});
  }
}

void TaskSet::one_less() {
  if (alive_.fetch_sub(1, std::memory_order_acq_rel) == 1) listener_.on_ended();
}

void TaskSet::on_opened(TaskId) {
  if (unopened_.fetch_sub(1, std::memory_order_acq_rel) == 1) listener_.on_running();
}
void TaskSet::on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) { listener_.on_ack(task, id, std::move(snapshot)); }
void TaskSet::on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) {
  listener_.on_decline(task, id, reason, std::move(cause));
}
void TaskSet::on_end_of_data(TaskId task) { listener_.on_end_of_data(task); }
void TaskSet::on_failed(TaskId task, Error error) { listener_.on_task_failed(task, std::move(error)); }
void TaskSet::on_ended(TaskId) { one_less(); }

bool TaskSet::is_reader(NodeId node) const {
  return std::ranges::any_of(plan_.logical.edges, [&](const LogicalEdge& e) { return e.to == node && e.exchange == Exchange::kSplits; });
}

InputProgress TaskSet::input_progress() const {
  InputProgress result;
  for (const auto& task : tasks_) {
    const std::vector<NodeId>& nodes = plan_.vertices[task->id().vertex].nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!is_reader(nodes[i])) continue;
      const TaskMetrics::Node& node = task->metrics().nodes[i];
      result.records += node.records_out.load(std::memory_order_relaxed);
      result.bytes += node.bytes_read.load(std::memory_order_relaxed);
    }
  }
  return result;
}

WorkerMetrics TaskSet::metrics() const {
  WorkerMetrics result;
  for (const auto& task : tasks_) {
    const PhysicalVertex& vertex = plan_.vertices[task->id().vertex];
    for (std::size_t i = 0; i < vertex.nodes.size(); ++i) {
      const NodeId id = vertex.nodes[i];
      const TaskMetrics::Node& node = task->metrics().nodes[i];
      const auto& edges = plan_.logical.edges;
      const bool sink = std::none_of(edges.begin(), edges.end(), [&](const LogicalEdge& e) { return e.from == id; });
      if (is_reader(id)) result.records_in += node.records_out.load(std::memory_order_relaxed);
      if (sink) result.records_out += node.records_out.load(std::memory_order_relaxed);
      result.late_dropped += node.late_dropped.load(std::memory_order_relaxed);
      result.skipped += node.skipped.load(std::memory_order_relaxed);
    }
    if (!plan_.logical.nodes[vertex.nodes.front()].is_enumerator) {
      result.watermark = std::min(result.watermark, Timestamp{task->metrics().watermark_ms.load(std::memory_order_relaxed)});
    }
  }
  return result;
}

// Nobody in the vertex reads it.
bool TaskSet::is_chain_end(const PhysicalVertex& vertex, NodeId node) const {
  return std::ranges::none_of(plan_.logical.edges, [&](const LogicalEdge& e) {
    return e.from == node && std::ranges::find(vertex.nodes, e.to) != vertex.nodes.end();
  });
}

// Null: another worker has it, or the node is no reader.
const TaskMetrics::Node* TaskSet::enumerator_of(NodeId reader) const {
  for (const LogicalEdge& edge : plan_.logical.edges) {
    if (edge.to != reader || edge.exchange != Exchange::kSplits) continue;
    const auto vertex = std::ranges::find_if(plan_.vertices, [&](const PhysicalVertex& v) { return v.nodes.front() == edge.from; });
    const std::size_t place = place_of_[vertex->id].front();
    return place == kElsewhere ? nullptr : &tasks_[place]->metrics().nodes.front();
  }
  return nullptr;
}

// What no reader has got yet is the first one's.
OperatorMetrics TaskSet::operator_metrics(const PhysicalVertex& vertex, const Task& task, std::size_t at) const {
  const TaskMetrics::Node& node = task.metrics().nodes[at];
  OperatorMetrics result{.records_out = node.records_out.load(std::memory_order_relaxed),
                         .late_dropped = node.late_dropped.load(std::memory_order_relaxed),
                         .skipped = node.skipped.load(std::memory_order_relaxed),
                         .fired_timers = node.fired_timers.load(std::memory_order_relaxed),
                         .watermark_in_ms = node.watermark_in_ms.load(std::memory_order_relaxed),
                         .watermark_out_ms = node.watermark_out_ms.load(std::memory_order_relaxed)};
  detail::PendingInput pending = pending_of(node);
  const TaskMetrics::Node* const enumerator = task.id().subtask == 0 ? enumerator_of(vertex.nodes[at]) : nullptr;
  if (enumerator != nullptr) pending += pending_of(*enumerator);
  result.pending_records = pending.records;
  result.pending_bytes = pending.bytes;
  const std::int64_t drift_ms = node.alignment_drift_ms.load(std::memory_order_relaxed);
  if (drift_ms != TaskMetrics::kUnknown) result.alignment_drift_ms = drift_ms;
  const auto& inputs = task.metrics().input_watermarks_ms;
  if (at == 0 && inputs.size() > 1) {
    for (const auto& watermark : inputs) result.watermarks_in_ms.push_back(watermark.load(std::memory_order_relaxed));
  }
  return result;
}

SubtaskMetrics TaskSet::subtask_metrics(const PhysicalVertex& vertex, const Task& task) const {
  const TaskMetrics& from = task.metrics();
  SubtaskMetrics result;
  result.number = task.id().subtask;
  result.records_in = is_reader(vertex.nodes.front()) ? from.nodes.front().records_out.load(std::memory_order_relaxed) : from.records_in.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < vertex.nodes.size(); ++i) {
    const OperatorMetrics& one = result.operators.emplace_back(operator_metrics(vertex, task, i));
    if (is_chain_end(vertex, vertex.nodes[i])) result.records_out += one.records_out;
    result.late_dropped += one.late_dropped;
    result.skipped += one.skipped;
    result.bytes_in += from.nodes[i].bytes_read.load(std::memory_order_relaxed);
  }
  result.watermark_ms = from.watermark_ms.load(std::memory_order_relaxed);
  result.alignment_ns = from.alignment_ns.load(std::memory_order_relaxed);
  result.start_delay_ns = from.start_delay_ns.load(std::memory_order_relaxed);
  result.input = use_of(task.input_load());
  result.output = use_of(task.output_load());
  result.elements_out = from.elements_out.load(std::memory_order_relaxed);
  result.bytes_sent = task.bytes_sent();
  result.mail_latency_ns = from.mail_latency_ns.load(std::memory_order_relaxed);
  const auto ms_in = [&, now_ns = env_.clock->steady_ns()](Occupancy::State state) {
    return from.occupancy.ns_in(state, now_ns) / 1'000'000;
  };
  result.busy_ms = ms_in(Occupancy::State::kBusy);
  result.idle_ms = ms_in(Occupancy::State::kIdle);
  result.backpressured_ms = ms_in(Occupancy::State::kBackpressured);
  return result;
}

std::vector<VertexMetrics> TaskSet::vertex_metrics() const {
  for (const auto& task : tasks_) task->measure();
  std::vector<VertexMetrics> result;
  for (const PhysicalVertex& vertex : plan_.vertices) {
    if (plan_.logical.nodes[vertex.nodes.front()].is_enumerator) continue;
    VertexMetrics& metrics = result.emplace_back(VertexMetrics{.id = vertex.id, .name = vertex.name, .subtasks = {}, .parallelism = vertex.parallelism});
    for (const NodeId node : vertex.nodes) metrics.operators.push_back(plan_.logical.nodes[node].name);
    for (const std::size_t place : place_of_[vertex.id]) {
      if (place != kElsewhere) metrics.subtasks.push_back(subtask_metrics(vertex, *tasks_[place]));
    }
  }
  return result;
}

}  // namespace tidemark
