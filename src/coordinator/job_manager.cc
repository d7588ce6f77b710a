#include "coordinator/job_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "control/cluster_messages.h"
#include "env/sha256.h"
#include "snapshot/job_folder.h"
#include "snapshot/snapshot_disposal.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {
namespace {

constexpr std::int64_t kNewcomerNs = 10'000'000'000;
// Before what failed is tried again: a folder that another process still holds, a storage that is not there, a full disk.
constexpr std::int64_t kPauseNs = 2'000'000'000;

std::string resolved(const Env& env, const std::string& folder, const char* name) { return join_path(env.files->absolute_path(folder), name); }

std::unexpected<Error> no_such_job(std::string_view id) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no job {}: `tidemark list -a` says which there are", id));
}

/// A question that is answered, by whoever drops it if by nobody else.
template <class T>
std::move_only_function<void(Result<T>)> in_any_case(std::move_only_function<void(Result<T>)> answer, Error else_error) {
  struct Guard {
    Guard(std::move_only_function<void(Result<T>)> to, Error error) : answer{std::move(to)}, else_error{std::move(error)} {}
    Guard(Guard&& other) noexcept : answer{std::exchange(other.answer, nullptr)}, else_error{other.else_error} {}
    ~Guard() {
      if (answer) answer(std::unexpected{else_error});
    }
    std::move_only_function<void(Result<T>)> answer;
    Error else_error;
  };
  return [guard = Guard{std::move(answer), std::move(else_error)}](Result<T> result) mutable {
    std::exchange(guard.answer, nullptr)(std::move(result));
  };
}

// Whether an attempt of this job, and not one before it in the folder, has left something to go on from.
bool has_own_state(const std::optional<CheckpointPointer>& pointer, AttemptId attempts_before) {
  if (!pointer) return false;
  return (!pointer->checkpoints.empty() && pointer->checkpoints.back().attempt > attempts_before) ||
         (pointer->restored && pointer->restored->since > attempts_before) ||
         std::ranges::any_of(pointer->claims, [&](const ClaimedSnapshot& claim) { return claim.since > attempts_before; });
}

Resume resume_of(const JobRecord& record, const std::optional<CheckpointPointer>& pointer, bool is_new, std::uint64_t claim) {
  if (!is_new && detail::planted(detail::PlantedBug::kRestartBeginsAnew)) return {.kind = Resume::Kind::kNone};
  if (!is_new && has_own_state(pointer, record.attempts_before)) return {.kind = Resume::Kind::kLatest};
  if (!record.restore_path.empty()) {
    return {.kind = Resume::Kind::kPath, .path = record.restore_path, .claim = record.claim ? std::optional{claim} : std::nullopt};
  }
  // A new job that is not to go on from anything is refused a folder that was used.
  return {.kind = record.resume || !is_new ? Resume::Kind::kLatest : Resume::Kind::kNone};
}

/// Opens the folder of a job's checkpoints, if it has one, and looks whether what is to be restored fits.
Result<std::unique_ptr<CheckpointStore>> open_checkpoints(FileSystem& files, const JobRecord& record, const Options& options, const Resume& resume) {
  if (options.checkpointing.dir.empty()) return nullptr;
  TIDEMARK_ASSIGN(store, CheckpointStore::open(files, options.checkpointing.dir, record.name(), resume));
  TIDEMARK_ASSIGN(checkpoint, store->restorable());
  if (!checkpoint) return store;
  const UnclaimedState unclaimed = options.ignore_unclaimed_state ? UnclaimedState::kDrop : UnclaimedState::kRefuse;
  if (const auto map = map_restore(record.description.plan, *checkpoint, unclaimed); !map) {
    return std::unexpected{map.error().within(fmt::format("restoring '{}'", store->restorable_path()))};
  }
  return store;
}

std::string checkpoint_folder(const JobRecord& record, const Options& options) { return join_path(options.checkpointing.dir, record.name()); }

