// Input that is no record, by each policy.
#include <gmock/gmock.h>

#include <fstream>

#include "run_job.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Price {
  std::string item;
  std::int64_t price = 0;
};

class BadInput : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream file{folder_ / "prices.ndjson"};
    file << R"({"item":"tea","price":3})" << "\n" << R"({"item":"milk","price":"two"})" << "\n" << R"({"item":"bun","price":5})" << "\n";
  }
  Stream<Price> prices(Job& job, OnError on_error) const {
    return job.from(read_files<Price>(folder_ / "*.ndjson").on_error(std::move(on_error))).uid("prices");
  }
  TemporaryFolder folder_;
};

TEST_F(BadInput, FailsTheJobWithFileLineAndField) {
  EXPECT_THAT(failure_of({}, [&](Job& job) { prices(job, fail()).to(print()); }), AllOf(HasSubstr("prices.ndjson:2:"), HasSubstr("price")));
}

TEST_F(BadInput, IsSkipped) {
  auto items = collect<std::string>();
  run_job({}, [&](Job& job) { prices(job, skip()).map(&Price::item).to(items).uid("out"); });
  EXPECT_THAT(items.get(), ElementsAre("tea", "bun"));
}

TEST_F(BadInput, GoesToASideOutput) {
  auto items = collect<std::string>();
  auto bad = collect<BadRecord>();
  run_job({}, [&](Job& job) {
    const auto stream = prices(job, side_output("bad"));
    stream.map(&Price::item).to(items).uid("out");
    stream.side_output<BadRecord>("bad").to(bad).uid("bad");
  });
  EXPECT_THAT(items.get(), ElementsAre("tea", "bun"));
  ASSERT_EQ(bad.get().size(), 1u);
  EXPECT_EQ(bad.get()[0].line, 2u);
  EXPECT_THAT(bad.get()[0].text, HasSubstr("milk"));
}

TEST(MissingInput, NamesThePattern) {
  EXPECT_THAT(failure_of({}, [](Job& job) { job.from(read_files<Price>("/nowhere/*.ndjson")).uid("prices").to(print()); }),
              HasSubstr("/nowhere/*.ndjson"));
}

}  // namespace
}  // namespace tidemark
