#include "sim/seed_runner.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <vector>

#include "tidemark/error.h"

namespace tidemark {
namespace {

constexpr std::size_t kMostOfStderr = 4000;
constexpr int kPollMs = 500;

[[noreturn]] void fail_call(const char* call) {
  throw Error{ErrorCode::kIo, fmt::format("can't run the seeds in processes: {}: {}", call, std::strerror(errno))};
}

std::int64_t real_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

// What one child works on, for the parent to know when it dies.
struct Slot {
  std::atomic<std::uint64_t> seed{0};
  std::atomic<std::int64_t> since_s{0};  // 0: it works on nothing
};

// What parent and children share: the next seed, and a slot a job.
class SharedMemory {
 public:
  SharedMemory(std::uint64_t first, unsigned jobs) : bytes_{(jobs + 1) * sizeof(Slot)} {
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) fail_call("mmap");
    slots_ = new (memory_) Slot[jobs + 1];
    next_seed() = first;
  }
  ~SharedMemory() { munmap(memory_, bytes_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  std::atomic<std::uint64_t>& next_seed() { return slots_[0].seed; }
  Slot& slot(unsigned job) { return slots_[1 + job]; }

 private:
  std::size_t bytes_;
  void* memory_;
  Slot* slots_;
};

void write_all(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);  // the parent is gone
    at += written;
    size -= static_cast<std::size_t>(written);
  }
}

struct ResultHeader {
  std::uint64_t seed = 0;
  std::uint64_t size = 0;
};

[[noreturn]] void work(std::atomic<std::uint64_t>& next_seed, Slot& slot, std::uint64_t last, const RunSeed& run, int results) {
  while (true) {
    const std::uint64_t seed = next_seed.fetch_add(1);
    if (seed > last) break;
    slot.seed = seed;
    slot.since_s = real_seconds();
    const std::string wrong = run(seed);
    const ResultHeader header{seed, wrong.size()};
    write_all(results, &header, sizeof(header));
    write_all(results, wrong.data(), wrong.size());
    slot.since_s = 0;
  }
  _exit(0);
}

// A child, seen from the parent.
class Worker {
 public:
  Worker(SharedMemory& shared, unsigned job, std::uint64_t last, const RunSeed& run) : slot_{shared.slot(job)} {
    slot_.since_s = 0;
    int fds[2];
    if (pipe(fds) != 0) fail_call("pipe");
    errors_.reset(std::tmpfile());
    if (!errors_) fail_call("tmpfile");
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) fail_call("fork");
    if (pid_ == 0) {
      close(fds[0]);
      dup2(fileno(errors_.get()), STDERR_FILENO);
      work(shared.next_seed(), slot_, last, run, fds[1]);
    }
    close(fds[1]);
    results_ = fds[0];
  }
  ~Worker() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(results_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int results() const { return results_; }

  /// Reads what has come; false when the child has ended.
  bool read_results(std::vector<SeedResult>& to) {
    char buffer[1 << 16];
    const ssize_t got = read(results_, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    unread_.append(buffer, static_cast<std::size_t>(got));
    ResultHeader header;
    while (unread_.size() >= sizeof(header)) {
      std::memcpy(&header, unread_.data(), sizeof(header));
      if (unread_.size() < sizeof(header) + header.size) break;
      to.push_back({header.seed, unread_.substr(sizeof(header), header.size)});
      unread_.erase(0, sizeof(header) + header.size);
    }
    return true;
  }

  void kill_if_hung(unsigned watchdog_s) {
    const std::int64_t since_s = slot_.since_s;
    if (hung_ || since_s == 0 || real_seconds() - since_s <= watchdog_s) return;
    hung_ = true;
    watchdog_s_ = watchdog_s;
    kill(pid_, SIGKILL);
  }

  /// After the end: what was wrong with the seed that the child died of, if it died.
  std::optional<SeedResult> bury() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    if (slot_.since_s == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
    std::string how = hung_                 ? fmt::format("hangs: it did not end within {} s", watchdog_s_)
                      : WIFSIGNALED(status) ? fmt::format("died of signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)))
                                            : fmt::format("ended with exit status {}", WEXITSTATUS(status));
    if (const std::string said = said_last(); !said.empty()) how += ": " + said;
    return SeedResult{slot_.seed, std::move(how)};
  }

 private:
  std::string said_last() {
    std::fseek(errors_.get(), 0, SEEK_END);
    const long size = std::ftell(errors_.get());
    const long from = std::max<long>(0, size - static_cast<long>(kMostOfStderr));
    std::fseek(errors_.get(), from, SEEK_SET);
    std::string result(static_cast<std::size_t>(size - from), '\0');
    result.resize(std::fread(result.data(), 1, result.size(), errors_.get()));
    while (!result.empty() && result.back() == '\n') result.pop_back();
    return result;
  }

  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Slot& slot_;
  std::unique_ptr<std::FILE, CloseFile> errors_;  // the child's stderr
  pid_t pid_ = -1;
  int results_ = -1;
  std::string unread_;
  bool hung_ = false;
  unsigned watchdog_s_ = 0;
};

// Hands results on in the order of their seeds.
class InOrder {
 public:
  InOrder(std::uint64_t first, const OnSeed& on_seed) : next_{first}, on_seed_{on_seed} {}

  /// False: it is enough.
  bool add(SeedResult result) {
    const std::uint64_t seed = result.seed;
    if (seed < next_) return true;  // its child died after telling of it
    waiting_.emplace(seed, std::move(result));
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
      if (!on_seed_(waiting_.begin()->second)) return false;
      waiting_.erase(waiting_.begin());
      ++next_;
    }
    return true;
  }

 private:
  std::uint64_t next_;
  const OnSeed& on_seed_;
  std::map<std::uint64_t, SeedResult> waiting_;
};

}  // namespace

void run_seeds(const SeedRunnerOptions& options, const RunSeed& run, const OnSeed& on_seed) {
  SharedMemory shared{options.seeds.first, options.jobs};
  InOrder results{options.seeds.first, on_seed};
  std::vector<std::unique_ptr<Worker>> workers(options.jobs);
  const auto hire = [&](unsigned job) {
    workers[job] = std::make_unique<Worker>(shared, job, options.seeds.last, run);
  };
  for (unsigned job = 0; job < options.jobs; ++job) hire(job);

  std::size_t alive = options.jobs;
  while (alive > 0) {
    std::vector<pollfd> fds;
    for (const auto& worker : workers) fds.push_back({worker ? worker->results() : -1, POLLIN, 0});
    if (poll(fds.data(), fds.size(), kPollMs) < 0 && errno != EINTR) fail_call("poll");
    for (unsigned job = 0; job < options.jobs; ++job) {
      if (!workers[job]) continue;
      workers[job]->kill_if_hung(options.watchdog_s);
      if (fds[job].revents == 0) continue;
      std::vector<SeedResult> come;
      const bool lives = workers[job]->read_results(come);
      std::optional<SeedResult> died;
      if (!lives) {
        died = workers[job]->bury();
        workers[job].reset();
        --alive;
        if (died) {
          come.push_back(*died);
          hire(job);
          ++alive;
        }
      }
      for (SeedResult& result : come) {
        if (!results.add(std::move(result))) return;
      }
    }
  }
}

}  // namespace tidemark
