#include "codec/evolution.h"

#include <gmock/gmock.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "codec/schema.h"
#include "tidemark/detail/codec/binary.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class From, class To>
Evolution evolution() {
  return evolve(detail::type_of<From>(), detail::type_of<To>());
}

template <class To, class From>
std::optional<To> migrated(const From& value) {
  const Evolution how = evolution<From, To>();
  EXPECT_NE(how.kind, Evolution::Kind::kRefused) << how.refusals.front();
  detail::ByteWriter saved;
  detail::encode(value, saved);
  detail::ByteWriter out;
  if (!convert_value(how.conversion, saved.view(), out)) return std::nullopt;
  EXPECT_TRUE(!how.conversion.same || saved.view() == out.view());
  detail::ByteReader in{out.view()};
  To result{};
  detail::decode(in, result);
  return in.ok() && in.remaining() == 0 ? std::optional{result} : std::nullopt;
}

template <class From, class To>
std::string refusal() {
  const Evolution how = evolution<From, To>();
  EXPECT_EQ(how.kind, Evolution::Kind::kRefused);
  return how.refusals.empty() ? "" : how.refusals.front();
}

struct Account {
  std::int32_t count = 0;
  std::string owner_name;
  float balance = 0;
};

namespace annotated {
struct Known {
  std::int32_t count = 0;
  std::string owner_name;
  float balance = 0;
  static constexpr auto state_schema = schema(alias("count", "number"), default_of("balance", 1.5));
};
}  // namespace annotated

TEST(Evolution, TheSameTypeIsTheSameWhateverItsAliasesAndDefaults) {
  using namespace annotated;
  const Evolution how = evolution<Account, Known>();
  EXPECT_EQ(how.kind, Evolution::Kind::kSame);
  EXPECT_TRUE(how.conversion.same);
  EXPECT_THAT(how.steps, IsEmpty());
}

namespace changed_fields {
struct Grown {
  double balance = 0;
  std::string owner;
  std::int64_t limit = 0;
  std::int64_t count = 0;
  std::optional<std::string> note;
  static constexpr auto state_schema = schema(alias("owner", "owner_name"), default_of("limit", 100));
};
}  // namespace changed_fields

TEST(Evolution, FieldsAreAddedRemovedReorderedRenamedAndWidened) {
  using namespace changed_fields;
  const Evolution how = evolution<Account, Grown>();
  EXPECT_EQ(how.kind, Evolution::Kind::kMigrates);
  EXPECT_THAT(how.steps, ElementsAre("balance: float32 -> float64 (widened)", "+ limit: int64 = 100",
                                     "count: int32 -> int64 (widened)", "+ note: optional<string> = none",
                                     "owner_name -> owner (renamed)", "fields reordered"));
  const auto now = migrated<Grown>(Account{-7, "Ada", 2.5F});
  ASSERT_TRUE(now);
  EXPECT_EQ(std::tie(now->balance, now->owner, now->limit, now->count, now->note),
            std::make_tuple(2.5, "Ada", 100, -7, std::nullopt));
}

TEST(Evolution, ARemovedFieldOfTheTypeOfANewOneIsProbablyARenamedOne) {
  struct Forgot {
    std::int32_t count = 0;
    std::string owner;
    float balance = 0;
  };
  EXPECT_THAT(
      (evolution<Account, Forgot>().steps),
      ElementsAre("+ owner: string = \"\"",
                  "- owner_name: string (lost; if owner is its new name, say alias(\"owner\", \"owner_name\"))"));
  EXPECT_EQ((migrated<Forgot>(Account{1, "Ada", 2}).value().owner), "");
}

template <class From, class To>
void expect_widened(From value) {
  EXPECT_EQ((migrated<To>(value)), std::optional<To>{static_cast<To>(value)});
}

