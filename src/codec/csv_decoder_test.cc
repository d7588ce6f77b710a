#include "codec/csv_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "codec/test_records.h"
#include "tidemark/detail/codec/csv_encode.h"

namespace tidemark {
namespace {

using detail::Arena;
using detail::layout_of;

struct Row {
  std::int64_t id = 0;
  std::string_view name;
  std::string note;
  double amount = 0;
  Timestamp at;
  std::optional<std::int32_t> count;
  std::optional<std::string> tag;
  bool open = false;
  test::Color color = test::Color::kRed;
  std::chrono::sys_days day;
  std::vector<std::byte> bytes;
  bool operator==(const Row&) const = default;
};

struct Two {
  int a = 0;
  std::optional<std::string_view> b;
  bool operator==(const Two&) const = default;
};

class CsvDecoderTest : public testing::Test {
 protected:
  /// "column: message", or "ok".
  static std::string say(const std::optional<DecodeError>& error) {
    return error ? std::to_string(error->column) + ": " + error->message : "ok";
  }
  std::string decode(std::string_view line) {
    line_.assign(line.begin(), line.end());
    return say(decoder_.decode({line_.data(), line_.size()}, &two_, arena_));
  }
  std::vector<char> line_;
  CsvDecoder decoder_{layout_of<Two>()};
  Two two_;
  Arena arena_;
};

TEST_F(CsvDecoderTest, RoundTripsWhatIsEncoded) {
  Row row{-7,
          "a,\"b\"",
          " padded ",
          0.1,
          Timestamp{5},
          3,
          "",
          true,
          test::Color::kGreen,
          std::chrono::sys_days{std::chrono::days{366}},
          {std::byte{1}}};
  for (const char delimiter : {',', ';', '\t'}) {
    for (const Row& value : {row, Row{}}) {
      std::string line;
      detail::append_csv(value, line, delimiter);
      CsvDecoder decoder{layout_of<Row>(), delimiter};
      Row back = row;
      ASSERT_EQ(say(decoder.decode(line, &back, arena_)), "ok") << line;
      EXPECT_EQ(back, value) << line;
    }
  }
}

TEST_F(CsvDecoderTest, TextThatAFileCouldLoseStandsInQuotes) {
  for (const std::string text : {" ", "\t", "\tx", "x\t", "\xef\xbb\xbfx"}) {
    std::string line;
    detail::append_csv_text(text, ',', line);
    EXPECT_EQ(line, '"' + text + '"') << "a line of blanks would be none, and a byte order mark taken off";
  }
}

TEST_F(CsvDecoderTest, WritesTheHeaderAndRows) {
  std::string text;
  detail::append_csv_header<Two>(text);
  text += '\n';
  detail::append_csv(Two{1, std::nullopt}, text);
  text += '\n';
  detail::append_csv(Two{2, "x \"y\""}, text);
  EXPECT_EQ(text, "a,b\n1,\n2,\"x \"\"y\"\"\"");
}

TEST_F(CsvDecoderTest, PlainTextStaysInTheLine) {
  ASSERT_EQ(decode("1,\"in, quotes\""), "ok");
  EXPECT_EQ(two_.b, "in, quotes");
  EXPECT_EQ(two_.b->data(), line_.data() + 3);
  ASSERT_EQ(decode("1,\"a\"\"b\""), "ok");
  EXPECT_EQ(two_.b, "a\"b");
}

TEST_F(CsvDecoderTest, EmptyColumns) {
  ASSERT_EQ(decode("1,"), "ok");
  EXPECT_EQ(two_.b, std::nullopt);
  ASSERT_EQ(decode("1,\"\"\r"), "ok");
  EXPECT_EQ(two_.b, "");
  EXPECT_EQ(decode(",x"), R"(1: "a" is ""; Two::a is int32)");
}

TEST_F(CsvDecoderTest, GoesByTheNamesOfAHeader) {
  ASSERT_EQ(say(decoder_.read_header("\xef\xbb\xbf"
                                     "b,other,\"a\"\r")),
            "ok");
  ASSERT_EQ(decode("text,ignored,5"), "ok");
  EXPECT_EQ(two_, (Two{5, "text"}));
  ASSERT_EQ(say(decoder_.read_header("a")), "ok");
  ASSERT_EQ(decode("6"), "ok");
  EXPECT_EQ(two_, (Two{6, std::nullopt}));
  EXPECT_EQ(say(decoder_.read_header("b,c")), R"(1: no column is named "a", and Two::a is no optional)");
  EXPECT_EQ(say(decoder_.read_header("a,b,a")), R"(5: two columns are named "a")");
  EXPECT_EQ(say(decoder_.read_header("a,\"b")), "3: a quoted column does not end on this line");
}

TEST_F(CsvDecoderTest, NamesFieldAndColumn) {
  EXPECT_EQ(decode("x,y"), R"(1: "a" is "x"; Two::a is int32)");
  EXPECT_EQ(decode("1.5,y"), R"(1: "a" is "1.5"; Two::a is int32)");
  EXPECT_EQ(decode("99999999999,y"), R"(1: "a" is "99999999999", which is out of its range; Two::a is int32)");
  EXPECT_EQ(decode("1"), "2: the line has fewer columns than the 2 expected");
  EXPECT_EQ(decode(""), R"(1: "a" is ""; Two::a is int32)");
  EXPECT_EQ(decode("1,2,3"), "5: the line has more columns than the 2 expected");
  EXPECT_EQ(decode("1,2,"), "5: the line has more columns than the 2 expected");
  EXPECT_EQ(decode("1,\"2"), "3: a quoted column does not end on this line");
  EXPECT_EQ(decode("1,\"2\"3"), "6: behind the quotes of a column more text follows");
  EXPECT_EQ(decode("1,\xff"), "3: this is no UTF-8");
}

TEST_F(CsvDecoderTest, GarbageNeverHarms) {
  std::mt19937_64 random{9};
  static constexpr std::string_view kBytes = "\",1-.ae\r\xc3\xa4 Z:T";
  CsvDecoder decoder{layout_of<Row>()};
  Row row;
  for (int round = 0; round < 50'000; ++round) {
    std::vector<char> line(random() % 60);
    for (char& c : line) c = kBytes[random() % kBytes.size()];
    const auto error = decoder.decode({line.data(), line.size()}, &row, arena_);
    EXPECT_LE(error ? error->column : 0, line.size() + 1);
    arena_.reset();
  }
}

}  // namespace
}  // namespace tidemark
