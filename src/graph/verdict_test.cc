#include "graph/verdict.h"

#include <gmock/gmock.h>

#include <array>
#include <map>

#include "graph/plan_samples.h"
#include "graph/state_evolution.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = StateVerdict::Kind;

constexpr const char* kAccount =
    R"({"struct":[{"name":"count","type":"int32"},{"name":"owner_name","type":"string"}]})";
constexpr const char* kGrownAccount =
    R"({"struct":[{"name":"count","type":"int64"},{"name":"owner","type":"string","aliases":["owner_name"]}]})";

/// "uid/state kind: detail; detail".
std::vector<std::string> lines(const LogicalPlan& plan, const std::vector<SavedOperator>& saved) {
  std::vector<std::string> result;
  for (const StateVerdict& verdict : judge(plan, saved)) {
    std::string line = verdict.uid + "/" + verdict.state + " " + std::string{to_string(verdict.kind)};
    for (const std::string& detail : verdict.details) line += ": " + detail;
    result.push_back(line);
  }
  return result;
}

LogicalPlan accounts_plan(const std::string& schema = kAccount) {
  LogicalPlan plan = counting_plan();
  plan.nodes[3].states[0].value_schema = schema;
  return plan;
}

TEST(Verdict, APlanFitsWhatItWouldLeave) {
  EXPECT_THAT(lines(accounts_plan(), saved_operators(accounts_plan())),
              ElementsAre("bids/ same", "count/acc same", "out/ same"));
}

TEST(Verdict, SaysHowAStateMigrates) {
  EXPECT_THAT(
      lines(accounts_plan(kGrownAccount), saved_operators(accounts_plan())),
      ElementsAre("bids/ same", "count/acc migrates: count: int32 -> int64 (widened): owner_name -> owner (renamed)",
                  "out/ same"));
}

TEST(Verdict, SaysWhenAStateGetsATimeToLiveAndLosesIt) {
  LogicalPlan timed = accounts_plan();
  timed.nodes[3].states[0].has_ttl = true;
  EXPECT_THAT(lines(timed, saved_operators(accounts_plan()))[1],
              HasSubstr("count/acc migrates: entries get a time to live"));
  EXPECT_THAT(lines(accounts_plan(), saved_operators(timed))[1],
              HasSubstr("count/acc migrates: entries have no time to live any more"));
  EXPECT_EQ(lines(timed, saved_operators(timed))[1], "count/acc same");
}

TEST(Verdict, SaysWhyAStateIsRefused) {
  EXPECT_THAT(
      lines(accounts_plan(), saved_operators(accounts_plan(kGrownAccount)))[1],
      AllOf(HasSubstr("count/acc refused"), HasSubstr("count: int64 -> int32"), HasSubstr("declare the saved type")));
  LogicalPlan keyed = accounts_plan();
  keyed.nodes[3].states[0].key_schema = "\"string\"";
  EXPECT_THAT(lines(keyed, saved_operators(accounts_plan()))[1],
              AllOf(HasSubstr("refused: key: int64 -> string"), HasSubstr("a key's encoding can't change")));
  LogicalPlan list = accounts_plan();
  list.nodes[3].states[0].kind = StateDescriptor::Kind::kList;
  EXPECT_THAT(lines(list, saved_operators(accounts_plan()))[1], HasSubstr("refused: value -> list"));
  LogicalPlan fewer = accounts_plan();
  fewer.max_parallelism = 128;
  EXPECT_THAT(lines(fewer, saved_operators(accounts_plan()))[1],
              HasSubstr("count/ refused: max parallelism 4096 -> 128"));
}

TEST(Verdict, ATimeToLiveComesAndGoes) {
  LogicalPlan plan = accounts_plan();
  plan.nodes[3].states[0].has_ttl = true;
  EXPECT_THAT(lines(plan, saved_operators(accounts_plan()))[1],
              HasSubstr("count/acc migrates: entries get a time to live"));
  EXPECT_THAT(lines(accounts_plan(), saved_operators(plan))[1],
              HasSubstr("count/acc migrates: entries have no time to live"));
  EXPECT_EQ(lines(plan, saved_operators(plan))[1], "count/acc same");
  EXPECT_TRUE(value_or_throw(parse_plan(to_json(value_or_throw(make_physical_plan(plan))))).nodes[3].states[0].has_ttl);
}

