// Workers as their processes have them: threads of their own for tasks, messages and sockets, files on a disk, and connections over
// 127.0.0.1. Whatever breaks between them, all rows together are those of one process.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "env/asio_transport.h"
#include "env/posix_env.h"
#include "env/posix_file_system.h"
#include "halved_job.h"
#include "in_memory_workers.h"
#include "run_job.h"
#include "socket_relay.h"
#include "worker/threaded_execution.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kEvents = 20'000;
constexpr std::int64_t kPerKey = 100;
constexpr std::uint32_t kWorkers = 3;
constexpr std::uint32_t kParallelism = 4;
constexpr auto kPatience = 100s;
constexpr ConnectionOptions kQuiet{.silence_ms = 100'000};  // nothing ends a connection but who is to

struct Event {
  std::int64_t number = 0;
  std::int64_t key = 0;
  std::string_view text;
};
struct Total {
  std::int64_t key = 0;
  std::int64_t sum = 0;
  std::string texts;
};
struct Seen {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  std::int64_t text_bytes = 0;
};

Event event(std::uint64_t n) {
  static const std::string letters(100, 'x');
  const auto number = static_cast<std::int64_t>(n);
  return {number, number % (kEvents / kPerKey), std::string_view{letters}.substr(0, n % 100)};
}

/// Speaks when it has seen all events of a key; one that comes twice makes it speak again.
class Totals : public KeyedProcess<std::int64_t, Event, Total> {
  ValueState<Seen> seen_;

 public:
  explicit Totals(Declare& d) : seen_{d, "seen"} {}
  void process(const Event& event, Context&, Out<Total>& out) override {
    Seen all;
    seen_.mutate([&](Seen& seen) {
      ++seen.count;
      seen.sum += event.number;
      seen.text_bytes += static_cast<std::int64_t>(event.text.size());
      all = seen;
    });
    if (all.count >= kPerKey) out.emit({event.key, all.sum, std::to_string(all.text_bytes) + " in " + std::to_string(all.count)});
  }
};

/// `per_second`: so that it lasts.
void build(Job& job, const std::string& folder, double per_second) {
  const auto events = job.from(generate<Event>(kEvents, event).rate(per_second)).uid("events");
  events.key_by(&Event::key).process<Totals>().uid("totals").rebalance().to(write_files(folder + "/totals", as_json())).uid("write-totals");
  events.rebalance().to(write_files(folder + "/events", as_json())).uid("write-events");
}

std::vector<std::string> rows_in(const std::string& folder) {
  std::vector<std::string> rows;
  append_rows(posix_file_system(), folder + "/totals", rows);
  append_rows(posix_file_system(), folder + "/events", rows);
  std::ranges::sort(rows);
  return rows;
}

using MakeProgram = std::function<std::unique_ptr<InMemoryProgram>()>;

/// A worker's process but for its memory: where one attempt's server is done, it waits for the next one's master.
class WorkerProcess {
 public:
  WorkerProcess(const std::string& name, const MakeProgram& make_program)
      : program_{make_program()}, transport_{make_asio_transport({.name = name, .library = "test"})} {
    data_ = value_or_throw(transport_->listen("127.0.0.1:0", {.connection = kQuiet}, mailbox_, {.on_connection = [this](std::unique_ptr<Connection> connection) {
                                                if (server_ != nullptr) server_->accept(std::move(connection));
                                              }}));
    control_ = value_or_throw(transport_->listen("127.0.0.1:0", {.connection = kQuiet}, mailbox_, {.on_connection = [this](std::unique_ptr<Connection> master) {
                                                   server_ = std::make_unique<WorkerServer>(std::move(master), *posix_.env().clock, *transport_, kQuiet,
                                                                                            maker());
                                                   server_->say_ready({});
                                                 }}));
    thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
  }
  ~WorkerProcess() {
    thread_.request_stop();
    thread_.join();
  }
  const std::string& data_address() const { return data_->address(); }
  const std::string& control_address() const { return control_->address(); }

 private:
  LocalWorker::MakeExecution maker() {
    return [this](TaskShare share, ExecutionListener& listener) {
      return std::make_unique<ThreadedExecution>(posix_.env(), CheckpointMode::kExactlyOnce, program_->plan, program_->factories, listener, 2,
                                                 [](auto run) { return std::jthread{std::move(run)}; }, [] {}, std::move(share));
    };
  }
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested() || server_ != nullptr) {
      if (step()) continue;
      EventCount& wakeup = server_ != nullptr ? server_->wakeup() : wakeup_;
      wakeup.park([&] { return mailbox_.has_mail() || (server_ != nullptr && server_->has_work()); }, 1ms);
    }
    control_.reset();
    data_.reset();
  }
  bool step() {
    if (mailbox_.run_all()) return true;
    if (server_ == nullptr) return false;
    const Progress progress = server_->step();
    if (progress == Progress::kDone) server_.reset();
    return progress != Progress::kBlocked;
  }

  PosixEnv posix_{2};
  std::unique_ptr<InMemoryProgram> program_;
  EventCount wakeup_;
  Mailbox mailbox_{&wakeup_};
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Listener> data_;
  std::unique_ptr<Listener> control_;
  std::unique_ptr<WorkerServer> server_;
  std::jthread thread_;
};

