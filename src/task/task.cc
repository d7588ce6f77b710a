#include "task/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "env/crash_point.h"
#include "task/snapshot_run.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/event_time/watermark_minimum.h"

namespace tidemark {
namespace {

using detail::Element;
using detail::PolledOperator;

// Inputs between two flushes where the input never runs dry: bounds how long a record of a sparse stream waits in a batch.
constexpr unsigned kFlushEvery = 128;

// The wall clock may jump while a task sleeps, so it looks at it again after so long.
constexpr Duration kLongestSleep = std::chrono::seconds{10};

DeclineReason decline_reason_of(AlignmentAbort cause) {
  return cause == AlignmentAbort::kCancelMarker ? DeclineReason::kCancelMarker : DeclineReason::kAlignmentAborted;
}

DeclineReason decline_reason_of(const Error& error) {
  return error.domain() == ErrorDomain::kExternal ? DeclineReason::kIo : DeclineReason::kAsync;
}

std::size_t number_of_inputs(const std::vector<Task::Input>& edges) {
  std::uint32_t highest = 0;
  for (const Task::Input& edge : edges) highest = std::max(highest, edge.number);
  return edges.empty() ? 0 : highest + 1;
}

std::int64_t known(const std::optional<std::uint64_t>& figure) { return figure ? static_cast<std::int64_t>(*figure) : TaskMetrics::kUnknown; }

}  // namespace

// Steps until its call is finished, then tells the task.
class Task::SnapshotRunWork final : public BackgroundWork {
 public:
  SnapshotRunWork(Task& task, std::shared_ptr<SnapshotRun> run, const Clock& clock)
      : task_{task}, inbox_{task.inbox_}, run_{std::move(run)}, clock_{clock}, start_ns_{clock.steady_ns()} {}

  Progress step() noexcept override {
    if (!run_->step()) return Progress::kMadeProgress;
    run_->snapshot().async_ns = clock_.steady_ns() - start_ns_;
    inbox_->mailbox().post([&task = task_, run = std::move(run_)] {
      --task.works_in_background_;
      task.on_snapshot_done(run);
    });
    return Progress::kDone;
  }

 private:
  Task& task_;  // outlives this: it does not end before it has read the mail
  std::shared_ptr<Inbox> inbox_;
  std::shared_ptr<SnapshotRun> run_;
  const Clock& clock_;
  std::int64_t start_ns_;
};

class Task::BlockingCallWork final : public BackgroundWork {
 public:
  BlockingCallWork(Task& task, std::function<bool()> call) : task_{task}, inbox_{task.inbox_}, call_{std::move(call)} {}

  Progress step() noexcept override {
    std::optional<Error> error;
    try {
      if (!call_()) return Progress::kMadeProgress;
    } catch (const Error& e) {
      error = e;
    } catch (...) {
      error = Error{ErrorCode::kInternal, detail::current_exception_text()};
    }
    inbox_->mailbox().post([&task = task_, error = std::move(error)] {
      --task.works_in_background_;
      if (error) task.fail(*error);
    });
    return Progress::kDone;
  }

