// The code of docs/sources.md and docs/sinks.md, word for word but for the blanks at the beginning of lines, run with failures.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "disturbance.h"
#include "page_code.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Reading {
  std::int64_t sensor = 0;
  std::int64_t value = 0;
  Timestamp at;
};

struct Log {  // a split
  std::string path;
};
struct Place {  // how far it was read
  std::int64_t byte = 0;
};

class SensorLogs : public Source<Reading, Log, Place> {
 public:
  explicit SensorLogs(std::string folder) : folder_{std::move(folder)} {}
  std::string name() const override { return "read sensor logs"; }

  std::vector<Log> find_splits() override {
    std::vector<Log> logs;
    for (const auto& entry : std::filesystem::directory_iterator{folder_}) logs.push_back({entry.path().string()});
    return logs;
  }

  void open(const Log& log, const Place& from) override {
    file_.open(log.path, std::ios::binary);
    if (!file_.seekg(from.byte)) throw std::runtime_error{"can't read " + log.path};
  }

  ReadOutcome read(Place& place, SourceOut<Reading>& out) override {
    std::string line;
    while (!out.full() && std::getline(file_, line)) {
      place.byte += static_cast<std::int64_t>(line.size()) + 1;
      std::int64_t sensor = 0, value = 0, ms = 0;
      if (!(std::istringstream{line} >> sensor >> value >> ms)) throw std::runtime_error{"no reading: " + line};
      out.emit({sensor, value, Timestamp{ms}});
    }
    return out.full() ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  std::string folder_;
  std::ifstream file_;
};

class LatestValues : public Sink<Reading> {
 public:
  explicit LatestValues(std::string folder) : folder_{std::move(folder)} {}
  std::string name() const override { return "write the latest values"; }

  void write(const Reading& reading, Timestamp) override { latest_[reading.sensor] = reading.value; }

  void flush() override {
    for (const auto& [sensor, value] : latest_) {
      std::ofstream file{folder_ + "/" + std::to_string(sensor)};
      if (!(file << value << std::flush)) throw std::runtime_error{"can't write to " + folder_};
    }
    latest_.clear();
  }

 private:
  std::string folder_;
  std::map<std::int64_t, std::int64_t> latest_;
};

struct Draft {  // the committable
  std::string name;
};

class Reports : public TwoPhaseSink<Reading, Draft> {
 public:
  explicit Reports(std::string folder) : folder_{std::move(folder)} {}
  std::string name() const override { return "write reports"; }

  void begin(const std::string& transaction) override {
    name_ = transaction;
    file_ = std::fopen(hidden(name_).c_str(), "w");
    if (file_ == nullptr) throw std::runtime_error{"can't write to " + folder_};
  }
  void write(const Reading& reading, Timestamp) override {
    std::fprintf(file_, "%lld %lld\n", static_cast<long long>(reading.sensor), static_cast<long long>(reading.value));
  }
  Draft pre_commit() override {
    const bool failed = std::ferror(file_) != 0 || std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0;
    if (std::fclose(file_) != 0 || failed) throw std::runtime_error{"can't write to " + folder_};
    sync_folder();
    return {name_};
  }

  void commit(const Draft& draft) override {
    if (std::filesystem::exists(hidden(draft.name))) {
      std::filesystem::rename(hidden(draft.name), folder_ + "/" + draft.name);
    } else if (!std::filesystem::exists(folder_ + "/" + draft.name)) {
      throw Error{ErrorCode::kDataLoss, draft.name + " is neither prepared nor committed"};
    }
    sync_folder();  // also if the name was there: maybe a crash came before
  }
  void abort_leftovers(const SinkContext& context) override {
    for (const auto& entry : std::filesystem::directory_iterator{folder_}) {
      if (entry.path().filename().string().starts_with("." + context.transaction_prefix)) std::filesystem::remove(entry.path());
    }
  }

 private:
  void sync_folder() const {
    const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY);
    const bool failed = folder < 0 || ::fsync(folder) != 0;
    if (folder >= 0) ::close(folder);
    if (failed) throw std::runtime_error{"can't sync " + folder_};
  }
  std::string hidden(const std::string& name) const { return folder_ + "/." + name; }
  std::string folder_;
  std::string name_;
  std::FILE* file_ = nullptr;
};

struct Bid {
  std::int64_t auction = 0;
  Timestamp at;
};
struct Tick {
  Timestamp at;
};

class SourcesAndSinks : public ::testing::Test {
 protected:
  static constexpr int kLogs = 5;
  static constexpr int kReadings = 24'000;  // a log

  void SetUp() override {
    for (const char* name : {"logs", "values", "reports"}) std::filesystem::create_directory(folder_ / name);
    for (int log = 0; log < kLogs; ++log) {
      std::ofstream file{folder_ / "logs/" + std::to_string(log)};
      for (int i = 0; i < kReadings; ++i) {
        file << log << " " << i << " " << i << "\n";
        expected_.push_back(std::to_string(log) + " " + std::to_string(i));
      }
    }
    std::ranges::sort(expected_);
  }

