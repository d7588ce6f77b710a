#include "agent/task_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "control/http_answer.h"
#include "control/worker_order.h"
#include "env/local_host.h"
#include "env/process_status.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kShortestPauseNs = 100 * kNsPerMs;
constexpr std::int64_t kLongestPauseNs = 5'000 * kNsPerMs;
constexpr int kMostAnswers = 16;  // under way: each may wait for workers that stand still
constexpr std::int64_t kLookAtMemoryNs = 500 * kNsPerMs;
constexpr std::int64_t kKeepCopiesNs = 3'600'000 * kNsPerMs;  // of a job that may come back
constexpr std::size_t kLongestAnswer = 12u << 20;  // one that fits into no frame would end the line, and all workers with it
constexpr std::int64_t kAnswerNs = 10'000 * kNsPerMs;  // for the JobManager to register it

std::string name_of(const StartWorker& order) {
  return order.name.empty() ? fmt::format("worker-{}", order.number) : order.name;
}

// One of a JobManager that does not say has a folder of its own.
std::string job_of(const StartWorker& order) { return order.job.empty() ? name_of(order) : order.job; }

/// An answer that is being found.
class Answering final : public BackgroundWork {
 public:
  using Answered = std::move_only_function<void(const TaskManagerAnswered&)>;

  Answering(TaskManagerAsked asked, std::shared_ptr<const TaskManagerEndpoints> endpoints, std::shared_ptr<OwnerLink> owner, Answered then)
      : asked_{std::move(asked)}, endpoints_{std::move(endpoints)}, owner_{std::move(owner)}, then_{std::move(then)} {}

  Progress step() noexcept override {
    HttpResponse response = endpoints_->handle({.path = asked_.path, .query = asked_.query, .body = {}});
    if (response.body.size() > kLongestAnswer) {
      response = refuse(500, fmt::format("the answer has {} bytes, and {} go to the JobManager at once: ask for less", response.body.size(), kLongestAnswer));
    }
    owner_->post([then = std::move(then_),
                  answered = TaskManagerAnswered{.number = asked_.number,
                                                 .status = static_cast<std::uint16_t>(response.status),
                                                 .body = std::move(response.body),
                                                 .content_type = std::move(response.content_type)}]() mutable { then(answered); });
    return Progress::kDone;
  }

 private:
  const TaskManagerAsked asked_;
  const std::shared_ptr<const TaskManagerEndpoints> endpoints_;
  const std::shared_ptr<OwnerLink> owner_;
  Answered then_;
};

class Removing final : public BackgroundWork {
 public:
  Removing(FileSystem& files, std::string path) : files_{files}, path_{std::move(path)} {}

  Progress step() noexcept override {
    if (const auto removed = remove_tree(files_, path_); !removed) log_warning(removed.error().message());
    return Progress::kDone;
  }