 private:
  Task& task_;
  std::shared_ptr<Inbox> inbox_;
  std::function<bool()> call_;
};

Task::Task(Config config, std::vector<Node> chain, std::vector<Input> inputs,
           std::vector<std::unique_ptr<detail::EdgeWriter>> outputs)
    : config_{std::move(config)},
      chain_{std::move(chain)},
      inputs_{std::move(inputs)},
      outputs_{std::move(outputs)},
      source_{dynamic_cast<PolledOperator*>(chain_.front().op.get())},
      waiting_{dynamic_cast<detail::WaitingOperator*>(chain_.front().op.get())},
      inbox_{config_.inbox},
      alignment_{config_.mode, std::max<std::size_t>(inputs_.size(), 1)},
      merger_{std::max<std::size_t>(inputs_.size(), 1)},
      open_inputs_{inputs_.size()},
      metrics_{chain_.size(), number_of_inputs(inputs_)} {
  for (Node& node : chain_) {
    node.context.env = &config_.env;
    node.context.job = config_.job;
    node.context.post_mail = [inbox = inbox_](std::function<void()> mail) { inbox->mailbox().post(std::move(mail)); };
    node.context.run_blocking = [this](std::function<bool()> call) { run_blocking(std::move(call), *config_.env.pool); };
    node.context.run_call = [this](std::function<void()> call) {
      run_blocking([call = std::move(call)] { return call(), true; }, config_.env.calls_pool());
    };
  }
}

Task::~Task() { TIDEMARK_CHECK(works_in_background_ == 0, "a task outlives its works"); }

void Task::open(bool drained) {
  post([this, drained] {
    if (state_ != State::kCreated) return;
    open_operators();
    if (drained) end_source();
  });
}

void Task::trigger(const Barrier& barrier) {
  post([this, barrier] {
    if (state_ == State::kRunning || state_ == State::kDrained) {
      if (firing_) TIDEMARK_PROBE("task: barrier deferred behind pending firing");
      behind_firing([this, barrier] { carry_out(alignment_.on_barrier(0, barrier, config_.env.clock->steady_ns())); });
    } else if (state_ == State::kCreated) {
      TIDEMARK_PROBE("task: a checkpoint declined because the task is not open yet");
      config_.listener->on_decline(config_.id, barrier.id, DeclineReason::kNotReady,
                                   Error{ErrorCode::kFailedPrecondition, std::string{to_string(DeclineReason::kNotReady)}});
    }
  });
}

void Task::notify_complete(CheckpointId id) {
  post([this, id] { complete(id); });
}

void Task::notify_aborted(CheckpointId id) {
  post([this, id] {
    if (const auto run = running_snapshots_.find(id); run != running_snapshots_.end()) {
      TIDEMARK_PROBE("task: a checkpoint aborted while its snapshot ran");
      run->second->give_up();
    }
    if (state_ != State::kRunning && state_ != State::kDrained) return;
    carry_out(alignment_.on_abort_notification(id));
    for (Node& node : chain_) node.op->checkpoint_aborted(id);
  });
}

void Task::drain() {
  post([this] { end_source(); });
}

void Task::end_source() {
  if (state_ != State::kRunning || source_ == nullptr || waiting_ != nullptr || source_finished_) return;
  TIDEMARK_PROBE("task: a source is drained");
  source_finished_ = true;
  behind_firing([this] {
    if (source_watermark_ < Timestamp::max()) fire({1, source_watermark_ = Timestamp::max()});
  });
  behind_firing([this] {
    if (std::exchange(source_idle_, false)) broadcast(Element::of(Element::Kind::kActive));
  });
  behind_firing([this] { end_of_data(); });
}

void Task::finish() {
  post([this] {
    if (state_ == State::kRunning || state_ == State::kDrained) state_ = State::kFinishing;
  });
}

void Task::cancel() {
  post([this] {
    if (state_ == State::kEnded) return;
    if (firing_) TIDEMARK_PROBE("task: cancelled while firing");
    if (!running_snapshots_.empty()) TIDEMARK_PROBE("task: cancelled while a snapshot ran");
    if (state_ == State::kFinishing) TIDEMARK_PROBE("task: cancelled while finishing");
    state_ = State::kCancelled;
    for (const auto& [id, run] : running_snapshots_) run->give_up();
  });
}

void Task::post(std::move_only_function<void()> mail) { inbox_->mailbox().post(std::move(mail)); }

Progress Task::step() noexcept {
  if (state_ == State::kEnded) return Progress::kDone;
  bool progressed = false;
  try {
    progressed = inbox_->mailbox().run_all();
    if (progressed) source_waits_ = false;
    if (work() == Progress::kMadeProgress) progressed = true;
  } catch (...) {
    fail_with_current_exception();
    progressed = true;
  }
  if (try_end()) return Progress::kDone;
  publish_occupancy(progressed);
  return progressed ? Progress::kMadeProgress : Progress::kBlocked;
}

Progress Task::work() {
  if (state_ != State::kRunning && state_ != State::kDrained && state_ != State::kFinishing) return Progress::kBlocked;
  const bool moved = drain_outputs();
  if (!outbox_is_empty_) {
    if (firing_) TIDEMARK_PROBE("task: the outbox is full while more is due");
    return moved ? Progress::kMadeProgress : Progress::kBlocked;
  }
  if (is_behind_input() && retry_commits()) return Progress::kMadeProgress;
  if (state_ == State::kFinishing) return Progress::kBlocked;
  if (!handle_something()) {
    if (since_flush_ == 0 && outbox_is_empty_) return Progress::kBlocked;
    flush_outputs();  // the input has run dry
  } else if (++since_flush_ >= kFlushEvery) {
    flush_outputs();
  }
  drain_outputs();
  publish_metrics();
  return Progress::kMadeProgress;
}

bool Task::handle_something() {
  if (firing_) {
    go_on_firing();
    return true;
  }
  // And then the input, so that timers which are due again and again do not keep it waiting.
  const bool fired = fire_processing_time();
  const bool polls_first = waiting_ != nullptr && waiting_->ready();
  return (!firing_ && ((polls_first && poll_source()) || handle_input() || poll_source())) || fired;
}

bool Task::handle_input() {
  for (std::size_t tried = 0; tried < inputs_.size(); ++tried) {
    const std::size_t channel = next_input_;
    next_input_ = next_input_ + 1 == inputs_.size() ? 0 : next_input_ + 1;
    if (alignment_.blocked(channel)) continue;
    if (waiting_ != nullptr && !waiting_->takes_batches() && inputs_[channel].edge->has_batch()) continue;
    Element element;
    if (!inputs_[channel].edge->try_pop(element)) continue;
    source_waits_ = false;
    handle(channel, element);
    return true;
  }
  return false;
}

bool Task::poll_source() {
  if (source_ == nullptr || source_finished_) return false;
  if (source_waits_ && (!source_deadline_ns_ || config_.env.clock->steady_ns() < *source_deadline_ns_)) return false;
  source_waits_ = false;
  source_deadline_ns_.reset();
  const PolledOperator::Poll polled = source_->poll();
  follow_source();
  switch (polled) {
    case PolledOperator::Poll::kEmitted:
      return true;
    case PolledOperator::Poll::kFinished:
      source_finished_ = true;
      behind_firing([this] { end_of_data(); });
      return true;
    case PolledOperator::Poll::kNothing:
      break;
  }
  source_waits_ = true;
  if (const std::int64_t after_ns = source_->retry_after_ns(); after_ns > 0) {
    source_deadline_ns_ = config_.env.clock->steady_ns() + after_ns;
  }
  return false;
}

void Task::handle(std::size_t channel, const Element& element) {
  switch (element.kind) {
    case Element::Kind::kBatch: {
      struct GiveBack {
        detail::ReceivingEnd& edge;
        detail::Batch* batch;
        ~GiveBack() { edge.give_back(batch); }
      } give_back{*inputs_[channel].edge, element.batch};
      element.batch->set_exclusive(true);
      metrics_.records_in.store(metrics_.records_in.load(std::memory_order_relaxed) + element.batch->size(), std::memory_order_relaxed);
      inputs_[channel].receiver->receive(*element.batch);
      return;
    }
    case Element::Kind::kWatermark:
      on_input_time(merger_.on_watermark(channel, element.watermark));
      return;
    case Element::Kind::kIdle:
      on_input_time(merger_.on_idle(channel));
      return;
    case Element::Kind::kActive:
      on_input_time(merger_.on_active(channel));
      return;
    case Element::Kind::kBarrier:
      carry_out(alignment_.on_barrier(channel, element.barrier, config_.env.clock->steady_ns()));
      return;
    case Element::Kind::kCancelMarker:
      carry_out(alignment_.on_cancel_marker(channel, element.barrier.id));
      return;
    case Element::Kind::kEndOfData:
      if (--open_inputs_ > 0) return;
      if (waiting_ != nullptr) return waiting_->on_end_of_input();
      if (source_ == nullptr) end_of_data();
      return;
  }
}

void Task::carry_out(const AlignmentDecision& decision) {
  for (const AlignmentDecision::Aborted& aborted : decision.aborted) {
    broadcast(Element::of_cancel_marker(aborted.id));
    if (aborted.cause == AlignmentAbort::kToldByCoordinator) continue;
    const DeclineReason reason = decline_reason_of(aborted.cause);
    config_.listener->on_decline(config_.id, aborted.id, reason, Error{ErrorCode::kCancelled, std::string{to_string(reason)}});
  }
  if (decision.snapshot) take_snapshot(*decision.snapshot, decision.alignment_ns);
}

void Task::take_snapshot(const Barrier& barrier, std::int64_t alignment_ns) {
  const std::int64_t start_ns = config_.env.clock->steady_ns();
  broadcast(Element::of_barrier(barrier));
  auto run = std::make_shared<SnapshotRun>(barrier.id);
  const std::string folder = config_.folder_of(barrier.id);
  for (Node& node : chain_) {
    const detail::OperatorName& name = node.context.name;
    const detail::SnapshotRequest request{barrier, folder, fmt::format("{}-{}", name.uid, name.subtask), config_.job};
    if (auto work = node.op->snapshot(request)) run->add(std::move(work));
  }
  run->snapshot().alignment_ns = alignment_ns;
  metrics_.alignment_ns.store(alignment_ns, std::memory_order_relaxed);
  const std::int64_t delay_ns = (config_.env.clock->wall_ms() - barrier.triggered_wall_ms) * 1'000'000 - alignment_ns;
  metrics_.start_delay_ns.store(std::max<std::int64_t>(delay_ns, 0), std::memory_order_relaxed);  // another machine's clock may be ahead
  run->snapshot().sync_ns = config_.env.clock->steady_ns() - start_ns;
  crash_point(CrashPoint::kSnapshotStarted);
  if (run->empty()) {
    on_snapshot_done(run);
    return;
  }
  running_snapshots_[barrier.id] = run;
  ++works_in_background_;
  config_.env.pool->submit(std::make_unique<SnapshotRunWork>(*this, run, *config_.env.clock));
}

void Task::on_snapshot_done(const std::shared_ptr<SnapshotRun>& run) {
  running_snapshots_.erase(run->id());
  if (state_ == State::kCancelled || state_ == State::kFailed) {
    TIDEMARK_PROBE("task: a snapshot ended after its task had failed or was cancelled");
    return;
  }
  if (run->error()) {
    TIDEMARK_PROBE("task: a snapshot failed or was given up");
    config_.listener->on_decline(config_.id, run->id(), decline_reason_of(*run->error()), *run->error());
    return;
  }
  crash_point(CrashPoint::kSnapshotAcknowledged);
  config_.listener->on_ack(config_.id, run->id(), std::move(run->snapshot()));
}

// A source pays no heed to it: its own records have another.
void Task::on_input_time(const detail::WatermarkChange& change) {
  if (waiting_ != nullptr) {
    if (change.watermark) metrics_.nodes.front().watermark_in_ms.store(change.watermark->ms(), std::memory_order_relaxed);
    waiting_->on_input_time(change);
  } else if (source_ == nullptr) {
    on_watermark_change(change, 0);
  }
}

void Task::on_watermark_change(const detail::WatermarkChange& change, std::size_t first) {
  if (change.watermark) fire({first, *change.watermark});
  if (change.idle) {
    behind_firing([this, idle = *change.idle] { broadcast(Element::of(idle ? Element::Kind::kIdle : Element::Kind::kActive)); });
  }
}

void Task::follow_source() {
  detail::WatermarkChange change;
  if (const Timestamp watermark = source_->watermark(); watermark > source_watermark_) change.watermark = source_watermark_ = watermark;
  if (const bool idle = source_->idle(); idle != source_idle_) change.idle = source_idle_ = idle;
  if (change.watermark) ++since_flush_;
  on_watermark_change(change, 1);
}

void Task::fire(const Firing& firing) {
  TIDEMARK_CHECK(!firing_, "time does not go on before all that was due has fired");
  firing_ = firing;
  if (source_ != nullptr && !firing.processing_time) metrics_.nodes.front().watermark_out_ms.store(firing.time.ms(), std::memory_order_relaxed);
  go_on_firing();
}

void Task::go_on_firing() {
  const auto [next, time, processing_time] = *firing_;
  for (std::size_t i = next; i < chain_.size(); ++i) {
    detail::Operator& op = *chain_[i].op;
    if (!processing_time) metrics_.nodes[i].watermark_in_ms.store(time.ms(), std::memory_order_relaxed);
    if (processing_time ? op.advance_processing_time(time) : op.advance(time)) {
      if (!processing_time) metrics_.nodes[i].watermark_out_ms.store(time.ms(), std::memory_order_relaxed);
      continue;
    }
    firing_->next = i;
    return;
  }
  firing_.reset();
  if (!processing_time) {
    for (auto& output : outputs_) output->send_watermark(time);
    metrics_.watermark_ms.store(time.ms(), std::memory_order_relaxed);
  }
  // A call may make more due, which the calls behind it then wait for.
  while (!firing_ && !behind_firing_.empty()) {
    auto call = std::move(behind_firing_.front());
    behind_firing_.pop_front();
    call();
  }
}

// At once, mostly.
void Task::behind_firing(std::move_only_function<void()> call) {
  if (firing_) {
    behind_firing_.push_back(std::move(call));
  } else {
    call();
  }
}

std::optional<Timestamp> Task::next_processing_time() const {
  std::optional<Timestamp> earliest;
  for (const Node& node : chain_) {
    // Behind the end of input nothing fires any more, but sinks still have commits to try again.
    if (is_behind_input() && node.op->settled()) continue;
    if (const auto next = node.op->next_processing_time()) earliest = std::min(earliest.value_or(*next), *next);
  }
  return earliest;
}

bool Task::retry_commits() {
  const auto due = next_processing_time();
  const Timestamp now = detail::wall_time(config_.env);
  if (!due || *due > now) return false;
  for (Node& node : chain_) {
    if (!node.op->settled()) node.op->advance_processing_time(now);
  }
  return true;
}

bool Task::fire_processing_time() {
  const auto due = next_processing_time();
  if (!due || state_ != State::kRunning) return false;
  const Timestamp now = detail::wall_time(config_.env);
  if (*due > now) return false;
  TIDEMARK_PROBE("task: processing time fires");
  fire({.next = 0, .time = now, .processing_time = true});
  return true;
}

void Task::end_of_data() {
  for (Node& node : chain_) node.op->end_of_data();
  broadcast(Element::of(Element::Kind::kEndOfData));
  state_ = State::kDrained;
  publish_metrics();
  publish_measured();
  config_.listener->on_end_of_data(config_.id);
}

void Task::broadcast(const Element& element) {
  for (Node& node : chain_) node.op->hand_on_held();
  for (auto& output : outputs_) output->broadcast(element);
  since_flush_ = 0;
  outbox_is_empty_ = false;
}

bool Task::drain_outputs() {
  bool moved = false;
  outbox_is_empty_ = true;
  for (auto& output : outputs_) {
    const std::uint64_t before = output->elements_out();
    outbox_is_empty_ = output->drain() && outbox_is_empty_;
    moved = moved || output->elements_out() != before;
  }
  return moved;
}

void Task::flush_outputs() {
  for (auto& output : outputs_) output->flush();
  since_flush_ = 0;
}

void Task::open_operators() {
  // From the end of the chain: an operator may emit as soon as it is open.
  for (auto node = chain_.rbegin(); node != chain_.rend(); ++node) node->op->open(node->context);
  state_ = State::kRunning;
  config_.listener->on_opened(config_.id);
}

void Task::complete(CheckpointId id) {
  if (state_ == State::kCreated || state_ == State::kFailed || state_ == State::kCancelled) {
    TIDEMARK_PROBE("task: mail after failure");
    return;
  }
  for (Node& node : chain_) node.op->checkpoint_completed(id);
}

void Task::run_blocking(std::function<bool()> call, BlockingPool& pool) {
  pool.submit(std::make_unique<BlockingCallWork>(*this, std::move(call)));
  ++works_in_background_;
}

void Task::fail(Error error) {
  if (state_ == State::kFailed || state_ == State::kCancelled || state_ == State::kEnded) {
    TIDEMARK_PROBE("task: a failure after the first one or after the cancel");
    return;
  }
  if (state_ == State::kFinishing) TIDEMARK_PROBE("task: failed while finishing");
  if (firing_) TIDEMARK_PROBE("task: failed while firing");
  state_ = State::kFailed;
  for (const auto& [id, run] : running_snapshots_) run->give_up();
  config_.listener->on_failed(config_.id, std::move(error));
}

void Task::fail_with_current_exception() {
  try {
    throw;
  } catch (const detail::TaskFailure& failure) {
    fail(failure.names_operator() ? failure.error() : placed(failure.error()));
  } catch (const Error& error) {
    fail(placed(error));
  } catch (...) {
    fail(placed(Error{ErrorCode::kInternal, detail::current_exception_text()}));
  }
}

Error Task::placed(const Error& error) const {
  return error.within(fmt::format("{}, subtask {}", config_.name, config_.id.subtask));
}

bool Task::try_end() {
  if (works_in_background_ > 0 || inbox_->mailbox().has_mail()) return false;
  if (state_ == State::kFinishing) {
    const bool settled = std::all_of(chain_.begin(), chain_.end(), [](const Node& node) { return node.op->settled(); });
    if (!settled) return false;
    publish_metrics();
  } else if (state_ != State::kCancelled) {
    return false;
  }
  state_ = State::kEnded;
  config_.listener->on_ended(config_.id);
  return true;
}

void Task::publish_metrics() {
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    metrics_.nodes[i].records_out.store(chain_[i].op->records_out(), std::memory_order_relaxed);
    metrics_.nodes[i].late_dropped.store(chain_[i].op->late_dropped(), std::memory_order_relaxed);
    metrics_.nodes[i].skipped.store(chain_[i].op->skipped(), std::memory_order_relaxed);
    metrics_.nodes[i].bytes_read.store(chain_[i].op->bytes_read(), std::memory_order_relaxed);
    metrics_.nodes[i].fired_timers.store(chain_[i].op->fired_timers(), std::memory_order_relaxed);
  }
  std::uint64_t elements = 0;
  for (const auto& output : outputs_) elements += output->elements_out();
  metrics_.elements_out.store(elements, std::memory_order_relaxed);
}

