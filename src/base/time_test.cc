#include "tidemark/time.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(TimestampText, IsADateWhereThereIsOneAndElseMilliseconds) {
  EXPECT_EQ(to_string(Timestamp{}), "1970-01-01 00:00:00.000");
  EXPECT_EQ(to_string(Timestamp{1'436'918'582'120}), "2015-07-15 00:03:02.120");
  EXPECT_EQ(to_string(Timestamp{-1}), "1969-12-31 23:59:59.999");
  EXPECT_EQ(to_string(Timestamp::min()), "-infinity");
  EXPECT_EQ(to_string(Timestamp::max()), "+infinity");
  EXPECT_EQ(to_string(Timestamp::min() + Duration{1}), "-9223372036854775807 ms from 1970");
  EXPECT_EQ(to_string(Timestamp::max() - Duration{1}), "9223372036854775806 ms from 1970");
  EXPECT_EQ(to_string(Timestamp{-(std::int64_t{1} << 62)}), "-4611686018427387904 ms from 1970");
  EXPECT_EQ(to_string(Timestamp{10'000'000'000'000'000}), "10000000000000000 ms from 1970");
}

}  // namespace
}  // namespace tidemark
