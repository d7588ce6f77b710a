#include "channel/edge_frame.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace tidemark {
namespace {

using detail::Batch;
using detail::ByteWriter;
using detail::Element;
using testing::HasSubstr;

Result<ArrivedElement> decode(std::string payload) {
  std::string folder;
  return decode_element(payload, folder);
}

TEST(EdgeFrame, ControlElementsComeBackAsTheyWere) {
  const Barrier barrier{.id = 7, .triggered_wall_ms = 12, .mode = CheckpointMode::kAtLeastOnce, .kind = CheckpointKind::kSavepoint};
  const std::vector<Element> elements = {Element::of_watermark(Timestamp{-99}),      Element::of_barrier(barrier),
                                         Element::of_cancel_marker(8),               Element::of(Element::Kind::kIdle),
                                         Element::of(Element::Kind::kActive),        Element::of(Element::Kind::kEndOfData)};
  for (const Element& element : elements) {
    const std::string bytes = encode_control(3, element, "");
    EXPECT_EQ(channel_of(bytes).value_or(0), 3u);
    const auto back = decode(bytes);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->element.kind, element.kind);
    EXPECT_EQ(back->element.watermark, element.watermark);
    EXPECT_EQ(back->element.barrier.id, element.barrier.id);
    EXPECT_EQ(back->element.barrier.triggered_wall_ms, element.barrier.triggered_wall_ms);
    EXPECT_EQ(back->element.barrier.mode, element.barrier.mode);
    EXPECT_EQ(back->element.barrier.kind, element.barrier.kind);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size)).has_value());
    if (element.kind != Element::Kind::kBarrier) {
      EXPECT_FALSE(decode(bytes + "x").has_value());
    }
  }
}

TEST(EdgeFrame, ABarrierBringsItsFolder) {
  std::string payload = encode_control(3, Element::of_barrier({.id = 7}), "/chk-7");
  std::string folder;
  ASSERT_TRUE(decode_element(payload, folder).has_value());
  EXPECT_EQ(folder, "/chk-7");
}

TEST(EdgeFrame, ABatchIsBytesThatNobodyHasReadYet) {
  ByteWriter out;
  put_batch_header(3, 100, out);
  out.put_bytes("whatever");
  const auto back = decode(out.take());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->element.kind, Element::Kind::kBatch);
  EXPECT_EQ(back->capacity, 100u);
  EXPECT_EQ(back->batch_bytes(), "whatever");
}

TEST(EdgeFrame, WhatIsNoElementIsRefusedWithAReason) {
  const auto refusal_of = [](const std::string& bytes) {
    const auto taken = decode(bytes);
    return taken ? std::string{} : std::string{taken.error().message()};
  };
  EXPECT_THAT(refusal_of(std::string{"\3\0\0\0\x7f", 5}), HasSubstr("no known kind"));
  for (const std::uint32_t capacity : {0u, Batch::kCapacity + 1}) {
    ByteWriter out;
    put_batch_header(3, capacity, out);
    EXPECT_THAT(refusal_of(out.take()), HasSubstr("no possible size"));
  }
  Barrier barrier{.id = 7};
  std::string bytes = encode_control(3, Element::of_barrier(barrier), "");
  bytes.back() = '\x7f';
  EXPECT_THAT(refusal_of(bytes), HasSubstr("another length"));
}

TEST(EdgeFrame, HelloAndCreditsComeBack) {
  const auto hello = decode_hello(encode_hello({.attempt = 3, .worker = 5, .secret = "a secret"}));
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->secret, "a secret");
  EXPECT_EQ(hello->attempt, 3u);
  EXPECT_EQ(hello->worker, 5u);
  const auto credits = decode_credits(encode_credits({.channel = 4, .elements = 9}));
  ASSERT_TRUE(credits.has_value());
  EXPECT_EQ(credits->channel, 4u);
  EXPECT_EQ(credits->elements, 9u);
  for (std::size_t size = 0; size < 8; ++size) {
    EXPECT_FALSE(decode_hello(std::string(size, 'x')).has_value());
    EXPECT_FALSE(decode_credits(std::string(size, 'x')).has_value());
  }
  EXPECT_FALSE(decode_credits(std::string(9, 'x')).has_value());
}

TEST(EdgeFrame, AReasonIsWordsOfOneLine) {
  EXPECT_EQ(decode_turned_away(encode_turned_away(Error{ErrorCode::kDataLoss, "it is late"})).message(), "it turned this worker away: it is late");
  EXPECT_THAT(decode_turned_away("a\nb").message(), HasSubstr("no text"));
  EXPECT_THAT(decode_turned_away(std::string(1025, 'x')).message(), HasSubstr("no text"));
  EXPECT_EQ(encode_turned_away(Error{ErrorCode::kDataLoss, std::string(2000, 'x')}).size(), 1024u);
}

}  // namespace
}  // namespace tidemark
