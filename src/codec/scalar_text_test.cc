#include "codec/scalar_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <random>
#include <string>

namespace tidemark {
namespace {

std::uint64_t bits_of(const std::string& text) {
  double value = 0;
  EXPECT_EQ(store_float(text, TypeKind::kFloat64, &value), ScalarOutcome::kOk) << text;
  return std::bit_cast<std::uint64_t>(value);
}

void expect_nearest(const std::string& text) {
  EXPECT_EQ(bits_of(text), std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr))) << text;
}

TEST(ScalarText, ADoubleIsTheNearestToItsDecimal) {
  std::mt19937_64 random{1};
  for (int i = 0; i < 200'000; ++i) {
    std::string text = std::to_string(random() >> (random() % 64));
    if (random() % 4 != 0) text += '.' + std::to_string(random() >> (random() % 64));
    if (random() % 8 == 0) text += "e-" + std::to_string(random() % 40);
    if (random() % 2 == 0) text.insert(0, "-");
    expect_nearest(text);
  }
}

TEST(ScalarText, ADoubleIsTheNearestAtTheEdgesOfWhatIsExact) {
  for (const std::string digits : {"0", "9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807",
                                   "9999999999999999999", "18446744073709551616", "36893488147419103233"}) {
    expect_nearest(digits);
    expect_nearest("-" + digits);
    for (std::size_t point = 1; point < digits.size(); ++point)
      expect_nearest(digits.substr(0, point) + "." + digits.substr(point));
    for (const std::size_t zeros : {0, 1, 5, 17, 18, 19, 21, 22, 23, 40})
      expect_nearest("0." + std::string(zeros, '0') + digits);
  }
}

TEST(ScalarText, AnIntegerIsTakenUpToItsRangeAndNoFurther) {
  const auto store = [](const std::string& text, std::uint64_t& to) { return store_integer(text, TypeKind::kUint64, &to); };
  std::uint64_t value = 0;
  EXPECT_EQ(store("9999999999999999999", value), ScalarOutcome::kOk);
  EXPECT_EQ(value, 9999999999999999999u);
  EXPECT_EQ(store("18446744073709551615", value), ScalarOutcome::kOk);
  EXPECT_EQ(value, 18446744073709551615u);
  EXPECT_EQ(store("18446744073709551616", value), ScalarOutcome::kOutOfRange);
  EXPECT_EQ(store("99999999999999999999", value), ScalarOutcome::kOutOfRange);
  EXPECT_EQ(store("184467440737095516150000000000", value), ScalarOutcome::kOutOfRange);
  EXPECT_EQ(store("1844674407370955161x", value), ScalarOutcome::kMalformed);
  EXPECT_EQ(store("18446744073709551615x", value), ScalarOutcome::kMalformed);
}

}  // namespace
}  // namespace tidemark