TEST(Verdict, OtherWindowsAreNotTheSavedOnes) {
  LogicalPlan saved = accounts_plan();
  saved.nodes[3].states = {
      {"window-10000-1000-0", StateDescriptor::Kind::kWindow, "\"int64\"", "\"timestamp\"", "\"int64\""}};
  LogicalPlan declared = saved;
  declared.nodes[3].states[0].name = "window-10000-2000-0";
  EXPECT_THAT(lines(declared, saved_operators(saved))[1],
              AllOf(HasSubstr("orphaned"), HasSubstr("size, slide and offset")));
}

TEST(Verdict, ASchemaThatANewerVersionWroteIsRefusedNotMisread) {
  LogicalPlan saved = accounts_plan();
  saved.nodes[3].states[0].value_schema = R"({"decimal":20})";
  EXPECT_THAT(lines(accounts_plan(), saved_operators(saved))[1],
              AllOf(HasSubstr("count/acc refused"), HasSubstr("decimal")));
}

TEST(Verdict, AnOrphanSaysWhichUidOrNameWasMeant) {
  LogicalPlan renamed = accounts_plan();
  renamed.nodes[3].uid = "counts";
  EXPECT_THAT(
      lines(renamed, saved_operators(accounts_plan())),
      ElementsAre("bids/ same", "count/acc orphaned: no operator of the job has this uid; did you mean 'counts'?",
                  "out/ same", "counts/acc new"));
  LogicalPlan state = accounts_plan();
  state.nodes[3].states[0].name = "acc2";
  EXPECT_THAT(lines(state, saved_operators(accounts_plan())),
              ElementsAre("bids/ same", "count/acc orphaned: the operator declares no such state; did you mean 'acc2'?",
                          "count/acc2 new", "out/ same"));
}

TEST(Verdict, PositionsNeedAnOperatorThatKeepsThem) {
  LogicalPlan moved = accounts_plan();
  moved.nodes[4].uid = "output";
  moved.nodes[2].uid = "out";
  EXPECT_THAT(lines(moved, saved_operators(accounts_plan())),
              ElementsAre("bids/ same", "count/acc same",
                          "out/ orphaned: 'files' saved positions or marks of its own, and this operator keeps nothing",
                          "output/ new"));
}

CheckpointMetadata::Operator saved_source(const std::string& kind) {
  detail::ByteWriter item;
  item.put_string(kind);
  CheckpointMetadata::Operator source{.uid = "bids", .name = "any name", .parallelism = 1, .max_parallelism = 4096};
  source.subtasks = {{.uid = "bids",
                      .list_states = {{"splits", Redistribution::kSplit, "\"string\"", {"position"}},
                                      {"source", Redistribution::kSplit, "\"string\"", {item.take()}}}}};
  return source;
}

// As a file's position would be taken for a number of records.
TEST(Verdict, ASourceOfAnotherKindDoesNotGoOnWhereTheSavedOneStood) {
  const auto of_kind = [](const std::string& kind) {
    return saved_operators(CheckpointMetadata{.job = "job", .operators = {saved_source(kind)}});
  };
  LogicalPlan plan = accounts_plan();
  plan.nodes[1].name = "bids from the market";
  EXPECT_EQ(lines(plan, of_kind("bids enumerator"))[0], "bids/ same") << "what the user calls it doesn't matter";
  EXPECT_THAT(lines(plan, of_kind("read files splits"))[0],
              AllOf(HasSubstr("bids/ refused: 'read files splits' -> 'bids enumerator'"), HasSubstr("a uid of its own")));
  LogicalPlan files = accounts_plan();
  files.nodes[0].name = "read files splits";
  EXPECT_THAT(lines(plan, saved_operators(files))[0], HasSubstr("bids/ refused"));
  plan.nodes[1].uid = plan.nodes[0].uid = "other";
  plan.nodes[4].uid = "bids";
  EXPECT_THAT(lines(plan, of_kind("bids enumerator"))[0], HasSubstr("-> no source"));
  CheckpointMetadata::Operator older = saved_source("");
  older.subtasks[0].list_states.pop_back();
  EXPECT_EQ(lines(accounts_plan(), saved_operators(CheckpointMetadata{.job = "job", .operators = {older}}))[0], "bids/ same")
      << "versions before this one did not say";
}

constexpr const char* kOffset = R"({"struct":[{"name":"at","type":"int64"}]})";
constexpr const char* kNarrowOffset = R"({"struct":[{"name":"at","type":"int32"}]})";

/// Of connectors of the user's.
LogicalPlan connectors_plan(const std::string& offset, const std::string& committable = kAccount) {
  LogicalPlan plan = accounts_plan();
  plan.nodes[1].kept = {{"split", "\"string\""}, {"position", offset}};
  plan.nodes[4].kept = {{"committable", committable}};
  plan.nodes[4].sink_kind = "post rows";
  return plan;
}

