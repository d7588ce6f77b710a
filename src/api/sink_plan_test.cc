// What a plan says of sinks: which operators are some, so that nothing else takes what one has prepared.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/job_access.h"
#include "connectors/list_state.h"
#include "graph/plan.h"
#include "graph/verdict.h"
#include "tidemark/tidemark.h"

namespace tidemark {
namespace {

struct Bid {
  std::int64_t auction = 0;
};

/// Keeps nothing but how far event time has come.
class Echo final : public KeyedProcess<std::int64_t, Bid, Bid> {
 public:
  explicit Echo(Declare&) {}
  void process(const Bid& bid, Context&, Out<Bid>& out) override { out.emit(bid); }
};

/// As a tool reads it that is given the job's --plan.
template <class Build>
LogicalPlan plan_of(const Build& build) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  build(job.from(generate<Bid>(1, [](std::uint64_t) { return Bid{}; })).uid("bids"));
  LogicalPlan plan = detail::JobAccess::builder(job).plan();
  plan.job = "job";
  for (const LogicalNode& node : plan.nodes) EXPECT_TRUE(node.sink_kind) << node.name;
  return value_or_throw(parse_plan(to_json(value_or_throw(make_physical_plan(plan)))));
}

LogicalPlan to_files() {
  return plan_of([](const Stream<Bid>& bids) { bids.to(write_files("/out", as_json())).uid("out"); });
}
LogicalPlan through_a_function() {
  return plan_of([](const Stream<Bid>& bids) { bids.key_by(&Bid::auction).process<Echo>().uid("out").to(discard()); });
}

TEST(SinkInThePlan, IsToldFromWhateverElseKeepsSomething) {
  for (const LogicalPlan& plan : {to_files(), through_a_function()}) {
    for (const LogicalNode& node : plan.nodes) {
      EXPECT_EQ(node.sink_kind.has_value(), node.keeps_state) << node.name;
    }
  }
  EXPECT_EQ(to_files().nodes.back().sink_kind, "write files");
}

TEST(SinkInThePlan, WhatItHasPreparedIsNoFunctions) {
  CheckpointMetadata::Operator out{.uid = "out", .name = "write files", .parallelism = 1, .max_parallelism = 4096};
  out.subtasks = {{.uid = "out", .list_states = {detail::sink_kind_state("write files")}, .committables = {"a file"}}};
  const auto saved = saved_operators(CheckpointMetadata{.job = "job", .operators = {out}});
  const auto verdict_on_out = [&](const LogicalPlan& plan) {
    for (const StateVerdict& verdict : judge(plan, saved)) {
      if (verdict.uid == "out") return verdict.kind;
    }
    return StateVerdict::Kind::kNew;
  };
  EXPECT_EQ(verdict_on_out(to_files()), StateVerdict::Kind::kSame);
  EXPECT_EQ(verdict_on_out(through_a_function()), StateVerdict::Kind::kRefused);
}

}  // namespace
}  // namespace tidemark
