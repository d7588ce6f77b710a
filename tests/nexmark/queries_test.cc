// Every query's answer is the oracle's: at other parallelisms, with events out of order, with checkpoints all along, and however
// its rows come.
#include "nexmark/queries.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "nexmark/oracle.h"

namespace nexmark {
namespace {

using namespace std::chrono_literals;

struct Way {
  std::string_view query;
  std::uint32_t parallelism = 1;
  std::uint64_t jitter_ms = 0;
  bool in_periods = false;
};
constexpr std::uint64_t kEvents = 20'000;
// Two minutes of event time, so that windows of ten seconds come and go.
constexpr std::uint64_t kEventsPerSecond = 200;

void PrintTo(const Way& way, std::ostream* out) {
  *out << way.query << " at parallelism " << way.parallelism << " with jitter " << way.jitter_ms << (way.in_periods ? " in periods" : " at the end");
}

class QueryOf : public testing::TestWithParam<Way> {};

TEST_P(QueryOf, AnswersAsTheOracle) {
  const Way& way = GetParam();
  const Generator generator{{.seed = 3, .events_per_second = kEventsPerSecond, .jitter_ms = way.jitter_ms}};
  std::string folder = (std::filesystem::temp_directory_path() / "tidemark-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string parallelism = std::to_string(way.parallelism);
  const char* const arguments[] = {"nexmark", "--parallelism", parallelism.c_str(), "--checkpoint-dir", folder.c_str(), "--checkpoint-interval", "10ms"};
  tidemark::Job job{"nexmark", static_cast<int>(std::size(arguments)), arguments};
  const auto parts = tidemark::collect<DigestPart>();
  const Query build = find_query(way.query);
  ASSERT_NE(build, nullptr);
  total(build({job, generator, kEvents, false, way.in_periods ? tidemark::every(5ms) : tidemark::at_end()})).to(parts).uid("parts");
  job.run_or_throw();
  std::filesystem::remove_all(folder);

  DigestPart digest;
  for (const DigestPart& part : parts.get()) {
    digest.rows += part.rows;
    digest.sum += part.sum;
  }
  const TableDigest expected = oracle(way.query, generator, kEvents);
  EXPECT_EQ(digest.rows, expected.rows());
  EXPECT_EQ(digest.sum, expected.value());
}

std::vector<Way> all_ways() {
  std::vector<Way> ways;
  for (const std::string_view query : query_names()) {
    for (const std::uint32_t parallelism : {1u, 2u, 3u}) {
      for (const std::uint64_t jitter : {std::uint64_t{0}, std::uint64_t{3000}}) {
        ways.push_back({query, parallelism, jitter, false});
      }
      ways.push_back({query, parallelism, 3000, true});
    }
  }
  return ways;
}

INSTANTIATE_TEST_SUITE_P(Nexmark, QueryOf, testing::ValuesIn(all_ways()), [](const auto& info) {
  const Way& way = info.param;
  return std::string{way.query} + "At" + std::to_string(way.parallelism) + (way.jitter_ms > 0 ? "Jittered" : "") + (way.in_periods ? "InPeriods" : "");
});

}  // namespace
}  // namespace nexmark
