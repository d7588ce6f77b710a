#include <gmock/gmock.h>

#include "graph/plan_samples.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr KeyGroupRange kLower{0, 2048};
constexpr KeyGroupRange kUpper{2048, 4096};

CheckpointMetadata checkpoint_at_parallelism_two() {
  CheckpointMetadata::Operator count{.uid = "count", .name = "count", .parallelism = 2, .max_parallelism = 4096};
  count.states = {state("acc", "\"int64\"")};
  count.subtasks = {
      {.uid = "count", .subtask = 0, .keyed_files = {{"a", 1, 1, kLower}}, .watermarks = {{kLower, Timestamp{10}}}},
      {.uid = "count", .subtask = 1, .keyed_files = {{"b", 1, 1, kUpper}}, .watermarks = {{kUpper, Timestamp{20}}}}};
  CheckpointMetadata::Operator bids{.uid = "bids", .name = "bids", .parallelism = 2, .max_parallelism = 4096};
  bids.subtasks = {
      {.uid = "bids", .subtask = 0, .list_states = {{"splits", Redistribution::kSplit, "\"string\"", {"1", "2", "3"}}}},
      {.uid = "bids", .subtask = 1, .list_states = {{"splits", Redistribution::kSplit, "\"string\"", {"4"}}}}};
  bids.subtasks[0].list_states.push_back({"rest", Redistribution::kSplit, "\"string\"", {"5"}});  // the enumerator's
  CheckpointMetadata::Operator out{.uid = "out", .name = "files", .parallelism = 2, .max_parallelism = 4096};
  out.subtasks = {{.uid = "out", .subtask = 0, .committables = {"x"}},
                  {.uid = "out", .subtask = 1, .committables = {"y", "z"}}};
  return {.job = "job", .id = 7, .attempt = 1, .operators = {count, bids, out}};
}

PhysicalPlan physical(LogicalPlan logical) { return value_or_throw(make_physical_plan(std::move(logical))); }

std::vector<std::vector<OperatorRestore>> restore(const LogicalPlan& logical, const CheckpointMetadata& checkpoint) {
  return value_or_throw(map_restore(physical(logical), checkpoint)).restores;
}

std::string problem(const LogicalPlan& logical, const CheckpointMetadata& checkpoint) {
  const auto result = map_restore(physical(logical), checkpoint);
  return result ? "" : result.error().message();
}

std::vector<std::string> paths(const OperatorRestore& restore) {
  std::vector<std::string> result;
  for (const SnapshotFile& file : restore.keyed_files) result.push_back(file.path);
  return result;
}

TEST(MapRestore, AtTheSameParallelismEverySubtaskGetsItsOwn) {
  const auto restores = restore(counting_plan(2), checkpoint_at_parallelism_two());
  ASSERT_EQ(restores.size(), 5u);
  ASSERT_EQ(restores[3].size(), 2u);
  EXPECT_THAT(paths(restores[3][0]), ElementsAre("a"));
  EXPECT_THAT(paths(restores[3][1]), ElementsAre("b"));
  EXPECT_THAT(restores[3][1].watermarks, ElementsAre(KeyGroupWatermark{kUpper, Timestamp{20}}));
  EXPECT_THAT(restores[1][0].list_states[0].items, ElementsAre("1", "2", "3"));
  EXPECT_THAT(restores[1][1].list_states[0].items, ElementsAre("4"));
  ASSERT_EQ(restores[0].size(), 1u);
  EXPECT_EQ(restores[0][0].list_states[1].name, "rest");
  EXPECT_THAT(restores[0][0].list_states[1].items, ElementsAre("5"));
}

TEST(MapRestore, ARescaleGivesFilesToAllWhoseKeyGroupsTheyTouch) {
  const auto restores = restore(counting_plan(3), checkpoint_at_parallelism_two());
  EXPECT_THAT(paths(restores[3][0]), ElementsAre("a"));
  EXPECT_THAT(paths(restores[3][1]), ElementsAre("a", "b"));
  EXPECT_THAT(paths(restores[3][2]), ElementsAre("b"));
  EXPECT_EQ(restores[3][1].watermarks.size(), 2u);
}

TEST(MapRestore, ARescaleSplitsListsEvenly) {
  const auto restores = restore(counting_plan(3), checkpoint_at_parallelism_two());
  EXPECT_THAT(restores[1][0].list_states[0].items, ElementsAre("1"));
  EXPECT_THAT(restores[1][1].list_states[0].items, ElementsAre("2"));
  EXPECT_THAT(restores[1][2].list_states[0].items, ElementsAre("3", "4"));
  const auto one = restore(counting_plan(1), checkpoint_at_parallelism_two());
  EXPECT_THAT(one[1][0].list_states[0].items, ElementsAre("1", "2", "3", "4"));
}

TEST(MapRestore, AnEnumeratorGetsItsListWhateverTheReadersParallelism) {
  for (const std::uint32_t parallelism : {1u, 3u}) {
    const auto restores = restore(counting_plan(parallelism), checkpoint_at_parallelism_two());
    EXPECT_THAT(restores[0][0].list_states[1].items, ElementsAre("5"));
  }
}

TEST(MapRestore, UnionListsGoToAll) {
  CheckpointMetadata checkpoint = checkpoint_at_parallelism_two();
  for (OperatorSnapshot& subtask : checkpoint.operators[1].subtasks)
    subtask.list_states[0].redistribution = Redistribution::kUnion;
  const auto restores = restore(counting_plan(2), checkpoint);
  for (const OperatorRestore& subtask : restores[1]) {
    EXPECT_THAT(subtask.list_states[0].items, ElementsAre("1", "2", "3", "4"));
  }
}