 private:
  FileSystem& files_;
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<TaskManager>> TaskManager::open(const Env& env, Transport& transport, Processes& processes,
                                                       TaskManagerSettings settings) {
  TIDEMARK_ASSIGN(folder, TaskManagerFolder::open(*env.files, *env.clock, settings.folder));
  return std::unique_ptr<TaskManager>{new TaskManager{env, transport, processes, std::move(settings), std::move(folder)}};
}

TaskManager::TaskManager(const Env& env, Transport& transport, Processes& processes, TaskManagerSettings settings,
                         TaskManagerFolder folder)
    : env_{env},
      transport_{transport},
      processes_{processes},
      settings_{std::move(settings)},
      folder_{std::move(folder)},
      endpoints_{std::make_shared<TaskManagerEndpoints>(*env_.files, settings_.id, settings_.host, folder_.logs(), folder_.sockets())},
      due_ns_{env_.clock->steady_ns()},
      pause_ns_{kShortestPauseNs} {
  for (const std::string& job : folder_.jobs_with_copies()) idle_since_ns_[job] = env_.clock->steady_ns();
}

TaskManager::~TaskManager() { link_->cut(); }

Progress TaskManager::step() {
  bool has_done = mail_.run_all();
  if (state_ == State::kLeaves && workers_.empty()) {
    if (line_) line_->close();
    line_.reset();
    state_ = State::kEnded;
  }
  if (state_ == State::kEnded) return Progress::kDone;
  if (state_ == State::kClears && workers_.empty()) {
    call_later({});
    has_done = true;
  }
  if (watches_memory() && env_.clock->steady_ns() >= look_at_memory_ns_) look_at_memory();
  forget_copies();
  if (waits_for_job_manager() && env_.clock->steady_ns() >= due_ns_) {
    has_done = true;
    if (state_ == State::kCalls) {
      call();
    } else {
      lose("it does not answer");
    }
  }
  return has_done ? Progress::kMadeProgress : Progress::kBlocked;
}

bool TaskManager::waits_for_job_manager() const { return (state_ == State::kCalls && !dial_) || state_ == State::kIntroduces; }

std::optional<std::int64_t> TaskManager::next_deadline_ns() const {
  std::optional<std::int64_t> earliest = copies_due_ns();
  if (waits_for_job_manager()) earliest = std::min(due_ns_, earliest.value_or(due_ns_));
  if (watches_memory()) earliest = std::min(look_at_memory_ns_, earliest.value_or(look_at_memory_ns_));
  return earliest;
}

void TaskManager::stop() {
  link_->post([this] { leave(); });
}

// The connection to the JobManager.

void TaskManager::call() {
  dial_ = transport_.connect(settings_.job_manager, control_connection(settings_.tls, settings_.heartbeat), mail_, [self = this](auto connection) {
    TaskManager& task_manager = *self;
    task_manager.dial_.reset();  // and with it what this has captured
    if (connection) return task_manager.introduce(*std::move(connection));
    task_manager.call_later(connection.error().error.message());
  });
}

void TaskManager::introduce(std::unique_ptr<Connection> connection) {
  if (settings_.data_host.empty()) {
    const auto host = host_towards(settings_.job_manager);
    if (!host) return call_later(host.error().message());
    data_host_ = *host;
  } else {
    data_host_ = settings_.data_host;
  }
  ++lines_;
  line_ = std::make_unique<MessageLine>(
      std::move(connection), words_to_job_managers(), words_to_task_managers(), mail_,
      MessageLine::Callbacks{.on_message = [this](const IncomingMessage& message) { return take(message); },
                             .on_closed = [this](const Closed& closed) { lose(closed.error.message()); }});
  say(MessageKind::kRegisterTaskManager, RegisterTaskManager{.id = settings_.id,
                                                             .host = settings_.host,
                                                             .data_host = data_host_,
                                                             .slots = settings_.slots,
                                                             .cores = settings_.cores,
                                                             .memory_bytes = settings_.memory_bytes,
                                                             .folder = folder_.path()});
  state_ = State::kIntroduces;
  due_ns_ = env_.clock->steady_ns() + kAnswerNs;
}

// Nobody may work on for a master that is gone, not for a moment: the next one may have started the job elsewhere.
void TaskManager::lose(std::string why) {
  line_.reset();
  if (state_ == State::kLeaves) return;
  if (detail::planted(detail::PlantedBug::kOldWorkersKept)) return call_later(why);
  const bool was_serving = state_ == State::kServes;
  fetches_.clear();
  std::erase_if(workers_, [](const auto& one) { return one.second.process == nullptr; });
  for (auto& [number, worker] : workers_) worker.process->stop(0);
  if (!was_serving) return call_later(why);
  log_warning(fmt::format("the JobManager at {} is lost ({}): all workers are ended ({}), then it is called again",
                          settings_.job_manager, why, workers_.size()));
  state_ = State::kClears;
}

// The same trouble is told once.
void TaskManager::call_later(const std::string& why) {
  if (!why.empty() && std::exchange(last_trouble_, why) != why) {
    log_warning(fmt::format("no JobManager at {} that takes this TaskManager: {}; it is called again until it does",
                            settings_.job_manager, why));
  }
  state_ = State::kCalls;
  due_ns_ = env_.clock->steady_ns() + pause_ns_;
  pause_ns_ = std::min(2 * pause_ns_, kLongestPauseNs);
}

void TaskManager::leave() {
  if (state_ == State::kLeaves || state_ == State::kEnded) return;
  state_ = State::kLeaves;
  dial_.reset();
  fetches_.clear();
  std::erase_if(workers_, [](const auto& one) { return one.second.process == nullptr; });
  for (auto& [number, worker] : workers_) worker.process->stop(settings_.stop_grace_ms);
}

// What the JobManager says.

Result<> TaskManager::take(const IncomingMessage& message) {
  if (message.kind() == MessageKind::kTaskManagerRegistered) return registered(message.fence());
  if (message.kind() == MessageKind::kTaskManagerRefused) {
    TIDEMARK_ASSIGN(refused, message.value<TaskManagerRefused>());
    return std::unexpected{error_of(refused.cause)};
  }
  if (state_ == State::kLeaves) return {};  // what it has not heard yet
  if (state_ != State::kServes || message.fence().epoch != epoch_) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("a message of a JobManager of epoch {} came, and this TaskManager follows that of epoch {}",
                            message.fence().epoch, epoch_));
  }
  switch (message.kind()) {
    case MessageKind::kStartWorker: {
      TIDEMARK_ASSIGN(order, message.value<StartWorker>());
      return start_worker(std::move(order));
    }
    case MessageKind::kStopWorker: {
      TIDEMARK_ASSIGN(worker, message.value<WorkerNumber>());
      stop_worker(worker.number);
      return {};
    }
    case MessageKind::kExecutablePart: {
      TIDEMARK_ASSIGN(part, message.value<ExecutablePart>());
      take_part(part);
      return {};
    }
    case MessageKind::kTaskManagerAsked: {
      TIDEMARK_ASSIGN(asked, message.value<TaskManagerAsked>());
      answer(std::move(asked));
      return {};
    }
    default:
      return fail(ErrorCode::kInternal,
                  fmt::format("a message of kind {}, which a TaskManager does not take", static_cast<int>(message.kind())));
  }
}

