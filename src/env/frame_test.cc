#include "env/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "env/split_mix_random.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using namespace std::string_view_literals;

std::string bytes_of(const Frame& frame, std::uint64_t number) {
  const FrameHeader header = frame_header(frame.kind, frame.payload.size(), detail::hash_bytes(frame.payload), number);
  return std::string{header.data(), header.size()} + frame.payload;
}

std::string bytes_of(const std::vector<Frame>& frames) {
  std::string bytes;
  for (std::size_t i = 0; i < frames.size(); ++i) bytes += bytes_of(frames[i], i);
  return bytes;
}

struct Outcome {
  std::vector<Frame> frames;
  std::optional<FrameReader::Broken> broken;
};

// Hands at most `piece` bytes over at a time.
Outcome read_all(std::string_view bytes, std::size_t piece, std::size_t largest = 1u << 20) {
  Outcome outcome;
  FrameReader reader{largest};
  while (true) {
    auto frame = reader.next();
    if (!frame) {
      outcome.broken = frame.error();
      return outcome;
    }
    if (*frame) {
      outcome.frames.push_back(std::move(**frame));
      if (outcome.frames.size() == 1) reader.set_largest_payload(largest);  // as behind a greeting
      continue;
    }
    if (bytes.empty()) return outcome;
    const std::span<char> space = reader.space();
    EXPECT_FALSE(space.empty());
    const std::size_t n = std::min({piece, bytes.size(), space.size()});
    std::memcpy(space.data(), bytes.data(), n);
    reader.filled(n);
    bytes.remove_prefix(n);
  }
}

std::vector<Frame> sample() {
  std::vector<Frame> frames{{.kind = 0, .payload = ""}, {.kind = 1, .payload = "a"}};
  SplitMixRandom random{7};
  for (const std::size_t size : {15u, 16u, 17u, 1000u, 65'535u, 65'536u, 300'000u, 3u, 700'000u, 0u}) {
    Frame& frame =
        frames.emplace_back(Frame{.kind = static_cast<std::uint8_t>(size % 200), .payload = std::string(size, '\0')});
    for (char& c : frame.payload) c = static_cast<char>(random.next());
  }
  return frames;
}

TEST(FrameTest, FramesComeOutAsTheyWereHoweverTheBytesAreCut) {
  const std::vector<Frame> frames = sample();
  const std::string bytes = bytes_of(frames);
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{7}, std::size_t{4096}, std::size_t{100'000}, bytes.size()}) {
    const Outcome outcome = read_all(bytes, piece);
    EXPECT_FALSE(outcome.broken.has_value());
    EXPECT_TRUE(outcome.frames == frames) << "in pieces of " << piece;
  }
}

TEST(FrameTest, HalfAFrameIsNone) {
  const std::string bytes = bytes_of(Frame{.kind = 3, .payload = "payload"}, 0);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Outcome outcome = read_all(bytes.substr(0, size), 100);
    EXPECT_TRUE(outcome.frames.empty());
    EXPECT_FALSE(outcome.broken.has_value());
  }
}

TEST(FrameTest, EveryDamagedBitIsFound) {
  const std::vector<Frame> frames{{.kind = 1, .payload = "first"}, {.kind = 2, .payload = "second"}};
  const std::string whole = bytes_of(frames);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const Outcome outcome = read_all(damaged, damaged.size());
    ASSERT_TRUE(outcome.broken.has_value()) << "bit " << bit;
    for (std::size_t i = 0; i < outcome.frames.size(); ++i) EXPECT_EQ(outcome.frames[i], frames[i]) << "bit " << bit;
  }
}

TEST(FrameTest, AFrameThatIsMissingDoubledOrMovedIsFound) {
  const std::string a = bytes_of(Frame{.kind = 1, .payload = "a"}, 0);
  const std::string b = bytes_of(Frame{.kind = 1, .payload = "b"}, 1);
  const std::string c = bytes_of(Frame{.kind = 1, .payload = "c"}, 2);
  EXPECT_FALSE(read_all(a + b + c, 100).broken.has_value());
  for (const std::string& wrong : {a + c, a + a, a + b + b, b, a + c + b}) {
    const Outcome outcome = read_all(wrong, 100);
    ASSERT_TRUE(outcome.broken.has_value());
    EXPECT_NE(outcome.broken->cause, CloseCause::kTooLarge);
  }
}

TEST(FrameTest, WhatBeginsOtherwiseIsGarbage) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more of it"sv}) {
    const Outcome outcome = read_all(text, 1000);
    ASSERT_TRUE(outcome.broken.has_value());
    EXPECT_EQ(outcome.broken->cause, CloseCause::kGarbage);
  }
}

TEST(FrameTest, AFrameThatIsTooLargeIsRefusedByItsHeader) {
  const std::string bytes = bytes_of(Frame{.kind = 1, .payload = std::string(101, 'x')}, 0);
  EXPECT_EQ(read_all(bytes, 100, 101).frames.size(), 1u);
  const Outcome outcome = read_all(bytes.substr(0, 16), 100, 100);
  ASSERT_TRUE(outcome.broken.has_value());
  EXPECT_EQ(outcome.broken->cause, CloseCause::kTooLarge);
  EXPECT_EQ(outcome.broken->reason, "a frame of 101 bytes where 100 are the most");
}

TEST(FrameTest, APromisedLengthCostsNoMemory) {
  FrameReader reader{1u << 30};
  const FrameHeader header = frame_header(1, 1u << 30, 0, 0);
  std::memcpy(reader.space().data(), header.data(), header.size());
  reader.filled(header.size());
  ASSERT_TRUE(reader.next().has_value());
  EXPECT_LE(reader.space().size(), 2u << 20);
}

}  // namespace
}  // namespace tidemark
