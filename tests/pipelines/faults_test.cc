// Faults of a job's code that the compiler can't see: run() refuses them, saying where they are and what to do.
#include <gmock/gmock.h>

#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Tick {
  std::int64_t n = 0;
  Timestamp at;
};
Tick tick(std::uint64_t n) { return {static_cast<std::int64_t>(n), Timestamp{static_cast<std::int64_t>(n)}}; }

Stream<Tick> ticks(Job& job) { return job.from(generate<Tick>(10, tick).event_time(&Tick::at)).uid("ticks"); }

struct Ending {
  int code;
  std::string out;
  std::string err;
};
Ending end_of(const Words& words, const Build& build) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = main_of(words, build);
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(BadArguments, AreReportedByRunWithTheirPlace) {
  const auto refused = [](const Build& build, const char* why) {
    EXPECT_THAT(failure_of({}, build), AllOf(HasSubstr("faults_test.cc:"), HasSubstr(why)));
  };
  refused([](Job& job) { job.from(read_files<Tick>("")).uid("r").to(discard()); }, "read_files() needs the path");
  refused([](Job& job) { job.from(read_files<Tick>("x").split_size(0)).uid("r").to(discard()); }, "at least 1 byte");
  refused([](Job& job) { job.from(read_files<Tick>("x").on_error(side_output(""))).uid("r").to(discard()); }, "needs a name");
  refused([](Job& job) { job.from(read_files<Tick>("x").format(as_csv({.delimiter = '"'}))).uid("r").to(discard()); }, "delimiter of CSV");
  refused([](Job& job) { job.from(read_files<Tick>("x").event_time(&Tick::at, out_of_order_by(-1s))).uid("r").to(discard()); }, "out_of_order_by()");
  refused([](Job& job) { job.from(read_files<Tick>("x").idle_after(0s)).uid("r").to(discard()); }, "idle_after()");
  refused([](Job& job) { ticks(job).to(write_files("", as_json())).uid("w"); }, "write_files() needs the path");
  refused([](Job& job) { ticks(job).to(write_files("x", as_json()).prefix("../y")).uid("w"); }, "the prefix '../y'");
  refused([](Job& job) { ticks(job).to(write_files("x", as_json()).roll_size(0)).uid("w"); }, "at least 1 byte");
  refused([](Job& job) { job.from(generate<Tick>(10, tick).rate(-1)).uid("g").to(discard()); }, "rate() takes");
  refused([](Job& job) { job.from(generate<Tick>(-1, tick)).uid("g").to(discard()); }, "the count is zero or more");
  refused([](Job& job) { job.from(generate<Tick>(1, tick).event_time(&Tick::at, out_of_order_by(-1s))).uid("g").to(discard()); }, "out_of_order_by()");
}

TEST(BadArguments, OfTheCommandLineStopNeitherHelpNorTheReport) {
  const Build build = [](Job& job) { job.from(read_files<Tick>(job.arg("input", "ticks/*.ndjson", "files to read"))).uid("r").to(discard()); };
  const Ending help = end_of({"--help", "--input", ""}, build);
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("files to read"));
  for (const Words& words : {Words{"--input", ""}, Words{"--plan", "--input", ""}}) {
    const Ending end = end_of(words, build);
    EXPECT_EQ(end.code, 1);
    EXPECT_THAT(end.err, HasSubstr("read_files() needs the path"));
    EXPECT_THAT(end.out, IsEmpty());
  }
}

TEST(Faults, AStreamThatNobodyReadsIsRefused) {
  EXPECT_THAT(failure_of({}, [](Job& job) { ticks(job).map(&Tick::n).name("numbers"); }),
              AllOf(HasSubstr("nobody reads operator 'numbers' (faults_test.cc:"), HasSubstr("discard()")));
  EXPECT_THAT(failure_of({},
                         [](Job& job) {
                           const auto all = ticks(job);
                           all.to(discard());
                           all.key_by(&Tick::n).window(tumbling(1s)).aggregate(count()).uid("counts");
                         }),
              HasSubstr("nobody reads operator 'window aggregate' (faults_test.cc:"));
  EXPECT_THAT(failure_of({}, [](Job& job) { ticks(job); }), HasSubstr("nobody reads operator"));
  EXPECT_EQ(failure_of({}, [](Job& job) { ticks(job).map(&Tick::n).to(discard()); }), "");
}

TEST(Faults, AnEmptyUidIsRefused) {
  EXPECT_THAT(failure_of({}, [](Job& job) { ticks(job).map(&Tick::n).uid("").to(discard()); }),
              AllOf(HasSubstr("operator 'map' (faults_test.cc:"), HasSubstr("uid(\"\")")));
  EXPECT_THAT(failure_of({}, [](Job& job) { ticks(job).uid("").to(discard()); }), HasSubstr("uid(\"\")"));
}

TEST(Faults, ASlideLongerThanTheWindowIsRefused) {
  const auto build = [](WindowAssigner windows) {
    return [windows](Job& job) { ticks(job).key_by(&Tick::n).window(windows).aggregate(count()).uid("counts").to(discard()); };
  };
  EXPECT_THAT(failure_of({}, build(sliding(1s, 10s))),
              AllOf(HasSubstr("faults_test.cc:"), HasSubstr("the slide, 10000 ms, is longer than the size, 1000 ms"), HasSubstr("swap them")));
  EXPECT_EQ(failure_of({}, build(sliding(10s, 1s))), "");
}

TEST(Summary, SpeaksOfCheckpointsOnlyWhereTheyAreKept) {
  const Ending without = end_of({}, [](Job& job) { ticks(job).to(discard()); });
  EXPECT_EQ(without.code, 0);
  EXPECT_THAT(without.err, AllOf(HasSubstr("finished after"), Not(HasSubstr("checkpoint"))));
  const TemporaryFolder folder;
  const Ending with = end_of({"--checkpoint-dir", folder / "state"}, [](Job& job) { ticks(job).to(discard()); });
  EXPECT_THAT(with.err, HasSubstr("1 checkpoint"));
}

TEST(Summary, AFailureAdvisesToResumeOnlyWhereThereIsACheckpoint) {
  const Build build = [](Job& job) {
    ticks(job)
        .map([](const Tick& each) -> std::int64_t {
          if (each.n == 5) throw std::runtime_error{"five"};
          return each.n;
        })
        .to(discard());
  };
  const Ending without = end_of({}, build);
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.err, AllOf(HasSubstr("five"), Not(HasSubstr("--resume")), Not(HasSubstr("checkpoint"))));
}

}  // namespace
}  // namespace tidemark
