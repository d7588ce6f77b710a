#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "connectors/operator_driver.h"
#include "tidemark/collect.h"
#include "tidemark/print.h"

namespace tidemark {
namespace {

using detail::World;

struct Number {
  std::int64_t n;
};
struct Named {
  std::string_view name;
};

TEST(CollectTest, EachRecordIsThereOnceAcrossRestartsInTheProcess) {
  World world;
  const auto results = collect<Named>();
  const SinkDescription<Named> sink = results;
  const auto names = [&] {
    std::vector<std::string> kept;
    for (const Named& record : results.get()) kept.emplace_back(record.name);
    return kept;
  };
  sink.recover({&world.env, "job", "uid", 1, false, {}});
  detail::OperatorContext context = detail::make_context(world);
  OperatorSnapshot snapshot;
  {
    const auto writer = sink.make_writer();
    writer->open(context);
    detail::give<Named>(*writer, {{std::string{"a"}}});
    detail::take_snapshot(*writer, 1);
    EXPECT_EQ(names(), std::vector<std::string>{});
    writer->checkpoint_completed(1);
    EXPECT_EQ(names(), std::vector<std::string>{"a"});
    detail::give<Named>(*writer, {{"b"}});
    snapshot = detail::take_snapshot(*writer, 2);  // completes, but nobody tells the writer
    detail::give<Named>(*writer, {{"replayed"}});
    detail::take_snapshot(*writer, 3);
  }
  sink.recover({&world.env, "job", "uid", 2, true, snapshot.committables});
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b"}));
  const auto writer = sink.make_writer();
  context.attempt = 2;
  writer->open(context);
  detail::give<Named>(*writer, {{"replayed"}});
  detail::take_snapshot(*writer, 3);
  writer->checkpoint_completed(3);
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "replayed"}));
}

TEST(PrintTest, PrintsALineOfJsonForEachRecord) {
  World world;
  const SinkDescription<Number> sink = print("n");
  const auto writer = sink.make_writer();
  detail::OperatorContext context = detail::make_context(world);
  writer->open(context);
  testing::internal::CaptureStdout();
  detail::give<Number>(*writer, {{1}, {2}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "n> {\"n\":1}\nn> {\"n\":2}\n");
}

}  // namespace
}  // namespace tidemark