  template <class F>
  void build(Job& job, F disturbance) const {
    const std::string logs = folder_ / "logs", values = folder_ / "values", reports = folder_ / "reports";
    const auto in = [&] {
const auto readings = job.from(own_source<SensorLogs>(logs).event_time(&Reading::at, out_of_order_by(2s))).uid("readings");
      return readings;
    }();
    const auto readings = in.map(disturbance);
readings.to(own_sink<Reports>(reports)).uid("reports");
readings.to(own_sink<LatestValues>(values)).parallelism(1);
  }
  Words words(int parallelism, Words more = {}) const {
    Words all{"--parallelism", std::to_string(parallelism), "--checkpoint-dir", folder_ / "state", "--checkpoint-interval", "10ms"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// The committed lines of the reports, sorted.
  std::vector<std::string> reported() const {
    std::vector<std::string> lines;
    for (const auto& entry : std::filesystem::directory_iterator{folder_ / "reports"}) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << "a leftover: " << entry.path();
      std::ifstream file{entry.path()};
      for (std::string line; std::getline(file, line);) lines.push_back(line);
    }
    std::ranges::sort(lines);
    return lines;
  }
  void expect_everything_once() const {
    EXPECT_TRUE(reported() == expected_);
    for (int log = 0; log < kLogs; ++log) EXPECT_EQ(slurp(folder_ / "values/" + std::to_string(log)), std::to_string(kReadings - 1));
  }

  TemporaryFolder folder_;
  std::vector<std::string> expected_;
};

TEST_F(SourcesAndSinks, WithoutCheckpointsAllIsThereAtTheEnd) {
  run_job({"--parallelism", "2"}, [&](Job& job) { build(job, [](const Reading& reading) { return reading; }); });
  expect_everything_once();
}

TEST_F(SourcesAndSinks, ARunThatResumesAfterAFailureAtAnotherParallelismWritesEachRowOnce) {
  const FailOnce<Reading> disturbance{folder_ / "state", kReadings / 2};
  const Build job_of = [&](Job& job) { build(job, disturbance); };
  EXPECT_THAT(failure_of(words(2, {"-D", "restart-strategy.type=none"}), job_of), HasSubstr("once"));
  run_job(words(3, {"--resume"}), job_of);
  expect_everything_once();
}

TEST_F(SourcesAndSinks, ARestartInTheProcessWritesEachRowOnce) {
  const FailOnce<Reading> disturbance{folder_ / "state", kReadings / 2};
  run_job(words(2, {"-D", "restart-strategy.type=fixed-delay", "-D", "restart-strategy.fixed-delay.delay=0"}),
          [&](Job& job) { build(job, disturbance); });
  EXPECT_TRUE(disturbance.has_failed());
  expect_everything_once();
}

/// The other snippets: that they can be built is all that is asked.
void build_the_rest(Job& job) {
  const auto tick = [](std::uint64_t n) { return Tick{Timestamp{static_cast<std::int64_t>(n)}}; };
const auto bids = job.from(read_files<Bid>("bids/*.ndjson").event_time(&Bid::at, out_of_order_by(2s))).uid("bids");
const auto ticks = job.from(generate<Tick>(1000, tick).event_time(&Tick::at).rate(200)).uid("ticks");
const auto arriving = job.from(read_files<Bid>("inbox/*.ndjson.gz").event_time(&Bid::at, out_of_order_by(1min)).watch(10s)).uid("arriving");
const AlignmentGroup clocks{10s};
const auto sales = job.from(read_files<Bid>("sales/*").event_time(&Bid::at).align(clocks)).uid("sales");
const auto offers = job.from(read_files<Bid>("offers/*").event_time(&Bid::at).align(clocks)).uid("offers");
const auto all = job.from(hybrid(read_files<Bid>("archive/*").event_time(&Bid::at),
                                 read_files<Bid>("inbox/*").event_time(&Bid::at, out_of_order_by(2s)).watch(10s))).uid("all");
  for (const auto& stream : {bids, arriving, sales, offers, all}) stream.to(discard());
  ticks.to(discard());
}

TEST(SourcesAndSinksPage, TheRestOfItCanBePlanned) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(main_of({"--plan"}, build_the_rest), 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("read files, then read files"));
}

TEST(SourcesAndSinksPage, ItsCodeIsThatOfThisTest) {
  const std::string code = without_margins(slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/sources_and_sinks_page_test.cc"));
  for (const char* page : {"sources", "sinks"}) {
    const auto snippets = blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/" + std::string{page} + ".md"), "cpp");
    EXPECT_GE(snippets.size(), 4u);
    for (const std::string& snippet : snippets) EXPECT_THAT(code, HasSubstr(without_margins(snippet)));
  }
}

}  // namespace
}  // namespace tidemark
