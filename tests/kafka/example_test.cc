// The example from Kafka into Kafka, whose answers are computed plainly from the same bids.
#include <gmock/gmock.h>

#include <map>
#include <string>

#include "broker.h"

namespace tidemark {
namespace {

using KafkaExampleTest = KafkaTest;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t at_ms = 0;
};

// A bid each 20 ms, more of an auction for some seconds than of others.
std::vector<Bid> some_bids() {
  std::vector<Bid> bids;
  for (std::int64_t i = 0; i < 3000; ++i) bids.push_back({(i * i / 500 + i * 7) % 13, i * 20});
  return bids;
}

std::vector<std::string> hottest_of(const std::vector<Bid>& bids) {
  std::map<std::int64_t, std::map<std::int64_t, std::int64_t>> counts;  // by the end of the window and the auction
  for (const Bid& bid : bids) {
    for (std::int64_t end = bid.at_ms / 2000 * 2000 + 2000; end <= bid.at_ms + 10'000; end += 2000) ++counts[end][bid.auction];
  }
  std::vector<std::string> rows;
  for (const auto& [end, of_auctions] : counts) {
    auto best = of_auctions.begin();
    for (auto it = of_auctions.begin(); it != of_auctions.end(); ++it) {
      if (it->second > best->second) best = it;
    }
    rows.push_back(R"({"window_start":)" + std::to_string(end - 10'000) + R"(,"window_end":)" + std::to_string(end) + R"(,"auction":)" +
                   std::to_string(best->first) + R"(,"bids":)" + std::to_string(best->second) + "}");
  }
  return rows;
}

TEST_F(KafkaExampleTest, TheHottestItemsAreThereOnceThoughTheJobDiesAsItCommits) {
  const std::string bids = create_topic(2, "bids"), hot = create_topic(1, "hot");
  std::vector<SentMessage> messages;
  for (const Bid& bid : some_bids()) {
    messages.push_back({.partition = static_cast<std::int32_t>(messages.size() % 2),
                        .value = R"({"auction":)" + std::to_string(bid.auction) + R"(,"date_time":)" + std::to_string(bid.at_ms) + "}"});
  }
  user().send(bids, messages);
  std::string name = (fs::temp_directory_path() / "tidemark-kafka-example-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  const auto run = [&](const std::string& crash, Words more) {
    Words words{"TIDEMARK_CRASH_AT=" + crash, TIDEMARK_KAFKA_HOT_ITEMS, "--brokers", broker().address(), "--input", bids, "--output", hot, "--bounded",
                "--checkpoint-dir", "state", "--parallelism", "2"};
    words.insert(words.end(), more.begin(), more.end());
    ChildProcess job{"/usr/bin/env", words, folder, "job.log"};
    const int status = job.wait();
    EXPECT_EQ(status, crash.empty() ? 0 : 137) << job.output();
  };
  run("sink-committed:1", {});
  run("", {"--resume"});
  EXPECT_THAT(user().read_committed(hot, 1), ::testing::UnorderedElementsAreArray(hottest_of(some_bids())));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tidemark
