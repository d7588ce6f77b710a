#include "state/restored_value.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "env/split_mix_random.h"
#include "tidemark/detail/codec/binary.h"

namespace tidemark {
namespace {

using detail::ByteWriter;

StateDescriptor state(StateDescriptor::Kind kind, bool has_ttl) { return {.name = "state", .kind = kind, .has_ttl = has_ttl}; }

TEST(RestoredValue, BytesThatHoldNoStampsAreRefused) {
  const Conversion same;
  RestoredValue value{state(StateDescriptor::Kind::kValue, true), state(StateDescriptor::Kind::kValue, false), same, 9};
  EXPECT_FALSE(value.of("abc"));
  EXPECT_EQ(value.of("abcd"), "");
  EXPECT_EQ(value.of("abcdef"), "ef");
  RestoredValue list{state(StateDescriptor::Kind::kList, true), state(StateDescriptor::Kind::kList, false), same, 9};
  EXPECT_FALSE(list.of(""));
  EXPECT_FALSE(list.of("\x02" "aaaabbb"));
  EXPECT_EQ(list.of("\x02" "aaaabbbbcc"), "cc");
  EXPECT_FALSE(list.of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "aaaa"));
}

TEST(RestoredValue, StampsAreMadeForEveryElement) {
  const Conversion same;
  ByteWriter bytes;
  detail::encode(std::vector<std::string>{"a", "", "b"}, bytes);
  RestoredValue list{state(StateDescriptor::Kind::kList, false), state(StateDescriptor::Kind::kList, true), same, 0x01020304};
  const auto stamped = list.of(bytes.view());
  ASSERT_TRUE(stamped);
  EXPECT_EQ(*stamped, "\x03\4\3\2\1\4\3\2\1\4\3\2\1" + std::string{bytes.view()});
  // A false number of elements costs no memory.
  EXPECT_FALSE(list.of("\xff\xff\xff\xff\xff\x01" "aaaa"));
  EXPECT_FALSE(list.of(""));
}

TEST(RestoredValue, NothingIsDoneWhereNothingHasChanged) {
  const Conversion same;
  for (const bool has_ttl : {false, true}) {
    RestoredValue value{state(StateDescriptor::Kind::kMap, has_ttl), state(StateDescriptor::Kind::kMap, has_ttl), same, 9};
    const std::string bytes = "anything";
    EXPECT_EQ(value.of(bytes)->data(), bytes.data());
  }
}

}  // namespace
}  // namespace tidemark