Result<std::optional<CheckpointPointer>> read_pointer(FileSystem& files, const JobRecord& record, const Options& options) {
  if (options.checkpointing.dir.empty()) return std::nullopt;
  return read_pointer_file(files, checkpoint_folder(record, options));
}

// A folder in which the job has begun attempts has a pointer that says so: without it something else is mounted there.
Result<> refuse_other_folder(const JobRecord& record, const Options& options, const std::optional<CheckpointPointer>& pointer) {
  const AttemptId found = pointer ? pointer->attempt : 0;
  if (options.checkpointing.dir.empty() || found >= record.newest_attempt) return {};
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("in '{}' the newest attempt is {}, and the job has come to attempt {}: is its storage mounted there, and not an old copy?",
                          checkpoint_folder(record, options), found, record.newest_attempt));
}

std::string digest_of(const RunOrder& order) {
  Sha256 digest;
  const auto add = [&digest](std::string_view text) { digest.append(fmt::format("{}:{},", text.size(), text)); };
  add(order.executable);
  for (const std::string& argument : order.arguments) add(argument);
  digest.append(fmt::format("{} {} {} ", order.parallelism.value_or(0), order.allow_non_restored_state, order.claim));
  add(order.savepoint);
  return digest.finish_hex();
}

// Nothing that time mends.
bool is_lasting(const Error& error) {
  constexpr std::array kLasting = {ErrorCode::kInvalidArgument, ErrorCode::kDataLoss, ErrorCode::kUnsupportedVersion, ErrorCode::kParse};
  return std::ranges::find(kLasting, error.code()) != kLasting.end();
}

}  // namespace

Result<std::unique_ptr<JobManager>> JobManager::open(const Env& env, Random& secrets, Transport& transport, JobManagerSettings settings,
                                                     std::shared_ptr<JobPlanner> planner) {
  FileSystem& files = *env.files;
  TIDEMARK_TRY(check_defaults(settings.job_options));
  TIDEMARK_ASSIGN(store, JobStore::open(files, settings.folder));
  TIDEMARK_ASSIGN(executables, ExecutableStore::open(files, *env.clock, resolved(env, settings.folder, "executables")));
  TIDEMARK_ASSIGN(records, store->read_all());
  if (planner == nullptr) {
    const std::string folder = resolved(env, settings.folder, "plans");
    TIDEMARK_TRY(remove_tree(files, folder));  // what a JobManager left that was killed
    TIDEMARK_TRY(files.make_directories(folder));
    planner = std::make_shared<ChildPlanner>(env, folder, settings.planning);
  }
  std::unique_ptr<JobManager> manager{
      new JobManager{env, secrets, std::move(settings), std::move(store), std::move(executables), std::move(planner)}};
  TIDEMARK_TRY(manager->listen(transport));
  for (JobRecord& record : records) manager->add(std::move(record));
  for (const auto& [id, job] : manager->jobs_) {
    if (!job->record().replaces.empty()) {
      manager->resume_upgrade(id);
    } else if (!job->is_over()) {
      manager->resume(id);
    }
  }
  return manager;
}

JobManager::JobManager(const Env& env, Random& secrets, JobManagerSettings settings, std::unique_ptr<JobStore> store, ExecutableStore executables,
                       std::shared_ptr<JobPlanner> planner)
    : env_{env},
      secrets_{secrets},
      settings_{std::move(settings)},
      store_{std::move(store)},
      executables_{std::make_shared<ExecutableStore>(std::move(executables))},
      planner_{std::move(planner)},
      inbox_{std::make_shared<MasterInbox>()},
      calls_{*env.pool, inbox_},
      programs_{env.calls_pool(), inbox_},
      task_managers_{*env_.clock, secrets, inbox_->mailbox, timers_, calls_, executables_,
                     {.epoch = store_->epoch(), .slot_request_timeout_ns = settings_.slot_request_timeout_ms * 1'000'000}} {}