template <class T>
std::string bytes_of(const T& value) {
  detail::ByteWriter out;
  detail::encode(value, out);
  return out.take();
}

std::vector<SavedOperator> saved_by_connectors(const std::string& offset, const std::string& committable,
                                               const std::string& sink) {
  const auto described = [](const std::string& schema) {
    return bytes_of(detail::DescribedValue{.schema = schema, .item = "any"});
  };
  CheckpointMetadata::Operator source = saved_source("bids enumerator");
  source.subtasks[0].list_states[0] = {
      "splits", Redistribution::kSplit, detail::schema_json_of<detail::SplitState>(),
      {bytes_of(detail::SplitState{described("\"string\""), described(offset), Timestamp{0}})}};
  CheckpointMetadata::Operator out{.uid = "out", .name = "files", .parallelism = 1, .max_parallelism = 4096};
  out.subtasks = {{.uid = "out", .committables = {described(committable)}}};
  if (!sink.empty()) out.subtasks[0].list_states = {{"sink", Redistribution::kSplit, "\"string\"", {bytes_of(sink)}}};
  return saved_operators(CheckpointMetadata{.job = "job", .operators = {source, out}});
}

TEST(Verdict, WhatAUsersConnectorsKeepIsJudgedByItsTypes) {
  EXPECT_THAT(lines(connectors_plan(kOffset), saved_by_connectors(kOffset, kAccount, "post rows")),
              ElementsAre("bids/split same", "bids/position same", "out/committable same", "count/acc new"));
  EXPECT_THAT(lines(connectors_plan(kOffset, kGrownAccount), saved_by_connectors(kNarrowOffset, kAccount, "post rows")),
              ElementsAre("bids/split same", "bids/position migrates: at: int32 -> int64 (widened)",
                          "out/committable migrates: count: int32 -> int64 (widened): owner_name -> owner (renamed)",
                          "count/acc new"));
  EXPECT_THAT(lines(connectors_plan(kNarrowOffset), saved_by_connectors(kOffset, kGrownAccount, "post rows")),
              ElementsAre("bids/split same",
                          AllOf(HasSubstr("bids/position refused: at: int64 -> int32"),
                                HasSubstr("declare the saved type again")),
                          HasSubstr("out/committable refused: count: int64 -> int32"), "count/acc new"));
}

TEST(Verdict, ConnectorsOfTwoPlansAreCompared) {
  const LogicalPlan saved = connectors_plan(kOffset);
  EXPECT_THAT(lines(saved, saved_operators(saved)),
              ElementsAre("bids/split same", "bids/position same", "count/acc same", "out/committable same"));
  EXPECT_THAT(lines(connectors_plan(kNarrowOffset), saved_operators(saved))[1], HasSubstr("bids/position refused"));
  const LogicalPlan older = accounts_plan();
  EXPECT_EQ(lines(saved, saved_operators(older))[0], "bids/ same") << "plans of older versions do not say";
  EXPECT_EQ(lines(older, saved_operators(saved))[2], "out/ same");
}

TEST(Verdict, ASinkOfAnotherKindDoesNotCommitWhatTheSavedOneHasPrepared) {
  const auto saved = saved_by_connectors(kOffset, kAccount, "write files");
  EXPECT_THAT(lines(connectors_plan(kOffset), saved)[2],
              AllOf(HasSubstr("out/ refused: 'write files' -> 'post rows'"), HasSubstr("a uid of its own")));
  LogicalPlan no_sink = connectors_plan(kOffset);
  no_sink.nodes[4].sink_kind = "";
  EXPECT_THAT(lines(no_sink, saved)[2], HasSubstr("out/ refused: 'write files' -> no sink")) << "but a function";
  no_sink.nodes[4].sink_kind = {};
  EXPECT_EQ(lines(no_sink, saved)[2], "out/committable same") << "versions before this one did not say";
  no_sink.nodes[4].states = {state("acc", kAccount)};
  EXPECT_THAT(lines(no_sink, saved)[2], HasSubstr("out/ refused: 'write files' -> no sink")) << "and yet it can be none";
  no_sink.nodes[4].keeps_state = false;
  EXPECT_THAT(lines(no_sink, saved)[2], HasSubstr("out/ orphaned")) << "which may be dropped";
  EXPECT_EQ(lines(connectors_plan(kOffset), saved_by_connectors(kOffset, kAccount, ""))[2], "out/committable same")
      << "versions before this one did not say";
  LogicalPlan renamed = connectors_plan(kOffset);
  renamed.nodes[4].name = "the board";
  EXPECT_EQ(lines(renamed, saved_by_connectors(kOffset, kAccount, "post rows"))[2], "out/committable same");
}

