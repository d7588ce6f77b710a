#include "kafka/epoch_log.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<OutgoingMessage> messages_in(const std::string& content) {
  std::vector<OutgoingMessage> messages;
  read_epoch(content, [&](const OutgoingMessage& message) { messages.push_back(message); });
  return messages;
}

std::string error_of(const std::string& content) {
  try {
    messages_in(content);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(EpochLog, AMessageComesBackWithAllThatItHas) {
  EpochLog log;
  log.append({.topic = "other", .partition = 3, .key = "k", .value = "v", .headers = {{"a", "b"}, {"null", std::nullopt}}, .timestamp_ms = 17});
  log.append({.value = std::string{"\0\xff", 2}});
  log.append({.key = "", .value = std::nullopt});
  EXPECT_EQ(log.messages(), 3u);
  const auto messages = messages_in(log.take());
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].topic, "other");
  EXPECT_EQ(messages[0].partition, 3);
  EXPECT_EQ(messages[0].key, "k");
  EXPECT_EQ(messages[0].timestamp_ms, 17);
  ASSERT_EQ(messages[0].headers.size(), 2u);
  EXPECT_EQ(messages[0].headers[0].value, "b");
  EXPECT_FALSE(messages[0].headers[1].value);
  EXPECT_EQ(messages[1].value, (std::string{"\0\xff", 2}));
  EXPECT_FALSE(messages[1].key);
  EXPECT_EQ(messages[2].key, "") << "an empty key is one";
  EXPECT_FALSE(messages[2].value);
}

TEST(EpochLog, ManyBlocksKeepTheirOrderAndALogStartsAnewBehindEachEpoch) {
  EpochLog log;
  for (const int first : {0, 5000}) {
    for (int i = first; i < first + 5000; ++i) log.append({.value = std::to_string(i) + std::string(1000, 'x')});
    EXPECT_LT(log.bytes(), 2'000'000u) << "it is compressed on the way";
    const auto messages = messages_in(log.take());
    ASSERT_EQ(messages.size(), 5000u);
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(messages[static_cast<std::size_t>(i)].value->starts_with(std::to_string(first + i) + "x"));
    EXPECT_EQ(log.messages(), 0u);
  }
}

TEST(EpochLog, DamagedBytesAreRefusedWhereverTheyAre) {
  EpochLog log;
  for (int i = 0; i < 10; ++i) log.append({.key = "k", .value = std::to_string(i)});
  const std::string content = log.take();
  EXPECT_THAT(error_of(""), HasSubstr("damaged"));
  EXPECT_THAT(error_of("\x02" + content.substr(1)), HasSubstr("newer version"));
  for (std::size_t size = 2; size < content.size(); ++size) EXPECT_THAT(error_of(content.substr(0, size)), HasSubstr("damaged")) << size;
  EXPECT_THAT(error_of(content + "x"), HasSubstr("damaged"));
}

}  // namespace
}  // namespace tidemark::detail
