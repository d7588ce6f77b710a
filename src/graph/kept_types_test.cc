#include "graph/kept_types.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {
namespace {

using detail::DescribedValue;
using detail::EnumeratorState;
using detail::HybridState;
using detail::SplitState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kShard = R"({"struct":[{"name":"number","type":"int32"}]})";
constexpr const char* kOffset = R"({"struct":[{"name":"at","type":"int64"}]})";

template <class T>
std::string bytes_of(const T& value) {
  detail::ByteWriter out;
  detail::encode(value, out);
  return out.take();
}

std::string described(const std::string& schema) { return bytes_of(DescribedValue{.schema = schema, .item = "any"}); }
std::string found_splits(const std::string& split) {
  const std::string list = R"({"list":)" + split + "}";
  return described(R"({"struct":[{"name":"unassigned","type":)" + list + R"(},{"name":"known","type":)" + list +
                   R"(},{"name":"searched","type":"bool"}]})");
}

template <class T>
OperatorListState list_of(std::string_view name, const std::vector<T>& items) {
  OperatorListState list{std::string{name}, Redistribution::kSplit, detail::schema_json_of<T>(), {}};
  for (const T& item : items) list.items.push_back(bytes_of(item));
  return list;
}

std::vector<std::string> lines(std::vector<OperatorListState> lists, std::vector<std::string> committables = {}) {
  CheckpointMetadata::Operator from;
  from.subtasks = {{.list_states = std::move(lists), .committables = std::move(committables)}};
  std::vector<std::string> result;
  for (const KeptType& type : kept_types(from)) result.push_back(type.name + " " + type.schema);
  return result;
}

std::vector<std::string> lines_of_splits(const std::vector<SplitState>& splits) {
  return lines({list_of(detail::kSplitsList, splits)});
}
std::vector<std::string> lines_of_enumerator(const std::string& unassigned) {
  return lines({list_of<EnumeratorState>(detail::kEnumeratorList, {{unassigned}})});
}

TEST(KeptTypes, OfAUsersSourceAreThoseOfSplitsAndPositions) {
  EXPECT_THAT(lines_of_enumerator(found_splits(kShard)), ElementsAre(std::string{"split "} + kShard));
  EXPECT_THAT(lines_of_splits({{described(kShard), described(kOffset), {}}, {described(kShard), "", {}}}),
              ElementsAre(std::string{"split "} + kShard, std::string{"position "} + kOffset));
}

// A split that nobody has opened since the type changed stands there as it was.
TEST(KeptTypes, OfOneNameMayBeSeveral) {
  EXPECT_THAT(lines_of_splits({{described(kShard), described(kOffset), {}}, {described(kShard), described("\"int64\""), {}}}),
              ElementsAre(std::string{"split "} + kShard, std::string{"position "} + kOffset, "position \"int64\""));
}

TEST(KeptTypes, OfASourceInTwoStagesSayWhichStage) {
  const std::string inner = bytes_of(HybridState{.stage = 1, .first = "no schema", .then = found_splits(kShard)});
  EXPECT_THAT(lines_of_enumerator(bytes_of(HybridState{.first = inner, .then = found_splits("\"string\"")})),
              ElementsAre(std::string{"first/then/split "} + kShard, "then/split \"string\""));
  EXPECT_THAT(lines_of_splits({{"12" + described(kShard), described(kOffset), {}}, {"2" + described("\"string\""), "", {}}}),
              ElementsAre(std::string{"first/then/split "} + kShard, std::string{"first/then/position "} + kOffset,
                          "then/split \"string\""));
}

TEST(KeptTypes, OfATwoPhaseSinkIsThatOfCommittables) {
  EXPECT_THAT(lines({}, {described(kShard), described(kShard)}), ElementsAre(std::string{"committable "} + kShard));
}

TEST(KeptTypes, OfBytesThatDescribeNothingThereAreNone) {
  const std::string files = bytes_of(DescribedValue{.schema = "/in/a.json", .item = "12"});
  const std::string newer = bytes_of(DescribedValue{.version = 2, .schema = kShard, .item = "any"});
  const std::string longer = described(kShard) + "x";
  for (const std::string& bytes : {std::string{}, std::string{"7"}, files, newer, longer, std::string(3, '\xff')}) {
    EXPECT_THAT(lines_of_enumerator(bytes), IsEmpty());
    EXPECT_THAT(lines_of_splits({{bytes, described(kOffset), {}}}), IsEmpty());
    EXPECT_THAT(lines({}, {bytes}), IsEmpty());
  }
  OperatorListState other = list_of<EnumeratorState>(detail::kEnumeratorList, {{found_splits(kShard)}});
  other.schema = "\"string\"";
  EXPECT_THAT(lines({other}), IsEmpty());
  EXPECT_THAT(lines({list_of<EnumeratorState>("a list of the user's", {{found_splits(kShard)}})}), IsEmpty());
}

TEST(KeptTypes, OfANewerVersionStayToBeRefused) {
  EXPECT_THAT(lines_of_enumerator(described(R"({"decimal":20})")), ElementsAre(R"(split {"decimal":20})"));
}

}  // namespace
}  // namespace tidemark
