#include "tidemark/detail/codec/fixed_key.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tidemark::detail {
namespace {

template <std::size_t Size>
void expect_the_order_of_the_bytes() {
  std::mt19937 random{Size};
  for (int i = 0; i < 20'000; ++i) {
    std::string a(Size, '\0');
    for (char& byte : a) byte = static_cast<char>(random());
    std::string b = a;  // mostly alike up to somewhere
    for (std::size_t at = random() % (Size + 1); at < Size; ++at) b[at] = static_cast<char>(random() % 3 == 0 ? a[at] : random());
    const FixedKey<Size> x{a};
    const FixedKey<Size> y{b};
    ASSERT_EQ(x == y, a == b);
    ASSERT_EQ(x < y, a < b);
    ASSERT_EQ(x > y, a > b);
    ASSERT_EQ(std::string_view{x}, a);
  }
}

TEST(FixedKeyTest, IsInTheOrderOfItsBytes) {
  expect_the_order_of_the_bytes<9>();
  expect_the_order_of_the_bytes<12>();
  expect_the_order_of_the_bytes<16>();
}

TEST(FixedKeyTest, TakesOtherBytesAndKeepsThem) {
  std::string bytes = "0123456789";
  FixedKey<10> key{bytes};
  bytes = "abcdefghij";
  EXPECT_EQ(std::string_view{key}, "0123456789");
  key = bytes;
  bytes.clear();
  EXPECT_EQ(std::string_view{key}, "abcdefghij");
}

}  // namespace
}  // namespace tidemark::detail
