#include "codec/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "codec/test_records.h"

namespace tidemark {
namespace {

using detail::is_default_of;
using detail::schema_json_of;
using detail::type_of;

struct Owned {
  std::string owner;
  std::int64_t late = 0;
  bool open = false;
  static constexpr auto state_schema = schema(alias("owner", "owner_name"), alias("owner", "o\"1"),
                                              default_of("late", -1), default_of("owner", "nobody"));
};

// Schemas stand in snapshots: these texts may never change.
TEST(Schema, CanonicalJsonIsGolden) {
  EXPECT_EQ(schema_json_of<std::int64_t>(), R"("int64")");
  EXPECT_EQ(schema_json_of<std::string>(), R"("string")");
  EXPECT_EQ(
      schema_json_of<test::Bid>(),
      R"({"struct":[{"name":"auction","type":"int64"},{"name":"bidder","type":"int64"},)"
      R"({"name":"price","type":"int64"},{"name":"url","type":"string"},{"name":"date_time","type":"timestamp"}]})");
  EXPECT_EQ(schema_json_of<Owned>(),
            R"({"struct":[{"name":"owner","type":"string","aliases":["owner_name","o\"1"],"default":"nobody"},)"
            R"({"name":"late","type":"int64","default":-1},{"name":"open","type":"bool"}]})");
  EXPECT_EQ(schema_json_of<test::Color>(), R"({"enum":"uint8","names":{"red":1,"green":2,"blue":7}})");
  EXPECT_EQ(schema_json_of<test::Plain>(), R"({"enum":"int16"})");
  EXPECT_EQ((schema_json_of<std::variant<std::monostate, double>>()),
            R"({"variant":[{"name":"0","type":{"struct":[]}},{"name":"1","type":"float64"}]})");
  EXPECT_EQ((schema_json_of<std::map<std::string, std::vector<std::optional<float>>>>()),
            R"({"map":["string",{"list":{"optional":"float32"}}]})");
  EXPECT_EQ((schema_json_of<std::array<std::uint8_t, 16>>()), R"({"array":"uint8","size":16})");
  EXPECT_EQ(schema_json_of<std::chrono::sys_time<std::chrono::nanoseconds>>(), R"j("time(1/1000000000)")j");
  EXPECT_EQ(schema_json_of<std::chrono::minutes>(), R"j("duration(60/1)")j");
  EXPECT_EQ(schema_json_of<std::chrono::sys_days>(), R"("date")");
  EXPECT_EQ(schema_json_of<std::vector<std::byte>>(), R"("bytes")");
}

TEST(Schema, FingerprintIsGolden) {
  EXPECT_EQ(schema_fingerprint(type_of<std::int64_t>()), 0xbee4c19e0ea742a2u);
  EXPECT_EQ(schema_fingerprint(type_of<test::Bid>()), 0x358f06e10eb081bcu);
}

TEST(Schema, TextAndViewsAreOneType) {
  EXPECT_EQ(type_of<std::string>(), type_of<std::string_view>());
  EXPECT_EQ(type_of<std::chrono::sys_days>(), type_of<std::chrono::year_month_day>());
}

TEST(Schema, ParsesWhatItWrites) {
  for (const Type& type :
       {type_of<test::Everything>(), type_of<Owned>(), type_of<std::variant<std::monostate, double>>(),
        type_of<std::chrono::minutes>(), type_of<test::Bid>()}) {
    const auto parsed = parse_schema(schema_json(type));
    ASSERT_TRUE(parsed) << parsed.error().what();
    EXPECT_EQ(*parsed, type);
    EXPECT_EQ(schema_fingerprint(*parsed), schema_fingerprint(type));
  }
}

struct WithDefaults {
  double large = 0;
  double zero = 0;
  float small = 0;
  std::string brackets;
  static constexpr auto state_schema = schema(default_of("large", 1e5), default_of("zero", -0.0),
                                              default_of("small", 1e-7f), default_of("brackets", "[{"));
};

TEST(Schema, DefaultsKeepTheirText) {
  const Type type = type_of<WithDefaults>();
  const auto parsed = parse_schema(schema_json(type));
  ASSERT_TRUE(parsed) << parsed.error().what();
  EXPECT_EQ(*parsed, type);
  EXPECT_EQ(type.fields[0].default_json, "1e+05");
  EXPECT_EQ(type.fields[1].default_json, "0");
  EXPECT_EQ(type.fields[2].default_json, "1e-07");
}

// They would be no JSON.
static_assert(!is_default_of<double>(std::numeric_limits<double>::infinity()));
static_assert(!is_default_of<double>(-std::numeric_limits<double>::infinity()));
static_assert(!is_default_of<double>(std::numeric_limits<double>::quiet_NaN()));
static_assert(!is_default_of<std::optional<float>>(std::numeric_limits<float>::quiet_NaN()));
static_assert(!is_default_of<float>(1e300) && is_default_of<double>(1e300));
static_assert(is_default_of<float>(std::numeric_limits<float>::max()) && is_default_of<double>(0.0f) && is_default_of<float>(7));

TEST(Schema, RefusesWhatIsNoSchema) {
  for (const std::string_view json : {"",
                                      "nul",
                                      "null",
                                      "7",
                                      "[]",
                                      "{}",
                                      R"("int65")",
                                      R"("struct")",
                                      R"("time")",
                                      R"j("time(1/0)")j",
                                      R"j("time(1)")j",
                                      R"j("time(x/y)")j",
                                      R"j("int64(1/2)")j",
                                      R"({"struct":7})",
                                      R"({"struct":[7]})",
                                      R"({"struct":[{"name":"a"}]})",
                                      R"({"struct":[{"name":"a","type":"int64","color":1}]})",
                                      R"({"struct":[{"name":7,"type":"int64"}]})",
                                      R"({"enum":"string"})",
                                      R"({"enum":"int8","names":{"a":"b"}})",
                                      R"({"map":["int64"]})",
                                      R"({"array":"int8"})",
                                      R"({"array":"int8","size":-1})",
                                      R"({"list":null})",
                                      R"j("time(1/1000)x")j",
                                      "\"\xff\""}) {
    const auto parsed = parse_schema(json);
    ASSERT_FALSE(parsed) << json;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kDataLoss) << json;
  }
}

TEST(Schema, RefusesEndlessNesting) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"list":)";
  EXPECT_FALSE(parse_schema(deep));
  std::string closed = "\"int8\"";
  for (int i = 0; i < 70; ++i) closed = R"({"list":)" + closed + "}";
  EXPECT_FALSE(parse_schema(closed));
}

TEST(Schema, BracketsInTextsDoNotNest) {
  const auto with_default = [](const std::string& text, const std::string& type) {
    return R"({"struct":[{"name":"a","default":")" + text + R"(","type":)" + type + "}]}";
  };
  EXPECT_TRUE(parse_schema(with_default(std::string(1000, '[') + R"(\"[)", "\"string\"")));
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_FALSE(parse_schema(with_default(std::string(100'000, ']'), deep))) << "must not reach the recursive printer";
}

TEST(Schema, NamesOfUidsAndStates) {
  EXPECT_TRUE(is_valid_name("a"));
  EXPECT_TRUE(is_valid_name("Bids.per_auction-2"));
  EXPECT_TRUE(is_valid_name(std::string(128, 'x')));
  for (const std::string& bad : {std::string{}, std::string(129, 'x'), std::string{"a b"}, std::string{"a/b"},
                                 std::string{"\xc3\xa4"}, std::string{"a\0b", 3}, std::string{"a\n"}}) {
    EXPECT_FALSE(is_valid_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace tidemark
