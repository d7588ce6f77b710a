// The loops by hand that the engine is measured against give the oracle's answers, also of events that the benchmark doesn't
// have: with pauses that end sessions, and of more than a day.
#include <gtest/gtest.h>

#include <ostream>
#include <string_view>
#include <vector>

#include "bench/bare/queries.h"
#include "nexmark/oracle.h"

namespace bench::bare {
namespace {

struct Case {
  std::string_view query;
  std::uint64_t events;
  std::uint64_t events_per_second;
};

void PrintTo(const Case& of, std::ostream* out) {
  *out << of.query << " of " << of.events << " events, " << of.events_per_second << " a second";
}

class LoopOf : public testing::TestWithParam<Case> {
 protected:
  Input input() const {
    return {nexmark::Generator{{.seed = 3, .events_per_second = GetParam().events_per_second}}, GetParam().events};
  }
  const Query& loop() const { return *find_query(GetParam().query); }
};

TEST_P(LoopOf, AnswersAsTheOracle) {
  const nexmark::TableDigest expected = nexmark::oracle(GetParam().query, input().generator, input().events);
  const Table table = loop().digest(input());
  EXPECT_EQ(table.rows, expected.rows());
  EXPECT_EQ(table.sum, expected.value());
}

TEST_P(LoopOf, HasAsManyLightRows) { EXPECT_EQ(loop().light(input()).rows, loop().digest(input()).rows); }

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string_view query : nexmark::query_names()) {
    cases.push_back({query, 20'017, 200});  // a minute and a half, and a last block that is not full
    cases.push_back({query, 100'000, 1});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Nexmark, LoopOf, testing::ValuesIn(all_cases()));

}  // namespace
}  // namespace bench::bare
