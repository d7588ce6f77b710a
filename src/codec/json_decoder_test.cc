#include "codec/json_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "codec/test_records.h"
#include "tidemark/detail/codec/json_encode.h"

namespace tidemark {
namespace {

using detail::Arena;
using detail::layout_of;
using test::Bid;
using test::Everything;
using test::Point;

constexpr std::string_view kBid =
    R"({"auction":1004,"bidder":1001,"price":5956621,"url":"https://x","date_time":1436918400000})";

/// "column: message", or "ok".
template <class T>
std::string decode(std::string_view line, T& record, Arena& arena) {
  JsonDecoder decoder{layout_of<T>()};
  const std::string copy{line};  // in memory of its very size, so that the sanitizer sees any read beyond it
  const std::vector<char> exact{copy.begin(), copy.end()};
  const auto error = decoder.decode({exact.data(), exact.size()}, &record, arena);
  return error ? std::to_string(error->column) + ": " + error->message : "ok";
}
template <class T>
std::string decode(std::string_view line) {
  T record{};
  Arena arena;
  return decode(line, record, arena);
}

template <class V>
struct One {
  V v{};
};

template <class V>
std::string one(std::string_view value) {
  return decode<One<V>>("{\"v\":" + std::string{value} + "}");
}
template <class V>
V value_of(std::string_view value) {
  One<V> record{};
  Arena arena;
  EXPECT_EQ(decode("{\"v\":" + std::string{value} + "}", record, arena), "ok") << value;
  return record.v;
}

TEST(JsonDecoder, FillsARecordWhoseTextStaysInTheLine) {
  JsonDecoder decoder{layout_of<Bid>()};
  Bid bid;
  Arena arena;
  ASSERT_FALSE(decoder.decode(kBid, &bid, arena));
  EXPECT_EQ(bid, (Bid{1004, 1001, 5956621, "https://x", Timestamp{1436918400000}}));
  EXPECT_GE(bid.url.data(), kBid.data());
  EXPECT_LT(bid.url.data(), kBid.data() + kBid.size());
}

TEST(JsonDecoder, TakesMembersInAnyOrderAndIgnoresOthers) {
  Bid bid;
  Arena arena;
  EXPECT_EQ(
      decode(
          R"( { "type" : "bid", "price" : 3 , "x":{"y":[1,{"z":null},true,-1.5e3,"}"],"e":{}}, "date_time":5,"url":"u",)"
          R"("l":[], "bidder":2,"auction":1} )",
          bid, arena),
      "ok");
  EXPECT_EQ(std::tie(bid.auction, bid.bidder, bid.price), std::make_tuple(1, 2, 3));
}

TEST(JsonDecoder, MembersWithoutAFieldMustBeJsonToTheirEscapes) {
  EXPECT_EQ(decode<Point>(R"({"x":1,"y":2,"z":"\q"})"), "19: an escape that JSON does not have");
  EXPECT_EQ(decode<Point>(R"({"x":1,"y":2,"z":{"\ud800":1}})"), "20: an escape that JSON does not have");
  EXPECT_EQ(decode<Point>(R"({"x":1,"y":2,"z":["\u00e4",{"\\":"\n"}]})"), "ok");
}

TEST(JsonDecoder, OfARepeatedMemberTheLastCounts) {
  One<std::vector<int>> record;
  Arena arena;
  EXPECT_EQ(decode(R"({"v":[1,2],"v":[3]})", record, arena), "ok");
  EXPECT_THAT(record.v, testing::ElementsAre(3));
}

TEST(JsonDecoder, RoundTripsWhatIsEncoded) {
  for (const Everything& value : {Everything{}, test::full()}) {
    std::string json;
    detail::append_json(value, json);
    JsonDecoder decoder{layout_of<Everything>()};
    Arena arena;
    Everything back = test::full();  // what is absent must be emptied
    const auto error = decoder.decode(json, &back, arena);
    ASSERT_FALSE(error) << error->column << ": " << error->message << "\n" << json;
    EXPECT_EQ(back, value) << json;
  }
}

TEST(JsonDecoder, AbsentAndNullEmptyAnOptional) {
  struct Record {
    std::optional<int> a, b;
    int c = 0;
  };
  Record record{1, 2, 3};
  Arena arena;
  EXPECT_EQ(decode(R"({"c":4,"a":null})", record, arena), "ok");
  EXPECT_EQ(record.a, std::nullopt);
  EXPECT_EQ(record.b, std::nullopt);
  EXPECT_EQ(record.c, 4);
}

TEST(JsonDecoder, UnescapesText) {
  EXPECT_EQ(value_of<std::string>(R"("a\"\\\/\b\f\n\r\t\u0041\u00e4\u20ac\ud83d\ude00")"),
            "a\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(one<std::string>(R"("ab\x")"), "9: an escape that JSON does not have");
  EXPECT_EQ(one<std::string>(R"("\ud800")"), "7: an escape that JSON does not have");
  EXPECT_EQ(one<std::string>(R"("\udc00\ud800")"), "7: an escape that JSON does not have");
  EXPECT_EQ(one<std::string>(R"("\u12g4")"), "7: an escape that JSON does not have");
  EXPECT_EQ(one<std::string>(R"("\u12")"), "7: an escape that JSON does not have");
  One<std::string_view> view;
  Arena arena;
  EXPECT_EQ(decode(R"({"\u0076":"a\nb"})", view, arena), "ok");
  EXPECT_EQ(view.v, "a\nb");
}

TEST(JsonDecoder, NamesFieldAndColumnOfAWrongType) {
  EXPECT_EQ(decode<Bid>(R"({"auction":1,"bidder":2,"price":"12"})"), R"(33: "price" is a string, Bid::price is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":1,"bidder":2,"price": {}})"), R"(34: "price" is an object, Bid::price is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":[]})"), R"(12: "auction" is a list, Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":null})"), R"(12: "auction" is null, Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":1.5})"), R"(12: "auction" is 1.5, Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":1e3})"), R"(12: "auction" is 1e3, Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":true})"), R"(12: "auction" is true, Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":tru})"), R"(12: "auction" is no JSON (tru), Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":01})"), R"(12: "auction" is no JSON (01), Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"auction":})"), R"(12: "auction" is missing, Bid::auction is int64)");
  EXPECT_EQ(decode<Bid>(R"({"url":7})"), R"(8: "url" is 7, Bid::url is string)");
  EXPECT_EQ(one<bool>("1"), R"(6: "v" is 1, One<bool>::v is bool)");
  EXPECT_EQ(one<Point>("7"), "6: \"v\" is 7, One<tidemark::test::Point>::v is struct");
  EXPECT_EQ(one<Point>(R"({"x":1,"y":"b"})"), R"(17: "y" is a string, Point::y is int32)");
}

