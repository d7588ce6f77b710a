#include "coordinator/deploying_execution.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

// A TaskManager sees the end of its child at once; this is for one that is slow or cut off.
constexpr std::int64_t kPatienceNs = 1'000'000'000;
constexpr std::size_t kShortId = 8;

std::string described(const PlacedWorker& worker) { return fmt::format("{} ({})", worker.name, worker.place); }

Error worth_a_restart(ErrorCode code, std::string message) { return Error{code, ErrorDomain::kExternal, Retry::kRestart, std::move(message)}; }

}  // namespace

DeployingExecution::DeployingExecution(const Deployment& what, TaskManagers& task_managers, const Clock& clock, Timers& timers, ExecutionListener& listener,
                                       std::function<void(Left)> leave)
    : what_{what}, task_managers_{task_managers}, clock_{clock}, timers_{timers}, listener_{listener}, leave_{std::move(leave)} {}

DeployingExecution::~DeployingExecution() {
  Left left{vertex_metrics(), {}};
  for (const Site& site : sites_) left.sites.push_back({site.place.at.task_manager, site.place.slots});
  leave_(std::move(left));
  for (Site& site : sites_) {
    if (site.worker != nullptr) site.worker->give_up(Error{ErrorCode::kCancelled, "the JobManager ends"});
  }
}

void DeployingExecution::start(AttemptStart start) {
  state_ = State::kWaiting;
  start_ = std::move(start);
  listener_.on_tasks_moved({.to = TaskState::kScheduled});
  lease_ = task_managers_.lease({.name = fmt::format("{}-{}-{}", what_.job, what_.id.substr(0, kShortId), start_.attempt),
                                 .job = what_.job,
                                 .job_id = what_.id,
                                 .executable = what_.executable,
                                 .arguments = what_.arguments,
                                 .slots = what_.slots,
                                 .before = what_.before,
                                 .copies_of = what_.copies_of},
                                *this);
}

void DeployingExecution::on_no_slots(Error error) { fail(std::move(error)); }

void DeployingExecution::on_workers_placed(std::vector<PlacedWorker> workers) {
  state_ = State::kDeploying;
  for (PlacedWorker& worker : workers) sites_.push_back({.place = std::move(worker)});
  for (const Site& site : sites_) tell_moved(site, TaskState::kDeploying);
  deadline_ = timers_.at(clock_.steady_ns() + what_.ready_timeout_ns, [this] { too_late(); });
}

