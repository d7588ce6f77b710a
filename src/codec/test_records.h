// Records for the tests of this room: one of each kind of value.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "tidemark/schema.h"
#include "tidemark/time.h"

namespace tidemark::test {

enum class Color : std::uint8_t { kRed = 1, kGreen = 2, kBlue = 7 };
enum class Plain : std::int16_t { kMinus = -3, kNone = 0, kPlus = 3 };

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  auto operator<=>(const Point&) const = default;
};

struct Bid {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  std::string_view url;
  Timestamp date_time;
  bool operator==(const Bid&) const = default;
};

class Hidden {
 public:
  Hidden() = default;
  Hidden(int count, std::string name) : count_{count}, name_{std::move(name)} {}
  bool operator==(const Hidden&) const = default;

 private:
  int count_ = 0;
  std::string name_;

 public:
  static constexpr auto state_schema =
      schema(member("count", &Hidden::count_), member("name", &Hidden::name_), alias("name", "title"));
};

struct Everything {
  bool flag = false;
  std::int8_t i8 = 0;
  std::int16_t i16 = 0;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  float f32 = 0;
  double f64 = 0;
  std::string text;
  std::string_view view;
  std::vector<std::byte> bytes;
  Timestamp at;
  std::chrono::sys_time<std::chrono::microseconds> micros;
  std::chrono::seconds lasting{};
  std::chrono::sys_days day;
  std::chrono::year_month_day ymd{std::chrono::sys_days{}};
  Color color = Color::kRed;
  Plain plain = Plain::kNone;
  std::optional<std::int64_t> maybe;
  std::optional<Point> maybe_point;
  std::vector<Point> points;
  std::vector<double> doubles;
  std::vector<std::optional<std::string>> texts;
  std::array<std::int32_t, 3> triple{};
  std::map<std::string, std::int64_t> counts;
  std::unordered_map<std::string, Point> places;
  std::variant<std::int64_t, std::string, Point> choice;
  Point point;
  Hidden hidden;
  bool operator==(const Everything&) const = default;
};

/// All fields differ from their defaults.
inline Everything full() {
  using namespace std::chrono_literals;
  Everything e;
  e.flag = true;
  e.i8 = -128;
  e.i16 = -32768;
  e.i32 = -2147483647 - 1;
  e.i64 = std::numeric_limits<std::int64_t>::min();
  e.u8 = 255;
  e.u16 = 65535;
  e.u32 = 4294967295u;
  e.u64 = std::numeric_limits<std::uint64_t>::max();
  e.f32 = 1.1f;
  e.f64 = -0.1;
  e.text = "quo\"te \\ \n tab\t \x01 \xc3\xa4";
  e.view = "a view";
  e.bytes = {std::byte{0}, std::byte{255}, std::byte{7}, std::byte{9}};
  e.at = Timestamp{1436918400123};
  e.micros = std::chrono::sys_time<std::chrono::microseconds>{-1us};
  e.lasting = 90s;
  e.day = std::chrono::sys_days{std::chrono::days{-1}};
  e.ymd = std::chrono::year{2024} / 2 / 29;
  e.color = Color::kBlue;
  e.plain = Plain::kMinus;
  e.maybe = 0;
  e.maybe_point = Point{1, 2};
  e.points = {{3, 4}, {5, 6}};
  e.doubles = {1.5, -2.25};
  e.texts = {std::nullopt, "", "x"};
  e.triple = {7, 8, 9};
  e.counts = {{"a", 1}, {"", -1}};
  e.places = {{"home", {1, 1}}};
  e.choice = std::string{"chosen"};
  e.point = {-1, 1};
  e.hidden = {3, "h"};
  return e;
}

}  // namespace tidemark::test

template <>
struct tidemark::state_schema_of<tidemark::test::Color> {
  static constexpr auto state_schema = tidemark::schema(tidemark::enumerator(tidemark::test::Color::kBlue, "blue"),
                                                        tidemark::enumerator(tidemark::test::Color::kRed, "red"),
                                                        tidemark::enumerator(tidemark::test::Color::kGreen, "green"));
};