// Restored as values of key and value, judged by key and value.
TEST(Verdict, WhatFitsOfABroadcastStateIsRestored) {
  const std::vector<std::string> schemas = {
      R"("int32")",
      R"("int64")",
      R"("string")",
      R"({"enum":"uint8","names":{"gold":1,"silver":2}})",
      R"({"enum":"uint8","names":{"gold":1}})",
      R"({"enum":"uint8","names":{"gold":2,"silver":1}})",
      R"({"struct":[{"name":"a","type":"int64"},{"name":"b","type":"int64"}]})",
      R"({"struct":[{"name":"b","type":"int64"},{"name":"a","type":"int64"}]})",
      R"({"struct":[{"name":"a","type":"int64","aliases":["b"]},{"name":"b","type":"int64","aliases":["a"]}]})",
      R"({"struct":[{"name":"c","type":"int64","aliases":["a"]},{"name":"b","type":"int64"}]})",
      R"({"variant":[{"name":"0","type":"int64"},{"name":"1","type":"string"}]})",
      R"({"variant":[{"name":"number","type":"int64"},{"name":"text","type":"string"}]})",
      R"({"variant":[{"name":"text","type":"int64"},{"name":"number","type":"string"}]})"};
  const auto rules = [](const std::string& key, const std::string& value) {
    return StateDescriptor{.name = "rules", .kind = StateDescriptor::Kind::kBroadcast, .key_schema = key, .value_schema = value};
  };
  const auto entry = [](const std::string& key, const std::string& value) {
    return R"({"struct":[{"name":"key","type":)" + key + R"(},{"name":"value","type":)" + value + "}]}";
  };
  for (const std::string& saved : schemas) {
    for (const std::string& declared : schemas) {
      SCOPED_TRACE(saved + " -> " + declared);
      for (const auto& [from_key, from_value, to_key, to_value] :
           {std::array{saved, schemas[0], declared, schemas[0]}, std::array{schemas[2], saved, schemas[2], declared}}) {
        const bool fits = evolve_state(rules(from_key, from_value), rules(to_key, to_value)).kind != Evolution::Kind::kRefused;
        const bool restored = evolve_schema(entry(from_key, from_value), entry(to_key, to_value)).kind != Evolution::Kind::kRefused;
        EXPECT_LE(fits, restored);
      }
    }
  }
}

TEST(Verdict, NothingIsSaidOfWhatHoldsNothing) {
  CheckpointMetadata checkpoint;
  CheckpointMetadata::Operator gone{.uid = "gone", .name = "gone", .parallelism = 1, .max_parallelism = 4096};
  gone.states = {state("acc", "\"int64\""), operator_state("list", StateDescriptor::Kind::kSplitList)};
  gone.subtasks = {{.uid = "gone", .list_states = {{"list", Redistribution::kSplit, "\"string\"", {}}}}};
  checkpoint.operators = {gone};
  EXPECT_THAT(saved_operators(checkpoint), IsEmpty());
  checkpoint.operators[0].subtasks[0].list_states[0].items = {"x"};
  const auto saved = saved_operators(checkpoint);
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_THAT(saved[0].states, ElementsAre(gone.states[1]));
  EXPECT_EQ(saved[0].max_parallelism, 0u);
}

TEST(Verdict, APlanReadsBackAsFarAsVerdictsNeedIt) {
  LogicalPlan plan = accounts_plan(kGrownAccount);
  plan.nodes[3].states.push_back(operator_state("rules", StateDescriptor::Kind::kBroadcast));
  plan.nodes[3].states[0].has_ttl = true;
  plan.nodes[1].kept = connectors_plan(kOffset).nodes[1].kept;
  plan.nodes[3].sink_kind = "";
  plan.nodes[4].sink_kind = "post rows";
  const std::string json = to_json(value_or_throw(make_physical_plan(plan)));
  const LogicalPlan back = value_or_throw(parse_plan(json));
  EXPECT_EQ(back.job, plan.job);
  EXPECT_EQ(back.max_parallelism, plan.max_parallelism);
  ASSERT_EQ(back.nodes.size(), plan.nodes.size());
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    EXPECT_EQ(back.nodes[i].uid, plan.nodes[i].uid);
    EXPECT_EQ(back.nodes[i].name, plan.nodes[i].name);
    EXPECT_EQ(back.nodes[i].states, plan.nodes[i].states);
    EXPECT_EQ(back.nodes[i].keeps_state, plan.nodes[i].keeps_state);
    EXPECT_EQ(back.nodes[i].is_enumerator, plan.nodes[i].is_enumerator);
    EXPECT_EQ(back.nodes[i].kept, plan.nodes[i].kept);
    EXPECT_EQ(back.nodes[i].sink_kind, plan.nodes[i].sink_kind);
  }
  EXPECT_EQ(lines(back, saved_operators(accounts_plan())), lines(plan, saved_operators(accounts_plan())));
}

