#include "control/described_value.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tidemark/schema.h"

namespace tidemark {
namespace {

struct Note {
  std::string text;
  std::vector<std::uint32_t> numbers;
  friend bool operator==(const Note&, const Note&) = default;
};
struct LongerNote {
  std::string text;
  std::vector<std::uint64_t> numbers;
  bool is_urgent = true;
  static constexpr auto state_schema = schema(default_of("is_urgent", true));
};
struct OtherNote {
  std::vector<std::string> text;
};

const Note kNote{"a note", {1, 2, 3}};

TEST(DescribedValueTest, ComesBackAsItWas) { EXPECT_EQ(value_or_throw(from_described<Note>(to_described(kNote))), kNote); }

TEST(DescribedValueTest, AnotherVersionReadsIt) {
  const LongerNote note = value_or_throw(from_described<LongerNote>(to_described(kNote)));
  EXPECT_EQ(note.text, kNote.text);
  EXPECT_EQ(note.numbers, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(note.is_urgent);
}

TEST(DescribedValueTest, ATypeThatDoesNotFitIsRefusedWithItsField) {
  const auto note = from_described<OtherNote>(to_described(kNote));
  ASSERT_FALSE(note);
  EXPECT_EQ(note.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(note.error().message().find("text"), std::string::npos) << note.error().message();
}

TEST(DescribedValueTest, EveryDamagedByteAndEveryTruncationIsSeen) {
  const std::string described = to_described(kNote);
  for (std::size_t i = 0; i < described.size(); ++i) {
    std::string damaged = described;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(from_described<Note>(damaged)) << i;
    EXPECT_FALSE(from_described<Note>(described.substr(0, i))) << i;
  }
}

}  // namespace
}  // namespace tidemark
