// What a plan says of the state of unbounded joins: none can go on with what another one has kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/job_access.h"
#include "graph/verdict.h"
#include "tidemark/tidemark.h"

namespace tidemark {
namespace {

struct Bid {
  std::int64_t auction = 0;
};

/// Of a join of two streams of one type, so that nothing but the names of its states tells the sides apart.
template <class Build>
LogicalPlan plan_of(const Build& build) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  const auto bids = job.from(generate<Bid>(1, [](std::uint64_t) { return Bid{}; })).uid("bids").key_by(&Bid::auction);
  build(bids.join(bids).unbounded()).uid("join");
  return detail::JobAccess::builder(job).plan();
}

std::vector<StateVerdict> verdicts_of_join(const LogicalPlan& plan, const LogicalPlan& saved) {
  std::vector<StateVerdict> verdicts = judge(plan, saved_operators(saved));
  std::erase_if(verdicts, [](const StateVerdict& verdict) { return verdict.uid != "join"; });
  return verdicts;
}

TEST(JoinStateInThePlan, IsThatOfOnePromiseAlone) {
  const auto inner = [](const Bid& bid, const Bid&) { return bid; };
  const auto left = [](const Bid& bid, const Bid*) { return bid; };
  const auto right = [](const Bid*, const Bid& bid) { return bid; };
  const std::pair<std::string, LogicalPlan> plans[] = {
      {"no promise", plan_of([&](auto join) { return join.inner(inner); })},
      {"many to one", plan_of([&](auto join) { return join.many_to_one().inner(inner); })},
      {"one to many", plan_of([&](auto join) { return join.one_to_many().inner(inner); })},
      {"many to one, which gives rows when it is alone", plan_of([&](auto join) { return join.many_to_one().right(right); })},
      {"one to many, which gives rows when it is alone", plan_of([&](auto join) { return join.one_to_many().left(left); })},
  };
  using Kind = StateVerdict::Kind;
  for (const auto& [name, plan] : plans) {
    for (const auto& [saved_name, saved] : plans) {
      SCOPED_TRACE("saved: " + saved_name + ", now: " + name);
      const auto verdicts = verdicts_of_join(plan, saved);
      const auto is = [&](Kind kind) { return [kind](const StateVerdict& verdict) { return verdict.kind == kind; }; };
      if (name == saved_name) {
        EXPECT_TRUE(std::ranges::all_of(verdicts, is(Kind::kSame)));
      } else {
        EXPECT_TRUE(std::ranges::any_of(verdicts, is(Kind::kOrphaned)));
      }
      EXPECT_TRUE(std::ranges::none_of(verdicts, is(Kind::kMigrates)));
    }
  }
}

}  // namespace
}  // namespace tidemark
