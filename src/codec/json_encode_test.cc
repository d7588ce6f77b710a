#include "tidemark/detail/codec/json_encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codec/test_records.h"

namespace tidemark::detail {
namespace {

using namespace std::string_literals;

template <class T>
std::string json(const T& value) {
  std::string out;
  append_json(value, out);
  return out;
}

struct Empty {};

TEST(JsonEncode, WritesEachKind) {
  EXPECT_EQ(json(test::Bid{1, -2, 3, "u", Timestamp{4}}),
            R"({"auction":1,"bidder":-2,"price":3,"url":"u","date_time":4})");
  EXPECT_EQ(json(true), "true");
  EXPECT_EQ(json(std::int8_t{-5}), "-5");
  EXPECT_EQ(json(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(json(0.1), "0.1");
  EXPECT_EQ(json(1e300), "1e+300");
  EXPECT_EQ(json(0.1f), "0.1");
  EXPECT_EQ(json(double{INFINITY}), "null");
  EXPECT_EQ(json(std::nan("")), "null");
  EXPECT_EQ(json(std::optional<int>{}), "null");
  EXPECT_EQ(json(std::vector<int>{}), "[]");
  EXPECT_EQ(json(std::vector<std::vector<int>>{{1, 2}, {}}), "[[1,2],[]]");
  EXPECT_EQ(json(std::map<std::string, int>{}), "{}");
  EXPECT_EQ(json(std::map<int, int>{{1, 2}, {3, 4}}), R"({"1":2,"3":4})");
  EXPECT_EQ(json(std::variant<int, Empty>{Empty{}}), R"({"1":{}})");
  EXPECT_EQ(json(test::Color::kBlue), R"("blue")");
  EXPECT_EQ(json(static_cast<test::Color>(99)), "99");
  EXPECT_EQ(json(test::Plain::kMinus), "-3");
  EXPECT_EQ(json(std::chrono::sys_days{}), R"("1970-01-01")");
  EXPECT_EQ(json(std::vector<std::byte>(4)), R"("AAAAAA==")");
  using std::chrono::days, std::chrono::sys_days;
  EXPECT_EQ(json(sys_days{days{-1}}), R"("1969-12-31")");
  EXPECT_EQ(json(sys_days{days{146'097L * 100}}), R"("41970-01-01")") << "a year that std::chrono::year cannot hold";
  EXPECT_EQ(json(sys_days{days{-146'097L * 100}}), R"("-38030-01-01")");
  EXPECT_EQ(json(std::pair{1, "x"s}), R"({"first":1,"second":"x"})");
}

TEST(JsonEncode, EscapesText) {
  EXPECT_EQ(json("a\"b\\c\n\r\t\x01\x1f/\xc3\xa4\x7f"s), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/\xc3\xa4\x7f\"");
  EXPECT_EQ(json("nul\0"s), R"("nul\u0000")");
  EXPECT_EQ(json(""s), R"("")");
}

}  // namespace
}  // namespace tidemark::detail