Result<> TaskManager::registered(const Fence& fence) {
  if (state_ == State::kLeaves) return {};
  if (state_ != State::kIntroduces) {
    return fail(ErrorCode::kFailedPrecondition, "the JobManager registered this TaskManager a second time");
  }
  if (fence.epoch < epoch_) {
    return fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the JobManager there is of epoch {}, and one of epoch {} has followed it: end the older one; if it was "
                    "given another folder on purpose, restart this TaskManager",
                    fence.epoch, epoch_));
  }
  epoch_ = fence.epoch;
  state_ = State::kServes;
  pause_ns_ = kShortestPauseNs;
  last_trouble_.clear();
  log_info(fmt::format("TaskManager {} is registered with the JobManager at {}: {} slots, workers listen at {}", settings_.id,
                       settings_.job_manager, settings_.slots, data_host_));
  return {};
}

Result<> TaskManager::start_worker(StartWorker order) {
  const std::uint64_t number = order.number;
  const auto [at, is_new] = workers_.try_emplace(number, Worker{.order = std::move(order)});
  if (!is_new) return fail(ErrorCode::kFailedPrecondition, fmt::format("worker {} was to be started a second time", number));
  const StartWorker& ordered = at->second.order;
  Result<> done;
  if (ordered.slots == 0 || ordered.slots > settings_.slots) {
    done = fail(ErrorCode::kInvalidArgument,
                fmt::format("it is to have {} slots, and this TaskManager has {}", ordered.slots, settings_.slots));
  } else if (folder_.executables().find(ordered.executable)) {
    done = launch(number, at->second);
  } else {
    done = fetch(ordered.executable);
  }
  if (!done) not_started(number, done.error());
  return {};
}

// One that has ended meanwhile was told.
void TaskManager::stop_worker(std::uint64_t number) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return;
  if (found->second.process) {
    if (detail::planted(detail::PlantedBug::kEndToldTooEarly)) say(MessageKind::kWorkerEnded, WorkerEnded{.number = number, .in_order = true});
    return found->second.process->stop(settings_.stop_grace_ms);
  }
  not_started(number, Error{ErrorCode::kCancelled, "it was to be stopped"});
}

// To answer waits for the disk and for workers.
void TaskManager::answer(TaskManagerAsked asked) {
  if (answers_under_way_ == kMostAnswers) {
    const HttpResponse busy = refuse(503, "too much is asked of this TaskManager at once: try again in a moment");
    return say(MessageKind::kTaskManagerAnswered,
               TaskManagerAnswered{.number = asked.number, .status = 503, .body = busy.body, .content_type = busy.content_type});
  }
  ++answers_under_way_;
  env_.calls_pool().submit(
      std::make_unique<Answering>(std::move(asked), endpoints_, link_, [this, line = lines_](const TaskManagerAnswered& answered) {
        --answers_under_way_;
        if (line == lines_) say(MessageKind::kTaskManagerAnswered, answered);
      }));
}

// Executables.

Result<> TaskManager::fetch(const std::string& hash) {
  if (fetches_.contains(hash)) return {};
  if (!is_executable_hash(hash))
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no hash of an executable", hash.substr(0, 64)));
  TIDEMARK_ASSIGN(fetch, ExecutableFetch::begin(folder_.executables(), hash));
  const auto [at, is_new] = fetches_.emplace(hash, std::move(fetch));
  say(MessageKind::kExecutableWanted, at->second.wanted());
  return {};
}

