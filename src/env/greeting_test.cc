#include "env/greeting.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

Greeting sample() {
  return {.identity = {.name = "taskmanager tm-1", .library = "0.1.0", .protocol = 3, .oldest_protocol = 2},
          .largest_frame = 1u << 24,
          .sign_of_life_ms = 2000};
}

Identity speaks(std::uint32_t oldest, std::uint32_t newest) {
  return {.name = "tm", .library = "0.1.0", .protocol = newest, .oldest_protocol = oldest};
}

TEST(GreetingTest, ReadsBackAsItWasWritten) {
  const auto back = decode_greeting(encode_greeting(sample()));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->identity.name, "taskmanager tm-1");
  EXPECT_EQ(back->identity.library, "0.1.0");
  EXPECT_EQ(back->identity.protocol, 3u);
  EXPECT_EQ(back->identity.oldest_protocol, 2u);
  EXPECT_EQ(back->largest_frame, 1u << 24);
  EXPECT_EQ(back->sign_of_life_ms, 2000u);
}

TEST(GreetingTest, WhatALaterVersionAppendsIsPassedOver) {
  EXPECT_TRUE(decode_greeting(encode_greeting(sample()) + "more").has_value());
}

TEST(GreetingTest, WhatIsCutOrNoneIsRefused) {
  const std::string whole = encode_greeting(sample());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_greeting(whole.substr(0, size)).has_value());
  EXPECT_FALSE(decode_greeting("Tidemark" + whole.substr(8)).has_value());
  Greeting backwards = sample();
  backwards.identity.oldest_protocol = 4;
  EXPECT_FALSE(decode_greeting(encode_greeting(backwards)).has_value());
}

TEST(GreetingTest, ANameOfSeveralLinesIsRefused) {
  Greeting greeting = sample();
  greeting.identity.name = "tm-1\n2026-11-23 ERROR all is lost";
  EXPECT_FALSE(decode_greeting(encode_greeting(greeting)).has_value());
}

TEST(GreetingTest, ALongNameIsCut) {
  Greeting greeting = sample();
  greeting.identity.name = std::string(100'000, 'x');
  const std::string bytes = encode_greeting(greeting);
  EXPECT_LE(bytes.size(), kLargestGreeting);
  EXPECT_TRUE(decode_greeting(bytes).has_value());
}

TEST(GreetingTest, TheNewestCommonProtocolIsSpokenAndBothSidesAgree) {
  EXPECT_EQ(common_protocol(speaks(1, 1), speaks(1, 1)).value(), 1u);
  EXPECT_EQ(common_protocol(speaks(4, 5), speaks(3, 4)).value(), 4u);
  EXPECT_EQ(common_protocol(speaks(3, 4), speaks(4, 5)).value(), 4u);
  EXPECT_FALSE(common_protocol(speaks(4, 5), speaks(2, 3)).has_value());
  const auto refused = common_protocol(speaks(2, 3), speaks(4, 5));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(refused.error().message(),
            "'tm' (Tidemark 0.1.0) speaks protocol 2 to 3, and 'tm' (Tidemark 0.1.0) speaks protocol 4 to 5: upgrade "
            "the older "
            "one, by one version at a time");
}

TEST(GreetingTest, ARefusalSaysWhy) {
  const Closed closed = decode_refusal(encode_refusal(CloseCause::kWrongVersion, "too old"));
  EXPECT_EQ(closed.cause, CloseCause::kWrongVersion);
  EXPECT_EQ(closed.error.message(), "too old");
  EXPECT_EQ(decode_refusal(encode_refusal(CloseCause::kWrongVersion, "a\nb")).error.message(), "a?b");
  EXPECT_EQ(decode_refusal("").cause, CloseCause::kGarbage);
  EXPECT_EQ(decode_refusal("\xff???").cause, CloseCause::kGarbage);
}

}  // namespace
}  // namespace tidemark
