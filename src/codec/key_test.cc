#include "tidemark/detail/codec/key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/test_records.h"

namespace tidemark::detail {
namespace {

using namespace std::string_literals;
using test::Point;

struct Pair8 {
  std::int32_t a = 0;
  std::uint16_t b = 0;
  bool c = false;
  auto operator<=>(const Pair8&) const = default;
};
struct Composite {
  std::string name;
  std::int64_t id = 0;
  std::optional<std::string> tag;
  auto operator<=>(const Composite&) const = default;
};

template <class K>
std::string encoded(const K& key) {
  ByteWriter out;
  KeyCodec<K>::encode(key, out);
  return out.take();
}

template <class K>
void expect_ordered(const K& a, const K& b) {
  const std::string left = encoded(a), right = encoded(b);
  EXPECT_EQ(left < right, a < b);
  EXPECT_EQ(right < left, b < a);
  Arena arena;
  K back{};
  ASSERT_TRUE(KeyCodec<K>::decode(left, back, arena));
  EXPECT_TRUE(back == a);
  EXPECT_EQ(hash_key(a), hash_of_encoded(left));
  if constexpr (KeyCodec<K>::kFixedSize > 0) {
    EXPECT_EQ(left.size(), KeyCodec<K>::kFixedSize);
  }
  if constexpr (KeyCodec<K>::kIsWord) {
    const std::uint64_t x = KeyCodec<K>::to_word(a), y = KeyCodec<K>::to_word(b);
    EXPECT_EQ(x < y, a < b);
    EXPECT_TRUE(KeyCodec<K>::from_word(x) == a);
    EXPECT_TRUE(KeyCodec<K>::decode(left) == a);
    EXPECT_EQ(hash_word<K>(x), hash_key(a));
  }
}

template <class K, class Make>
void expect_ordered_pairs(Make make) {
  std::mt19937_64 random{7};
  for (int i = 0; i < 2000; ++i) {
    const K a = make(random);
    const K b = i % 10 == 0 ? a : make(random);
    expect_ordered(a, b);
  }
}

template <class I>
I any_integer(std::mt19937_64& random) {
  return static_cast<I>(random() >> (random() % 64));
}

std::string any_text(std::mt19937_64& random) {
  static constexpr char kLetters[] = {'\0', '\1', '\2', 'a', '\xfe', '\xff'};
  std::string text(random() % 5, 'x');
  for (char& c : text) c = kLetters[random() % sizeof kLetters];
  return text;
}

TEST(Key, OrderOfBytesIsOrderOfKeys) {
  expect_ordered_pairs<std::int8_t>([](auto& r) { return any_integer<std::int8_t>(r); });
  expect_ordered_pairs<std::int16_t>([](auto& r) { return any_integer<std::int16_t>(r); });
  expect_ordered_pairs<std::int32_t>([](auto& r) { return any_integer<std::int32_t>(r); });
  expect_ordered_pairs<std::int64_t>([](auto& r) { return any_integer<std::int64_t>(r); });
  expect_ordered_pairs<std::uint8_t>([](auto& r) { return any_integer<std::uint8_t>(r); });
  expect_ordered_pairs<std::uint32_t>([](auto& r) { return any_integer<std::uint32_t>(r); });
  expect_ordered_pairs<std::uint64_t>([](auto& r) { return any_integer<std::uint64_t>(r); });
  expect_ordered_pairs<bool>([](auto& r) { return r() % 2 == 0; });
  expect_ordered_pairs<test::Plain>(
      [](auto& r) { return any_integer<bool>(r) ? test::Plain::kMinus : test::Plain::kPlus; });
  expect_ordered_pairs<Timestamp>([](auto& r) { return Timestamp{any_integer<std::int64_t>(r)}; });
  expect_ordered_pairs<std::chrono::seconds>(
      [](auto& r) { return std::chrono::seconds{any_integer<std::int64_t>(r)}; });
  expect_ordered_pairs<std::string>(any_text);
  expect_ordered_pairs<std::optional<std::int32_t>>([](auto& r) -> std::optional<std::int32_t> {
    if (r() % 3 == 0) return std::nullopt;
    return any_integer<std::int32_t>(r);
  });
}

TEST(Key, CompositesOrderFieldByField) {
  expect_ordered_pairs<Point>(
      [](auto& r) { return Point{static_cast<std::int32_t>(r() % 3) - 1, any_integer<std::int32_t>(r)}; });
  expect_ordered_pairs<Pair8>([](auto& r) {
    return Pair8{static_cast<std::int32_t>(r() % 3) - 1, static_cast<std::uint16_t>(r() % 2), r() % 2 == 0};
  });
  expect_ordered_pairs<std::pair<std::string, std::string>>(
      [](auto& r) { return std::pair{any_text(r), any_text(r)}; });
  expect_ordered_pairs<std::tuple<std::int64_t, std::int64_t>>(
      [](auto& r) { return std::tuple{static_cast<std::int64_t>(r() % 2), any_integer<std::int64_t>(r)}; });
  expect_ordered_pairs<std::array<std::int16_t, 3>>([](auto& r) {
    return std::array{any_integer<std::int16_t>(r), any_integer<std::int16_t>(r), any_integer<std::int16_t>(r)};
  });
  expect_ordered_pairs<Composite>([](auto& r) {
    Composite key{any_text(r), static_cast<std::int64_t>(r() % 3) - 1, std::nullopt};
    if (r() % 2 == 0) key.tag = any_text(r);
    return key;
  });
}

TEST(Key, NumbersWithAPointOrderAndAreCanonical) {
  const std::vector<double> ascending = {-INFINITY, -1e300, -1.5, -5e-324, 0.0, 5e-324, 1.0, 1e300, INFINITY};
  for (const double a : ascending) {
    for (const double b : ascending) {
      expect_ordered(a, b);
      expect_ordered(static_cast<float>(a), static_cast<float>(b));
    }
  }
  EXPECT_EQ(encoded(-0.0), encoded(0.0));
  EXPECT_EQ(encoded(-0.0f), encoded(0.0f));
  EXPECT_EQ(hash_key(-0.0), hash_key(0.0));
  EXPECT_EQ(encoded(std::nan("1")), encoded(-std::nan("2")));
  EXPECT_GT(encoded(std::nan("")), encoded(double{INFINITY}));
}

TEST(Key, WordsAreThoseOfUpToEightBytes) {
  static_assert(KeyCodec<bool>::kFixedSize == 1 && KeyCodec<bool>::kIsWord);
  static_assert(KeyCodec<Pair8>::kFixedSize == 7 && KeyCodec<Pair8>::kIsWord);
  static_assert(KeyCodec<Point>::kFixedSize == 8 && KeyCodec<Point>::kIsWord);
  static_assert(KeyCodec<std::pair<std::int64_t, bool>>::kFixedSize == 9 &&
                !KeyCodec<std::pair<std::int64_t, bool>>::kIsWord);
  static_assert(KeyCodec<std::string>::kFixedSize == 0 && !KeyCodec<std::string>::kIsWord);
  static_assert(!is_key<std::vector<int>>() && !is_key<std::map<std::string, int>>());
}

// Keys and their hashes decide what lies where in snapshots: these may never change.
TEST(Key, BytesAndHashesAreGolden) {
  EXPECT_EQ(encoded(std::int64_t{1}), "\x80\0\0\0\0\0\0\1"s);
  EXPECT_EQ(encoded(std::int32_t{-1}), "\x7f\xff\xff\xff"s);
  EXPECT_EQ(encoded(std::uint16_t{258}), "\1\2"s);
  EXPECT_EQ(encoded(1.0), "\xbf\xf0\0\0\0\0\0\0"s);
  EXPECT_EQ(encoded(-1.0), "\x40\x0f\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(encoded("a\0b"s),
            "a\0\xff"
            "b\0\1"s);
  EXPECT_EQ(encoded(std::optional<bool>{}), "\0"s);
  EXPECT_EQ(encoded(std::optional<bool>{true}), "\1\1"s);
  EXPECT_EQ(encoded(std::chrono::sys_days{std::chrono::days{1}}), "\x80\0\0\0\0\0\0\1"s);
  EXPECT_EQ(encoded(Pair8{1, 2, true}), "\x80\0\0\1\0\2\1"s);
  EXPECT_EQ(encoded(std::pair{"k"s, std::int8_t{0}}), "k\0\1\x80"s);
  EXPECT_EQ(encoded(std::vector<std::byte>{std::byte{0}}), "\0\xff\0\1"s);
  EXPECT_EQ(hash_key(std::int64_t{1}), 0xce5e29c5f1ee5d11u);
  EXPECT_EQ(hash_key(std::int32_t{-1}), 0xa8137115c71ada49u);
  EXPECT_EQ(hash_key("auction-1004"s), 0x1e19726899d64e35u);
  EXPECT_EQ(hash_key(Pair8{1, 2, true}), 0x4d98ac3c5b79c9dau);
  EXPECT_EQ(hash_key(std::string(1000, 'x')), 0xba66846475f781c8u);
}

TEST(Key, TextAndViewsAreOneKey) {
  EXPECT_EQ(encoded("text"s), encoded(std::string_view{"text"}));
  EXPECT_EQ(hash_key("text"s), hash_key(std::string_view{"text"}));
}

TEST(Key, DecodedViewsPointIntoTheKeyUnlessEscaped) {
  Arena arena;
  const std::string plain = encoded("text"s), escaped = encoded("a\0b\0"s);
  std::string_view view;
  ASSERT_TRUE(KeyCodec<std::string_view>::decode(plain, view, arena));
  EXPECT_EQ(view.data(), plain.data());
  ASSERT_TRUE(KeyCodec<std::string_view>::decode(escaped, view, arena));
  EXPECT_EQ(view, "a\0b\0"s);
}

TEST(Key, RefusesWhatIsNoKey) {
  Arena arena;
  std::string text;
  for (const std::string& bad : {""s, "a"s, "a\0"s, "a\0\2"s, "a\0\xff"s, "a\0\1b"s, "\0\1\0\1"s})
    EXPECT_FALSE(KeyCodec<std::string>::decode(bad, text, arena)) << testing::PrintToString(bad);
  std::int64_t number = 0;
  EXPECT_FALSE(KeyCodec<std::int64_t>::decode("1234567", number, arena));
  EXPECT_FALSE(KeyCodec<std::int64_t>::decode("123456789", number, arena));
  bool flag = false;
  EXPECT_FALSE(KeyCodec<bool>::decode("\2", flag, arena));
  std::optional<bool> maybe;
  EXPECT_FALSE(KeyCodec<std::optional<bool>>::decode("\2\1", maybe, arena));
  double real = 0;
  EXPECT_FALSE(KeyCodec<double>::decode("\x7f\xff\xff\xff\xff\xff\xff\xff"s, real, arena)) << "-0.0 has no spelling";
  std::tuple<> nothing;
  EXPECT_TRUE(KeyCodec<std::tuple<>>::decode("\0"s, nothing, arena));
  EXPECT_FALSE(KeyCodec<std::tuple<>>::decode("\1"s, nothing, arena));
}

TEST(Key, BytesThatAreNoWordBecomeTheDefaultKey) {
  for (const std::string& bad : {""s, "1234567"s, "123456789"s}) EXPECT_EQ(KeyCodec<std::int64_t>::decode(bad), 0);
  EXPECT_EQ(KeyCodec<bool>::decode("\2"s), false);
  EXPECT_EQ(KeyCodec<Timestamp>::decode(""s), Timestamp{});
}

TEST(Key, EveryDateIsAKey) {
  using std::chrono::sys_days;
  Arena arena;
  for (const sys_days day : {sys_days::min(), sys_days::max()}) {
    sys_days back{};
    ASSERT_TRUE(KeyCodec<sys_days>::decode(encoded(day), back, arena));
    EXPECT_EQ(back, day);
  }
}

TEST(Key, GarbageNeverHarms) {
  std::mt19937_64 random{3};
  Arena arena;
  for (int round = 0; round < 20'000; ++round) {
    const std::string bytes = any_text(random) + any_text(random) + any_text(random);
    Composite key;
    if (!KeyCodec<Composite>::decode(bytes, key, arena)) continue;
    EXPECT_EQ(encoded(key), bytes);
  }
}

}  // namespace
}  // namespace tidemark::detail
