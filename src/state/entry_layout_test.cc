#include "state/entry_layout.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {
namespace {

enum class Color : std::uint16_t { kRed };
struct Point {
  std::int32_t x;
  Color color;
};
struct Named {
  std::int32_t id;
  std::string name;
};

template <class T>
std::uint32_t key_width() {
  StateDescriptor state;
  state.key_schema = schema_json(detail::type_of<T>());
  return entry_layout(state).key;
}
template <class T>
std::uint32_t value_width() {
  StateDescriptor state;
  state.value_schema = schema_json(detail::type_of<T>());
  return entry_layout(state).value;
}

template <class T>
void expect_codec_width() {
  constexpr std::size_t kSize = detail::fixed_key_size<T>();
  EXPECT_EQ(key_width<T>(), kSize == 0 ? EntryLayout::kVariable : static_cast<std::uint32_t>(kSize)) << key_width<T>();
}
template <class... T>
void expect_codec_widths() {
  (expect_codec_width<T>(), ...);
}

TEST(EntryLayout, AKeyIsAsWideAsItsEncoding) {
  expect_codec_widths<bool, std::int8_t, std::uint16_t, std::int32_t, std::uint64_t, float, double, std::string,
                      Timestamp, std::chrono::sys_days, std::chrono::milliseconds, Color, std::optional<int>,
                      std::array<std::int32_t, 3>, std::array<Named, 2>, Point, Named>();
}

TEST(EntryLayout, OnlyBytewiseValuesAreFixed) {
  EXPECT_EQ(value_width<double>(), 8u);
  EXPECT_EQ(value_width<float>(), 4u);
  EXPECT_EQ(value_width<bool>(), 1u);
  EXPECT_EQ(value_width<std::int8_t>(), 1u);
  EXPECT_EQ(value_width<std::int64_t>(), EntryLayout::kVariable);
  EXPECT_EQ(value_width<Point>(), EntryLayout::kVariable);
  EXPECT_EQ((value_width<std::map<int, int>>()), EntryLayout::kVariable);
}

TEST(EntryLayout, PartsThatAStateDoesNotHaveTakeNoRoom) {
  StateDescriptor state;
  state.key_schema = "\"string\"";
  state.kind = StateDescriptor::Kind::kMap;
  EXPECT_EQ(entry_layout(state), (EntryLayout{EntryLayout::kVariable, 0, 0, 0}));
}

}  // namespace
}  // namespace tidemark
