#include "coordinator/state_growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace tidemark {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

LogicalPlan plan_with(std::vector<StateDescriptor> states) {
  LogicalPlan plan;
  plan.nodes.push_back({.id = 0, .name = "keyed process", .uid = "seen", .location = "job.cc:14", .keeps_state = true, .states = std::move(states)});
  return plan;
}
LogicalPlan plan_of_one_state() { return plan_with({{.name = "ids"}}); }

/// The warnings of so many checkpoints, in which checkpoint n has that many bytes.
std::vector<std::string> warnings_of(const LogicalPlan& plan, int checkpoints, const std::function<double(int)>& bytes) {
  StateGrowth growth{plan, 1000};
  std::vector<std::string> all;
  for (int n = 1; n <= checkpoints; ++n) {
    for (std::string& each : growth.on_completed({{"seen", static_cast<std::uint64_t>(bytes(n))}, {"another", 5'000'000'000}})) all.push_back(std::move(each));
  }
  return all;
}

TEST(StateGrowth, WarnsOnceOfStateThatGrowsWithEveryCheckpointAndSaysWhatToDo) {
  const auto warnings = warnings_of(plan_of_one_state(), 5000, [](int n) { return n * 1e6; });
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(warnings[0], AllOf(HasSubstr("operator 'keyed process' (job.cc:14)"), HasSubstr("from 1.0 MB to 64.0 MB over 64 checkpoints"),
                                 HasSubstr("'ids'"), HasSubstr("time to live")));
}

TEST(StateGrowth, GrowthThatComesToRestIsNone) {
  EXPECT_THAT(warnings_of(plan_of_one_state(), 5000, [](int n) { return 1e9 * (1 - std::exp(-n / 10.0)); }), IsEmpty()) << "keys become known";
  EXPECT_THAT(warnings_of(plan_of_one_state(), 5000, [](int) { return 1e9; }), IsEmpty());
  EXPECT_THAT(warnings_of(plan_of_one_state(), 5000, [](int n) { return 1e9 / n; }), IsEmpty());
  EXPECT_THAT(warnings_of(plan_of_one_state(), 5000, [](int n) { return n % 50 * 1e6; }), IsEmpty()) << "a timer clears it";
  EXPECT_THAT(warnings_of(plan_of_one_state(), 5000, [](int) { return 0; }), IsEmpty());
}

TEST(StateGrowth, LittleStateAndAPartOfMuchRestoredStateAreNotSpokenOf) {
  EXPECT_THAT(warnings_of(plan_of_one_state(), 200, [](int n) { return n * 5; }), IsEmpty());
  EXPECT_THAT(warnings_of(plan_of_one_state(), 200, [](int n) { return 1e9 + n * 1e6; }), IsEmpty());
  EXPECT_THAT(warnings_of(plan_of_one_state(), 2000, [](int n) { return 1e9 + n * 1e6; }), SizeIs(1)) << "until it is most of it";
}

TEST(StateGrowth, StateThatExpiresIsNotWatched) {
  const auto grows = [](int n) { return n * 1e6; };
  EXPECT_THAT(warnings_of(plan_with({{.name = "ids", .has_ttl = true}, {.name = "timers", .kind = StateDescriptor::Kind::kTimers}}), 200, grows), IsEmpty());
  EXPECT_THAT(warnings_of(plan_with({{.name = "window-1", .kind = StateDescriptor::Kind::kWindow}}), 200, grows), IsEmpty());
  const auto warnings = warnings_of(plan_with({{.name = "old", .has_ttl = true}, {.name = "a"}, {.name = "b", .kind = StateDescriptor::Kind::kMap}}), 200, grows);
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(warnings[0], AllOf(HasSubstr("'a', 'b'"), Not(HasSubstr("'old'"))));
}

TEST(StateGrowth, WindowsAreWatchedIfTheyAreKeptInEffectForGood) {
  const auto grows = [](int n) { return n * 1e6; };
  const auto warnings = [&](std::vector<StateDescriptor> states, std::optional<Duration> windows_stay) {
    LogicalPlan plan = plan_with(std::move(states));
    plan.nodes[0].windows_stay = windows_stay;
    return warnings_of(plan, 200, grows);
  };
  const StateDescriptor slices{.name = "window-10-10-0", .kind = StateDescriptor::Kind::kWindow};
  const StateDescriptor windows{.name = "windows"};
  for (const StateDescriptor& state : {slices, windows}) {
    EXPECT_THAT(warnings({state}, Duration{0}), IsEmpty());
    EXPECT_THAT(warnings({state}, std::chrono::days{30}), IsEmpty()) << "they come to rest";
    const auto late = warnings({state}, std::chrono::days{3650});
    ASSERT_THAT(late, SizeIs(1));
    EXPECT_THAT(late[0], AllOf(HasSubstr("'" + state.name + "'"), HasSubstr("kept for 3650 days behind their end: give it a shorter allowed_lateness()")));
    const auto global = warnings({state}, Duration::max());
    ASSERT_THAT(global, SizeIs(1));
    EXPECT_THAT(global[0], HasSubstr("A global window has no end: purge it"));
  }
  EXPECT_THAT(warnings({windows}, std::nullopt), SizeIs(1)) << "a user's own state of that name";
  const auto of_function = warnings({windows, {.name = "seen"}}, Duration{0});
  ASSERT_THAT(of_function, SizeIs(1));
  EXPECT_THAT(of_function[0], AllOf(HasSubstr("of 'seen' nothing"), HasSubstr("time to live")));
}

TEST(StateGrowth, UnevenLoadHidesNothing) {
  EXPECT_THAT(warnings_of(plan_of_one_state(), 500, [](int n) { return n * 1e6 * (n % 3 == 0 ? 1.1 : 1.0); }), SizeIs(1));
}

}  // namespace
}  // namespace tidemark
