#include "config/parse_value.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

using namespace std::chrono_literals;

TEST(ParseValueTest, DurationsInEveryUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("10 s"), 10s);
  EXPECT_EQ(parse_duration("1min"), 1min);
  EXPECT_EQ(parse_duration("1 min"), 1min);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("2 H"), 2h);
  EXPECT_EQ(parse_duration("3 days"), 72h);
  EXPECT_EQ(parse_duration("0"), 0ms);
  EXPECT_EQ(parse_duration("36500d"), 24h * 36500);
}

TEST(ParseValueTest, WhatIsNoDuration) {
  for (const char* text : {"", " ", "10", "s", "-1s", "+1s", "1.5s", "10 parsecs", "10s ", " 10s", "10sx", "1h30min",
                           "36501d", "9223372036854775807s", "99999999999999999999ms"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ParseValueTest, FormattedDurationsParseBack) {
  for (const Duration duration :
       {Duration{0}, Duration{1}, Duration{1500}, Duration{10s}, Duration{90s}, Duration{10min}, Duration{48h}}) {
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2min");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
}

TEST(ParseValueTest, SizesInEveryUnit) {
  EXPECT_EQ(parse_bytes("0"), 0);
  EXPECT_EQ(parse_bytes("7b"), 7);
  EXPECT_EQ(parse_bytes("3k"), 3 * 1024);
  EXPECT_EQ(parse_bytes("512mb"), 512 << 20);
  EXPECT_EQ(parse_bytes("512MB"), 512 << 20);
  EXPECT_EQ(parse_bytes("512 Mb"), 512 << 20);
  EXPECT_EQ(parse_bytes("8 gb"), std::int64_t{8} << 30);
  EXPECT_EQ(parse_bytes("2t"), std::int64_t{2} << 40);
  for (const char* text : {"", "10", "mb", "-1mb", "1.5gb", "10mbit", "10mb ", "99999999tb"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
  EXPECT_EQ(format_bytes(0), "0");
  EXPECT_EQ(format_bytes(1536 << 20), "1536mb");
  EXPECT_EQ(format_bytes(1025), "1025b");
}

TEST(ParseValueTest, NumbersAndFlagsAreWhole) {
  EXPECT_EQ(parse_int64("-42"), -42);
  EXPECT_EQ(parse_int64("42x"), std::nullopt);
  EXPECT_EQ(parse_int64(""), std::nullopt);
  EXPECT_EQ(parse_int64("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_double("-1.5e3"), -1500.0);
  EXPECT_EQ(parse_double("nan"), std::nullopt);
  EXPECT_EQ(parse_double("inf"), std::nullopt);
  EXPECT_EQ(parse_double("1,5"), std::nullopt);
  EXPECT_EQ(parse_bool("true"), true);
  EXPECT_EQ(parse_bool("false"), false);
  EXPECT_EQ(parse_bool("1"), std::nullopt);
}

}  // namespace
}  // namespace tidemark