// One at a time: who asks often must not fill the mailbox of a task that is slow.
void Task::measure() {
  if (is_measuring_.exchange(true)) return;
  post([this, posted_ns = config_.env.clock->steady_ns()] {
    is_measuring_ = false;
    metrics_.mail_latency_ns.store(config_.env.clock->steady_ns() - posted_ns, std::memory_order_relaxed);
    if (state_ == State::kRunning || state_ == State::kDrained) publish_measured();
  });
}

void Task::publish_measured() {
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    const detail::PendingInput pending = chain_[i].op->pending();
    metrics_.nodes[i].pending_records.store(known(pending.records), std::memory_order_relaxed);
    metrics_.nodes[i].pending_bytes.store(known(pending.bytes), std::memory_order_relaxed);
    const auto drift = chain_[i].op->alignment_drift();
    metrics_.nodes[i].alignment_drift_ms.store(drift ? drift->count() : TaskMetrics::kUnknown, std::memory_order_relaxed);
  }
  std::vector<detail::WatermarkMinimum> minima(metrics_.input_watermarks_ms.size());
  for (std::size_t channel = 0; channel < inputs_.size(); ++channel) {
    minima[inputs_[channel].number].add(merger_.watermark_of(channel), merger_.is_idle(channel));
  }
  for (std::size_t i = 0; i < minima.size(); ++i) metrics_.input_watermarks_ms[i].store(minima[i].watermark().ms(), std::memory_order_relaxed);
}

