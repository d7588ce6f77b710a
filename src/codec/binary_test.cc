#include "tidemark/detail/codec/binary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "codec/test_records.h"

namespace tidemark::detail {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using test::Everything;
using test::Point;

template <class T>
std::string encoded(const T& value) {
  ByteWriter out;
  encode(value, out);
  return out.take();
}

template <class T>
bool decodes(std::string_view bytes, T& value) {
  ByteReader in{bytes};
  decode(in, value);
  return in.ok() && in.remaining() == 0;
}

template <class T>
void expect_round_trip(const T& value) {
  const std::string bytes = encoded(value);
  T back{};
  ASSERT_TRUE(decodes(bytes, back));
  EXPECT_EQ(back, value);
}

TEST(Binary, RoundTripsEveryKind) {
  expect_round_trip(Everything{});
  expect_round_trip(test::full());
  expect_round_trip(std::pair<std::string, std::tuple<int, bool>>{"k", {1, true}});
  expect_round_trip(std::variant<std::monostate, int>{});
  expect_round_trip(std::vector<std::variant<std::monostate, int>>(100));
  expect_round_trip(std::vector<std::int8_t>{-1, 0, 1});
  expect_round_trip(Timestamp::min());
  expect_round_trip(Timestamp::max());
}

// Encoded values stand in snapshots: these bytes may never change.
TEST(Binary, BytesAreGolden) {
  EXPECT_EQ(encoded(true), "\x01"s);
  EXPECT_EQ(encoded(std::int8_t{-1}), "\xff"s);
  EXPECT_EQ(encoded(std::int64_t{-1}), "\x01"s);
  EXPECT_EQ(encoded(std::int64_t{1436918400000}), "\x80\x90\x96\xf0\xd1\x53"s);
  EXPECT_EQ(encoded(std::uint64_t{300}), "\xac\x02"s);
  EXPECT_EQ(encoded(1.0), "\0\0\0\0\0\0\xf0\x3f"s);
  EXPECT_EQ(encoded("hi"s), "\x02hi"s);
  EXPECT_EQ(encoded(std::optional<int>{}), "\0"s);
  EXPECT_EQ(encoded(std::optional<int>{3}), "\x01\x06"s);
  EXPECT_EQ(encoded(std::vector<Point>{{1, -1}, {2, -2}}), "\x02\x02\x01\x04\x03"s);
  EXPECT_EQ(encoded(std::vector<float>{1.0f}), "\x01\0\0\x80\x3f"s);
  EXPECT_EQ(encoded(std::map<std::string, int>{{"a", 1}}),
            "\x01\x01"
            "a\x02"s);
  EXPECT_EQ(encoded(std::variant<int, std::string>{"x"}), "\x01\x01x"s);
  EXPECT_EQ(encoded(std::monostate{}), "\0"s);
  EXPECT_EQ(encoded(test::Color::kBlue), "\x07"s);
  EXPECT_EQ(encoded(test::Plain::kMinus), "\x05"s);
  EXPECT_EQ(encoded(std::chrono::sys_days{std::chrono::days{1}}), "\x02"s);
  EXPECT_EQ(encoded(test::Bid{1, 2, 3, "u", Timestamp{4}}), "\x02\x04\x06\x01u\x08"s);
}

TEST(Binary, ViewsPointIntoTheBytes) {
  const std::string bytes = encoded("text"sv);
  std::string_view view;
  ASSERT_TRUE(decodes(bytes, view));
  EXPECT_EQ(view.data(), bytes.data() + 1);
}

TEST(Binary, EveryDateComesBack) {
  using std::chrono::sys_days, std::chrono::year, std::chrono::year_month_day;
  for (const sys_days day : {sys_days::min(), sys_days::max(), sys_days{std::chrono::days{12'000'000}}}) {
    sys_days back{};
    ASSERT_TRUE(decodes(encoded(day), back));
    EXPECT_EQ(back, day);
  }
  for (const year_month_day day : {year::min() / 1 / 1, year::max() / 12 / 31}) {
    year_month_day back{};
    ASSERT_TRUE(decodes(encoded(day), back));
    EXPECT_EQ(back, day);
  }
  year_month_day day{};
  EXPECT_FALSE(decodes(encoded(sys_days{year::max() / 12 / 31} + std::chrono::days{1}), day));
  EXPECT_FALSE(decodes(encoded(sys_days{year::min() / 1 / 1} - std::chrono::days{1}), day));
}

TEST(Binary, RefusesValuesOutOfRange) {
  std::int32_t narrow = 0;
  EXPECT_FALSE(decodes(encoded(std::int64_t{1} << 40), narrow));
  bool flag = false;
  EXPECT_FALSE(decodes("\2", flag));
  std::variant<int, bool> choice;
  EXPECT_FALSE(decodes("\2\0"s, choice));
  std::chrono::year_month_day day;
  EXPECT_FALSE(decodes(encoded(std::int64_t{1} << 50), day));
}

TEST(Binary, AFalseCountCostsNothing) {
  const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
  std::vector<Everything> list;
  EXPECT_FALSE(decodes(huge, list));
  std::vector<double> doubles;
  EXPECT_FALSE(decodes(huge, doubles));
  EXPECT_FALSE(
      decodes("\x02"
              "12345678"s,
              doubles));
  std::map<std::string, int> map;
  EXPECT_FALSE(decodes(huge, map));
  std::string text;
  EXPECT_FALSE(decodes(huge, text));
}

TEST(Binary, EveryTruncationFails) {
  const std::string bytes = encoded(test::full());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Everything value;
    EXPECT_FALSE(decodes(std::string(bytes, 0, size), value)) << size;
  }
}

TEST(Binary, GarbageNeverHarms) {
  std::mt19937_64 random{1};
  const std::string good = encoded(test::full());
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    if (round % 2 == 0) {
      bytes.resize(random() % 300);
      for (char& c : bytes) c = static_cast<char>(random());
    } else {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    }
    Everything value;
    if (decodes(bytes, value)) {
      const std::string again = encoded(value);
      Everything back;
      EXPECT_TRUE(decodes(again, back));
    }
  }
}

}  // namespace
}  // namespace tidemark::detail
