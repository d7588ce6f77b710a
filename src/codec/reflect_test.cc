#include "tidemark/detail/codec/reflect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "codec/test_records.h"

namespace tidemark::detail {
namespace {

using test::Bid;
using test::Everything;
using test::Hidden;
using test::Point;
using testing::ElementsAre;

struct Empty {};
template <class K>
struct Windowed {
  Timestamp start, end;
  K key;
};
struct MoveOnly {
  std::unique_ptr<int> owned;
  int number = 0;
};
struct Wide {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9;
  int c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9;
};
struct Described {
  int limit;
  static constexpr auto state_schema = schema(alias("limit", "bound"));
};

TEST(Reflect, CountsFieldsOfAggregates) {
  static_assert(field_count_v<Bid> == 5);
  static_assert(field_count_v<const Bid> == 5);
  static_assert(field_count_v<Everything> == 32);
  static_assert(field_count_v<Empty> == 0);
  static_assert(field_count_v<Windowed<std::string>> == 3);
  static_assert(field_count_v<MoveOnly> == 2);
  static_assert(field_count_v<Wide> == 40);
  static_assert(field_count_v<Described> == 1);
  static_assert(field_count_v<std::pair<int, Bid>> == 2);
  static_assert(field_count_v<std::tuple<int, int, int>> == 3);
}

TEST(Reflect, ReadsNamesFromTheCompiler) {
  struct Local {
    int one;
    std::optional<Point> two_2;
  };
  EXPECT_THAT(field_names_v<Bid>, ElementsAre("auction", "bidder", "price", "url", "date_time"));
  EXPECT_THAT(field_names_v<Windowed<std::vector<int>>>, ElementsAre("start", "end", "key"));
  EXPECT_THAT(field_names_v<Local>, ElementsAre("one", "two_2"));
  EXPECT_THAT((field_names_v<std::pair<int, int>>), ElementsAre("first", "second"));
  EXPECT_THAT((field_names_v<std::tuple<int, int>>), ElementsAre("f0", "f1"));
  EXPECT_EQ(field_names_v<Wide>[39], "d9");
  EXPECT_EQ(field_names_v<Everything>[0], "flag");
}

TEST(Reflect, TakesMembersThatAClassNames) {
  EXPECT_THAT(field_names_v<Hidden>, ElementsAre("count", "name"));
  Hidden hidden;
  for_each_field(hidden, [](auto index, auto& field) {
    if constexpr (index == 0)
      field = 9;
    else
      field = "nine";
  });
  EXPECT_EQ(hidden, (Hidden{9, "nine"}));
}

TEST(Reflect, OffsetsAreThoseOfTheCompiler) {
  EXPECT_THAT(field_offsets<Bid>(), ElementsAre(offsetof(Bid, auction), offsetof(Bid, bidder), offsetof(Bid, price),
                                                offsetof(Bid, url), offsetof(Bid, date_time)));
}

TEST(Reflect, NamesTheFieldOfAMemberPointer) {
  EXPECT_EQ(field_name_of(&Bid::auction), "auction");
  EXPECT_EQ(field_name_of(&Bid::date_time), "date_time");
  EXPECT_EQ(field_name_of(&Everything::choice), "choice");
}

TEST(Reflect, ForEachFieldGivesReferencesInOrder) {
  Point point{1, 2};
  for_each_field(point, [](auto index, auto& field) { field += static_cast<std::int32_t>(index) * 10; });
  EXPECT_EQ(point, (Point{1, 12}));
}

struct WithViews {
  std::int64_t id;
  std::string_view name;
  std::vector<std::optional<std::string_view>> tags;
  std::map<std::string, std::pair<int, std::string_view>> by_key;
  std::variant<int, std::string_view> choice;
  std::array<std::string_view, 2> two;
};

TEST(Reflect, KnowsWhichTypesContainViews) {
  static_assert(contains_views_v<Bid>);
  static_assert(contains_views_v<WithViews>);
  static_assert(contains_views_v<const std::string_view>);
  static_assert(!contains_views_v<Point>);
  static_assert(!contains_views_v<std::string>);
  static_assert(!contains_views_v<Hidden>);
}

TEST(Reflect, VisitsEveryViewAndNothingElse) {
  WithViews value{1, "a", {"b", std::nullopt, "c"}, {{"key", {1, "d"}}}, std::string_view{"e"}, {"f", "g"}};
  std::string seen;
  for_each_view(value, [&](std::string_view& view) {
    seen += view;
    view = "moved";
  });
  EXPECT_EQ(seen, "abcdefg");
  EXPECT_EQ(value.name, "moved");
  EXPECT_EQ(value.tags[2], "moved");
  EXPECT_EQ(value.by_key["key"].second, "moved");
  std::size_t size = 0;
  for_each_view(std::as_const(value), [&](const std::string_view& view) { size += view.size(); });
  EXPECT_EQ(size, 7 * 5u);
}

}  // namespace
}  // namespace tidemark::detail
