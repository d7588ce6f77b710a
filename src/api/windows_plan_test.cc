// What a plan says of operators with windows.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "api/job_access.h"
#include "tidemark/tidemark.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction = 0;
};

/// Of the node that build(keyed bids) adds last.
template <class Build>
LogicalNode last_node(const Build& build) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  const auto bids = job.from(generate<Bid>(1, [](std::uint64_t) { return Bid{}; })).uid("bids").key_by(&Bid::auction);
  build(bids);
  return detail::JobAccess::builder(job).plan().nodes.back();
}

TEST(WindowsInThePlan, SayHowLongTheyStayBehindTheirEnd) {
  const auto stay = [](auto build) { return last_node(build).windows_stay; };
  const auto first = [](const Bid& bid, const Bid&) { return bid; };
  EXPECT_EQ(stay([](auto bids) { bids.window(tumbling(10s)).aggregate(count()); }), 0s);
  EXPECT_EQ(stay([](auto bids) { bids.window(tumbling(10s)).allowed_lateness(24h).aggregate(count()); }), 24h);
  EXPECT_EQ(stay([](auto bids) { bids.window(session(10s)).allowed_lateness(24h).aggregate(count()); }), 24h);
  EXPECT_EQ(stay([](auto bids) { bids.window(tumbling(10s)).allowed_lateness(24h).two_stage().aggregate(count()); }), 24h);
  EXPECT_EQ(stay([&](auto bids) { bids.join(bids).window(tumbling(10s)).allowed_lateness(24h).inner(first); }), 24h);
  EXPECT_EQ(stay([](auto bids) { bids.window(global()).aggregate(count()); }), Duration::max());
  EXPECT_EQ(stay([](auto bids) { bids.aggregate(count()); }), std::nullopt);
}

TEST(WindowsInThePlan, HaveTheStateThatIsWatchedForGrowth) {
  const LogicalNode general = last_node([](auto bids) { bids.window(session(10s)).aggregate(count()); });
  const auto is_named = [](const StateDescriptor& state) { return state.name == kWindowsState; };
  EXPECT_TRUE(std::ranges::any_of(general.states, is_named));
  const LogicalNode slices = last_node([](auto bids) { bids.window(tumbling(10s)).aggregate(count()); });
  const auto is_of_slices = [](const StateDescriptor& state) { return state.kind == StateDescriptor::Kind::kWindow; };
  EXPECT_TRUE(std::ranges::any_of(slices.states, is_of_slices));
}

}  // namespace
}  // namespace tidemark
