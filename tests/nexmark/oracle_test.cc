#include "nexmark/oracle.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace nexmark {
namespace {

struct Known {
  std::string query;
  std::int64_t rows;
  std::string digest;
};

class OracleOf : public testing::TestWithParam<Known> {};

/// The answers of nexmark.md, which two independent programs computed.
TEST_P(OracleOf, AMillionEventsAnswersAsSpecified) {
  const TableDigest table = oracle(GetParam().query, Generator{{}}, 1'000'000);
  EXPECT_EQ(table.rows(), GetParam().rows);
  EXPECT_EQ(table.hex(), GetParam().digest);
}

INSTANTIATE_TEST_SUITE_P(Nexmark, OracleOf,
                         testing::Values(Known{"q0", 920'000, "3a9f3a4aa2fa5a3c"}, Known{"q1", 920'000, "ac39cc3fc4d4f0ea"},
                                         Known{"q2", 6931, "8139c69987d28889"}, Known{"q3", 5886, "591310829c2bda59"},
                                         Known{"q4", 5, "757b2fd873d124ab"}, Known{"q5", 9, "a244a4daddd47b4e"},
                                         Known{"q7", 144, "783b9d6d19caf510"}, Known{"q8", 10'445, "aaa5e48309464c47"},
                                         Known{"q9", 57'695, "1cd7a5113254ddae"}, Known{"q11", 19'928, "419b4bc1c3570acc"},
                                         Known{"q15", 1, "2bafc7d0218d5cc6"}, Known{"q16", 10'004, "79f1decb0d782fac"},
                                         Known{"q17", 59'967, "2ef93807975b94c8"}, Known{"q18", 291'795, "1981bef6079ff427"},
                                         Known{"q19", 440'713, "ce1f4c87139f4640"}, Known{"q20", 193'865, "c65594d9eea2fa9e"}),
                         [](const auto& info) { return info.param.query; });

TEST(Oracle, KnowsAllSixteenQueriesAndNoOther) {
  EXPECT_EQ(query_names().size(), 16u);
  EXPECT_THROW(oracle("q6", Generator{{}}, 10), std::invalid_argument);
}

}  // namespace
}  // namespace nexmark
