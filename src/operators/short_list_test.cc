#include "tidemark/detail/operators/short_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/state/owned_bytes.h"

namespace tidemark::detail {
namespace {

template <class T>
std::vector<T> elements(const ShortList<T>& list) {
  return {list.begin(), list.end()};
}

TEST(ShortList, IsWhatAVectorIsAfterAnyChanges) {
  std::mt19937 random{7};
  for (int round = 0; round < 200; ++round) {
    ShortList<std::string> list;
    std::vector<std::string> expected;
    for (int step = 0; step < 40; ++step) {
      const auto size = static_cast<std::ptrdiff_t>(expected.size());
      const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(random() % (expected.size() + 1));
      const std::ptrdiff_t to = from + static_cast<std::ptrdiff_t>(random() % static_cast<std::size_t>(size - from + 1));
      const std::string element = "an element that is longer than a short text " + std::to_string(random() % 100);
      switch (random() % 8) {
        case 0: {
          const auto at = list.erase(list.begin() + from, list.begin() + to);
          expected.erase(expected.begin() + from, expected.begin() + to);
          ASSERT_EQ(at - list.begin(), from);
          break;
        }
        case 1:
          list.erase_if([](const std::string& each) { return each.back() % 2 == 0; });
          std::erase_if(expected, [](const std::string& each) { return each.back() % 2 == 0; });
          break;
        case 2:
          list.clear();
          expected.clear();
          break;
        case 3: {
          ShortList<std::string> copy = list;
          list = std::move(copy);
          break;
        }
        case 4:
          list.emplace_back() = element;
          expected.push_back(element);
          break;
        default:
          ASSERT_EQ(*list.insert(list.begin() + from, element), element);
          expected.insert(expected.begin() + from, element);
      }
      ASSERT_EQ(elements(list), expected);
      ASSERT_EQ(list.size(), expected.size());
      ASSERT_EQ(list.empty(), expected.empty());
      if (!expected.empty()) {
        ASSERT_EQ(list.front(), expected.front());
        ASSERT_EQ(list.back(), expected.back());
        ASSERT_EQ(list[expected.size() / 2], expected[expected.size() / 2]);
      }
    }
  }
}

TEST(ShortList, HasNoBlockForOneElementAndKeepsWhatMovesOnly) {
  ShortList<std::unique_ptr<int>> list;
  list.emplace_back() = std::make_unique<int>(1);
  EXPECT_EQ(list.capacity(), 0u);
  list.insert(list.begin(), std::make_unique<int>(0));
  EXPECT_GE(list.capacity(), 2u);
  EXPECT_EQ(*list[0], 0);
  EXPECT_EQ(*list[1], 1);
}

TEST(ShortList, IsAListInSnapshots) {
  EXPECT_EQ(schema_json(type_of<ShortList<std::string>>()), schema_json(type_of<std::vector<std::string>>()));
  std::vector<std::string> all;
  for (int size = 0; size < 4; ++size) {
    ByteWriter expected;
    encode(all, expected);
    ShortList<std::string> list;
    ByteReader reader{expected.view()};
    decode(reader, list);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(elements(list), all);
    ByteWriter written;
    encode(list, written);
    EXPECT_EQ(written.view(), expected.view());
    all.push_back("element " + std::to_string(size));
  }
}

TEST(ShortList, OwnsWhatItsOneElementOwns) {
  ShortList<std::string> list;
  EXPECT_EQ(owned_bytes(list), 0u);
  list.emplace_back() = std::string(1000, 'x');
  EXPECT_EQ(owned_bytes(list), owned_bytes(list.front()));
  list.emplace_back() = std::string(1000, 'x');
  EXPECT_GT(owned_bytes(list), 2 * owned_bytes(list.front()));
}

}  // namespace
}  // namespace tidemark::detail
