#include "coordinator/task_managers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/secret.h"
#include "env/network_address.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {
namespace {

// More is a mistake, or somebody's joke: the pool counts them.
constexpr std::uint32_t kMostSlots = 1u << 15;
constexpr std::int64_t kAnswerWithinNs = 10'000'000'000;

// For the processes of an attempt that has ended, whose slots the next one would have.
constexpr std::int64_t kPatienceNs = 1'000'000'000;

Error worth_a_restart(const Error& error) { return Error{error.code(), error.domain(), Retry::kRestart, error.message()}; }

// Whether workers on two machines would look for one another each on its own.
bool can_not_reach(const RegisterTaskManager& one, const RegisterTaskManager& other) {
  return one.host != other.host && (is_loopback(one.data_host) || is_loopback(other.data_host));
}

}  // namespace

TaskManagers::TaskManagers(const Clock& clock, Random& secrets, Mailbox& mailbox, Timers& timers, BlockingCalls& calls,
                           std::shared_ptr<const ExecutableStore> executables, Settings settings)
    : clock_{clock},
      secrets_{secrets},
      mailbox_{mailbox},
      timers_{timers},
      calls_{calls},
      executables_{std::move(executables)},
      settings_{settings},
      last_number_{settings.epoch << 32} {}

TaskManagers::~TaskManagers() { TIDEMARK_CHECK(leases_.empty(), "leases end before their TaskManagers"); }

void TaskManagers::take(std::unique_ptr<MessageLine> line, const Fence& their_fence, RegisterTaskManager about) {
  if (const auto refused = refusal(their_fence, about)) {
    log_warning(fmt::format("TaskManager '{}' ({}) is refused: {}", about.id, line->peer().address, refused->message()));
    line->send(MessageKind::kTaskManagerRefused, fence(), TaskManagerRefused{report_of(*refused)});
    return let_go(std::move(line));
  }
  const std::uint64_t number = ++last_number_;
  line->hand_over({.on_message = [this, number](const IncomingMessage& message) { return on_message(number, message); },
                   .on_closed = [this, number](const Closed& closed) { on_closed(number, closed); }});
  line->send(MessageKind::kTaskManagerRegistered, fence());
  log_info(fmt::format("TaskManager '{}' on {} has come, with {} slot{}", about.id, about.host, about.slots, about.slots == 1 ? "" : "s"));
  slots_.add(number, about.slots);
  task_managers_.emplace(number, TaskManager{std::move(about), std::move(line)});
  post_grants();
}

std::optional<Error> TaskManagers::refusal(const Fence& their_fence, const RegisterTaskManager& about) const {
  if (their_fence.epoch > settings_.epoch) {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("it has been with a JobManager of epoch {}, and this one is of epoch {}: a newer JobManager has taken over, or this one's "
                             "folder is an old copy",
                             their_fence.epoch, settings_.epoch)};
  }
  if (about.id.empty() || about.slots == 0 || about.slots > kMostSlots) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("it says that its id is '{}' and that it has {} slots: an id must not be empty, and slots are 1 to {}",
                                                          about.id, about.slots, kMostSlots)};
  }
  const auto same = std::ranges::find_if(task_managers_, [&](const auto& entry) { return entry.second.about.id == about.id; });
  if (same != task_managers_.end()) {
    return Error{ErrorCode::kAlreadyExists, fmt::format("{} has that id ({}): give this one another, or end that one", place_of(same->first),
                                                        same->second.line->peer().address)};
  }
  const auto apart = std::ranges::find_if(task_managers_, [&](const auto& entry) { return can_not_reach(entry.second.about, about); });
  if (apart == task_managers_.end()) return std::nullopt;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("its workers would listen at '{}' and those of {} at '{}', and only a machine itself reaches its loopback: start the one that "
                           "has it with --data-host and an address that the others reach",
                           about.data_host, place_of(apart->first), apart->second.about.data_host)};
}