TEST(Verdict, APlanOfAnOlderVersionLeavesOpenWhatIsASink) {
  LogicalPlan plan = connectors_plan(kOffset);
  plan.nodes[3].sink_kind = "";
  std::string json = to_json(value_or_throw(make_physical_plan(plan)));
  for (const std::string now : {R"("sink": null)", R"("sink": "post rows")"}) {
    ASSERT_NE(json.find(now), std::string::npos) << json;
    json.replace(json.find(now), 6, R"("unknown")");
  }
  const LogicalPlan older = value_or_throw(parse_plan(json));
  for (const LogicalNode& node : older.nodes) EXPECT_EQ(node.sink_kind, std::nullopt);
  EXPECT_EQ(lines(older, saved_by_connectors(kOffset, kAccount, "write files"))[2], "out/committable same");
}

TEST(Verdict, WhatIsNoPlanIsAnError) {
  for (const char* text :
       {"", "x", "{}", "[]", R"({"job":1})", R"({"job":"a","parallelism":1,"max_parallelism":1,"vertices":[1]})"}) {
    const auto plan = parse_plan(text);
    ASSERT_FALSE(plan) << text;
    EXPECT_THAT(plan.error().message(), HasSubstr("not a job's plan"));
  }
}

CheckpointMetadata checkpoint_with(std::vector<StateDescriptor> states) {
  CheckpointMetadata::Operator count{.uid = "count", .name = "count", .parallelism = 1, .max_parallelism = 4096};
  count.states = std::move(states);
  count.subtasks = {{.uid = "count", .keyed_files = {{"a", 1, 1, {0, 4096}}}, .committables = {"pending"}}};
  return {.job = "job", .id = 7, .attempt = 1, .operators = {count}};
}

// What check says is what a start does.
TEST(Verdict, AStartIsRefusedExactlyWhereTheVerdictSaysSo) {
  const std::map<std::string, bool> fits = {
      {kAccount, true}, {kGrownAccount, true}, {"\"int64\"", false}, {"\"string\"", false}};
  for (const auto& [schema, expected] : fits) {
    const LogicalPlan plan = accounts_plan(schema);
    const CheckpointMetadata checkpoint = checkpoint_with({state("acc", kAccount)});
    const bool judged = std::ranges::none_of(judge(plan, saved_operators(checkpoint)), [](const StateVerdict& v) {
      return v.kind == Kind::kRefused || v.kind == Kind::kOrphaned;
    });
    EXPECT_EQ(judged, expected) << schema;
    EXPECT_EQ(map_restore(value_or_throw(make_physical_plan(plan)), checkpoint).has_value(), expected) << schema;
  }
}

TEST(Verdict, UnclaimedStateIsDroppedWhereThatIsAllowedAndNothingElseIs) {
  const PhysicalPlan plan = value_or_throw(make_physical_plan(accounts_plan()));
  CheckpointMetadata checkpoint = checkpoint_with({state("acc", kAccount), state("old", "\"int64\"")});
  EXPECT_FALSE(map_restore(plan, checkpoint));
  const RestoreMap map = value_or_throw(map_restore(plan, checkpoint, UnclaimedState::kDrop));
  EXPECT_THAT(
      map.dropped,
      ElementsAre("operator 'count' (job.cc:14), uid 'count', state 'old': the operator declares no such state"));
  EXPECT_THAT(map.restores[3][0].dropped_states, ElementsAre("old"));
  checkpoint.operators[0].states[0].value_schema = "\"string\"";
  EXPECT_FALSE(map_restore(plan, checkpoint, UnclaimedState::kDrop)) << "a refused state is not an unclaimed one";
  checkpoint.operators[0].uid = "gone";
  EXPECT_THAT(value_or_throw(map_restore(plan, checkpoint, UnclaimedState::kDrop)).dropped,
              ElementsAre(HasSubstr("state 'acc'"), HasSubstr("state 'old'"), HasSubstr("1 pieces of output")));
}

}  // namespace
}  // namespace tidemark