JobManager::~JobManager() = default;

Result<> JobManager::listen(Transport& transport) {
  TIDEMARK_ASSIGN(listener, transport.listen(settings_.address, {.connection = control_connection(settings_.tls, settings_.heartbeat)}, inbox_->mailbox,
                                             {.on_connection = [this](std::unique_ptr<Connection> connection) { welcome(std::move(connection)); },
                                              .on_refused = [](const Closed& closed) { log_debug(closed.error.message()); }}));
  listener_ = std::move(listener);
  return {};
}

void JobManager::welcome(std::unique_ptr<Connection> connection) {
  const std::uint64_t number = ++last_newcomer_;
  Newcomer& newcomer = newcomers_[number];
  newcomer.deadline = timers_.at(env_.clock->steady_ns() + kNewcomerNs, [this, number] { newcomers_.erase(number); });
  newcomer.line = std::make_unique<MessageLine>(
      std::move(connection), words_of_job_managers(), words_to_job_managers(), inbox_->mailbox,
      MessageLine::Callbacks{.on_message = [this, number](const IncomingMessage& message) { return introduce(number, message); },
                             .on_closed =
                                 [this, number](const Closed& closed) {
                                   log_debug(fmt::format("somebody left who had not said who it is: {}", closed.error.message()));
                                   newcomers_.erase(number);
                                 }});
}

Result<> JobManager::introduce(std::uint64_t number, const IncomingMessage& message) {
  const auto line = [&] { return std::move(newcomers_.extract(number).mapped().line); };
  switch (message.kind()) {
    case MessageKind::kRegisterTaskManager: {
      TIDEMARK_ASSIGN(about, message.value<RegisterTaskManager>());
      task_managers_.take(line(), message.fence(), std::move(about));
      return {};
    }
    case MessageKind::kWorkerReady: {
      TIDEMARK_ASSIGN(ready, message.value<WorkerReady>());
      task_managers_.take(line(), ready);
      return {};
    }
    default:
      return fail(ErrorCode::kFailedPrecondition, "it has not said who it is");
  }
}

Progress JobManager::step() {
  bool progress = inbox_->mailbox.run_all();
  progress = timers_.run(env_.clock->steady_ns()) || progress;
  for (const auto& [id, job] : jobs_) progress = step(*job) || progress;
  return progress ? Progress::kMadeProgress : Progress::kBlocked;
}

bool JobManager::step(ManagedJob& job) {
  const bool progress = !job.is_over() && job.step() != Progress::kBlocked;
  if (job.take_change()) keep(job);
  return progress;
}

void JobManager::add(JobRecord record) {
  const JobServices services = {.env = env_, .task_managers = task_managers_, .timers = timers_, .wakeup = inbox_->wakeup, .epoch = epoch()};
  const std::string id = record.id;
  jobs_[id] = std::make_unique<ManagedJob>(std::move(record), services);
}

std::optional<std::int64_t> JobManager::next_deadline_ns() const {
  std::optional<std::int64_t> earliest = timers_.next_deadline_ns();
  for (const auto& [id, job] : jobs_) {
    if (const auto deadline = job->next_deadline_ns()) earliest = std::min(earliest.value_or(*deadline), *deadline);
  }
  return earliest;
}

bool JobManager::has_work() const {
  return inbox_->mailbox.has_mail() || std::ranges::any_of(jobs_, [](const auto& entry) { return entry.second->has_mail(); });
}

void JobManager::run(RunOrder order, RunAnswer answer) {
  order.job_id.empty() ? plan_and_submit(std::move(order), std::move(answer)) : run_once(std::move(order), std::move(answer));
}