TEST(Evolution, IntegersWidenWithTheirValue) {
  for (const std::int8_t v : {-128, -1, 0, 127}) {
    expect_widened<std::int8_t, std::int16_t>(v);
    expect_widened<std::int8_t, std::int64_t>(v);
  }
  for (const std::uint8_t v : {0, 1, 128, 255}) {
    expect_widened<std::uint8_t, std::uint32_t>(v);
    expect_widened<std::uint8_t, std::int16_t>(v);
  }
  for (const std::uint32_t v : {0U, 1U, 0x80000000U, 0xffffffffU}) {
    expect_widened<std::uint32_t, std::int64_t>(v);
    expect_widened<std::uint32_t, std::uint64_t>(v);
  }
  expect_widened<std::int32_t, std::int64_t>(-2147483647 - 1);
  EXPECT_TRUE((evolution<std::int32_t, std::int64_t>().conversion.same)) << "such bytes need no work";
  EXPECT_FALSE((evolution<std::uint32_t, std::int64_t>().conversion.same));
}

TEST(Evolution, WhatWouldLoseValuesIsRefusedWithBothTypesAndWhatToDo) {
  struct Was {
    std::int64_t count;
    std::uint16_t port;
    std::optional<bool> known;
    std::chrono::milliseconds pause;
  };
  struct Is {
    std::int32_t count;
    std::int16_t port;
    bool known;
    std::chrono::seconds pause;
  };
  const Evolution how = evolution<Was, Is>();
  EXPECT_EQ(how.kind, Evolution::Kind::kRefused);
  EXPECT_THAT(how.refusals,
              ElementsAre(AllOf(HasSubstr("count: int64 -> int32"), HasSubstr("(narrowed)"),
                                HasSubstr("declare the saved type")),
                          AllOf(HasSubstr("port: uint16 -> int16"), HasSubstr("negative")),
                          AllOf(HasSubstr("known: optional<bool> -> bool"), HasSubstr("declare the optional again")),
                          AllOf(HasSubstr("pause: duration(ms) -> duration(s)"), HasSubstr("saved unit"))));
  EXPECT_THAT((refusal<std::int8_t, std::uint64_t>()), HasSubstr("negative numbers would be lost"));
  EXPECT_THAT((refusal<double, float>()), HasSubstr("digits would be lost"));
  EXPECT_THAT((refusal<std::int32_t, double>()), HasSubstr("different kinds"));
  EXPECT_THAT((refusal<std::string, std::vector<std::byte>>()), HasSubstr("string -> bytes"));
  EXPECT_THAT((refusal<bool, std::int32_t>()), HasSubstr("different kinds"));
  EXPECT_THAT((refusal<std::array<int, 3>, std::array<int, 4>>()), HasSubstr("keeps its size"));
  EXPECT_THAT((refusal<std::vector<int>, std::array<int, 4>>()), HasSubstr("list<int32> -> array<int32, 4>"));
}

TEST(Evolution, AValueBecomesAnOptionalThatHasIt) {
  EXPECT_EQ((migrated<std::optional<std::int64_t>>(std::int32_t{5}).value()), std::optional<std::int64_t>{5});
  EXPECT_THAT((evolution<std::string, std::optional<std::string>>().steps), ElementsAre("string -> optional<string>"));
  EXPECT_THAT((refusal<std::int64_t, std::optional<std::int32_t>>()), HasSubstr("int64 -> int32"));
}

namespace nested {
struct Point {
  std::int32_t x = 0;
};
struct Point3 {
  std::int32_t z = 0;
  std::int64_t x = 0;
  static constexpr auto state_schema = schema(default_of("z", 9));
};
struct Was {
  std::optional<Point> maybe;
  std::vector<Point> list;
  std::array<Point, 2> pair;
  std::map<std::string, Point> by_name;
  std::variant<std::string, Point> either;
  std::string last;
};
struct Is {
  std::optional<Point3> maybe;
  std::vector<Point3> list;
  std::array<Point3, 2> pair;
  std::map<std::string, Point3> by_name;
  std::variant<std::string, Point3> either;
  std::string last;
};
}  // namespace nested

