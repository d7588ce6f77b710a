// How keys lie in tables: which of them own memory, and that all are told apart and hashed as their encoding is.
#include "tidemark/detail/state/stored_key.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/state/slot_table.h"
#include "tidemark/time.h"

namespace tidemark::detail {
namespace {

template <class K>
std::string encoded(const K& key) {
  ByteWriter bytes;
  KeyCodec<K>::encode(key, bytes);
  return bytes.take();
}

struct Order {
  std::uint32_t shop;
  std::uint64_t number;
};

TEST(StoredKey, OfAFixedSizeOfUpToSixteenBytesOwnsNothing) {
  static_assert(!StoredKey<std::int64_t>::kOwns);
  static_assert(!StoredKey<std::pair<std::int64_t, std::int64_t>>::kOwns);
  static_assert(!StoredKey<std::pair<std::int64_t, Timestamp>>::kOwns);
  static_assert(!StoredKey<std::pair<std::int64_t, bool>>::kOwns);
  static_assert(!StoredKey<Order>::kOwns);
  static_assert(StoredKey<std::array<std::int64_t, 3>>::kOwns);
  static_assert(StoredKey<std::pair<std::int64_t, std::string>>::kOwns);

  CowDomain domain;
  StateTable<std::pair<std::int64_t, std::int64_t>, std::int64_t> table{domain};
  for (std::int64_t n = 0; n < 10'000; ++n) {
    const std::pair key{n % 7, n};
    table.insert(hash_key(key), encoded(key), n);
  }
  EXPECT_EQ(domain.owned_bytes(), 0u);
}

template <class K>
class TwoWordKeys : public testing::Test {
 protected:
  /// Each differs from the first one in a single byte of its encoding, but for the last ones, which are rather different.
  static std::vector<std::string> keys() {
    std::vector<std::string> keys{std::string(KeyCodec<K>::kFixedSize, '\0')};
    for (std::size_t at = 0; at < keys.front().size(); ++at) {
      keys.push_back(keys.front());
      keys.back()[at] = '\1';
    }
    keys.emplace_back(KeyCodec<K>::kFixedSize, '\1');
    return keys;
  }
  static typename StoredKey<K>::Lookup lookup(const std::string& bytes) {
    typename StoredKey<K>::Lookup lookup{};
    EXPECT_TRUE(StoredKey<K>::decode(bytes, lookup));
    return lookup;
  }
};
using Types = testing::Types<std::pair<std::int64_t, bool>, Order, std::pair<std::int64_t, std::int64_t>>;
TYPED_TEST_SUITE(TwoWordKeys, Types);

TYPED_TEST(TwoWordKeys, AreToldApartByEachByte) {
  CowDomain domain;
  StateTable<TypeParam, std::int64_t> table{domain};
  // All of one hash: it is the keys that must differ.
  constexpr std::uint64_t kHash = 0x1234'5678'9abc'def0;
  std::int64_t n = 0;
  for (const std::string& key : this->keys()) {
    ASSERT_FALSE(table.find(kHash, this->lookup(key)));
    table.insert(kHash, this->lookup(key), n++);
  }
  n = 0;
  for (const std::string& key : this->keys()) {
    const auto row = table.find(kHash, this->lookup(key));
    ASSERT_TRUE(row);
    EXPECT_EQ(table.value(row), n++);
    EXPECT_EQ(table.key(row), key);
  }
}

TYPED_TEST(TwoWordKeys, HaveTheHashOfTheirEncoding) {
  using Key = StoredKey<TypeParam>;
  CowDomain domain;
  for (const std::string& key : this->keys()) {
    std::array<std::uint64_t, Key::kWords> words{};
    Key::make(this->lookup(key), words.data(), domain);
    EXPECT_EQ(Key::hash(words.data()), hash_of_encoded(key));
    EXPECT_EQ(Key::hash(this->lookup(key)), hash_of_encoded(key));
    Arena arena;
    TypeParam decoded{};
    ASSERT_TRUE(KeyCodec<TypeParam>::decode(key, decoded, arena));
    EXPECT_EQ(hash_key(decoded), hash_of_encoded(key));
  }
}

TYPED_TEST(TwoWordKeys, AreOfOneSize) {
  const std::string key = this->keys().front();
  typename StoredKey<TypeParam>::Lookup lookup{};
  EXPECT_TRUE(StoredKey<TypeParam>::decode(key, lookup));
  EXPECT_FALSE(StoredKey<TypeParam>::decode(key.substr(1), lookup));
  EXPECT_FALSE(StoredKey<TypeParam>::decode(key + key, lookup));
  EXPECT_FALSE(StoredKey<TypeParam>::decode({}, lookup));
}

}  // namespace
}  // namespace tidemark::detail