// Whether it was asked for before is known from its job's record, once there is one.
void JobManager::run_once(RunOrder order, RunAnswer answer) {
  const std::string id = order.job_id;
  const std::string request = digest_of(order);
  const auto is_another = [&id] {
    return fail(ErrorCode::kAlreadyExists, fmt::format("another job has the id {}: choose a new one for each job, at random", id));
  };
  if (const ManagedJob* const job = find(id)) {
    return answer(job->record().request == request ? Result<std::string>{id} : is_another());
  }
  const auto [at, is_new] = submissions_.try_emplace(id, Submission{request, {}});
  if (at->second.request != request) return answer(is_another());
  at->second.answers.push_back(std::move(answer));
  if (!is_new) return;
  plan_and_submit(std::move(order), [this, id](const Result<std::string>& outcome) {
    auto submission = submissions_.extract(id);  // kept: this compiler ends what stands in a for before the loop begins
    for (RunAnswer& waits : submission.mapped().answers) waits(outcome);
  });
}

void JobManager::plan_and_submit(RunOrder order, RunAnswer answer) {
  answer = [this, held = planned_.insert(order.executable), to = std::move(answer)](Result<std::string> job) mutable {
    planned_.erase(held);
    to(std::move(job));
  };
  forget_executables();
  describe(order.executable, arguments_of(order), [this, order, answer = std::move(answer)](Result<JobDescription> description) mutable {
    if (!description) return answer(std::unexpected{description.error()});
    submit(order, *std::move(description), std::move(answer));
  });
}

void JobManager::plan(const RunOrder& order, PlanAnswer answer) {
  describe(order.executable, arguments_of(order), [answer = std::move(answer)](Result<JobDescription> description) mutable {
    if (!description) return answer(std::unexpected{description.error()});
    answer(to_json(description->plan));
  });
}

std::vector<std::string> JobManager::arguments_of(const RunOrder& order) const {
  std::vector<std::string> arguments = with_defaults(settings_.job_options, order.arguments);
  if (order.parallelism) arguments.push_back(fmt::format("--parallelism={}", *order.parallelism));
  return arguments;
}

void JobManager::describe(const std::string& executable, std::vector<std::string> arguments, Planned then) {
  if (removed_.contains(executable)) {
    return then(fail(ErrorCode::kNotFound, fmt::format("the executable '{}' is just being removed, as one of many that no job needs: upload it again", executable)));
  }
  programs_.run([this, held = planned_.insert(executable), hash = executable, arguments = std::move(arguments), then = std::move(then), executables = executables_,
                 planner = planner_]() mutable -> Mailbox::Mail {
    const auto found = executables->find(hash);
    Result<JobDescription> description =
        found ? planner->plan(executables->path_of(hash), found->name, arguments) : std::unexpected{found.error()};
    return [this, held, then = std::move(then), description = std::move(description)]() mutable {
      then(std::move(description));
      planned_.erase(held);
    };
  });
}

Result<JobRecord> JobManager::make_record(const RunOrder& order, JobDescription description) {
  if (description.has_own_storage) {
    return fail(ErrorCode::kInvalidArgument,
                "the job keeps its snapshots on a storage of its own (store_snapshots_in), which only its own process reaches: in a cluster "
                "give it a folder that all machines share, execution.checkpointing.dir");
  }
  JobRecord record{.id = order.job_id.empty() ? make_job_id() : order.job_id,
                   .request = order.job_id.empty() ? std::string{} : digest_of(order),
                   .executable = order.executable,
                   .arguments = arguments_of(order),
                   .submitted_ms = env_.clock->wall_ms(),
                   .description = std::move(description)};
  TIDEMARK_TRY(set_options(record, order, settings_.job_options, default_checkpoints()));
  return record;
}

