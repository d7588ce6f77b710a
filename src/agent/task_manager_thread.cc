#include "agent/task_manager_thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"
#include "base/version.h"
#include "control/process_report.h"
#include "env/asio_transport.h"
#include "env/cpu_cores.h"
#include "env/local_host.h"
#include "env/memory_limit.h"
#include "env/posix_processes.h"
#include "env/temporary_folder.h"
#include "env/user_files.h"

namespace tidemark {
namespace {

constexpr int kMostOfOneMachine = 64;  // that were given no folder
constexpr double kPartForState = 0.7;
constexpr double kPartForWorkers = 0.95;  // of a machine: the kernel ends others when nothing is left

void complete_memory(TaskManagerSettings& settings, std::uint64_t machine_bytes) {
  const auto part_of = [](double part, std::uint64_t bytes) { return static_cast<std::uint64_t>(part * static_cast<double>(bytes)); };
  if (settings.memory_bytes == 0) settings.memory_bytes = part_of(kPartForState, settings.process_bytes == 0 ? machine_bytes : settings.process_bytes);
  if (settings.process_bytes == 0) settings.process_bytes = part_of(kPartForWorkers, machine_bytes);
  if (settings.memory_bytes < settings.process_bytes) return;
  log_warning(fmt::format("state may take {} MiB (taskmanager.memory.managed.size, --memory) and the workers as a whole {} MiB (taskmanager.memory.process.size): workers "
                          "with that much state are ended. Leave a fifth for what is not state",
                          settings.memory_bytes >> 20, settings.process_bytes >> 20));
}

TaskManagerSettings complete(const Env& env, TaskManagerSettings settings) {
  if (settings.host.empty()) settings.host = host_name();
  if (settings.id.empty()) settings.id = fmt::format("{}-{:06x}", settings.host, env.random->next() & 0xffffff);
  if (settings.cores == 0)
    settings.cores = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(cores_of_this_thread().size()));
  if (settings.slots == 0) settings.slots = settings.cores;
  complete_memory(settings, memory_limit_bytes(*env.files));
  return settings;
}

using Opened = Result<std::unique_ptr<TaskManager>>;

// Programs lie in it that are run: it is nobody else's to write to.
Opened open_in(const Env& env, Transport& transport, Processes& processes, const TaskManagerSettings& settings) {
  auto opened = TaskManager::open(env, transport, processes, settings);
  if (opened && !keep_for_user(settings.folder)) {
    log_warning(fmt::format("other users may be able to change what runs in '{}': its file system does not keep modes",
                            settings.folder));
  }
  return opened;
}

// Without a folder that was named: in the first that no other TaskManager of this machine has.
Opened open_task_manager(const Env& env, Transport& transport, Processes& processes, TaskManagerSettings settings) {
  if (!settings.folder.empty()) return open_in(env, transport, processes, settings);
  const std::string within = settings.tmp_folder.empty() ? temporary_folder() : settings.tmp_folder;
  TIDEMARK_TRY(env.files->make_directories(within));
  const std::string root = join_path(within, fmt::format("tidemark-taskmanager-{}", user_id()));
  TIDEMARK_TRY(make_private_folder(root));
  for (int number = 1;; ++number) {
    settings.folder = join_path(root, std::to_string(number));
    auto opened = open_in(env, transport, processes, settings);
    if (opened || number == kMostOfOneMachine || opened.error().code() != ErrorCode::kFailedPrecondition) return opened;
  }
}

}  // namespace

Result<std::unique_ptr<TaskManagerThread>> TaskManagerThread::start(const Env& env, TaskManagerSettings settings) {
  settings = complete(env, std::move(settings));
  std::unique_ptr<TaskManagerThread> started{new TaskManagerThread{env, settings.id}};
  TIDEMARK_ASSIGN(opened, open_task_manager(env, *started->transport_, *started->processes_, std::move(settings)));
  started->task_manager_ = std::move(opened);
  TIDEMARK_TRY(started->serve_metrics());
  started->thread_ = std::thread{[&thread = *started] { thread.run(); }};
  return started;
}

TaskManagerThread::TaskManagerThread(const Env& env, const std::string& id)
    : env_{env},
      transport_{make_asio_transport({.name = "taskmanager " + id, .library = std::string{library_version()}})},
      processes_{std::make_unique<PosixProcesses>(*env.files, *env.clock)} {}

Result<> TaskManagerThread::serve_metrics() {
  if (settings().metrics.empty()) return {};
  TIDEMARK_ASSIGN(address, parse_network_address(settings().metrics));
  TIDEMARK_ASSIGN(service, tidemark::serve_metrics(address, [this] { return task_manager_->endpoints().prometheus(); }));
  metrics_ = std::move(service);
  return {};
}

std::optional<NetworkAddress> TaskManagerThread::metrics_address() const {
  return metrics_ == nullptr ? std::nullopt : std::optional{metrics_->address()};
}

TaskManagerThread::~TaskManagerThread() {
  if (!thread_.joinable()) return;
  task_manager_->stop();
  thread_.join();
}

void TaskManagerThread::run() {
  name_this_thread("taskmanager");
  const auto has_work = [this] { return task_manager_->has_work(); };
  while (true) {
    const Progress progress = task_manager_->step();
    if (progress == Progress::kDone) return;
    if (progress == Progress::kMadeProgress) continue;
    if (const auto due_ns = task_manager_->next_deadline_ns()) {
      const std::int64_t wait_ns = std::max<std::int64_t>(0, *due_ns - env_.clock->steady_ns());
      task_manager_->wakeup().park(has_work, std::chrono::nanoseconds{wait_ns});
    } else {
      task_manager_->wakeup().park(has_work);
    }
  }
}

}  // namespace tidemark
