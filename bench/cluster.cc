// How soon do records come out again when a process of a cluster is killed, or cut off from the others?
//
// A JobManager and three TaskManagers of a slot each, run by the command `tidemark` on this machine, and a job of two workers: texts of
// 1000 random bytes by key, 200,000 look-ups a second, and incremental checkpoints each second in a folder that all share. One thing after the
// other is killed (SIGKILL), or stopped (SIGSTOP), which to the others is a machine that is cut off; the time from there to the first record
// behind the keyed operator in the last of the new workers is the figure. A restart is tried at once, as the first one is by default.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "bench/measure.h"
#include "control/http.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

constexpr std::int64_t kRate = 200'000;
constexpr double kKilledAimMs = 500;
constexpr double kCutOffAimMs = 11'000;  // 10 s of silence, and one more
constexpr double kLongestWaitS = 120;

// ---- What the job's processes tell the bench, in a file that all map.

/// By process id: when its first record came out, in ns of the steady clock. Of id 0: not 0 once each key has its text.
class Pulses {
 public:
  static constexpr std::size_t kProcesses = 1u << 22;  // as many ids as the kernel has

  explicit Pulses(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    constexpr std::size_t kBytes = kProcesses * sizeof(Word);
    if (file < 0 || ::ftruncate(file, kBytes) != 0) bench::give_up("cannot make " + path);
    void* const mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) bench::give_up("cannot map " + path);
    ::close(file);
    words_ = static_cast<Word*>(mapped);
  }
  std::int64_t of(pid_t process) const { return words_[process].load(); }
  void set(pid_t process) { words_[process].store(static_cast<std::int64_t>(bench::wall_s() * 1e9)); }

 private:
  using Word = std::atomic<std::int64_t>;
  Word* words_;
};

// ---- The job

struct Click {
  std::int64_t user;
};

struct Texts : KeyedProcess<std::int64_t, Click, bool> {
  ValueState<std::string> text_;
  explicit Texts(Declare& declare) : text_{declare, "text"} {}
  void process(const Click& click, Context&, Out<bool>& out) override {
    const std::string* const text = text_.find();
    if (text == nullptr) text_.set(bench::random_text(click.user));
    out.emit(text == nullptr || *text == bench::random_text(click.user));
  }
};

int job(int argc, char** argv) {
  Job job{"texts", argc, argv};
  const auto keys = static_cast<std::uint64_t>(job.arg("keys", std::int64_t{1'000'000}, "texts"));
  const std::string path = job.arg("pulses", std::string{}, "file that says when records come out");
  job.from(generate<Click>(std::nullopt,
                           [path, keys](std::uint64_t n) {
                             if (n == keys) Pulses{path}.set(0);
                             return Click{n < keys ? static_cast<std::int64_t>(n) : bench::uniform(n, keys)};
                           })
               .rate(kRate))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Texts>()
      .uid("texts")
      .map([path, is_first = true](bool is_right) mutable {
        if (!is_right) std::abort();
        if (std::exchange(is_first, false)) Pulses{path}.set(::getpid());
        return is_right;
      })
      .to(discard());
  return job.run();
}

// ---- The cluster