void JobManager::submit(const RunOrder& order, JobDescription description, RunAnswer answer) {
  auto record = make_record(order, std::move(description));
  if (!record) return answer(std::unexpected{record.error()});
  auto options = options_of(*record);
  if (!options) return answer(std::unexpected{options.error()});
  if (const ManagedJob* const other = other_in_folder(*record, *options)) {
    const auto saving = saving_.find(other->record().id);
    const bool will_be_gone = other->is_over() && successor_of(other->record().id) == nullptr && saving->second.is_under_way;
    if (!will_be_gone) return answer(std::unexpected{conflict_with(*other, *options)});
    auto again = [this, order, description = std::move(record->description), answer = std::move(answer)]() mutable {
      submit(order, std::move(description), std::move(answer));
    };
    return when_saved(other->record().id, std::move(again));
  }
  open_folder(*record, *options, true, [this, record = *record, options = *options, answer = std::move(answer)](Result<OpenFolder> folder) mutable {
    if (!folder) return answer(std::unexpected{folder.error()});
    record.attempts_before = folder->attempts_before;
    const std::string id = record.id;
    add(std::move(record));
    ManagedJob& job = *find(id);
    if (!folder->written) {
      refuse(job, folder->written.error(), std::move(folder->checkpoints));
      return answer(std::unexpected{folder->written.error()});
    }
    log_info(fmt::format("job {} ({}) is submitted", job.record().name(), id));
    job.run(options, std::move(folder->checkpoints));
    answer(id);
  });
}

// Its record may be there, so it is one of a job that has failed, as soon as it can be written; until then no other has its name, nor, by the
// lock that `checkpoints` holds, its folder.
void JobManager::refuse(ManagedJob& job, const Error& error, std::unique_ptr<CheckpointStore> checkpoints) {
  job.end(JobState::kFailed, error);
  job.take_change();
  keep(job);
  when_written(job.record().id, [held = std::move(checkpoints)] {});
}

// The job that has its checkpoints in the same folder. Also one of the name, wherever it has them, whose end is not written down yet: the next
// JobManager would go on with it, and its output be that of both.
const ManagedJob* JobManager::other_in_folder(const JobRecord& record, const Options& options) const {
  if (options.checkpointing.dir.empty()) return nullptr;
  for (const auto& [id, other] : jobs_) {
    const bool is_written = !saving_.contains(id) || detail::planted(detail::PlantedBug::kSuccessorTooEarly);
    const bool has_ended = other->is_over() && is_written && successor_of(id) == nullptr;
    if (has_ended || other->record().name() != record.name() || id == record.replaces) continue;
    if (other->is_over() && !is_written) return other.get();
    const auto theirs = options_of(other->record());
    if (theirs && checkpoint_folder(other->record(), *theirs) == checkpoint_folder(record, options)) return other.get();
  }
  return nullptr;
}

// Else the lock on the folder would refuse it, which can't say who has it.
Error JobManager::conflict_with(const ManagedJob& other, const Options& options) const {
  const std::string job = fmt::format("job {} ({})", other.record().id, other.record().name());
  std::string what = fmt::format("{} runs with its checkpoints in '{}': stop that one first, or give this one another name or --checkpoint-dir",
                                 job, checkpoint_folder(other.record(), options));
  if (const ManagedJob* const next = successor_of(other.record().id)) {
    what = fmt::format("job {} is about to take the place of {}, with its checkpoints in '{}'", next->record().id, job, checkpoint_folder(other.record(), options));
  } else if (other.is_over()) {
    what = fmt::format("{} has ended, and that could not be written down in '{}' yet: see that there is room, and try again", job, store_->folder());
  }
  return Error{ErrorCode::kFailedPrecondition, std::move(what)};
}