Result<> TaskManagers::on_message(std::uint64_t task_manager, const IncomingMessage& message) {
  if (message.fence().epoch != settings_.epoch) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("it speaks of epoch {}, and this JobManager is of epoch {}", message.fence().epoch, settings_.epoch));
  }
  switch (message.kind()) {
    case MessageKind::kWorkerStarted:
      return {};
    case MessageKind::kWorkerEnded: {
      TIDEMARK_ASSIGN(ended, message.value<WorkerEnded>());
      return worker_ended(task_manager, ended);
    }
    case MessageKind::kExecutableWanted: {
      TIDEMARK_ASSIGN(wanted, message.value<ExecutableWanted>());
      send_part(task_manager, std::move(wanted));
      return {};
    }
    case MessageKind::kTaskManagerAnswered: {
      TIDEMARK_ASSIGN(answer, message.value<TaskManagerAnswered>());
      const auto question = questions_.find(answer.number);
      if (question == questions_.end() || question->second.task_manager != task_manager) return {};  // it is too late
      answered(answer.number, HttpResponse{answer.status, std::move(answer.body), std::move(answer.content_type)});
      return {};
    }
    default:
      return fail(ErrorCode::kInternal, fmt::format("a message of kind {}, which is none of a TaskManager's", static_cast<int>(message.kind())));
  }
}

Result<> TaskManagers::worker_ended(std::uint64_t task_manager, const WorkerEnded& ended) {
  const auto found = workers_.find(ended.number);
  if (found == workers_.end()) return {};  // of a connection before this one: given up with it
  if (found->second.share.task_manager != task_manager) {
    return fail(ErrorCode::kInternal, fmt::format("{} has ended, it says, which is another's", found->second.name));
  }
  std::optional<Error> cause;
  if (!ended.in_order) cause = worth_a_restart(error_of(ended.cause));
  const bool was_freed = detail::planted(detail::PlantedBug::kSlotFreedTooEarly) && found->second.lease == 0;
  if (!was_freed && !detail::planted(detail::PlantedBug::kSlotNeverFreed)) slots_.give_back(found->second.share);
  post_grants();
  gone(ended.number, std::move(cause));
  return {};
}

// The processes may live on for a moment, but end by themselves: without their TaskManager, and without their master.
void TaskManagers::on_closed(std::uint64_t task_manager, const Closed& closed) {
  const std::string place = place_of(task_manager);
  log_warning(fmt::format("{} is gone: {}", place, closed.error.message()));
  const auto away = task_managers_.extract(task_manager);
  slots_.remove(task_manager);
  std::vector<std::uint64_t> lost;
  for (const auto& [number, worker] : workers_) {
    if (worker.share.task_manager == task_manager) lost.push_back(number);
  }
  std::vector<std::uint64_t> unanswered;
  for (const auto& [number, question] : questions_) {
    if (question.task_manager == task_manager) unanswered.push_back(number);
  }
  for (const std::uint64_t question : unanswered) answered(question, fail(ErrorCode::kNotFound, fmt::format("{} is gone", place)));
  for (const std::uint64_t worker : lost) {
    gone(worker, Error{ErrorCode::kIo, ErrorDomain::kExternal, Retry::kRestart, fmt::format("{} is gone: {}", place, closed.error.message())});
  }
}

void TaskManagers::gone(std::uint64_t worker, std::optional<Error> cause) {
  const auto entry = workers_.extract(worker);
  if (Tenant* const tenant = tenant_of(entry.mapped())) {
    tenant->on_worker_gone(worker, std::move(cause));
  } else if (cause) {
    log_debug(fmt::format("{}: {}", entry.mapped().name, cause->message()));
  }
}

void TaskManagers::send_part(std::uint64_t task_manager, ExecutableWanted wanted) {
  calls_.run([this, task_manager, wanted = std::move(wanted), executables = executables_]() -> Mailbox::Mail {
    ExecutablePart part{.hash = wanted.hash, .offset = wanted.offset};
    const auto found = executables->find(wanted.hash);
    auto bytes = found ? executables->read(wanted.hash, wanted.offset, kLargestPart) : std::unexpected{found.error()};
    if (bytes) {
      part.size = found->bytes;
      part.bytes = *std::move(bytes);
    }
    return [this, task_manager, part = std::move(part), error = bytes ? std::string{} : bytes.error().message()] {
      if (!error.empty()) log_warning(fmt::format("an executable that a TaskManager asks for: {}", error));
      const auto to = task_managers_.find(task_manager);
      if (to != task_managers_.end()) to->second.line->send(MessageKind::kExecutablePart, fence(), part);
    };
  });
}

