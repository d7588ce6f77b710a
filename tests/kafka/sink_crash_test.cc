// A job that writes to Kafka, killed at each step of a checkpoint and of a commit and resumed at other parallelisms.
#include <gmock/gmock.h>

#include <map>
#include <string>

#include "broker.h"

namespace tidemark {
namespace {

constexpr int kKilled = 137;  // 128 + SIGKILL, as crash points end a process, too
constexpr int kPartitions = 3;
constexpr std::int64_t kCount = 200'000, kKeys = 20;

class KafkaSinkCrashTest : public KafkaTest {
 protected:
  KafkaSinkCrashTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-kafka-job-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~KafkaSinkCrashTest() override { fs::remove_all(folder_); }
  void SetUp() override {
    KafkaTest::SetUp();
    if (!IsSkipped()) topic_ = create_topic(kPartitions);
  }

  /// `crash`: "sink-committed:2", or empty.
  std::unique_ptr<ChildProcess> start(const std::string& crash, int parallelism, Words more) const {
    const std::string size = std::to_string(kCount), keys = std::to_string(kKeys), width = std::to_string(parallelism);
    Words words{"TIDEMARK_CRASH_AT=" + crash, TIDEMARK_KAFKA_SINK_JOB, "--brokers", KafkaBroker::shared().address(), "--topic", topic_, "--prefix", topic_,
                "--count", size, "--keys", keys, "--parallelism", width, "--checkpoint-dir", "state", "--checkpoint-interval", "50ms"};
    words.insert(words.end(), more.begin(), more.end());
    return std::make_unique<ChildProcess>("/usr/bin/env", words, folder_, "job.log");
  }

  /// Each key's counts are 1, 2, 3 and so on in the order in which they are read; how many there are in all.
  std::int64_t expect_each_once() {
    std::map<std::string, std::int64_t> last;
    std::int64_t all = 0;
    for (const std::string& seen : user().read_committed(topic_, kPartitions)) {
      const std::size_t colon = seen.find(':');
      const std::int64_t count = std::stoll(seen.substr(colon + 1));
      std::int64_t& before = last[seen.substr(0, colon)];
      EXPECT_EQ(count, before + 1) << "key " << seen.substr(0, colon);
      before = count;
      ++all;
    }
    return all;
  }

 private:
  fs::path folder_;
  std::string topic_;
};

TEST_F(KafkaSinkCrashTest, EachMessageIsThereOnceWhateverStepTheJobDiesAt) {
  int parallelism = 2;
  std::int64_t seen = 0;
  Words more{"--rate", "4000"};  // a minute's numbers: what a run does before it dies is a second's
  for (const char* crash : {"checkpoint-triggered:3", "sink-prepared:4", "snapshot-acknowledged:5", "metadata-durable:3", "pointer-moved:3", "recovery-started:1",
                            "recovery-committed:1", "completion-notified:3", "sink-committing:3", "sink-committing:1", "sink-committed:3", "sink-committed:1"}) {
    const auto job = start(crash, parallelism, more);
    ASSERT_EQ(job->wait(), kKilled) << crash << "\n" << job->output();
    const std::int64_t now = expect_each_once();
    ASSERT_FALSE(HasFailure()) << crash;
    EXPECT_GE(now, seen) << crash;
    seen = now;
    parallelism = parallelism % 3 + 1;
    more = {"--rate", "4000", "--resume"};
  }
  const auto job = start("", parallelism, {"--resume"});
  ASSERT_EQ(job->wait(), 0) << job->output();
  EXPECT_EQ(expect_each_once(), kCount);
  EXPECT_LT(seen, kCount) << "the last crash came before the end";
}

}  // namespace
}  // namespace tidemark