TEST(Evolution, NestedTypesChangeInTheSameWay) {
  using namespace nested;
  EXPECT_THAT(
      (evolution<Was, Is>().steps),
      ElementsAre("+ maybe.z: int32 = 9", "maybe.x: int32 -> int64 (widened)", "+ list[].z: int32 = 9",
                  "list[].x: int32 -> int64 (widened)", "+ pair[].z: int32 = 9", "pair[].x: int32 -> int64 (widened)",
                  "+ by_name[].z: int32 = 9", "by_name[].x: int32 -> int64 (widened)", "+ either<1>.z: int32 = 9",
                  "either<1>.x: int32 -> int64 (widened)"));
  const Was was{Point{1}, {{2}, {3}}, {{{4}, {5}}}, {{"six", {6}}}, Point{7}, "end"};
  const auto now = migrated<Is>(was);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->maybe->x, 1);
  EXPECT_EQ(now->list.at(1).x, 3);
  EXPECT_EQ(now->pair[1].z, 9);
  EXPECT_EQ(now->by_name.at("six").x, 6);
  EXPECT_EQ(std::get<1>(now->either).x, 7);
  EXPECT_EQ(now->last, "end");
  EXPECT_EQ((migrated<Is>(Was{}).value().maybe.has_value()), false);
}

namespace defaults {
struct Was {
  std::int32_t kept = 0;
};
struct Nested {
  double rate = 0;
  std::int8_t small = 0;
  static constexpr auto state_schema = schema(default_of("small", -3));
};
struct Is {
  std::int32_t kept = 0;
  bool flag = false;
  std::uint64_t big = 0;
  float ratio = 0;
  std::string text;
  std::optional<std::string> maybe;
  Timestamp at;
  std::chrono::seconds pause{};
  std::vector<std::string> list;
  std::map<std::string, std::int32_t> map;
  std::array<double, 3> triple{};
  std::variant<Nested, std::string> either = "x";
  Nested nested;
  std::tuple<> nothing;
  static constexpr auto state_schema = schema(
      default_of("flag", true), default_of("big", 0xffffffffffffffffU), default_of("ratio", 0.5),
      default_of("text", "a \"b\""), default_of("maybe", "here"), default_of("at", 1000), default_of("pause", 60));
};
}  // namespace defaults

TEST(Evolution, DefaultsOfEveryScalarAndTheZeroOfAllElse) {
  using namespace defaults;
  const auto now = migrated<Is>(Was{4});
  ASSERT_TRUE(now);
  EXPECT_EQ(std::tie(now->kept, now->flag, now->big, now->ratio, now->text, now->maybe),
            std::make_tuple(4, true, 0xffffffffffffffffU, 0.5F, "a \"b\"", "here"));
  EXPECT_EQ(now->at, Timestamp{1000});
  EXPECT_EQ(now->pause, std::chrono::seconds{60});
  EXPECT_EQ(now->triple, (std::array<double, 3>{}));
  EXPECT_EQ(std::get<0>(now->either).small, -3);
  EXPECT_EQ(now->nested.small, -3);
}

// A schema of this program can't hold such defaults: they do not compile. One that came from elsewhere may.
TEST(Evolution, ADefaultThatDoesNotFitIsRefused) {
  const Type nothing = detail::type_of<std::tuple<>>();
  const auto refusal_of = [&](const std::string& field) {
    const Evolution how = evolve(nothing, value_or_throw(parse_schema("{\"struct\":[" + field + "]}")));
    return how.refusals.empty() ? "" : how.refusals.front();
  };
  EXPECT_THAT(refusal_of(R"({"name":"small","type":"int8","default":1000})"),
              HasSubstr("small: the default 1000 is no int8: correct its default_of()"));
  EXPECT_THAT(refusal_of(R"({"name":"list","type":{"list":"string"},"default":"x"})"), HasSubstr("is no list<string>"));
  EXPECT_THAT(refusal_of(R"({"name":"big","type":{"array":"int64","size":99999999},"default":1})"),
              HasSubstr("is no array"));
  EXPECT_THAT(refusal_of(R"({"name":"big","type":{"array":"int64","size":99999999}})"), HasSubstr("too large"));
  EXPECT_EQ(refusal_of(R"({"name":"color","type":{"enum":"int8","names":{"red":3}},"default":"red"})"), "");
  EXPECT_THAT(refusal_of(R"({"name":"color","type":{"enum":"int8","names":{"red":3}},"default":"blue"})"),
              HasSubstr("is no enum"));
}

TEST(Evolution, AStructMayLoseItsLastFieldAndGetItsFirst) {
  struct Nothing {};
  struct One {
    std::int32_t x = 5;
  };
  EXPECT_EQ(migrated<One>(Nothing{}).value().x, 0);
  EXPECT_TRUE(migrated<Nothing>(One{}).has_value());
  struct Was {
    Nothing a;
    One b;
    std::int32_t last = 0;
  };
  struct Is {
    One a;
    Nothing b;
    std::int32_t last = 0;
  };
  EXPECT_EQ(migrated<Is>(Was{.last = 7}).value().last, 7);
}