class Daemon {
 public:
  Daemon(std::vector<std::string> words, std::string log) : words_{std::move(words)}, log_{std::move(log)} { start(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() { kill(); }

  void start() {
    std::vector<char*> argv;
    for (std::string& word : words_) argv.push_back(word.data());
    argv.push_back(nullptr);
    child_ = ::fork();
    if (child_ != 0) return;
    const int log = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  void signal(int number) const { ::kill(child_, number); }
  void kill() {
    signal(SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  std::vector<pid_t> children() const {
    std::vector<pid_t> found;
    std::error_code gone;
    for (const auto& task : fs::directory_iterator{"/proc/" + std::to_string(child_) + "/task", gone}) {
      std::ifstream list{task.path() / "children"};
      for (pid_t child = 0; list >> child;) found.push_back(child);
    }
    return found;
  }
  std::string output() const {
    std::ostringstream all;
    all << std::ifstream{log_}.rdbuf();
    return all.str();
  }

 private:
  std::vector<std::string> words_;
  std::string log_;
  pid_t child_ = -1;
};

void wait_until(const std::string& what, const std::function<bool()>& holds) {
  const double until_s = bench::wall_s() + kLongestWaitS;
  while (!holds()) {
    if (bench::wall_s() > until_s) bench::give_up("waited too long for " + what);
    ::usleep(2'000);
  }
}

std::string words_after(const std::string& text, const std::string& before, const std::string& end) {
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return {};
  return text.substr(at + before.size(), text.find_first_of(end, at + before.size()) - at - before.size());
}

class Cluster {
 public:
  static constexpr std::size_t kTaskManagers = 3;
  static constexpr std::size_t kWorkers = 2;

  Cluster(const fs::path& folder, std::uint64_t keys) : folder_{folder}, pulses_{folder / "pulses"} {
    start_job_manager("127.0.0.1:0", "127.0.0.1:0");
    for (std::size_t i = 0; i < kTaskManagers; ++i) {
      const std::string name = "taskmanager-" + std::to_string(i);
      task_managers_.push_back(std::make_unique<Daemon>(
          std::vector<std::string>{command(), "taskmanager", "--jobmanager", rpc_, "--slots", "1", "--data-host", "127.0.0.1", "--dir", folder_ / name},
          folder_ / (name + ".log")));
    }
    wait_until("the TaskManagers", [&] { return free_slots() == kTaskManagers; });
    submit(keys);
  }

  /// Milliseconds from `disturbs` to the first record of the last new worker; then everything is as it was before.
  double recovery_ms(const std::function<void(Cluster&)>& disturbs, const std::function<void(Cluster&)>& mends) {
    await_checkpoint();
    const std::vector<pid_t> before = workers();
    const double begin_s = bench::wall_s();
    disturbs(*this);
    std::vector<double> first_s;
    wait_until("records to come out again", [&] {
      first_s.clear();
      for (const pid_t worker : workers()) {
        const bool is_new = std::ranges::find(before, worker) == before.end();
        if (is_new && pulses_.of(worker) != 0) first_s.push_back(static_cast<double>(pulses_.of(worker)) / 1e9);
      }
      return first_s.size() == kWorkers;
    });
    mends(*this);
    wait_until("all TaskManagers", [&] { return free_slots() == kTaskManagers - kWorkers; });
    return (std::ranges::max(first_s) - begin_s) * 1e3;
  }

  void kill_worker() const { ::kill(workers().front(), SIGKILL); }
  void kill_task_manager() {
    struck_ = busy();
    struck_->kill();
  }
  void start_task_manager() const { struck_->start(); }
  /// With its workers: nobody there says anything any more.
  void stop_task_manager() {
    struck_ = busy();
    for (const pid_t worker : struck_->children()) ::kill(worker, SIGSTOP);
    struck_->signal(SIGSTOP);
  }
  void replace_task_manager() const {
    for (const pid_t worker : struck_->children()) ::kill(worker, SIGKILL);
    struck_->kill();
    struck_->start();
  }
  void restart_job_manager() {
    job_manager_->kill();
    job_manager_->start();
  }

 private:
  static std::string command() { return fs::read_symlink("/proc/self/exe").parent_path() / "tidemark"; }

  void start_job_manager(const std::string& rpc, const std::string& rest) {
    const std::string log = folder_ / "jobmanager.log";
    const std::vector<std::string> words{command(), "jobmanager", "--dir", folder_ / "jobmanager", "--bind", rpc, "--rest", rest};
    job_manager_ = std::make_unique<Daemon>(words, log);
    wait_until("the JobManager", [&] { return job_manager_->output().contains("Ctrl-C"); });
    const std::string said = job_manager_->output();
    rpc_ = words_after(said, "TaskManagers at ", ",");
    rest_ = words_after(said, "http://", ",");
    if (rpc == rpc_) return;
    job_manager_ = nullptr;
    start_job_manager(rpc_, rest_);  // with ports that it will find again
  }

  void submit(std::uint64_t keys) {
    Daemon submission{{command(), "run", "-m", rest_, "-d", "-p", std::to_string(kWorkers), fs::read_symlink("/proc/self/exe"), "--keys",
                       std::to_string(keys), "--pulses", folder_ / "pulses", "--checkpoint-dir", folder_ / "state", "--checkpoint-interval", "1s", "-D",
                       "execution.checkpointing.incremental=true", "-D", "log.level=error", "-D", "restart-strategy.type=fixed-delay", "-D",
                       "restart-strategy.fixed-delay.attempts=1000", "-D", "restart-strategy.fixed-delay.delay=0ms"},
                      folder_ / "run.log"};
    wait_until("the submission", [&] { return submission.output().contains("JobID "); });
    job_ = words_after(submission.output(), "JobID ", " \n");
    wait_until("all keys", [&] { return pulses_.of(0) != 0; });
    await_checkpoint();
  }

  /// That holds all that has come before.
  void await_checkpoint() const {
    const std::int64_t now = completed();
    wait_until("a checkpoint", [&] { return completed() >= now + 2; });
  }

  std::string ask(const std::string& path) const {
    const auto answer = http_call(HttpPeer{.address = value_or_throw(parse_network_address(rest_))}, {.path = path});
    return answer ? answer->body : std::string{};
  }
  std::int64_t number_at(const std::string& path, const std::string& field) const {
    const std::string text = words_after(ask(path), '"' + field + "\":", ",}");
    std::int64_t number = -1;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  std::size_t free_slots() const { return static_cast<std::size_t>(number_at("/overview", "slots-available")); }
  std::int64_t completed() const { return number_at("/jobs/" + job_ + "/checkpoints", "completed"); }
  std::vector<pid_t> workers() const {
    std::vector<pid_t> all;
    for (const auto& task_manager : task_managers_) std::ranges::copy(task_manager->children(), std::back_inserter(all));
    return all;
  }
  Daemon* busy() const {
    return std::ranges::find_if(task_managers_, [](const auto& one) { return !one->children().empty(); })->get();
  }

  const fs::path folder_;
  Pulses pulses_;
  std::string rpc_;
  std::string rest_;
  std::string job_;
  std::unique_ptr<Daemon> job_manager_;
  std::vector<std::unique_ptr<Daemon>> task_managers_;
  Daemon* struck_ = nullptr;
};

void recoveries(bench::Report& report, const bench::Options& options, std::uint64_t keys) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-cluster-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  {
    Cluster cluster{folder, keys};
    const auto row = [&](const std::string& what, int rounds, std::optional<double> aim, const auto& disturbs, const auto& mends) {
      const std::string name = what + ", " + bench::many(keys) + " keys";
      if (!options.wants(name)) return;
      std::vector<double> ms;
      for (int round = 0; round < rounds; ++round) ms.push_back(cluster.recovery_ms(disturbs, mends));
      bench::Row result{.name = name, .unit = "ms", .engine = bench::median(ms), .aim = aim};
      result.more = {{"least", std::ranges::min(ms)}, {"most", std::ranges::max(ms)}};
      report.print(result);
    };
    const auto nothing = [](Cluster&) {};
    row("worker killed", options.rounds(5), kKilledAimMs, [](Cluster& c) { c.kill_worker(); }, nothing);
    row("TaskManager killed", options.rounds(5), kKilledAimMs, [](Cluster& c) { c.kill_task_manager(); }, [](Cluster& c) { c.start_task_manager(); });
    row("JobManager killed and started", options.rounds(5), std::nullopt, [](Cluster& c) { c.restart_job_manager(); }, nothing);
    row("TaskManager cut off", options.rounds(3), kCutOffAimMs, [](Cluster& c) { c.stop_task_manager(); }, [](Cluster& c) { c.replace_task_manager(); });
  }
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  const auto is_job = [](std::string_view word) { return word == "--pulses"; };
  if (std::any_of(argv, argv + argc, is_job)) return job(argc, argv);
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"cluster", options};
  recoveries(report, options, options.size(100'000, 10'000));
  if (!options.quick) recoveries(report, options, 1'000'000);
}
