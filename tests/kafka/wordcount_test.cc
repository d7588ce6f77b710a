// The example, as a program of its own.
#include <gmock/gmock.h>

#include "broker.h"
#include "run_job.h"

namespace tidemark {
namespace {

using ::testing::UnorderedElementsAre;

using KafkaExample = KafkaTest;

TEST_F(KafkaExample, CountsWordsFromOneTopicIntoAnother) {
  const std::string lines = create_topic(2, "lines");
  const std::string counts = create_topic(1, "counts");
  user().send(lines, {{.partition = 0, .value = "to be or"}, {.partition = 1, .value = "  not to be "}});
  TemporaryFolder folder;
  ChildProcess program{TIDEMARK_KAFKA_WORDCOUNT,
                       {"--brokers", broker().address(), "--input", lines, "--output", counts, "--until-now", "--parallelism", "2"}, folder.path(), "log"};
  EXPECT_EQ(program.wait(), 0) << program.output();
  EXPECT_THAT(user().read_committed(counts, 1),
              UnorderedElementsAre(R"({"word":"to","count":1})", R"({"word":"to","count":2})", R"({"word":"be","count":1})", R"({"word":"be","count":2})",
                                   R"({"word":"or","count":1})", R"({"word":"not","count":1})"));
}

}  // namespace
}  // namespace tidemark
