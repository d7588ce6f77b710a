// What both table layouts promise to one thread; table_stress_test.cc has them snapshotted.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
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

// Keys with hashes between these: those of a subtask's key groups.
constexpr HashSpan kThird{0x5555555555555555, 0xaaaaaaaaaaaaaaaa};
std::vector<std::int64_t> keys_within(HashSpan span, std::size_t count) {
  std::vector<std::int64_t> keys;
  for (std::int64_t key = 0; keys.size() < count; ++key) {
    if (span.first <= hash_of(key) && hash_of(key) <= span.last) keys.push_back(key);
  }
  return keys;
}

TYPED_TEST(TableTest, PartsOfAnySizeHoldEachEntryOnce) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  for (const std::int64_t key : keys_within(kThird, 20000)) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
  for (const unsigned bits : {0u, 1u, 3u, 5u, 9u, 12u}) {
    std::map<std::uint64_t, int> seen;
    for (HashParts parts{table.span(bits), bits}; !parts.done(); parts.advance()) {
      table.for_each(
          [&](std::uint64_t word, const auto& value) {
            ++seen[word];
            EXPECT_TRUE(parts.next().holds(hash_word<std::int64_t>(word)));
            EXPECT_EQ(value, TypeParam::value(KeyCodec<std::int64_t>::from_word(word)));
          },
          parts.next());
    }
    EXPECT_EQ(seen.size(), 20000u);
    for (const auto& [word, times] : seen) EXPECT_EQ(times, 1);
  }
}