void TaskManagers::take(std::unique_ptr<MessageLine> line, const WorkerReady& ready) {
  const auto found = std::ranges::find_if(workers_, [&](const auto& entry) { return is_same_secret(ready.token, entry.second.token); });
  Tenant* const tenant = found == workers_.end() || found->second.is_ready ? nullptr : tenant_of(found->second);
  if (tenant == nullptr) {
    log_debug(fmt::format("a worker at {} has a token that nobody waits for", line->peer().address));
    return let_go(std::move(line));
  }
  found->second.is_ready = true;
  tenant->on_worker_ready(found->first, line, ready);
  if (line != nullptr) let_go(std::move(line));
}

void TaskManagers::ask(std::string_view id, HttpRequest request, HttpAnswer answer) {
  const auto found = std::ranges::find_if(task_managers_, [&](const auto& entry) { return entry.second.about.id == id; });
  if (found == task_managers_.end()) return answer(fail(ErrorCode::kNotFound, fmt::format("there is no TaskManager '{}'", id)));
  if (!found->second.line->may_say(MessageKind::kTaskManagerAnswered)) {
    return answer(fail(ErrorCode::kUnsupportedVersion, fmt::format("{} is of an older version, which does not say this", place_of(found->first))));
  }
  const std::uint64_t number = ++last_number_;
  auto timeout = timers_.at(clock_.steady_ns() + kAnswerWithinNs, [this, number, place = place_of(found->first)] {
    answered(number, fail(ErrorCode::kTimeout, fmt::format("{} has not answered in {} s", place, kAnswerWithinNs / 1'000'000'000)));
  });
  questions_.emplace(number, Question{found->first, std::move(answer), std::move(timeout)});
  found->second.line->send(MessageKind::kTaskManagerAsked, fence(), TaskManagerAsked{number, std::move(request.path), std::move(request.query)});
}

void TaskManagers::answered(std::uint64_t question, Result<HttpResponse> response) {
  questions_.extract(question).mapped().answer(std::move(response));
}

// What was sent still goes out. As mail, since one of its callbacks may be running.
void TaskManagers::let_go(std::unique_ptr<MessageLine> line) {
  line->hand_over({.on_message = [](const IncomingMessage&) -> Result<> { return {}; }, .on_closed = [](const Closed&) {}});
  line->close();
  mailbox_.post([line = std::move(line)] {});
}

std::unique_ptr<TaskManagers::Lease> TaskManagers::lease(WorkersWanted wanted, Tenant& tenant) {
  const std::uint64_t number = ++last_number_;
  const std::int64_t now_ns = clock_.steady_ns();
  slots_.request(number, wanted.slots, shares_at(wanted.before));
  Wanted& waits = leases_[number];
  waits.tenant = &tenant;
  waits.timeout = timers_.at(now_ns + settings_.slot_request_timeout_ns, [this, number] { out_of_time(number); });
  if (!wanted.before.empty()) waits.patience = timers_.at(now_ns + kPatienceNs, [this, number] { out_of_patience(number); });
  waits.what = std::move(wanted);
  post_grants();
  return std::unique_ptr<Lease>{new Lease{*this, number}};
}

void TaskManagers::out_of_patience(std::uint64_t lease) {
  slots_.take_others(lease);
  grant();
}

void TaskManagers::out_of_time(std::uint64_t lease) {
  const Wanted& wanted = leases_.at(lease);
  slots_.withdraw(lease);
  wanted.tenant->on_no_slots(slots_.shortage(wanted.what.slots)
                                 .within(fmt::format("no slots within {} s (slot.request.timeout)", settings_.slot_request_timeout_ns / 1'000'000'000)));
}

// By 0 where it is not there.
std::vector<SlotPool::Share> TaskManagers::shares_at(const std::vector<WorkerSite>& sites) const {
  std::vector<SlotPool::Share> shares;
  for (const WorkerSite& site : sites) {
    const auto found = std::ranges::find_if(task_managers_, [&](const auto& entry) { return entry.second.about.id == site.task_manager; });
    shares.push_back({found == task_managers_.end() ? 0 : found->first, site.slots});
  }
  return shares;
}

std::string TaskManagers::shortage(std::uint64_t lease) const {
  return slots_.is_short(lease) ? slots_.shortage(leases_.at(lease).what.slots).message() : std::string{};
}

// As mail, so that nobody is told out of a call of its own.
void TaskManagers::post_grants() {
  mailbox_.post([this] { grant(); });
}

void TaskManagers::grant() {
  while (const auto granted = slots_.next_grant()) start_workers(granted->request, granted->shares);
  for (auto& [number, wanted] : leases_) {
    if (!slots_.is_short(number) || std::exchange(wanted.told_short, true)) continue;
    log_info(fmt::format("{} waits for slots: {}", wanted.what.name, slots_.shortage(wanted.what.slots).message()));
  }
}

void TaskManagers::start_workers(std::uint64_t lease, const std::vector<SlotPool::Share>& shares) {
  Wanted& wanted = leases_.at(lease);
  wanted.timeout = {};
  wanted.patience = {};
  std::vector<PlacedWorker> placed;
  for (const SlotPool::Share& share : shares) {
    const std::uint64_t number = ++last_number_;
    const std::string name = fmt::format("{}-w{}", wanted.what.name, placed.size() + 1);
    const std::string token = make_token();
    workers_.emplace(number, Worker{.lease = lease, .share = share, .name = name, .token = token});
    task_managers_.at(share.task_manager)
        .line->send(MessageKind::kStartWorker, fence(),
                    StartWorker{.number = number,
                                .name = name,
                                .job = wanted.what.job,
                                .job_id = wanted.what.job_id,
                                .executable = wanted.what.executable,
                                .arguments = wanted.what.arguments,
                                .token = token,
                                .slots = share.slots,
                                .copies_of = wanted.what.copies_of});
    const RegisterTaskManager& about = task_managers_.at(share.task_manager).about;
    placed.push_back({.number = number,
                      .name = name,
                      .place = place_of(share.task_manager),
                      .slots = share.slots,
                      .at = {.task_manager = about.id, .host = about.host}});
  }
  wanted.tenant->on_workers_placed(std::move(placed));
}

void TaskManagers::stop(std::uint64_t worker) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  const auto at = task_managers_.find(found->second.share.task_manager);
  if (at != task_managers_.end()) at->second.line->send(MessageKind::kStopWorker, fence(), WorkerNumber{worker});
}

void TaskManagers::end(std::uint64_t lease) {
  slots_.withdraw(lease);
  leases_.erase(lease);
  for (auto& [number, worker] : workers_) {
    if (worker.lease != lease) continue;
    worker.lease = 0;
    if (detail::planted(detail::PlantedBug::kSlotFreedTooEarly)) slots_.give_back(worker.share);
    worker.last_grace = timers_.at(clock_.steady_ns() + settings_.last_grace_ns, [this, number] { stop(number); });
  }
}

TaskManagers::Tenant* TaskManagers::tenant_of(const Worker& worker) const {
  const auto found = leases_.find(worker.lease);
  return found == leases_.end() ? nullptr : found->second.tenant;
}

std::string TaskManagers::place_of(std::uint64_t task_manager) const {
  const RegisterTaskManager& about = task_managers_.at(task_manager).about;
  return fmt::format("TaskManager '{}' on {}", about.id, about.host);
}

std::string TaskManagers::make_token() { return fmt::format("{:016x}{:016x}", secrets_.next(), secrets_.next()); }

std::vector<TaskManagerGlance> TaskManagers::glance() const {
  std::vector<TaskManagerGlance> all;
  for (const auto& [number, task_manager] : task_managers_) {
    const RegisterTaskManager& about = task_manager.about;
    all.push_back({.id = about.id,
                   .host = about.host,
                   .address = task_manager.line->peer().address,
                   .data_host = about.data_host,
                   .folder = about.folder,
                   .slots = about.slots,
                   .free_slots = slots_.free_slots(number),
                   .cores = about.cores,
                   .memory_bytes = about.memory_bytes});
  }
  return all;
}

}  // namespace tidemark