/// source (0) -> process (1), whose subtasks kept: a split, a union and a broadcast state.
LogicalPlan processing_plan(std::uint32_t parallelism) {
  LogicalNode process = node("process", "p");
  process.states = {operator_state("split", StateDescriptor::Kind::kSplitList),
                    operator_state("union", StateDescriptor::Kind::kUnionList),
                    operator_state("rules", StateDescriptor::Kind::kBroadcast)};
  return plan_of({node("source"), process}, {{0, 1, Exchange::kHash, ""}}, parallelism);
}
CheckpointMetadata checkpoint_of_processing() {
  CheckpointMetadata::Operator process{.uid = "p", .name = "process", .parallelism = 2, .max_parallelism = 4096};
  process.states = processing_plan(2).nodes[1].states;
  for (std::uint32_t subtask = 0; subtask < 2; ++subtask) {
    const std::string own = std::to_string(subtask);
    process.subtasks.push_back({.uid = "p",
                                .subtask = subtask,
                                .list_states = {{"split", Redistribution::kSplit, "\"string\"", {"s" + own, "t" + own}},
                                                {"union", Redistribution::kUnion, "\"string\"", {"u" + own}},
                                                {"rules", Redistribution::kBroadcast, "\"string\"", {}}}});
  }
  process.subtasks[0].list_states[2].items = {"r", "q"};
  return {.job = "job", .id = 7, .attempt = 1, .operators = {process}};
}

TEST(MapRestore, OperatorStateIsSplitJoinedOrGivenToAllAtAnyParallelism) {
  const CheckpointMetadata checkpoint = checkpoint_of_processing();
  for (const std::uint32_t parallelism : {1u, 2u, 3u, 5u}) {
    const auto restores = restore(processing_plan(parallelism), checkpoint)[1];
    ASSERT_EQ(restores.size(), parallelism);
    std::vector<std::string> split;
    for (const OperatorRestore& subtask : restores) {
      ASSERT_EQ(subtask.list_states.size(), 3u);
      split.insert(split.end(), subtask.list_states[0].items.begin(), subtask.list_states[0].items.end());
      EXPECT_LE(subtask.list_states[0].items.size(), (4 + parallelism - 1) / parallelism) << "even";
      EXPECT_THAT(subtask.list_states[1].items, ElementsAre("u0", "u1"));
      EXPECT_THAT(subtask.list_states[2].items, ElementsAre("r", "q"));
    }
    EXPECT_THAT(split, ElementsAre("s0", "t0", "s1", "t1")) << parallelism;
  }
}

TEST(MapRestore, RefusesOperatorStateOfAnotherKindAndWhatNobodyDeclaresAnyMore) {
  LogicalPlan plan = processing_plan(2);
  plan.nodes[1].states[0].kind = StateDescriptor::Kind::kUnionList;
  EXPECT_THAT(problem(plan, checkpoint_of_processing()),
              AllOf(HasSubstr("state 'split': split list -> union list: a state keeps its kind")));
  plan.nodes[1].states.erase(plan.nodes[1].states.begin());
  EXPECT_THAT(problem(plan, checkpoint_of_processing()),
              HasSubstr("state 'split': the operator declares no such state"));
  plan.nodes[1].states[1].value_schema = "\"int64\"";
  CheckpointMetadata nothing_kept = checkpoint_of_processing();
  for (OperatorSnapshot& subtask : nothing_kept.operators[0].subtasks) {
    for (OperatorListState& list : subtask.list_states) list.items.clear();
  }
  EXPECT_EQ(problem(plan, nothing_kept), "") << "where nothing is lost, nothing is refused";
}

TEST(MapRestore, AnOperatorThatIsNewStartsEmpty) {
  CheckpointMetadata checkpoint = checkpoint_at_parallelism_two();
  checkpoint.operators.erase(checkpoint.operators.begin());
  EXPECT_THAT(restore(counting_plan(), checkpoint)[3][0].keyed_files, IsEmpty());
}

TEST(MapRestore, StateThatNoOperatorTakesIsRefusedWithTheUidThatItProbablyHas) {
  LogicalPlan plan = counting_plan();
  plan.nodes[3].uid = "counts";
  EXPECT_THAT(problem(plan, checkpoint_at_parallelism_two()),
              AllOf(HasSubstr("uid 'count', state 'acc': no operator of the job has this uid; did you mean 'counts'?"),
                    HasSubstr("--allow-non-restored-state")));
}

TEST(MapRestore, AnOperatorThatKeptNothingMayGo) {
  CheckpointMetadata checkpoint = checkpoint_at_parallelism_two();
  checkpoint.operators.push_back(
      {.uid = "gone", .name = "gone", .parallelism = 1, .max_parallelism = 4096, .subtasks = {{.uid = "gone"}}});
  EXPECT_EQ(problem(counting_plan(), checkpoint), "");
}

TEST(MapRestore, RefusesAnotherTypeOfState) {
  LogicalPlan plan = counting_plan();
  plan.nodes[3].states[0].value_schema = "\"int32\"";
  EXPECT_THAT(problem(plan, checkpoint_at_parallelism_two()),
              AllOf(HasSubstr("operator 'count' (job.cc:14)"), HasSubstr("state 'acc'"), HasSubstr("int64 -> int32")));
  plan.nodes[3].states.clear();
  EXPECT_THAT(problem(plan, checkpoint_at_parallelism_two()),
              HasSubstr("state 'acc': the operator declares no such state"));
}

TEST(MapRestore, RefusesAnotherMaxParallelism) {
  LogicalPlan plan = counting_plan();
  plan.max_parallelism = 128;
  EXPECT_THAT(problem(plan, checkpoint_at_parallelism_two()), HasSubstr("set pipeline.max-parallelism to 4096"));
}

}  // namespace
}  // namespace tidemark