TYPED_TEST(TableTest, OfFewKeyGroupsIsReadInSmallParts) {
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  EXPECT_TRUE(table.span(0).is_empty());
  for (const std::int64_t key : keys_within(kThird, 20000)) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
  EXPECT_GE(table.span(64).first, kThird.first) << "exactly, if it must be";
  EXPECT_LE(table.span(64).last, kThird.last);
  std::size_t parts = 0;
  for (HashParts part{table.span(table.part_bits()), table.part_bits()}; !part.done(); part.advance(), ++parts) {
    std::size_t entries = 0;
    table.for_each([&](std::uint64_t, const auto&) { ++entries; }, part.next());
    EXPECT_LT(entries, 4000u) << "a segment or two";
  }
  EXPECT_LT(parts, 64u) << "and no finer ones";
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

// As where most keys leave a table for a store.
TYPED_TEST(TableTest, ThinSegmentsAreMerged) {
  constexpr HashSpan kAll{0, std::numeric_limits<std::uint64_t>::max()};
  constexpr HashSpan kUpperHalf{std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()};
  constexpr std::int64_t kKeys = 40000;
  CowDomain domain;
  Int64Table<typename TypeParam::Value> table{domain};
  const std::size_t empty = table.memory_bytes();
  const auto keeps = [](std::int64_t key) { return key % 16 == 0; };
  for (std::int64_t key = 0; key < kKeys; ++key) table.insert(hash_of(key), word_of(key), TypeParam::value(key));
  const std::size_t full = table.memory_bytes();
  table.merge_thin(kAll);
  EXPECT_EQ(table.memory_bytes(), full) << "none was thin";
  for (std::int64_t key = 0; key < kKeys; ++key) {
    if (!keeps(key)) table.erase(table.find(hash_of(key), word_of(key)));
  }
  EXPECT_EQ(table.memory_bytes(), full);
  table.merge_thin(kUpperHalf);
  EXPECT_LT(table.memory_bytes(), full * 3 / 4);
  EXPECT_GT(table.memory_bytes(), full / 2);
  table.merge_thin(kAll);
  EXPECT_LT(table.memory_bytes(), full / 6);
  EXPECT_GT(domain.free_block_bytes(), full / 2);
  for (std::int64_t key = 0; key < kKeys; ++key) {
    const auto row = table.find(hash_of(key), word_of(key));
    ASSERT_EQ(static_cast<bool>(row), keeps(key));
    if (row) {
      ASSERT_EQ(table.value(row), TypeParam::value(key));
      table.erase(row);
    }
  }
  table.merge_thin(kAll);
  EXPECT_LT(table.memory_bytes(), empty + 4096) << "as at first, but for the directory";
  for (std::int64_t key = 0; key < kKeys; ++key) table.insert(hash_of(key), word_of(key), TypeParam::value(-key));
  EXPECT_EQ(table.memory_bytes(), full);
  EXPECT_EQ(table.size(), static_cast<std::size_t>(kKeys));
}

// Without that a segment which is half empty would be full of their traces, and split.
TEST(SlotTable, WhatIsErasedAtTheEndOfARunLeavesNoTrace) {
  CowDomain domain;
  Int64Table<Slots::Value> table{domain};
  const std::size_t empty = table.memory_bytes();
  // Each segment's places are taken and left again many times, with few of them taken at once.
  for (std::int64_t key = 0; key < 200000; ++key) {
    table.insert(hash_of(key), word_of(key), Slots::value(key));
    if (key >= 600) table.erase(table.find(hash_of(key - 600), word_of(key - 600)));
  }
  EXPECT_EQ(table.memory_bytes(), empty);
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

TEST(SlotTable, AValueThatIsGivenAwayIsNotCopied) {
  CowDomain domain;
  using List = std::vector<std::int64_t>;
  Int64Table<List> table{domain};
  List first{1, 2, 3};
  const std::int64_t* place = first.data();
  const auto row = table.insert(hash_of(1), word_of(1), std::move(first));
  EXPECT_EQ(table.value_ref(row).data(), place);
  List second{4, 5, 6};
  place = second.data();
  table.set(row, std::move(second));
  EXPECT_EQ(table.value_ref(row).data(), place);
  // A snapshot sees it, so it is a copy that is changed, and no copy of that.
  const std::uint32_t bound = domain.begin();
  table.mutate(row, [&](List& list) {
    EXPECT_NE(list.data(), place);
    place = list.data();
  });
  EXPECT_EQ(table.value_ref(row).data(), place);
  domain.end(bound);
  const List kept{7, 8};
  table.set(row, kept);
  EXPECT_EQ(table.value_ref(row), kept);
}

using TwoNumbers = std::pair<std::int64_t, std::int64_t>;

// While a snapshot runs, what it sees stays, and what came after it goes at once: else memory would grow as long as it runs.
template <class Kind>
class TableBesideASnapshot : public testing::Test {
 protected:
  using Key = typename Kind::first_type;
  using Value = typename Kind::second_type;
  using Content = std::map<std::string, std::string>;  // encoded
  static constexpr std::int64_t kKeys = 10'000;

  static std::string key(std::int64_t n) {
    ByteWriter bytes;
    if constexpr (std::is_same_v<Key, std::string>) {
      KeyCodec<Key>::encode("a key that does not fit into its slot " + std::to_string(n), bytes);
    } else if constexpr (std::is_same_v<Key, TwoNumbers>) {
      KeyCodec<Key>::encode({n % 100, n / 100}, bytes);
    } else {
      KeyCodec<Key>::encode(n, bytes);
    }
    return bytes.take();
  }
  static std::string value(std::int64_t n) {
    ByteWriter bytes;
    if constexpr (std::is_same_v<Value, std::string>) {
      StoredValue<Value>::encode("a value that does not fit into itself " + std::to_string(n), bytes);
    } else {
      StoredValue<Value>::encode(n, bytes);
    }
    return bytes.take();
  }
  static void put(Table& table, std::int64_t n, std::int64_t value_number) {
    const std::string bytes = key(n);
    ASSERT_TRUE(table.restore_entry(hash_of_encoded(bytes), bytes, value(value_number)));
  }
  static void erase(Table& table, std::int64_t n) {
    const std::string bytes = key(n);
    ASSERT_TRUE(table.take_entry(hash_of_encoded(bytes), bytes, nullptr));
  }
  // Puts in, replaces and erases.
  static void fill(Table& table) {
    for (std::int64_t n = 0; n < kKeys; ++n) put(table, n, n);
    for (std::int64_t n = 0; n < kKeys / 2; ++n) put(table, n, -n);
    for (std::int64_t n = 0; n < kKeys; n += 4) erase(table, n);
  }
  static Content filled() {
    Content content;
    for (std::int64_t n = 0; n < kKeys; ++n) {
      if (n % 4 != 0) content[key(n)] = value(n < kKeys / 2 ? -n : n);
    }
    return content;
  }
  static Content shown_by(TableView& view) {
    struct Sink final : EntrySink {
      Content content;
      void entry(std::uint64_t, std::string_view key, std::string_view value) override { content.emplace(key, value); }
      void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override {
        ADD_FAILURE();
      }
    } sink;
    for (std::size_t i = 0; i < view.segment_count(); ++i) view.read_segment(i, sink);
    return sink.content;
  }

  std::unique_ptr<Table> new_table() { return std::make_unique<StateTable<Key, Value>>(domain_); }
  std::size_t held() const { return domain_.pages().mapped_bytes() + domain_.owned_bytes(); }

  CowDomain domain_;
};
using Kinds = testing::Types<std::pair<std::int64_t, std::int64_t>, std::pair<std::int64_t, std::string>,
                             std::pair<std::string, std::int64_t>, std::pair<std::string, std::string>,
                             std::pair<TwoNumbers, std::int64_t>, std::pair<TwoNumbers, std::string>>;
TYPED_TEST_SUITE(TableBesideASnapshot, Kinds);

TYPED_TEST(TableBesideASnapshot, ThatComesAndGoesTakesNoMoreMemory) {
  const auto kept = this->new_table();
  this->fill(*kept);
  const std::uint32_t bound = this->domain_.begin();
  const auto view = kept->view(bound);
  std::size_t held = 0;
  for (int round = 0; round < 12; ++round) {
    this->fill(*this->new_table());
    if (round == 0) held = this->held();
  }
  EXPECT_EQ(this->held(), held);
  EXPECT_EQ(this->domain_.waiting_bytes(), 0u);
  EXPECT_EQ(this->shown_by(*view), this->filled());
  this->domain_.end(bound);
}

TYPED_TEST(TableBesideASnapshot, HasItsThinSegmentsMergedWhereThatDoesNotSeeThem) {
  constexpr HashSpan kAll{0, std::numeric_limits<std::uint64_t>::max()};
  const auto table = this->new_table();
  this->fill(*table);
  const std::uint32_t bound = this->domain_.begin();
  const auto view = table->view(bound);
  for (std::int64_t n = 0; n < this->kKeys; ++n) {
    if (n % 4 != 0) this->erase(*table, n);
  }
  const std::size_t sparse = table->memory_bytes();
  const std::size_t waiting = this->domain_.waiting_bytes();
  table->merge_thin(kAll);
  EXPECT_EQ(table->memory_bytes(), sparse);
  EXPECT_EQ(this->domain_.waiting_bytes(), waiting);
  EXPECT_EQ(this->shown_by(*view), this->filled());
  this->domain_.end(bound);
  table->merge_thin(kAll);
  EXPECT_LT(table->memory_bytes(), sparse / 2);
  EXPECT_EQ(table->size(), 0u);
}

TYPED_TEST(TableBesideASnapshot, ThatIsClearedAgainAndAgainTakesNoMoreMemory) {
  const auto table = this->new_table();
  this->fill(*table);
  const std::uint32_t bound = this->domain_.begin();
  const auto view = table->view(bound);
  std::size_t held = 0;
  std::size_t waiting = 0;
  for (int round = 0; round < 12; ++round) {
    dynamic_cast<StateTable<typename TestFixture::Key, typename TestFixture::Value>&>(*table).clear();
    this->fill(*table);
    if (round == 0) held = this->held(), waiting = this->domain_.waiting_bytes();
  }
  EXPECT_EQ(this->held(), held);
  EXPECT_EQ(this->domain_.waiting_bytes(), waiting) << "what the snapshot sees";
  EXPECT_EQ(this->shown_by(*view), this->filled());
  this->domain_.end(bound);
  EXPECT_EQ(this->domain_.waiting_bytes(), 0u);
}

TYPED_TEST(TableBesideASnapshot, WhoseKeysComeAndGoTakesNoMoreMemory) {
  const auto table = this->new_table();
  this->fill(*table);
  const std::uint32_t bound = this->domain_.begin();
  const auto view = table->view(bound);
  for (std::int64_t n = 0; n < this->kKeys; ++n) {
    if (n % 4 != 0) this->erase(*table, n);
  }
  std::size_t held = 0;
  std::size_t waiting = 0;
  for (int round = 0; round < 12; ++round) {
    const std::int64_t first = (round + 1) * this->kKeys;
    for (std::int64_t n = first; n < first + this->kKeys; ++n) {
      this->put(*table, n, n);
      this->put(*table, n, -n);
      if (n >= first + 1000) this->erase(*table, n - 1000);
    }
    for (std::int64_t n = first + this->kKeys - 1000; n < first + this->kKeys; ++n) this->erase(*table, n);
    if (round == 4) held = this->held(), waiting = this->domain_.waiting_bytes();
  }
  EXPECT_LE(this->held(), held);
  EXPECT_EQ(this->domain_.waiting_bytes(), waiting) << "what the snapshot sees";
  EXPECT_EQ(this->shown_by(*view), this->filled());
  this->domain_.end(bound);
}

// A savepoint may take as long as many checkpoints.
TYPED_TEST(TableBesideASnapshot, IsNotKeptForOneThatCameBeforeIt) {
  const auto kept = this->new_table();
  this->fill(*kept);
  const std::uint32_t first = this->domain_.begin();
  std::size_t held = 0;
  for (int round = 0; round < 12; ++round) {
    auto table = this->new_table();
    this->fill(*table);
    const std::uint32_t second = this->domain_.begin();
    const auto view = table->view(second);
    table.reset();
    EXPECT_GT(this->domain_.waiting_bytes(), 0u);
    EXPECT_EQ(this->shown_by(*view), this->filled());
    this->domain_.end(second);
    EXPECT_EQ(this->domain_.waiting_bytes(), 0u);
    if (round == 0) held = this->held();
  }
  EXPECT_EQ(this->held(), held);
  this->domain_.end(first);
}

// As it would be of the hashes of the keys: then they share many bits, and a table grows for those before it splits.
TEST(RespreadKey, KeysOfOneSmallPartFillATableAsOthersDo) {
  CowDomain domain;
  using Key = RespreadKey<WordKey<std::int64_t>>;
  TableFor<Key, std::int64_t>::type table{domain};
  const HashPart part{8, 19};
  const auto keys = keys_within({part.first(), HashPart{8, 20}.first() - 1}, 10'000);
  for (const std::int64_t key : keys) table.insert(Key::hash(word_of(key)), word_of(key), -key);
  for (const std::int64_t key : keys) ASSERT_EQ(table.value(table.find(Key::hash(word_of(key)), word_of(key))), -key);
  CowDomain usual_domain;
  Int64Table<std::int64_t> usual{usual_domain};
  for (std::int64_t key = 0; key < 10'000; ++key) usual.insert(hash_of(key), word_of(key), key);
  EXPECT_LE(table.memory_bytes(), usual.memory_bytes() * 5 / 4);
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

TEST(SlotTable, AValueThatPointsToTextIsChangedWhereItLies) {
  CowDomain domain;
  StateTable<std::int64_t, Quote> table{domain};
  const auto row = table.insert(hash_of(1), word_of(1), Quote{"TIDE", 3, {"steady", "liquid"}});
  const Quote* const place = &table.value_ref(row);
  const char* const text = place->tags[1].data();
  table.mutate(row, [](Quote& quote) { quote.price = 4; });
  table.mutate(row, [](Quote& quote) { quote.tags.erase(quote.tags.begin()); });
  EXPECT_EQ(&table.value_ref(row), place);
  EXPECT_EQ(table.value_ref(row).tags[0].data(), text);
  std::string tag = "sold";
  table.mutate(row, [&](Quote& quote) { quote.tags.push_back(tag); });
  tag = "held";
  EXPECT_EQ(table.value_ref(row).symbol, "TIDE");
  EXPECT_EQ(table.value_ref(row).tags, (std::vector<std::string_view>{"liquid", "sold"}));
  // A snapshot sees it: then another one is made.
  const std::uint32_t bound = domain.begin();
  table.mutate(row, [](Quote& quote) { quote.price = 5; });
  EXPECT_NE(&table.value_ref(row), place);
  EXPECT_EQ(table.value_ref(row).tags, (std::vector<std::string_view>{"liquid", "sold"}));
  domain.end(bound);
}

TEST(SlotTable, TextThatNoViewPointsToAnyMoreIsGivenBack) {
  CowDomain domain;
  StateTable<std::int64_t, Quote> table{domain};
  const std::string tag(100'000, 't');
  const auto row = table.insert(hash_of(1), word_of(1), Quote{"TIDE", 3, {tag, tag}});
  EXPECT_GT(domain.owned_bytes(), 2 * tag.size());
  table.mutate(row, [](Quote& quote) { quote.tags.clear(); });
  EXPECT_LT(domain.owned_bytes(), 1000u);
  EXPECT_EQ(table.value_ref(row).symbol, "TIDE");
  table.mutate(row, [](Quote& quote) { quote.symbol = {}; });
  table.erase(row);
  EXPECT_EQ(domain.owned_bytes(), 0u);
}

struct alignas(32) Wide {
  std::int64_t number = 0;
  std::array<std::int64_t, 11> rest{};
};
struct Wider {
  Wide first;
  std::array<std::int64_t, 40> rest{};
};

TEST(SlotTable, WideValuesLieInPagesAsTheyAreAligned) {
  CowDomain domain;
  StateTable<std::int64_t, Wide> wide{domain};
  StateTable<std::int64_t, Wider> wider{domain};  // too wide for a pool
  const std::size_t mapped = domain.pages().mapped_bytes();
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto at = [&](const auto& value) { return reinterpret_cast<std::uintptr_t>(&value) % 32; };
    EXPECT_EQ(at(wide.value_ref(wide.insert(hash_of(i), word_of(i), Wide{.number = i}))), 0u);
    EXPECT_EQ(at(wider.value_ref(wider.insert(hash_of(i), word_of(i), Wider{.first = {.number = i}}))), 0u);
  }
#ifdef __SANITIZE_ADDRESS__
  EXPECT_EQ(domain.pages().mapped_bytes(), mapped);  // each block is the allocator's, so that reads of freed ones are seen
#else
  EXPECT_EQ(domain.pages().mapped_bytes(), mapped + PagePool::kPageBytes);  // one for blocks of all sizes
#endif
  EXPECT_GE(domain.entry_bytes(), 100 * (sizeof(Wide) + sizeof(Wider)));
  wide.clear();
  wider.clear();
  EXPECT_EQ(domain.entry_bytes(), 0u);
  EXPECT_EQ(domain.owned_bytes(), 0u);
}

// The address sanitizer looks for what was left behind.
TEST(SlotTable, WhatGoesWithItsDomainLeavesNothingBehind) {
  CowDomain domain;
  StateTable<std::string, Wide> wide{domain};
  StateTable<std::int64_t, std::string> texts{domain};
  for (std::int64_t i = 0; i < 10; ++i) {
    const std::string key(static_cast<std::size_t>(1 + 50 * i), 'k');
    wide.insert(BytesKey::hash(key), key, Wide{});
    texts.insert(hash_of(i), word_of(i), key);
  }
  domain.let_go();
}

TEST(SlotTable, AChangeThatFailsLeavesNoTextOfOthersBehind) {
  CowDomain domain;
  StateTable<std::int64_t, Quote> table{domain};
  const auto row = table.insert(hash_of(1), word_of(1), Quote{"TIDE", 3, {}});
  std::string tag = "sold";
  const auto change = [&](Quote& quote) {
    quote.tags.push_back(tag);
    throw std::string{"on purpose"};
  };
  EXPECT_THROW(table.mutate(row, change), std::string);
  tag = "held";
  EXPECT_EQ(table.value_ref(row).tags, std::vector<std::string_view>{"sold"});
  table.erase(row);
  EXPECT_EQ(domain.owned_bytes(), 0u);
}

}  // namespace
}  // namespace tidemark::detail