std::uint16_t port_of(const std::string& address) { return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))); }

/// The job's master on the test's thread, and workers whose data goes through relays.
class Cluster final : private ExecutionFactory {
 public:
  Cluster(const MakeProgram& make_program, const std::string& checkpoints) : program_{make_program()} {
    for (std::uint32_t i = 0; i < kWorkers; ++i) {
      workers_.push_back(std::make_unique<WorkerProcess>("worker-" + std::to_string(i), make_program));
      relays_.push_back(std::make_unique<SocketRelay>(port_of(workers_.back()->data_address())));
      places_.data_addresses.push_back("127.0.0.1:" + std::to_string(relays_.back()->port()));
    }
    for (std::uint32_t slot = 0; slot < kParallelism; ++slot) places_.worker_of_slot.push_back(slot % kWorkers);
    JobMasterOptions options;
    options.checkpoints.interval_ns = 50'000'000;
    options.restart = FixedDelayRestart{.attempts = 5, .delay_ns = 10'000'000};
    master_ = std::make_unique<JobMaster>(posix_.env(), program_->plan,
                                          value_or_throw(CheckpointStore::open(posix_file_system(), checkpoints, "job", {Resume::Kind::kLatest, {}})),
                                          static_cast<ExecutionFactory&>(*this), options, wakeup_);
  }
  ~Cluster() {
    if (!is_over_) master_->request_cancel();
    run_until([] { return false; });
  }

  JobMaster& master() { return *master_; }
  /// Breaks the connections to that worker that others have made; true if there were any.
  bool cut(std::uint32_t worker) { return relays_[worker]->cut(); }

