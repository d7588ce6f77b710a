#include "worker/local_worker.h"

#include <utility>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

// How often the master is told what the sources have read.
constexpr std::int64_t kTellEveryNs = 100'000'000;
// And what its subtasks have done.
constexpr std::int64_t kTellMetricsEveryNs = 1'000'000'000;
// Longer than a dial may take, so that who dials in vain is the one that tells why.
constexpr std::int64_t kOthersConnectWithinMs = 30'000;

std::string encode_question(NodeId enumerator, const detail::SplitQuestion& question) {
  detail::ByteWriter out;
  out.put_u32(enumerator);
  out.put_u32(question.reader);
  out.put_u32(question.readers);
  return out.take();
}

}  // namespace

LocalWorker::LocalWorker(const Clock& clock, Transport& transport, ConnectionOptions connections, MakeExecution make, WorkerListener& listener)
    : clock_{clock}, transport_{transport}, connections_{std::move(connections)}, make_{std::move(make)}, listener_{listener} {}

LocalWorker::~LocalWorker() { TIDEMARK_CHECK(state_ != State::kRunning && state_ != State::kEnding, "a worker ends before it is destroyed"); }

void LocalWorker::start(WorkerStart start) {
  mail_.post([this, start = std::move(start)]() mutable { begin(std::move(start)); });
}
void LocalWorker::open() {
  with_tasks([](ShareExecution& tasks) { tasks.open(); });
}
void LocalWorker::trigger(const Barrier& barrier, const std::string& folder) {
  with_tasks([barrier, folder](ShareExecution& tasks) { tasks.trigger(barrier, folder); });
}
void LocalWorker::notify_complete(CheckpointId id) {
  with_tasks([id](ShareExecution& tasks) { tasks.notify_complete(id); });
}
void LocalWorker::notify_aborted(CheckpointId id) {
  with_tasks([id](ShareExecution& tasks) { tasks.notify_aborted(id); });
}
void LocalWorker::hear_group_watermarks(std::vector<GroupWatermark> others) {
  with_tasks([others = std::move(others)](ShareExecution& tasks) { tasks.hear_group_watermarks(others); });
}
void LocalWorker::drain() {
  with_tasks([](ShareExecution& tasks) { tasks.drain(); });
}
void LocalWorker::finish() {
  with_tasks([](ShareExecution& tasks) { tasks.finish(); });
}
void LocalWorker::abandon() {
  with_tasks([](ShareExecution& tasks) { tasks.cancel(); });
}
void LocalWorker::cancel() {
  with_tasks([this](ShareExecution& tasks) {
    is_cancelled_ = true;
    tasks.cancel();
  });
}

// Where there are none any more, there is nobody to tell.
void LocalWorker::with_tasks(std::move_only_function<void(ShareExecution&)> call) {
  mail_.post([this, call = std::move(call)]() mutable {
    if (state_ == State::kRunning) call(*execution_);
  });
}

void LocalWorker::accept(std::unique_ptr<Connection> connection) {
  mail_.post([this, connection = std::move(connection)]() mutable {
    if (state_ == State::kIdle) {
      early_.push_back(std::move(connection));
    } else if (state_ == State::kRunning) {
      exchange_->accept(std::move(connection));
    }
  });
}

void LocalWorker::begin(WorkerStart start) {
  TIDEMARK_CHECK(state_ == State::kIdle, "a worker is started once");
  worker_ = start.worker;
  const DataExchangeEvents events{
      .on_broken = [this](std::uint32_t, const Error& error) { listener_.on_task_failed(kNoTask, error); },
      .on_note = [this](std::string_view note) { answer(note); }};
  exchange_.emplace(start.attempt.attempt, std::move(start.secret), start.worker, static_cast<std::uint32_t>(start.data_addresses.size()), wakeup_, static_cast<CheckpointFolders&>(*this), events);
  TaskShare share{.worker = start.worker,
                  .worker_of_slot = std::move(start.worker_of_slot),
                  .others = this,
                  .recovers_sinks = start.recovers_sinks,
                  .on_recovered = [this] { listener_.on_recovered(); },
                  .aligns_groups = start.aligns_groups};
  state_ = State::kRunning;
  try {
    execution_ = make_(std::move(share), *this);
    execution_->start(std::move(start.attempt));
  } catch (const Error& error) {
    return fail_to_begin(error);
  } catch (...) {
    return fail_to_begin(Error{ErrorCode::kInternal, detail::current_exception_text()});
  }
  connect_to_others(start.data_addresses);
  give_up_at_ns_ = clock_.steady_ns() + kOthersConnectWithinMs * 1'000'000;
  for (auto& connection : early_) exchange_->accept(std::move(connection));
  early_.clear();
}

