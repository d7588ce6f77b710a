// Starts the broker, and runs the tests. Where it can't be had the program says so and why, and ends with the status that is a skipped test to
// ctest. Whatever else goes wrong is a failure.
#include <gmock/gmock.h>

#include <cstdio>

#include "broker.h"

namespace tidemark {
namespace {

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE of tests/CMakeLists.txt

// No test runs where this fails.
class BrokerEnvironment : public ::testing::Environment {
  void SetUp() override { KafkaBroker::shared().start(); }
};

int run_tests() {
  const auto [status, output] = KafkaBroker::shared().fetch();
  if (status == KafkaBroker::kUnavailable) {
    std::printf("SKIPPED: Kafka with a real broker: %s", output.c_str());
    return kSkipped;
  }
  if (status != 0) {
    std::printf("tools/testbed kafka --fetch has ended with status %d: %s", status, output.c_str());
    return 1;
  }
  ::testing::AddGlobalTestEnvironment(new BrokerEnvironment);
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  return ::testing::GTEST_FLAG(list_tests) ? RUN_ALL_TESTS() : tidemark::run_tests();
}
