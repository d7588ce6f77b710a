// What the other tests stand on.
#include "broker.h"

#include <gmock/gmock.h>

namespace tidemark {
namespace {

using ::testing::ElementsAre;

using KafkaBrokerTest = KafkaTest;

TEST_F(KafkaBrokerTest, OnlyWhatWasCommittedIsRead) {
  const std::string topic = create_topic(1);
  user().send(topic, {{.value = "a"}});
  user().send_in_transaction(topic, {{.value = "b"}}, false);
  user().send_in_transaction(topic, {{.value = "c"}}, true);
  EXPECT_THAT(user().read_committed(topic, 1), ElementsAre("a", "c"));
  EXPECT_EQ(user().end_offset(topic, 0), 5) << "three messages, and two that end transactions";
}

TEST_F(KafkaBrokerTest, WhatWasSentOutlivesTheBroker) {
  const std::string topic = create_topic(1);
  user().send(topic, {{.value = "a"}});
  broker().kill();
  broker().start();
  EXPECT_THAT(user().read_committed(topic, 1), ElementsAre("a"));
}

}  // namespace
}  // namespace tidemark
