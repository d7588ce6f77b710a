#include "coordinator/job_manager_thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"
#include "base/version.h"
#include "env/asio_transport.h"

namespace tidemark {

/// Takes the calls to the JobManager's thread, and their values back.
class JobManagerThread::Control final : public ClusterControl {
 public:
  explicit Control(JobManager& manager) : manager_{manager} {}

  std::vector<TaskManagerGlance> task_managers() override {
    return ask<std::vector<TaskManagerGlance>>([this] { return manager_.task_managers(); });
  }
  void ask_task_manager(std::string_view id, HttpRequest request, HttpAnswer answer) override {
    tell(std::move(answer), [this, id = std::string{id}, request = std::move(request)](HttpAnswer to) mutable {
      manager_.ask_task_manager(id, std::move(request), std::move(to));
    });
  }
  std::vector<JobGlance> jobs() override {
    return ask<std::vector<JobGlance>>([this] { return manager_.jobs(); });
  }
  std::optional<ClusterJob> job(std::string_view id) override {
    return ask<std::optional<ClusterJob>>([this, id] { return manager_.job(id); });
  }
  std::vector<std::pair<std::string, std::string>> configuration() override {
    return ask<std::vector<std::pair<std::string, std::string>>>([this] { return manager_.configuration(); });
  }
  ExecutableStore& executables() override { return manager_.executables(); }
  Result<> remove_executable(std::string_view hash) override {
    TIDEMARK_TRY(ask<Result<>>([this, hash] { return manager_.refuse_if_run(hash); }, ends()));
    return manager_.executables().remove(hash);
  }
  void run(RunOrder order, RunAnswer answer) override {
    tell(std::move(answer), [this, order = std::move(order)](RunAnswer to) mutable { manager_.run(std::move(order), std::move(to)); });
  }
  void plan(RunOrder order, PlanAnswer answer) override {
    tell(std::move(answer), [this, order = std::move(order)](PlanAnswer to) { manager_.plan(order, std::move(to)); });
  }
  void take_snapshot(std::string_view job, SnapshotOrder order, SnapshotAnswer answer) override {
    tell(std::move(answer), [this, id = std::string{job}, order = std::move(order)](SnapshotAnswer to) mutable {
      manager_.take_snapshot(id, std::move(order), std::move(to));
    });
  }
  Result<> cancel(std::string_view job) override {
    return ask<Result<>>([this, job] { return manager_.cancel(job); }, ends());
  }
  void upgrade(std::string_view job, UpgradeOrder order, UpgradeAnswer answer) override {
    tell(std::move(answer), [this, id = std::string{job}, order = std::move(order)](UpgradeAnswer to) mutable {
      manager_.upgrade(id, std::move(order), std::move(to));
    });
  }
  void dispose_savepoint(std::string path, Done done) override {
    tell(std::move(done), [this, path = std::move(path)](Done to) mutable { manager_.dispose_savepoint(std::move(path), std::move(to)); });
  }

  /// Before the thread runs its last mail.
  void close() {
    const std::lock_guard lock{mutex_};
    is_closed_ = true;
  }

 private:
  static std::unexpected<Error> ends() { return fail(ErrorCode::kFailedPrecondition, "the JobManager ends"); }

  // False: nobody will run it.
  bool post(Mailbox::Mail mail) {
    const std::lock_guard lock{mutex_};
    if (is_closed_) return false;
    manager_.post(std::move(mail));
    return true;
  }
  template <class T, class F>
  T ask(F question, T where_it_ends = {}) {
    std::promise<T> promise;
    auto answer = promise.get_future();
    if (!post([&] { promise.set_value(question()); })) return where_it_ends;
    return answer.get();
  }
  template <class Answer, class F>
  void tell(Answer answer, F order) {
    const auto to = std::make_shared<Answer>(std::move(answer));
    if (!post([to, order = std::move(order)]() mutable { order(std::move(*to)); })) (*to)(ends());
  }

  JobManager& manager_;
  std::mutex mutex_;  // from the look at is_closed_ to the post
  bool is_closed_ = false;
};

class JobManagerThread::Thread {
 public:
  Thread(const Env& env, std::unique_ptr<Transport> transport, std::unique_ptr<JobManager> manager)
      : clock_{*env.clock}, transport_{std::move(transport)}, manager_{std::move(manager)}, control_{*manager_}, thread_{[this] { run(); }} {}
  ~Thread() {
    control_.close();
    is_ending_ = true;
    manager_->wakeup().wake();
    thread_.join();
  }

  Control& control() { return control_; }
  const std::string& address() const { return manager_->address(); }

 private:
  void run() {
    name_this_thread("jobmanager");
    const auto has_work = [this] { return is_ending_ || manager_->has_work(); };
    while (!is_ending_) {
      if (manager_->step() == Progress::kMadeProgress) continue;
      if (const auto deadline_ns = manager_->next_deadline_ns()) {
        manager_->wakeup().park(has_work, std::chrono::nanoseconds{std::max<std::int64_t>(*deadline_ns - clock_.steady_ns(), 0)});
      } else {
        manager_->wakeup().park(has_work);
      }
    }
    manager_->step();  // who asked before the control was closed waits for it
  }

  const Clock& clock_;
  const std::unique_ptr<Transport> transport_;
  const std::unique_ptr<JobManager> manager_;  // the thread's, while there is one
  Control control_;
  std::atomic<bool> is_ending_ = false;
  std::thread thread_;  // last: it uses all others
};

JobManagerThread::JobManagerThread() = default;
JobManagerThread::~JobManagerThread() = default;

Result<std::unique_ptr<JobManagerThread>> JobManagerThread::start(const Env& env, Random& secrets, JobManagerSettings settings) {
  auto transport = make_asio_transport({.name = "jobmanager", .library = std::string{library_version()}});
  TIDEMARK_ASSIGN(manager, JobManager::open(env, secrets, *transport, std::move(settings)));
  log_info(fmt::format("JobManager of epoch {} listens at {}", manager->epoch(), manager->address()));
  std::unique_ptr<JobManagerThread> started{new JobManagerThread};
  started->thread_ = std::make_unique<Thread>(env, std::move(transport), std::move(manager));
  return started;
}

ClusterControl& JobManagerThread::control() { return thread_->control(); }
const std::string& JobManagerThread::address() const { return thread_->address(); }

}  // namespace tidemark