// A swap, a name used again, two former names: none is guessed.
namespace choices {
struct Pair {
  std::int32_t a = 0;
  std::int32_t b = 0;
};
struct Swapped {
  std::int32_t a = 0;
  std::int32_t b = 0;
  static constexpr auto state_schema = schema(alias("a", "b"), alias("b", "a"));
};
struct Reused {
  std::int32_t c = 0;
  std::int32_t a = 0;
  std::int32_t b = 0;
  static constexpr auto state_schema = schema(alias("c", "a"));
};
struct Merged {
  std::int32_t c = 0;
  static constexpr auto state_schema = schema(alias("c", "a"), alias("c", "b"));
};
}  // namespace choices

TEST(Evolution, NamesThatLeaveAChoiceAreRefused) {
  using namespace choices;
  EXPECT_THAT((refusal<Pair, Swapped>()),
              AllOf(HasSubstr("'a' could be the saved 'a' or the saved 'b'"), HasSubstr("third name")));
  EXPECT_EQ((evolution<Swapped, Swapped>().kind), Evolution::Kind::kSame)
      << "what it knew when it was saved is no news";
  EXPECT_THAT((refusal<Pair, Reused>()), HasSubstr("the saved 'a' could become 'c' or 'a'"));
  EXPECT_THAT((refusal<Pair, Merged>()), HasSubstr("'c' could be the saved 'a' or the saved 'b'"));
}

namespace versions {
struct First {
  std::int32_t owner_name = 0;
};
struct Second {
  std::int32_t owner = 0;
  static constexpr auto state_schema = schema(alias("owner", "owner_name"));
};
struct Third {
  std::int32_t owner_name = 0;  // the name again, for something else
  std::int32_t owner = 0;
  static constexpr auto state_schema = schema(alias("owner", "owner_name"));
};
struct Fourth {
  std::int32_t owner = 0;
  std::int32_t owner_name = 0;
  bool late = false;
  static constexpr auto state_schema = schema(alias("owner", "owner_name"));
};
}  // namespace versions

TEST(Evolution, AFieldFollowsItsNamesThroughVersions) {
  using namespace versions;
  EXPECT_EQ(migrated<Second>(First{3}).value().owner, 3);
  EXPECT_EQ(migrated<Third>(Second{3}).value().owner, 3);
  EXPECT_EQ(migrated<Third>(Second{3}).value().owner_name, 0);
  const auto fourth = migrated<Fourth>(Third{1, 2}).value();
  EXPECT_EQ(fourth.owner_name, 1);
  EXPECT_EQ(fourth.owner, 2);
  EXPECT_THAT((refusal<First, Third>()), HasSubstr("could become"));
}

enum class Hue : std::uint8_t { kRed = 1, kGreen = 2 };
enum class MoreHues : std::uint8_t { kRed = 1, kGreen = 2, kBlue = 3 };
enum class RenumberedHues : std::int16_t { kBlue = 1, kRed = 2, kGreen = 300 };
enum class FewerHues : std::uint8_t { kRed = 1 };
enum class UnnamedHues : std::uint32_t { kRed = 1 };

}  // namespace

template <>
struct state_schema_of<Hue> {
  static constexpr auto state_schema = schema(enumerator(Hue::kRed, "red"), enumerator(Hue::kGreen, "green"));
};
template <>
struct state_schema_of<MoreHues> {
  static constexpr auto state_schema = schema(enumerator(MoreHues::kRed, "red"), enumerator(MoreHues::kGreen, "green"),
                                              enumerator(MoreHues::kBlue, "blue"));
};
template <>
struct state_schema_of<RenumberedHues> {
  static constexpr auto state_schema =
      schema(enumerator(RenumberedHues::kRed, "red"), enumerator(RenumberedHues::kGreen, "green"),
             enumerator(RenumberedHues::kBlue, "blue"));
};
template <>
struct state_schema_of<FewerHues> {
  static constexpr auto state_schema = schema(enumerator(FewerHues::kRed, "red"));
};
using Named = std::variant<std::string, std::int64_t>;
template <>
struct state_schema_of<Named> {
  static constexpr auto state_schema = schema(alternative(0, "text"), alternative(1, "number"));
};
using NamedMore = std::variant<bool, std::int64_t, std::string>;
template <>
struct state_schema_of<NamedMore> {
  static constexpr auto state_schema = schema(alternative(0, "flag"), alternative(1, "number"), alternative(2, "text"));
};