void TaskManager::take_part(const ExecutablePart& part) {
  const auto found = fetches_.find(part.hash);
  if (found == fetches_.end() || found->second.is_whole()) return;  // of one that was given up
  ExecutableFetch& fetch = found->second;
  if (const auto taken = fetch.take(part); !taken) return fetch_failed(part.hash, taken.error());
  if (!fetch.is_whole()) return say(MessageKind::kExecutableWanted, fetch.wanted());
  const std::uint64_t line = lines_;
  fetch.finish(*env_.pool, link_, [this, line, hash = part.hash](const Result<Executable>& executable) {
    if (line == lines_) fetched(hash, executable);
  });
}

void TaskManager::fetched(const std::string& hash, const Result<Executable>& executable) {
  if (!executable) return fetch_failed(hash, executable.error());
  fetches_.erase(hash);
  std::set<std::string> in_use;
  for (const auto& [number, worker] : workers_) in_use.insert(worker.order.executable);
  folder_.forget_executables(in_use);
  for (const std::uint64_t number : waiting_for(hash)) {
    if (const auto launched = launch(number, workers_.at(number)); !launched) not_started(number, launched.error());
  }
}

void TaskManager::fetch_failed(const std::string& hash, const Error& error) {
  fetches_.erase(hash);
  for (const std::uint64_t number : waiting_for(hash)) not_started(number, error);
}

std::vector<std::uint64_t> TaskManager::waiting_for(const std::string& hash) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, worker] : workers_) {
    if (!worker.process && worker.order.executable == hash) numbers.push_back(number);
  }
  return numbers;
}

// Workers.

Result<> TaskManager::launch(std::uint64_t number, Worker& worker) {
  const StartWorker& order = worker.order;
  const std::string name = name_of(order);
  TIDEMARK_ASSIGN(place, folder_.make_place(job_of(order)));
  std::set<std::string> running;
  for (const auto& [other, one] : workers_) running.insert(name_of(one.order));
  folder_.forget_logs(running);
  idle_since_ns_.erase(order.job_id);
  ProcessOrder process{.words = {folder_.executables().path_of(order.executable)},
                       .environment = {{std::string{kWorkerOrderVariable}, order_text(order)}, {"TMPDIR", folder_.temporary()}},
                       .folder = place,
                       .log = folder_.log_of(name)};
  process.words.insert(process.words.end(), order.arguments.begin(), order.arguments.end());
  worker.process =
      processes_.start(std::move(process), mail_,
                       {.on_started =
                            [this, number](std::uint32_t pid) {
                              Worker& begun = workers_.at(number);
                              begun.pid = pid;
                              log_info(fmt::format("worker {} runs as process {}", name_of(begun.order), pid));
                              say(MessageKind::kWorkerStarted, WorkerNumber{number});
                            },
                        .on_ended = [this, number](const ProcessEnd& end) { ended(number, end); }});
  return {};
}

std::string TaskManager::order_text(const StartWorker& order) const {
  return to_text(WorkerOrder{.name = name_of(order),
                             .master = settings_.job_manager,
                             .token = order.token,
                             .data_host = data_host_,
                             .memory_bytes = part_of(settings_.memory_bytes, order),
                             .tls = settings_.tls,
                             .heartbeat = settings_.heartbeat,
                             .job_id = order.job_id,
                             .task_manager = settings_.id,
                             .host = settings_.host,
                             .copies_of = order.copies_of,
                             .copies_in = folder_.copies_of(order.job_id),
                             .socket = folder_.socket_of(name_of(order))});
}

std::uint64_t TaskManager::part_of(std::uint64_t bytes, const StartWorker& order) const {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * order.slots / settings_.slots);
}

bool TaskManager::watches_memory() const { return state_ == State::kServes && settings_.process_bytes > 0 && !workers_.empty(); }

// A worker may use what the others leave. Who is being ended already gives back what it has.
void TaskManager::look_at_memory() {
  look_at_memory_ns_ = env_.clock->steady_ns() + kLookAtMemoryNs;
  std::uint64_t all = 0;
  std::int64_t furthest = 0;
  Worker* largest = nullptr;
  for (auto& [number, worker] : workers_) {
    if (worker.excess) return;
    if (worker.pid == 0) continue;
    const std::uint64_t has = unreclaimable_bytes_of(*env_.files, worker.pid);
    const auto beyond = static_cast<std::int64_t>(has) - static_cast<std::int64_t>(part_of(settings_.process_bytes, worker.order));
    all += has;
    if (largest != nullptr && beyond <= furthest) continue;
    furthest = beyond;
    largest = &worker;
  }
  if (all <= settings_.process_bytes) return;
  largest->excess = excess_of(*largest, furthest, all);
  largest->process->stop(0);
}