TEST(JsonDecoder, MissingFieldsAreNamed) {
  EXPECT_EQ(decode<Bid>("{}"), R"(1: "auction" is missing, Bid::auction is no optional)");
  EXPECT_EQ(decode<Bid>(R"({"auction":1,"bidder":2,"url":"","date_time":1})"),
            R"(1: "price" is missing, Bid::price is no optional)");
  EXPECT_EQ(one<Point>(R"({"x":1})"), R"(6: "y" is missing, Point::y is no optional)");
}

TEST(JsonDecoder, IntegersKeepTheirRange) {
  EXPECT_EQ(value_of<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(value_of<std::int64_t>("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(value_of<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(value_of<std::int8_t>("-128"), -128);
  EXPECT_EQ(value_of<std::uint8_t>("255"), 255);
  EXPECT_EQ(value_of<std::uint8_t>("-0"), 0);
  for (const auto& outcome : {one<std::int64_t>("9223372036854775808"), one<std::int64_t>("-9223372036854775809"),
                              one<std::uint64_t>("18446744073709551616"), one<std::uint64_t>("99999999999999999999999"),
                              one<std::uint64_t>("-1"), one<std::int8_t>("128"), one<std::int8_t>("-129"),
                              one<std::uint16_t>("65536"), one<std::int32_t>("2147483648")}) {
    EXPECT_THAT(outcome,
                testing::AllOf(testing::StartsWith("6: \"v\" is "), testing::HasSubstr("out of the range of")));
  }
}

TEST(JsonDecoder, NumbersWithAPoint) {
  EXPECT_EQ(value_of<double>("-1.5e3"), -1500.0);
  EXPECT_EQ(value_of<double>("0.1"), 0.1);
  EXPECT_EQ(value_of<double>("7"), 7.0);
  EXPECT_EQ(value_of<float>("1.1"), 1.1f);
  for (const char* bad : {"1.", ".5", "+1", "1e", "01.5", "--1", "0x1", "inf", "NaN", "1_0"}) {
    EXPECT_NE(one<double>(bad), "ok") << bad;
    EXPECT_NE(one<std::int64_t>(bad), "ok") << bad;
  }
  EXPECT_THAT(one<double>("1e999"), testing::HasSubstr("out of the range"));
  EXPECT_THAT(one<float>("1e39"), testing::HasSubstr("out of the range"));
}

TEST(JsonDecoder, TimesAreCountsOrTexts) {
  EXPECT_EQ(value_of<Timestamp>("-5"), Timestamp{-5});
  EXPECT_EQ(value_of<Timestamp>(R"("2015-07-15T00:03:02.120Z")"), Timestamp{1436918582120});
  EXPECT_EQ(value_of<Timestamp>(R"("2015-07-15 00:03:02.120")"), Timestamp{1436918582120});
  EXPECT_EQ(value_of<Timestamp>(R"("2015-07-15T02:03:02.1209999+02:00")"), Timestamp{1436918582120});
  EXPECT_EQ(value_of<Timestamp>(R"("2015-07-14T22:03:02-0200")"), Timestamp{1436918582000});
  EXPECT_EQ(value_of<Timestamp>(R"("2015-07-15")"), Timestamp{1436918400000});
  EXPECT_EQ(value_of<Timestamp>(R"("1969-12-31T23:59:59.9999Z")"), Timestamp{-1});
  using Nanoseconds = std::chrono::sys_time<std::chrono::nanoseconds>;
  EXPECT_EQ(value_of<Nanoseconds>(R"("1970-01-01T00:00:00.000000001Z")").time_since_epoch().count(), 1);
  EXPECT_THAT(one<Nanoseconds>(R"("9999-01-01")"), testing::HasSubstr("out of the range"));
  EXPECT_EQ(value_of<std::chrono::year_month_day>(R"("2024-02-29")"), std::chrono::year{2024} / 2 / 29);
  for (const char* bad :
       {R"("")", R"("2015-02-29")", R"("2015-13-01")", R"("2015-07-15T24:00:00Z")", R"("2015-07-15T00:60:00")",
        R"("2015-07-15T00:00:60Z")", R"("2015-07-15T00:00:00.Z")", R"("2015-07-15T00:00:00+25:00")",
        R"("2015-07-15T00:00:00Zx")", R"("15-07-2015")", R"("soon")"}) {
    EXPECT_THAT(one<Timestamp>(bad), testing::HasSubstr("no time of ISO 8601")) << bad;
  }
  EXPECT_THAT(one<std::chrono::sys_days>("17"), testing::HasSubstr("is date"));
  EXPECT_THAT(one<std::chrono::seconds>(R"("2015-07-15")"), testing::HasSubstr("is duration"));
}

TEST(JsonDecoder, EnumsBytesArraysAndVariants) {
  EXPECT_EQ(value_of<test::Color>(R"("blue")"), test::Color::kBlue);
  EXPECT_EQ(value_of<test::Color>("2"), test::Color::kGreen);
  EXPECT_THAT(one<test::Color>(R"("pink")"), testing::HasSubstr("has no such value"));
  EXPECT_EQ(value_of<std::vector<std::byte>>(R"("AP8=")"), (std::vector{std::byte{0}, std::byte{255}}));
  EXPECT_THAT(one<std::vector<std::byte>>(R"("AP8")"), testing::HasSubstr("no base64"));
  EXPECT_THAT(one<std::vector<std::byte>>(R"("A===")"), testing::HasSubstr("no base64"));
  using Two = std::array<int, 2>;
  EXPECT_EQ(value_of<Two>("[1,2]"), (Two{1, 2}));
  EXPECT_THAT(one<Two>("[1]"), testing::HasSubstr("too few elements"));
  EXPECT_THAT(one<Two>("[]"), testing::HasSubstr("too few elements"));
  EXPECT_THAT(one<Two>("[1,2,3]"), testing::HasSubstr("too many elements"));
  using Choice = std::variant<int, std::string>;
  EXPECT_EQ(value_of<Choice>(R"({"1":"x"})"), Choice{"x"});
  EXPECT_THAT(one<Choice>(R"({"2":"x"})"), testing::HasSubstr("no such alternative"));
}

TEST(JsonDecoder, ReadsNothingBehindTheLine) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  char* const end = static_cast<char*>(pages) + page;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  JsonDecoder decoder{layout_of<Bid>()};
  Bid bid;
  Arena arena;
  for (std::size_t blanks = 0; blanks < 130; ++blanks) {
    const std::string line = std::string(blanks, ' ') + std::string{kBid};
    std::memcpy(end - line.size(), line.data(), line.size());
    EXPECT_FALSE(decoder.decode({end - line.size(), line.size()}, &bid, arena));
  }
  munmap(pages, 2 * page);
}

TEST(JsonDecoder, RefusesWhatIsNoJson) {
  EXPECT_EQ(one<int>(""), R"(6: "v" is missing, One<int>::v is int32)");
  EXPECT_EQ(decode<One<int>>(""), "1: the line is empty");
  EXPECT_EQ(decode<One<int>>("  "), "1: the line is empty");
  EXPECT_EQ(decode<One<int>>("[1]"), "1: the line is no JSON object");
  EXPECT_EQ(decode<One<int>>(R"({"v":1} x)"), "9: more text behind the JSON object");
  EXPECT_EQ(decode<One<int>>(R"({"v":1}{"v":1})"), "8: more text behind the JSON object");
  EXPECT_EQ(decode<One<int>>(R"({"v":1)"), "7: expected ',' or '}'");
  EXPECT_EQ(decode<One<int>>(R"({"v":1,})"), "8: expected a text in quotes");
  EXPECT_EQ(decode<One<int>>(R"({"v" 1})"), "6: expected ':' behind a member's name");
  EXPECT_EQ(decode<One<int>>(R"({v:1})"), "2: expected a text in quotes");
  EXPECT_EQ(decode<One<int>>(R"({"v":1 2})"), "8: expected ',' or '}'");
  EXPECT_EQ(decode<One<int>>(R"({"v":1,"w)"), "8: a text in quotes does not end");
  EXPECT_EQ(decode<One<int>>("{\"v\":1,\"w\":\"a\tb\"}"), "14: a control character stands in a text unescaped");
  EXPECT_EQ(decode<One<int>>("{\"v\":1,\"w\":\"\xc3(\"}"), "13: this is no UTF-8");
  EXPECT_EQ(decode<One<int>>("{\"v\":1,\"w\":\"\xed\xa0\x80\"}"), "13: this is no UTF-8");
  EXPECT_EQ(decode<One<int>>(R"({"w":[1},"v":1})"), "8: expected ',' or ']'");
  EXPECT_EQ(decode<One<int>>(R"({"w":tru,"v":1})"), "6: expected a JSON value");
  EXPECT_EQ(decode<One<int>>(R"({"w":{"a"},"v":1})"), "10: expected ':' behind a member's name");
  EXPECT_EQ(decode<One<std::string>>(R"({"v":"a"b"})"), "10: a text in quotes does not end");
  EXPECT_EQ(decode<One<int>>(R"({"w":"a"b,"v":1})"), "9: expected ',' or '}'");
  const std::string deep(100'000, '[');
  EXPECT_THAT(decode<One<int>>("{\"w\":" + deep), testing::HasSubstr("nested too deep"));
}

TEST(JsonDecoder, EveryTruncationAndManyFlipsEndInAnErrorOrARecord) {
  std::string json;
  detail::append_json(test::full(), json);
  JsonDecoder decoder{layout_of<Everything>()};
  Everything record;
  Arena arena;
  for (std::size_t size = 0; size < json.size(); ++size) {
    const std::vector<char> cut{json.begin(), json.begin() + static_cast<std::ptrdiff_t>(size)};
    EXPECT_TRUE(decoder.decode({cut.data(), cut.size()}, &record, arena)) << size;
  }
  std::mt19937_64 random{5};
  static constexpr std::string_view kBytes = "\"{}[]:,\\u0-1e.tn \x01\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::vector<char> broken{json.begin(), json.end()};
    for (int i = 0; i < 2; ++i) broken[random() % broken.size()] = kBytes[random() % kBytes.size()];
    const auto error = decoder.decode({broken.data(), broken.size()}, &record, arena);
    EXPECT_LE(error ? error->column : 0, broken.size() + 1);
    arena.reset();
  }
}

}  // namespace
}  // namespace tidemark