void DeployingExecution::too_late() {
  std::vector<std::string> missing;
  for (const Site& site : sites_) {
    if (site.line == nullptr) missing.push_back(described(site.place));
  }
  fail(worth_a_restart(ErrorCode::kTimeout, fmt::format("not ready after {} s: {}; their logs lie in the folders of their TaskManagers",
                                                        what_.ready_timeout_ns / 1'000'000'000, fmt::join(missing, ", "))));
}

// The plan may depend on what the program finds where it runs: then its workers would send records to the wrong operators.
void DeployingExecution::on_worker_ready(std::uint64_t worker, std::unique_ptr<MessageLine>& line, const WorkerReady& ready) {
  if (state_ != State::kDeploying) return;
  Site& at = site(worker);
  if (ready.fingerprint != what_.fingerprint) {
    return fail(Error{ErrorCode::kFailedPrecondition, ErrorDomain::kUser, Retry::kNone,
                      fmt::format("{} plans another job than was submitted: a program must build the same job from the same arguments, "
                                  "whatever it finds in files, environment or time",
                                  described(at.place))});
  }
  at.data_address = ready.data_address;
  at.line = std::move(line);
  wait_with(at);
  if (all_ready()) run();
}

// Until the others are ready. Should it break, its TaskManager knows more, and says it soon.
void DeployingExecution::wait_with(Site& at) {
  at.line->hand_over({.on_message = [](const IncomingMessage& message) -> Result<> {
                        return std::unexpected{Error{ErrorCode::kInternal, fmt::format("a message of kind {} before its tasks were started",
                                                                                       static_cast<int>(message.kind()))}};
                      },
                      .on_closed =
                          [this, worker = at.place.number](const Closed& closed) {
                            Site& broken = site(worker);
                            broken.broken = failure_of(closed);
                            if (state_ != State::kDeploying) return;
                            deadline_ = timers_.at(clock_.steady_ns() + kPatienceNs, [this, worker, error = broken.broken->within(described(broken.place))] {
                              tell_moved(site(worker), TaskState::kFailed);
                              fail(error);
                            });
                          }});
}

void DeployingExecution::on_worker_gone(std::uint64_t worker, std::optional<Error> cause) {
  Site& at = site(worker);
  at.is_gone = true;
  if (at.worker != nullptr) {
    if (cause) cause = cause->within(at.place.place);
    return at.worker->process_ended(std::move(cause));
  }
  if (state_ != State::kDeploying) return;
  if (!cause && at.line != nullptr) cause = at.broken.value_or(worth_a_restart(ErrorCode::kIo, "its process ended before its tasks ran"));
  tell_moved(at, TaskState::kFailed);
  const Error reason = cause.value_or(Error{ErrorCode::kFailedPrecondition, ErrorDomain::kUser, Retry::kNone,
                                            "it ended with status 0 before its tasks ran: the program must call Job::run() with the same "
                                            "arguments wherever it runs"});
  fail(reason.within(described(at.place)));
}

DeployingExecution::Site& DeployingExecution::site(std::uint64_t worker) {
  const auto found = std::ranges::find_if(sites_, [&](const Site& at) { return at.place.number == worker; });
  TIDEMARK_CHECK(found != sites_.end(), "it is told of its own workers");
  return *found;
}

void DeployingExecution::tell_moved(const Site& moved, TaskState to) {
  std::uint32_t first_slot = 0;
  for (const Site& before : sites_) {
    if (&before == &moved) break;
    first_slot += before.place.slots;
  }
  listener_.on_tasks_moved({.to = to, .first_slot = first_slot, .slots = moved.place.slots, .place = moved.place.at});
}

bool DeployingExecution::all_ready() const {
  return std::ranges::all_of(sites_, [](const Site& at) { return at.line != nullptr && !at.broken; });
}

void DeployingExecution::run() {
  state_ = State::kRunning;
  deadline_ = {};
  WorkerPlaces places{.worker_of_slot = {}, .data_addresses = {}, .secret = task_managers_.make_token()};
  for (std::uint32_t worker = 0; worker < sites_.size(); ++worker) {
    places.worker_of_slot.insert(places.worker_of_slot.end(), sites_[worker].place.slots, worker);
    places.data_addresses.push_back(sites_[worker].data_address);
  }
  cluster_ = std::make_unique<ClusterExecution>(
      std::move(places), [this](std::uint32_t worker, WorkerListener& listener) { return make_worker(worker, listener); }, listener_);
  listener_.on_tasks_moved({.to = TaskState::kInitializing});
  cluster_->start(std::move(start_));
}

std::unique_ptr<WorkerAttempt> DeployingExecution::make_worker(std::uint32_t index, WorkerListener& listener) {
  Site& at = sites_[index];
  auto worker = std::make_unique<DeployedWorker>(std::move(at.line), what_.epoch, clock_, timers_, listener,
                                                 [this, number = at.place.number] { lease_->stop(number); });
  at.worker = worker.get();
  return worker;
}

void DeployingExecution::fail(Error error) {
  state_ = State::kFailed;
  deadline_ = {};
  stop_all();
  listener_.on_task_failed(kNoTask, std::move(error));
}

// Nothing was started on those that have no worker here, and a line that ends tells its process that nothing will be.
void DeployingExecution::stop_all() {
  for (Site& site : sites_) {
    if (!site.is_gone) lease_->stop(site.place.number);
  }
}

void DeployingExecution::cancel() {
  if (cluster_ != nullptr) {
    cluster_->cancel();
    deadline_ = timers_.at(clock_.steady_ns() + what_.cancel_timeout_ns, [this] { stop_all(); });
    return;
  }
  if (state_ != State::kFailed) stop_all();
  state_ = State::kCancelled;
  deadline_ = {};
  lease_.reset();
  sites_.clear();
  listener_.on_ended();
}

void DeployingExecution::trigger(const Barrier& barrier, const std::string& folder) {
  if (cluster_ != nullptr) cluster_->trigger(barrier, folder);
}
void DeployingExecution::notify_complete(CheckpointId id) {
  if (cluster_ != nullptr) cluster_->notify_complete(id);
}
void DeployingExecution::notify_aborted(CheckpointId id) {
  if (cluster_ != nullptr) cluster_->notify_aborted(id);
}
void DeployingExecution::drain() {
  if (cluster_ != nullptr) cluster_->drain();
}
void DeployingExecution::finish() {
  if (cluster_ != nullptr) cluster_->finish();
}

InputProgress DeployingExecution::input_progress() const { return cluster_ != nullptr ? cluster_->input_progress() : InputProgress{}; }

// A slot is subtask i of every vertex.
std::string DeployingExecution::place_of(TaskId task) const {
  std::uint32_t slots = 0;
  for (const Site& site : sites_) {
    slots += site.place.slots;
    if (task.subtask < slots) return site.place.place;
  }
  return {};
}

DeployingExecution::Metrics DeployingExecution::vertex_metrics() const { return cluster_ != nullptr ? cluster_->vertex_metrics() : Metrics{}; }

}  // namespace tidemark