  /// Until `holds` or the job is over; false if that.
  bool run_until(const std::function<bool()>& holds) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!is_over_ && !holds()) {
      TIDEMARK_CHECK(std::chrono::steady_clock::now() < give_up, "a job of seconds ends in minutes");
      if (mailbox_.run_all()) continue;
      const Progress progress = master_->step();
      is_over_ = progress == Progress::kDone;
      if (progress == Progress::kBlocked) sleep();
    }
    return !is_over_;
  }
  const JobOutcome& run() {
    run_until([] { return false; });
    return master_->outcome();
  }

 private:
  std::unique_ptr<Execution> make(ExecutionListener& listener) override {
    return std::make_unique<ClusterExecution>(
        places_, [this](std::uint32_t worker, WorkerListener& told) { return std::make_unique<RemoteWorker>(dial(worker), 1, told); }, listener);
  }
  // As its TaskManager would have started it.
  std::unique_ptr<MessageLine> dial(std::uint32_t worker) {
    std::unique_ptr<MessageLine> line;
    bool is_ready = false;
    const auto attempt = transport_->connect(workers_[worker]->control_address(), kQuiet, mailbox_, [&](auto connected) {
      line = std::make_unique<MessageLine>(std::move(connected.value()), words_of_job_managers(), words_to_job_managers(), mailbox_,
                                           MessageLine::Callbacks{.on_message =
                                                                      [&](const IncomingMessage& message) -> Result<> {
                                                                        is_ready = message.kind() == MessageKind::kWorkerReady;
                                                                        return {};
                                                                      },
                                                                  .on_closed = [](const Closed&) {}});
    });
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!is_ready) {
      TIDEMARK_CHECK(std::chrono::steady_clock::now() < give_up, "a worker that runs says that it is ready");
      if (!mailbox_.run_all()) sleep();
    }
    return line;
  }
  void sleep() {
    wakeup_->park([this] { return mailbox_.has_mail() || (master_ != nullptr && master_->has_mail()); }, 5ms);
  }

  PosixEnv posix_{2};
  std::unique_ptr<InMemoryProgram> program_;
  std::vector<std::unique_ptr<WorkerProcess>> workers_;
  std::vector<std::unique_ptr<SocketRelay>> relays_;
  WorkerPlaces places_;
  std::shared_ptr<EventCount> wakeup_ = std::make_shared<EventCount>();
  Mailbox mailbox_{wakeup_.get()};
  std::unique_ptr<Transport> transport_ = make_asio_transport({.name = "master", .library = "test"});
  bool is_over_ = false;
  std::unique_ptr<JobMaster> master_;
};

class WorkerThreads : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
  }
  static void TearDownTestSuite() { set_log_sink({}); }

  MakeProgram program(double per_second) const {
    return [folder = folder_ / "out", per_second] {
      return std::make_unique<InMemoryProgram>([&](Job& job) { build(job, folder, per_second); }, "job", kParallelism, 16);
    };
  }
  void expect_all_rows(const JobOutcome& outcome) {
    ASSERT_EQ(outcome.state, JobState::kFinished) << (outcome.error ? outcome.error->message() : "");
    run_job({}, [&](Job& job) { build(job, folder_ / "alone", 1e9); });
    const std::vector<std::string> expected = rows_in(folder_ / "alone");
    const std::vector<std::string> rows = rows_in(folder_ / "out");
    EXPECT_EQ(expected.size(), static_cast<std::size_t>(kEvents + kEvents / kPerKey));
    EXPECT_EQ(difference(rows, expected), "");
    EXPECT_EQ(rows.size(), expected.size());
  }

  TemporaryFolder folder_;
};

TEST_F(WorkerThreads, GiveTheRowsOfOneProcess) {
  Cluster cluster{program(1e9), folder_ / "state"};
  expect_all_rows(cluster.run());
  EXPECT_EQ(cluster.master().status().restarts, 0u);
}

TEST_F(WorkerThreads, AConnectionThatBreaksCostsARestartAndNoRow) {
  Cluster cluster{program(kEvents / 8.0), folder_ / "state"};
  ASSERT_TRUE(cluster.run_until([&] { return cluster.master().checkpoint_stats().completed >= 2; }));
  ASSERT_TRUE(cluster.cut(2));
  const JobOutcome& outcome = cluster.run();
  EXPECT_EQ(outcome.restarts, 1u);
  expect_all_rows(outcome);
}

TEST_F(WorkerThreads, AJobThatIsCancelledEnds) {
  Cluster cluster{program(kEvents / 100.0), folder_ / "state"};
  ASSERT_TRUE(cluster.run_until([&] { return cluster.master().checkpoint_stats().completed >= 1; }));
  cluster.master().request_cancel();
  EXPECT_EQ(cluster.run().state, JobState::kCancelled);
}

}  // namespace
}  // namespace tidemark