void LocalWorker::fail_to_begin(const Error& error) {
  execution_.reset();
  listener_.on_task_failed(kNoTask, error);
  state_ = State::kEnding;
}

// Of two workers the one with the lower number.
void LocalWorker::connect_to_others(const std::vector<std::string>& addresses) {
  for (std::uint32_t other = worker_ + 1; other < addresses.size(); ++other) {
    dials_.push_back(transport_.connect(addresses[other], connections_, exchange_->mailbox(), [this, other](auto connected) {
      if (connected) {
        exchange_->connect(other, std::move(*connected));
      } else {
        exchange_->give_up(other, connected.error());
      }
    }));
  }
}

detail::SendingEnd& LocalWorker::send_to(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec,
                                         detail::Wakeable& producer, std::uint32_t capacity) {
  return exchange_->send_to(worker, channel, codec, producer, capacity);
}
detail::ReceivingEnd& LocalWorker::receive_from(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec,
                                                detail::Wakeable& consumer, std::uint32_t capacity) {
  return exchange_->receive_from(worker, channel, codec, consumer, capacity);
}

void LocalWorker::ask(std::uint32_t worker, NodeId enumerator, const detail::SplitQuestion& question) {
  exchange_->send_note(worker, encode_question(enumerator, question));
}

void LocalWorker::answer(std::string_view note) {
  detail::ByteReader in{note};
  const NodeId enumerator = in.get_u32();
  detail::SplitQuestion question;
  question.reader = in.get_u32();
  question.readers = in.get_u32();
  if (!in.ok() || in.remaining() != 0) {
    listener_.on_task_failed(kNoTask, Error{ErrorCode::kDataLoss, "a note of another worker that is no question for splits"});
    return;
  }
  if (execution_ != nullptr) execution_->put_question(enumerator, question);
}

void LocalWorker::on_ended() {
  mail_.post([this] { state_ = State::kEnding; });
}

Progress LocalWorker::step() {
  bool moved = mail_.run_all();
  if (exchange_) moved |= exchange_->step() == Progress::kMadeProgress;
  if (state_ == State::kRunning) {
    tell_progress();
    give_up_missing();
  }
  if (state_ == State::kEnding) end();
  if (state_ == State::kClosing && exchange_->is_closed()) {
    state_ = State::kEnded;
    return Progress::kDone;
  }
  return moved ? Progress::kMadeProgress : Progress::kBlocked;
}

void LocalWorker::tell_progress() {
  const std::int64_t now_ns = clock_.steady_ns();
  if (now_ns < tell_at_ns_) return;
  tell_at_ns_ = now_ns + kTellEveryNs;
  listener_.on_progress(execution_->input_progress());
  if (auto groups = execution_->group_watermarks(); !groups.empty()) listener_.on_group_watermarks(std::move(groups));
  if (now_ns < tell_metrics_at_ns_) return;
  tell_metrics_at_ns_ = now_ns + kTellMetricsEveryNs;
  listener_.on_metrics(metrics());
}

std::vector<VertexMetrics> LocalWorker::metrics() {
  std::vector<VertexMetrics> vertices = execution_->vertex_metrics();
  rates_.fill_in(vertices);
  return vertices;
}

// next_deadline_ns() comes often enough.
void LocalWorker::give_up_missing() {
  if (!give_up_at_ns_ || clock_.steady_ns() < *give_up_at_ns_) return;
  give_up_at_ns_.reset();
  exchange_->give_up_missing(kOthersConnectWithinMs);
}

std::optional<std::int64_t> LocalWorker::next_deadline_ns() const {
  if (state_ == State::kRunning) return tell_at_ns_;
  return std::nullopt;
}

void LocalWorker::end() {
  dials_.clear();
  early_.clear();
  is_cancelled_ ? exchange_->break_off() : exchange_->close();
  if (execution_ != nullptr) listener_.on_metrics(metrics());
  execution_.reset();
  state_ = State::kClosing;
  listener_.on_ended();
}

}  // namespace tidemark