detail::EdgeLoad Task::input_load() const {
  detail::EdgeLoad all;
  for (const Input& input : inputs_) all += input.edge->load();
  return all;
}

detail::EdgeLoad Task::output_load() const {
  detail::EdgeLoad all;
  for (const auto& output : outputs_) all += output->load();
  return all;
}

std::uint64_t Task::bytes_sent() const {
  std::uint64_t all = 0;
  for (const auto& output : outputs_) all += output->bytes_sent();
  return all;
}

void Task::publish_occupancy(bool progressed) {
  using enum Occupancy::State;
  const Occupancy::State now = progressed ? kBusy : outbox_is_empty_ ? kIdle : kBackpressured;
  if (now != metrics_.occupancy.state()) metrics_.occupancy.change(now, config_.env.clock->steady_ns());
}

std::optional<std::int64_t> Task::next_deadline_ns() const {
  // With a full outbox nothing goes on before a consumer has woken the task.
  if ((state_ != State::kRunning && !is_behind_input()) || !outbox_is_empty_) return std::nullopt;
  std::optional<std::int64_t> deadline_ns;
  if (source_waits_ && state_ == State::kRunning) deadline_ns = source_deadline_ns_;
  if (const auto due = next_processing_time()) {
    const Duration wait = std::clamp(*due - detail::wall_time(config_.env), Duration{0}, kLongestSleep);
    const std::int64_t due_ns = config_.env.clock->steady_ns() + std::chrono::nanoseconds{wait}.count();
    deadline_ns = std::min(deadline_ns.value_or(due_ns), due_ns);
  }
  return deadline_ns;
}

}  // namespace tidemark