Error TaskManager::excess_of(const Worker& worker, std::int64_t beyond, std::uint64_t all) const {
  constexpr std::int64_t kMiB = 1 << 20;
  const auto part = static_cast<std::int64_t>(part_of(settings_.process_bytes, worker.order));
  return Error{ErrorCode::kResourceExhausted, ErrorDomain::kExternal, Retry::kRestart,
               fmt::format("the workers on {} had {} MiB of memory, and may have {} MiB; worker {}, with {} MiB where {} of {} slots are {} MiB, was the furthest "
                           "beyond its part and was ended. Give the TaskManager more (taskmanager.memory.process.size), its state less "
                           "(taskmanager.memory.managed.size, or memory.state of the job), or run the job on more TaskManagers",
                           settings_.host, static_cast<std::int64_t>(all) / kMiB, static_cast<std::int64_t>(settings_.process_bytes) / kMiB, name_of(worker.order),
                           (part + beyond) / kMiB, worker.order.slots, settings_.slots, part / kMiB)};
}

void TaskManager::ended(std::uint64_t number, const ProcessEnd& end) {
  const auto worker = workers_.extract(number);
  const std::string name = name_of(worker.mapped().order);
  clear_place(job_of(worker.mapped().order));
  folder_.forget_socket(name);
  const StartWorker& order = worker.mapped().order;
  if (!order.copies_of.empty() && !has_worker_of(order.job_id)) idle_since_ns_[order.job_id] = env_.clock->steady_ns();
  if (worker.mapped().excess && end.was_stopped) {
    log_warning(worker.mapped().excess->message());
    return say(MessageKind::kWorkerEnded, WorkerEnded{.number = number, .cause = report_of(*worker.mapped().excess)});
  }
  const bool is_expected = end.in_order || end.was_stopped;
  std::string how = fmt::format("worker {} on {} {}", name, settings_.host, end.how);
  const std::string where = end.last_lines.empty() ? "" : fmt::format("; what it printed is in '{}'", folder_.log_of(name));
  log(is_expected ? LogLevel::kInfo : LogLevel::kWarning, how + where);
  if (!end.last_lines.empty()) how += fmt::format("; its last lines (all: {}):\n{}", folder_.log_of(name), end.last_lines);
  const Error cause = end.was_stopped
                          ? Error{ErrorCode::kCancelled, fmt::format("worker {} was to be stopped, and {}", name, end.how)}
                          : Error{ErrorCode::kIo, ErrorDomain::kExternal, Retry::kRestart, how};
  say(MessageKind::kWorkerEnded,
      WorkerEnded{.number = number, .in_order = end.in_order, .cause = end.in_order ? ErrorReport{} : report_of(cause)});
}

void TaskManager::clear_place(const std::string& job) {
  const bool is_in_use = std::ranges::any_of(workers_, [&](const auto& one) { return job_of(one.second.order) == job; });
  if (!is_in_use) folder_.clear_place(job);
}

bool TaskManager::has_worker_of(const std::string& job_id) const {
  return std::ranges::any_of(workers_, [&](const auto& one) { return one.second.order.job_id == job_id; });
}

std::optional<std::int64_t> TaskManager::copies_due_ns() const {
  const auto oldest = std::ranges::min_element(idle_since_ns_, {}, [](const auto& one) { return one.second; });
  return oldest == idle_since_ns_.end() ? std::nullopt : std::optional{oldest->second + kKeepCopiesNs};
}

// The job is over, or runs elsewhere.
void TaskManager::forget_copies() {
  const std::int64_t now_ns = env_.clock->steady_ns();
  if (copies_due_ns().value_or(now_ns + 1) > now_ns) return;
  for (const auto& [job, since_ns] : idle_since_ns_) {
    if (since_ns + kKeepCopiesNs <= now_ns) env_.pool->submit(std::make_unique<Removing>(*env_.files, folder_.copies_of(job)));
  }
  std::erase_if(idle_since_ns_, [now_ns](const auto& one) { return one.second + kKeepCopiesNs <= now_ns; });
}

void TaskManager::not_started(std::uint64_t number, const Error& error) {
  const auto worker = workers_.extract(number);
  const Error cause =
      error.within(fmt::format("worker {} was not started on {}", name_of(worker.mapped().order), settings_.host));
  log_warning(cause.message());
  say(MessageKind::kWorkerEnded, WorkerEnded{.number = number, .cause = report_of(cause)});
}

}  // namespace tidemark