// A new job is written down before it is answered for.
void JobManager::open_folder(const JobRecord& record, const Options& options, bool is_new, Opened then) {
  calls_.run([record = JobRecord{record}, options, is_new, claim = secrets_.next(), storage = &env_.snapshot_files(), store = store_,
              then = std::move(then)]() mutable -> Mailbox::Mail {
    const auto open = [&]() -> Result<OpenFolder> {
      TIDEMARK_ASSIGN(pointer, read_pointer(*storage, record, options));
      TIDEMARK_TRY(refuse_other_folder(record, options, pointer));
      TIDEMARK_ASSIGN(checkpoints, open_checkpoints(*storage, record, options, resume_of(record, pointer, is_new, claim)));
      Result<> written;
      if (is_new) {
        record.attempts_before = pointer ? pointer->attempt : 0;
        if (!record.replaces.empty()) return OpenFolder{std::move(checkpoints), record.attempts_before};  // its record is written elsewhere
        written = detail::planted(detail::PlantedBug::kJobNotWrittenDown) ? Result<>{} : store->write(record);
        // It may be there for all that, and a job that is refused must not come back with the next JobManager.
        const bool stays = detail::planted(detail::PlantedBug::kRefusedJobStays);
        if (!written && (stays || store->remove(record.id))) return std::unexpected{written.error()};
      }
      return OpenFolder{std::move(checkpoints), record.attempts_before, std::move(written)};
    };
    return [then = std::move(then), opened = open()]() mutable { then(std::move(opened)); };
  });
}

void JobManager::resume(const std::string& id) {
  const JobRecord& record = find(id)->record();
  if (record.is_to_be_cancelled) return find(id)->end(JobState::kCancelled, std::nullopt);
  auto options = options_of(record);
  if (!options) return try_again(id, options.error());
  if (options->checkpointing.mode == Options::CheckpointMode::kNone) {
    return find(id)->end(JobState::kFailed, Error{ErrorCode::kFailedPrecondition,
                                                  "the JobManager ended while the job ran, and with execution.checkpointing.mode NONE nothing is kept "
                                                  "to go on from"});
  }
  open_folder(record, *options, false, [this, id, options = *options](Result<OpenFolder> folder) {
    ManagedJob* const job = find(id);
    if (job == nullptr || job->is_over()) return;  // cancelled meanwhile
    if (!folder) return try_again(id, folder.error());
    log_info(fmt::format("job {} ({}) goes on", job->record().name(), id));
    resuming_.erase(id);
    job->run(options, std::move(folder->checkpoints));
  });
}

void JobManager::try_again(const std::string& id, const Error& error) {
  ManagedJob& job = *find(id);
  if (is_lasting(error)) return job.end(JobState::kFailed, error);
  job.note_failure(error);
  resuming_[id] = timers_.at(env_.clock->steady_ns() + kPauseNs, [this, id] {
    if (const ManagedJob* const again = find(id); again != nullptr && !again->is_over()) resume(id);
  });
}

