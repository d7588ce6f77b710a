// What both table layouts promise to one thread; table_stress_test.cc has them snapshotted.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/slot_table.h"

namespace tidemark::detail {
namespace {

template <class T>
class TableTest : public testing::Test {};

struct Lines {
  using Value = std::int64_t;
  static Value value(std::int64_t n) { return n; }
};
struct Slots {
  using Value = std::array<std::int64_t, 4>;
  static Value value(std::int64_t n) { return {n, n, n, n}; }
};
struct Boxes {
  using Value = std::string;
  static Value value(std::int64_t n) { return std::to_string(n); }
};
using Layouts = testing::Types<Lines, Slots, Boxes>;
TYPED_TEST_SUITE(TableTest, Layouts);

std::uint64_t word_of(std::int64_t key) { return KeyCodec<std::int64_t>::to_word(key); }
std::uint64_t hash_of(std::int64_t key) { return hash_word<std::int64_t>(word_of(key)); }

template <class Value>
using Int64Table = StateTable<std::int64_t, Value>;

TYPED_TEST(TableTest, WhatWasPutInIsFoundUntilItIsErased) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  constexpr std::int64_t kKeys = 30000;
  for (std::int64_t key = 0; key < kKeys; ++key) {
    ASSERT_FALSE(table.find(hash_of(key), word_of(key)));
    const auto row = table.insert(hash_of(key), word_of(key), TypeParam::value(key));
    ASSERT_EQ(table.value(row), TypeParam::value(key));
  }
  EXPECT_EQ(table.size(), static_cast<std::size_t>(kKeys));
  for (std::int64_t key = 0; key < kKeys; key += 2) table.erase(table.find(hash_of(key), word_of(key)));
  EXPECT_EQ(table.size(), static_cast<std::size_t>(kKeys / 2));
  for (std::int64_t key = 0; key < kKeys; ++key) {
    const auto row = table.find(hash_of(key), word_of(key));
    ASSERT_EQ(static_cast<bool>(row), key % 2 == 1);
    if (row) {
      ASSERT_EQ(table.value_ref(row), TypeParam::value(key));
    }
  }
}

TYPED_TEST(TableTest, SetAndMutateChangeTheOneEntry) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  for (std::int64_t key = 0; key < 100; ++key) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
  table.set(table.find(hash_of(7), word_of(7)), TypeParam::value(-7));
  table.mutate(table.find(hash_of(8), word_of(8)), [](auto& value) { value = TypeParam::value(-8); });
  for (std::int64_t key = 0; key < 100; ++key) {
    const auto expected = key == 7 || key == 8 ? TypeParam::value(-key) : TypeParam::value(key);
    EXPECT_EQ(table.value(table.find(hash_of(key), word_of(key))), expected);
  }
}

TYPED_TEST(TableTest, ForEachVisitsEveryEntryOnce) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  for (std::int64_t key = 0; key < 5000; ++key) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
  std::map<std::uint64_t, typename TypeParam::Value> seen;
  table.for_each([&](std::uint64_t key, const auto& value) { EXPECT_TRUE(seen.emplace(key, value).second); });
  ASSERT_EQ(seen.size(), 5000u);
  for (std::int64_t key = 0; key < 5000; ++key) EXPECT_EQ(seen.at(word_of(key)), TypeParam::value(key));
}

TYPED_TEST(TableTest, ClearKeepsTheRoomAndNothingElse) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t key = 0; key < 20000; ++key) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
    const std::size_t memory = table.memory_bytes();
    table.clear();
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.memory_bytes(), memory);
    EXPECT_FALSE(table.find(hash_of(1), word_of(1)));
    table.for_each([](std::uint64_t, const auto&) { ADD_FAILURE(); });
  }
}

// Keys that come and go for ever must neither make searches endless nor the table grow with all keys there ever were.
TYPED_TEST(TableTest, KeysThatComeAndGoLeaveNothingBehind) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  constexpr std::int64_t kAlive = 1500;
  for (std::int64_t key = 0; key < 200000; ++key) {
    ASSERT_FALSE(table.find(hash_of(key), word_of(key)));
    table.insert(hash_of(key), word_of(key), TypeParam::value(key));
    if (key >= kAlive) table.erase(table.find(hash_of(key - kAlive), word_of(key - kAlive)));
  }
  EXPECT_EQ(table.size(), static_cast<std::size_t>(kAlive));
  EXPECT_LT(table.memory_bytes(), std::size_t{1} << 20);
}

