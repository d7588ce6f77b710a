#include "nexmark/generator.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nexmark/digest.h"
#include "nexmark/json_lines.h"
#include "nexmark/oracle_q5.h"

namespace nexmark {
namespace {

std::string row(const Generator& generator, std::uint64_t n) {
  char texts[Generator::kTextBytes];
  RowText text;
  generator.visit(n, texts, Texts::kAll, [&](const auto& event) { set_row(text, event); });
  return std::string{text.view()};
}

/// The digests of nexmark.md, which two independent programs computed.
TEST(NexmarkGenerator, DigestOfTheFirstMillionEventsIsTheSpecifiedOne) {
  const Generator generator{{}};
  char texts[Generator::kTextBytes];
  RowText text;
  TableDigest digest;
  for (std::uint64_t n = 0; n < 1'000'000; ++n) {
    generator.visit(n, texts, Texts::kAll, [&](const auto& event) { set_row(text, event); });
    digest.add(text.view());
  }
  EXPECT_EQ(digest.rows(), 1'000'000);
  EXPECT_EQ(digest.hex(), "6294b4635b39892c");
}

TEST(NexmarkGenerator, EventFourAsJsonIsTheSpecifiedLine) {
  const Generator generator{{}};
  char texts[Generator::kTextBytes];
  std::string line;
  append_json_line(line, generator.bid(4, texts));
  EXPECT_EQ(line,
            R"({"type":"bid","auction":1004,"bidder":1001,"price":5956621,"channel":"channel-966",)"
            R"("url":"https://www.nexmark.com/dfhpb/ohham/item.htm?query=1&channel_id=3738","date_time":1436918400000,)"
            R"("extra":"omccgelbbdpjbapnnjlocccbgjbepgedajbmpldppigaoahnic"})"
            "\n");
}

TEST(NexmarkGenerator, JumpingOverTextsChangesNoOtherField) {
  const Generator generator{{.seed = 7, .events_per_second = 1000, .jitter_ms = 50}};
  for (std::uint64_t n = 0; n < 5000; ++n) {
    char whole_texts[Generator::kTextBytes];
    char lazy_texts[Generator::kTextBytes];
    for (unsigned mask = 0; mask < 16; ++mask) {
      const auto texts = static_cast<Texts>(mask);
      generator.visit(n, whole_texts, Texts::kAll, [&](const auto& whole) {
        generator.visit(n, lazy_texts, texts, [&](const auto& lazy) {
          std::vector<std::string> expected;
          for_each_field(whole, [&](std::string_view, const auto& value) {
            RowText text;
            expected.emplace_back(text.add(value).view());
          });
          std::size_t field = 0;
          for_each_field(lazy, [&](std::string_view name, const auto& value) {
            RowText text;
            const std::string got{text.add(value).view()};
            if (!got.empty()) {
              EXPECT_EQ(got, expected[field]) << name << " of event " << n << " with texts " << mask;
            }
            ++field;
          });
          EXPECT_EQ(lazy.extra.empty(), !has(texts, Texts::kExtra));
        });
      });
    }
  }
}

TEST(NexmarkGenerator, AnEventIsTheSameWithoutTheOnesBefore) {
  const Generator generator{{.seed = 3}};
  const Generator another{{.seed = 3}};
  for (std::uint64_t n = 0; n < 1000; ++n) row(generator, n);
  EXPECT_EQ(row(generator, 999'999), row(another, 999'999));
  EXPECT_NE(row(generator, 999'999), row(Generator{{.seed = 4}}, 999'999));
}

TEST(NexmarkGenerator, JitterMovesTimeBackByAtMostItself) {
  const Generator ordered{{.events_per_second = 1000}};
  const Generator jittered{{.events_per_second = 1000, .jitter_ms = 20}};
  std::int64_t furthest = 0;
  for (std::uint64_t n = 4; n < 50'000; ++n) {
    if (Generator::kind(n) != Kind::kBid) continue;
    const std::int64_t back =
        ordered.bid(n, nullptr, Texts::kNone).date_time - jittered.bid(n, nullptr, Texts::kNone).date_time;
    ASSERT_GE(back, 0);
    furthest = std::max(furthest, back);
  }
  EXPECT_EQ(furthest, 20);
}

TEST(NexmarkGenerator, OfFiftyEventsOneIsAPersonAndThreeAreAuctions) {
  int kinds[3] = {};
  for (std::uint64_t n = 0; n < 50; ++n) ++kinds[static_cast<int>(Generator::kind(n))];
  EXPECT_EQ(kinds[0], 1);
  EXPECT_EQ(kinds[1], 3);
  EXPECT_EQ(kinds[2], 46);
}

TEST(NexmarkGenerator, RefusesARateOfZero) { EXPECT_THROW(Generator{{.events_per_second = 0}}, std::invalid_argument); }

TEST(TableDigest, OrderDoesNotMatterAndARetractedRowIsGone) {
  TableDigest a;
  a.add("1|x");
  a.add("2|y");
  TableDigest b;
  b.add("3|z");
  b.add("2|y");
  b.add("1|x");
  EXPECT_NE(a.value(), b.value());
  b.retract("3|z");
  EXPECT_EQ(a.value(), b.value());
  EXPECT_EQ(b.rows(), 2);
}

TEST(OracleQ5, DigestOfTheFirstMillionEventsIsTheSpecifiedOne) {
  const Generator generator{{}};
  OracleQ5 oracle;
  for (std::uint64_t n = 0; n < 1'000'000; ++n) {
    if (Generator::kind(n) != Kind::kBid) continue;
    const Bid bid = generator.bid(n, nullptr, Texts::kNone);
    oracle.add(bid.auction, bid.date_time);
  }
  const TableDigest table = digest(oracle.rows());
  EXPECT_EQ(table.rows(), 9);
  EXPECT_EQ(table.hex(), "a244a4daddd47b4e");
}

TEST(OracleQ5, TiesAreARowEach) {
  OracleQ5 oracle;
  oracle.add(2, 10'000);
  oracle.add(1, 10'000);
  oracle.add(3, 11'999);
  oracle.add(3, 12'000);
  const std::vector<Q5Row> rows = oracle.rows();
  const std::vector<Q5Row> expected = {{2000, 1, 1}, {2000, 2, 1}, {2000, 3, 1},   {4000, 3, 2},
                                       {6000, 3, 2}, {8000, 3, 2}, {10'000, 3, 2}, {12'000, 3, 1}};
  EXPECT_EQ(rows, expected);
}

}  // namespace
}  // namespace nexmark