namespace {

TEST(Evolution, EnumeratorsAreAddedAndRenumberedByName) {
  EXPECT_THAT((evolution<Hue, MoreHues>().steps), ElementsAre("+ blue (3)"));
  EXPECT_TRUE((evolution<Hue, MoreHues>().conversion.same));
  EXPECT_THAT((evolution<Hue, RenumberedHues>().steps),
              ElementsAre("enum(uint8) -> enum(int16) (widened)", "red 1 -> 2 (renumbered)",
                          "green 2 -> 300 (renumbered)", "+ blue (1)"));
  EXPECT_EQ(migrated<RenumberedHues>(Hue::kRed), RenumberedHues::kRed);
  EXPECT_EQ(migrated<RenumberedHues>(Hue::kGreen), RenumberedHues::kGreen);
  EXPECT_EQ(migrated<RenumberedHues>(static_cast<Hue>(9)), static_cast<RenumberedHues>(9))
      << "a number without a name stays";
  EXPECT_EQ(migrated<std::vector<RenumberedHues>>(std::vector{Hue::kRed, Hue::kGreen}),
            (std::vector{RenumberedHues::kRed, RenumberedHues::kGreen}));
}

TEST(Evolution, ANumberWithoutANameDoesNotBecomeAnotherNameByAccident) {
  Type saved = detail::type_of<Hue>();
  Type declared = saved;
  declared.enumerators = {{"green", 2}, {"red", 5}};
  const Evolution how = evolve(saved, declared);
  detail::ByteWriter out;
  EXPECT_TRUE(convert_value(how.conversion, "\x01", out));
  EXPECT_EQ(out.view(), "\x05");
  EXPECT_FALSE(convert_value(how.conversion, "\x05", out));
}

TEST(Evolution, EnumeratorsThatAreGoneAreRefusedAndNamesMayComeLater) {
  EXPECT_THAT((refusal<Hue, FewerHues>()),
              AllOf(HasSubstr("'green' (2) is gone"), HasSubstr("enumerator(value, \"green\")")));
  EXPECT_EQ((evolution<UnnamedHues, UnnamedHues>().kind), Evolution::Kind::kSame);
  EXPECT_THAT((refusal<UnnamedHues, Hue>()), HasSubstr("(narrowed)"));
  Type unnamed = detail::type_of<Hue>();
  unnamed.enumerators.clear();
  EXPECT_EQ(evolve(unnamed, detail::type_of<Hue>()).kind, Evolution::Kind::kSame);
}

TEST(Evolution, AlternativesAreAddedReorderedNamedAndNeverLost) {
  EXPECT_THAT((evolution<Named, NamedMore>().steps), ElementsAre("+ alternative flag: bool", "alternatives reordered"));
  EXPECT_EQ(migrated<NamedMore>(Named{"x"}), NamedMore{std::string{"x"}});
  EXPECT_EQ(migrated<NamedMore>(Named{std::int64_t{5}}), NamedMore{std::int64_t{5}});
  EXPECT_THAT((refusal<NamedMore, Named>()), HasSubstr("alternative 'flag' (bool) is gone"));
  using Bare = std::variant<std::string, std::int32_t>;
  EXPECT_THAT((evolution<Bare, Named>().steps),
              ElementsAre("<number>: int32 -> int64 (widened)", "0 -> text (renamed)", "1 -> number (renamed)"));
  EXPECT_EQ(migrated<Named>(Bare{7}), Named{std::int64_t{7}});
}

namespace places {
struct Deposit {
  std::int64_t amount = 0;
};
struct LaterDeposit {
  std::int64_t amount = 0;
  std::string note;
};
struct Fee {
  std::string reason;
};
}  // namespace places

TEST(Evolution, AlternativesWithoutNamesKeepTheirPlaces) {
  using namespace places;
  using Saved = std::variant<Deposit, Fee>;
  EXPECT_EQ((migrated<std::variant<Deposit, Fee, bool>>(Saved{Fee{"x"}}).value().index()), 1U) << "added behind them";
  EXPECT_THAT((refusal<Saved, std::variant<Deposit, LaterDeposit, Fee>>()),
              AllOf(HasSubstr("put new alternatives behind the saved ones"), HasSubstr("in another step")))
      << "each could become what stands at its place, and would lose what it is";
  EXPECT_THAT((refusal<Saved, std::variant<Fee, Deposit>>()), HasSubstr("known by their places"));
  EXPECT_THAT((refusal<Saved, std::variant<LaterDeposit, Fee, bool>>()), HasSubstr("known by their places"));
  EXPECT_THAT((evolution<Saved, std::variant<LaterDeposit, Fee>>().steps), ElementsAre("+ <0>.note: string = \"\""))
      << "nothing was added, so it can only have changed itself";
  EXPECT_EQ((evolution<std::variant<std::int32_t, std::int32_t>, std::variant<std::int64_t, std::int32_t>>().kind),
            Evolution::Kind::kMigrates);
}

template <class From, class To>
Evolution key_evolution() {
  return evolve_key(detail::type_of<From>(), detail::type_of<To>());
}

namespace keys {
struct Renamed {
  std::int64_t account = 0;
  std::string currency;
  static constexpr auto state_schema = schema(alias("account", "first"), alias("currency", "second"));
};
struct Other {
  std::int64_t account = 0;
  std::string currency;
};
}  // namespace keys

TEST(Evolution, AKeyKeepsItsEncoding) {
  using namespace keys;
  using Key = std::pair<std::int64_t, std::string>;
  EXPECT_EQ((key_evolution<Key, Key>().kind), Evolution::Kind::kSame);
  EXPECT_EQ((key_evolution<Key, Renamed>().kind), Evolution::Kind::kSame);
  EXPECT_EQ((key_evolution<Hue, MoreHues>().kind), Evolution::Kind::kSame);
  EXPECT_THAT((key_evolution<Key, Other>().refusals.at(0)), HasSubstr("alias(\"account\", \"first\")"));
  EXPECT_THAT((key_evolution<std::int32_t, std::int64_t>().refusals.at(0)),
              AllOf(HasSubstr("int32 -> int64"), HasSubstr("a key's encoding can't change")));
  EXPECT_EQ((key_evolution<Hue, RenumberedHues>().kind), Evolution::Kind::kRefused);
  EXPECT_EQ((key_evolution<std::int64_t, std::optional<std::int64_t>>().kind), Evolution::Kind::kRefused);
  EXPECT_EQ((key_evolution<std::pair<int, int>, std::tuple<int, int, int>>().kind), Evolution::Kind::kRefused);
  EXPECT_THAT((refusal<std::map<std::int32_t, bool>, std::map<std::int64_t, bool>>()),
              HasSubstr("key: int32 -> int64"));
}

TEST(Evolution, BytesThatAreNoValueAreNeverConverted) {
  struct Saved {
    std::vector<std::string> list;
    std::uint16_t small = 0;
    std::optional<std::int64_t> maybe;
  };
  struct Declared {
    std::uint64_t added = 0;
    std::int32_t small = 0;
    std::optional<std::int64_t> maybe;
    std::vector<std::string> list;
  };
  const Conversion conversion = evolution<Saved, Declared>().conversion;
  detail::ByteWriter whole;
  detail::encode(Saved{{"a", "bc"}, 300, 7}, whole);
  detail::ByteWriter out;
  EXPECT_TRUE(convert_value(conversion, whole.view(), out));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(convert_value(conversion, whole.view().substr(0, size), out)) << size;
  }
  EXPECT_FALSE(convert_value(conversion, std::string{whole.view()} + "x", out));
  const std::string many("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
  EXPECT_FALSE(convert_value(conversion, many, out)) << "more elements than bytes";
  const std::string too_large("\0\xff\xff\x7f\0", 5);
  EXPECT_FALSE(convert_value(conversion, too_large, out)) << "no uint16";
}

}  // namespace
}  // namespace tidemark