TYPED_TEST(TableTest, MemoryIsThatOfItsSegments) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  const std::size_t empty = table.memory_bytes();
  for (std::int64_t key = 0; key < 100000; ++key) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
  EXPECT_GT(table.memory_bytes(), empty);
  EXPECT_GT(table.memory_bytes(), 100000 * 16u);
  EXPECT_LT(table.memory_bytes(), 100000 * 16u * 10);
}

TYPED_TEST(TableTest, AViewGoesBackIntoAnotherTable) {
  struct Restorer final : EntrySink {
    Table& to;
    explicit Restorer(Table& table) : to{table} {}
    void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
      EXPECT_TRUE(to.restore_entry(hash, key, value));
    }
    void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override {
      ADD_FAILURE();
    }
  };
  CowDomain domain;
  Int64Table<typename TypeParam::Value> from{domain};
  Int64Table<typename TypeParam::Value> to{domain};
  for (std::int64_t key = 0; key < 10000; ++key) from.insert(hash_of(key), word_of(key), TypeParam::value(key));
  to.insert(hash_of(3), word_of(3), TypeParam::value(-3));  // replaced
  const auto bound = domain.begin();
  {
    const auto view = from.view(bound);
    Restorer restorer{to};
    for (std::size_t i = 0; i < view->segment_count(); ++i) view->read_segment(i, restorer);
  }
  domain.end(bound);
  EXPECT_EQ(to.size(), 10000u);
  for (std::int64_t key = 0; key < 10000; ++key) {
    ASSERT_EQ(to.value(to.find(hash_of(key), word_of(key))), TypeParam::value(key));
  }
}

TYPED_TEST(TableTest, BytesThatDoNotDecodeAreRefused) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  ByteWriter key;
  KeyCodec<std::int64_t>::encode(5, key);
  ByteWriter value;
  StoredValue<typename TypeParam::Value>::encode(TypeParam::value(5), value);
  const std::string good{value.view()};
  EXPECT_FALSE(table.restore_entry(hash_of(5), key.view().substr(1), good));
  EXPECT_FALSE(table.restore_entry(hash_of(5), key.view(), good.substr(0, good.size() - 1)));
  EXPECT_FALSE(table.restore_entry(hash_of(5), key.view(), good + '\0'));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_TRUE(table.restore_entry(hash_of(5), key.view(), good));
  EXPECT_EQ(table.size(), 1u);
}

TEST(SlotTable, TextKeysOfEveryLengthAreToldApart) {
  CowDomain domain;
  StateTable<std::string, std::int64_t> table{domain};
  std::vector<std::string> keys;
  for (std::size_t size = 0; size < 40; ++size) {
    for (const char last : {'a', 'b', '\0'}) keys.push_back(std::string(size, 'x') + last);
  }
  keys.emplace_back();
  std::int64_t n = 0;
  for (const std::string& key : keys) table.insert(hash_bytes(key), key, n++);
  n = 0;
  for (const std::string& key : keys) {
    const auto row = table.find(hash_bytes(key), key);
    ASSERT_TRUE(row);
    EXPECT_EQ(table.value(row), n++);
  }
}

struct Quote {
  std::string_view symbol;
  std::int64_t price = 0;
  std::vector<std::string_view> tags;
};

TEST(SlotTable, TextThatAValuePointsToIsItsOwn) {
  CowDomain domain;
  StateTable<std::int64_t, Quote> table{domain};
  std::string symbol = "TIDE";
  std::string tag = "a tag that is longer than any small string";
  table.insert(hash_of(1), word_of(1), Quote{symbol, 3, {tag, {}, tag}});
  symbol.assign(symbol.size(), '#');
  tag.assign(tag.size(), '#');
  const auto row = table.find(hash_of(1), word_of(1));
  EXPECT_EQ(table.value_ref(row).symbol, "TIDE");
  EXPECT_EQ(table.value_ref(row).tags[2], "a tag that is longer than any small string");
  // A copy of the views points into the old block: it must have been copied before that goes.
  table.mutate(row, [](Quote& quote) { std::swap(quote.symbol, quote.tags[0]); });
  EXPECT_EQ(table.value_ref(row).tags[0], "TIDE");
  table.set(row, table.value_ref(row));
  EXPECT_EQ(table.value_ref(row).tags[0], "TIDE");
  EXPECT_EQ(table.value_ref(row).symbol, "a tag that is longer than any small string");
}

}  // namespace
}  // namespace tidemark::detail