ManagedJob* JobManager::find(std::string_view id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

void JobManager::take_snapshot(std::string_view id, SnapshotOrder order, SnapshotAnswer answer) {
  ManagedJob* const job = find(id);
  if (job == nullptr) return answer(no_such_job(id));
  if (order.trigger_id.empty()) return start_snapshot(std::string{id}, std::move(order), std::move(answer));
  job->note_triggered(order);
  job->take_change();
  keep(*job);
  // From then on the next JobManager, too, knows that it was asked for. But a disk that is full keeps nobody from it.
  when_saved(std::string{id}, [this, id = std::string{id}, order = std::move(order), answer = std::move(answer)]() mutable {
    start_snapshot(id, std::move(order), std::move(answer));
  });
}

void JobManager::start_snapshot(const std::string& id, SnapshotOrder order, SnapshotAnswer answer) {
  ManagedJob* const job = find(id);
  if (job == nullptr) return answer(no_such_job(id));
  SnapshotAnswer to = in_any_case(std::move(answer), Error{ErrorCode::kFailedPrecondition, fmt::format("job {} ended before that was complete", id)});
  if (order.then != SnapshotOrder::Then::kGoOn || !order.trigger_id.empty()) to = when_noted(id, order, std::move(to));
  if (!order.dir.empty()) {
    auto dir = path_in_cluster("the folder for the savepoint", order.dir);
    if (!dir) return to(std::unexpected{dir.error()});
    order.dir = *std::move(dir);
  }
  job->take_snapshot(std::move(order), std::move(to));
}

// Before anybody is told, the record says what became of the job and of the order.
SnapshotAnswer JobManager::when_noted(const std::string& id, const SnapshotOrder& order, SnapshotAnswer answer) {
  return [this, id, order, answer = std::move(answer)](Result<SnapshotTaken> taken) mutable {
    if (ManagedJob* const job = find(id)) job->note_taken(order, taken);
    // As mail: the job may be in the middle of its end.
    post([this, id, answer = std::move(answer), taken = std::move(taken)]() mutable {
      if (ManagedJob* const job = find(id); job != nullptr && job->take_change()) keep(*job);
      when_saved(id, [answer = std::move(answer), taken = std::move(taken)]() mutable { answer(std::move(taken)); });
    });
  };
}

Result<> JobManager::cancel(std::string_view id) {
  ManagedJob* const job = find(id);
  if (job == nullptr) return no_such_job(id);
  if (job->is_over()) return fail(ErrorCode::kFailedPrecondition, fmt::format("job {} is {}", id, to_string(*job->record().end)));
  job->note_cancel();
  keep(*job);
  when_saved(std::string{id}, [this, id = std::string{id}] {
    if (ManagedJob* const noted = find(id)) noted->cancel();
  });
  return {};
}

void JobManager::dispose_savepoint(std::string path, Done done) {
  auto absolute = path_in_cluster("the savepoint", path);
  if (!absolute) return done(std::unexpected{absolute.error()});
  calls_.run([files = &env_.snapshot_files(), path = *std::move(absolute), done = std::move(done)]() mutable -> Mailbox::Mail {
    return [done = std::move(done), disposed = dispose_snapshot(*files, path)]() mutable { done(std::move(disposed)); };
  });
}

std::vector<std::pair<std::string, std::string>> JobManager::configuration() const {
  std::map<std::string, std::string> all{settings_.job_options.begin(), settings_.job_options.end()};
  all["high-availability.storageDir"] = store_->folder();
  all["heartbeat.interval"] = fmt::format("{}ms", settings_.heartbeat.interval_ms);
  all["heartbeat.timeout"] = fmt::format("{}ms", settings_.heartbeat.timeout_ms);
  all["slot.request.timeout"] = fmt::format("{}ms", settings_.slot_request_timeout_ms);
  return {all.begin(), all.end()};
}

std::vector<JobGlance> JobManager::jobs() const {
  std::vector<const ManagedJob*> all;
  for (const auto& [id, job] : jobs_) all.push_back(job.get());
  std::ranges::stable_sort(all, std::greater{}, [](const ManagedJob* job) { return std::pair{!job->is_over(), job->record().submitted_ms}; });
  std::vector<JobGlance> glances;
  std::ranges::transform(all, std::back_inserter(glances), &ManagedJob::glance);
  return glances;
}

std::optional<ClusterJob> JobManager::job(std::string_view id) const {
  const ManagedJob* const found = find(id);
  return found == nullptr ? std::nullopt : std::optional{found->describe()};
}

void JobManager::keep(const ManagedJob& job) {
  const std::string& id = job.record().id;
  save(id);
  if (!job.record().replaces.empty()) post([this, id] { look_at_upgrade(id); });
  if (job.is_over()) post([this] { forget_oldest(); });
}

// One write of a record at a time, and the newest last.
void JobManager::save(const std::string& id) {
  const ManagedJob* const job = find(id);
  if (job == nullptr) return;
  Saving& saving = saving_[id];
  saving.pause = {};
  saving.is_wanted = true;
  if (std::exchange(saving.is_under_way, true)) return;
  saving.is_wanted = false;
  calls_.run([this, record = job->record(), store = store_]() -> Mailbox::Mail {
    return [this, id = record.id, written = store->write(record)] { saved(id, written); };
  });
}

void JobManager::saved(const std::string& id, const Result<>& written) {
  Saving& saving = saving_[id];
  saving.is_under_way = false;
  // A disk that is full keeps nobody from ending a job.
  if (!saving.is_wanted || !written) {
    for (Mailbox::Mail& waits : std::exchange(saving.then, {})) post(std::move(waits));
  }
  if (!saving.is_wanted && written) {
    for (Mailbox::Mail& waits : std::exchange(saving.durable, {})) post(std::move(waits));
  }
  if (!written) {
    log_warning(fmt::format("the record of job {}: {}; it is tried again", id, written.error().message()));
    saving.pause = timers_.at(env_.clock->steady_ns() + kPauseNs, [this, id] { save(id); });
  } else if (saving.is_wanted) {
    save(id);
  } else {
    saving_.erase(id);
  }
}

void JobManager::when_saved(const std::string& id, Mailbox::Mail then) {
  const auto saving = saving_.find(id);
  if (saving == saving_.end() || !saving->second.is_under_way) return then();
  saving->second.then.push_back(std::move(then));
}

void JobManager::when_written(const std::string& id, Mailbox::Mail then) {
  const auto saving = saving_.find(id);
  if (saving == saving_.end()) return then();
  saving->second.durable.push_back(std::move(then));
}

Result<> JobManager::refuse_if_run(std::string_view executable) const {
  for (const auto& [id, job] : jobs_) {
    const bool may_run = !job->is_over() || successor_of(id) != nullptr;
    if (!may_run || job->record().executable != executable) continue;
    return fail(ErrorCode::kFailedPrecondition, fmt::format("job {} ({}) runs it: its workers may have to fetch it again", id, job->record().name()));
  }
  return {};
}

std::string JobManager::default_checkpoints() const { return join_path(store_->folder(), "checkpoints"); }

// With its checkpoints, where they lie with the JobManager.
void JobManager::forget_oldest() {
  std::vector<const ManagedJob*> over;
  for (const auto& [id, job] : jobs_) {
    const bool may_go_on = !job->record().replaces.empty() || successor_of(id) != nullptr;
    const bool may_be_forgotten = job->is_over() && !may_go_on && !job->record().is_unreadable;
    if (may_be_forgotten && !saving_.contains(id)) over.push_back(job.get());
  }
  if (over.size() <= settings_.most_ended_jobs) return;
  const std::string id = (*std::ranges::min_element(over, {}, [](const ManagedJob* job) { return job->record().end_ms; }))->record().id;
  jobs_.erase(id);
  forget_executables();
  calls_.run([id, store = store_, files = &env_.snapshot_files(), checkpoints = join_path(default_checkpoints(), id)]() -> Mailbox::Mail {
    auto removed = store->remove(id);
    if (removed) removed = remove_tree(*files, checkpoints);
    return [id, removed] {
      if (!removed) log_warning(fmt::format("the record of job {}: {}", id, removed.error().message()));
    };
  });
}

void JobManager::forget_executables() {
  calls_.run([this, executables = executables_]() -> Mailbox::Mail {
    return [this, all = executables->list()] {
      if (all) remove_unneeded(*all);
    };
  });
}

// As it is used now, and not when they were listed. Until one is gone nobody may begin with it.
void JobManager::remove_unneeded(const std::vector<Executable>& all) {
  std::set<std::string> in_use{planned_.begin(), planned_.end()};
  for (const auto& [id, job] : jobs_) in_use.insert(job->record().executable);
  for (const std::string& hash : beyond_newest(all, settings_.kept_executables, in_use)) {
    if (!removed_.insert(hash).second) continue;
    calls_.run([this, executables = executables_, hash]() -> Mailbox::Mail {
      return [this, hash, removed = executables->remove(hash)] {
        removed_.erase(hash);
        if (!removed) log_warning(fmt::format("an executable that nobody needs any more: {}", removed.error().message()));
      };
    });
  }
}

std::string JobManager::make_job_id() { return fmt::format("{:016x}{:016x}", secrets_.next(), secrets_.next()); }

}  // namespace tidemark
