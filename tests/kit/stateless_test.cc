// Operators that remember nothing, and exchanges, under the operator test kit.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Line {
  std::int64_t number = 0;
  std::string_view text;
};

TEST(KitStateless, MapFilterAndFlatMapOfText) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Line, Line> t{way, [](Stream<Line> lines) {
                                 return lines.filter([](const Line& line) { return !line.text.empty(); })
                                     .flat_map([](const Line& line, Out<Line>& out) {
                                       for (const char letter : line.text) out.emit({line.number, {&letter, 1}});
                                       if (line.number == 7) out.emit({7, "seven, and a text that is long enough to be no small string"});
                                     })
                                     .map([](const Line& line) { return Line{line.number + 1, line.text}; });
                               }};
    t.in({1, "ab"}).in({2, ""}).in({7, "c"});
    t.expect_out({{2, "a"}, {2, "b"}, {8, "c"}, {8, "seven, and a text that is long enough to be no small string"}});
    t.in({3, "d"}).end().expect_out({{4, "d"}});
  });
}

TEST(KitStateless, ARecordKeepsItsEventTime) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Line, std::int64_t> t{way, [](Stream<Line> lines) { return lines.map(&Line::number).filter([](std::int64_t n) { return n > 0; }); }};
    t.in({5, ""}, at(3s)).watermark(at(4s)).in({6, ""}, at(5s));
    std::vector<std::pair<std::int64_t, Timestamp>> out;
    for (const auto& [number, time] : t.take_out()) out.emplace_back(number, time);
    std::sort(out.begin(), out.end());
    EXPECT_EQ(out, (std::vector<std::pair<std::int64_t, Timestamp>>{{5, at(3s)}, {6, at(5s)}})) << way.name;
  });
}

TEST(KitStateless, UnionOfBranchesOfFurtherInputsAndOfOtherParallelism) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Line> others{"others"};
    PipelineTest<Line, std::int64_t> t{way, [&](Stream<Line> lines, TestPorts& ports) {
                                         const auto even = lines.filter([](const Line& line) { return line.number % 2 == 0; });
                                         const auto odd = lines.filter([](const Line& line) { return line.number % 2 != 0; }).parallelism(2);
                                         return even.union_with(odd).union_with(ports.input(others)).map(&Line::number);
                                       }};
    t.in({1, ""}).in(others, {100, ""}).in({2, ""}).in({3, ""});
    t.expect_out({1, 2, 3, 100}, in_any_order);
    t.end().expect_out({});
  });
}

TEST(KitStateless, ARecordsFailureIsToldInEveryWay) {
  in_every_way([](const TestOptions& way) {
    PipelineTest<Line, Line> t{way, [](Stream<Line> lines) {
                                 return lines.filter([](const Line& line) {
                                   if (line.number < 0) throw std::runtime_error{"below zero"};
                                   return true;
                                 });
                               }};
    t.in({1, "fine"});
    t.expect_failure("below zero", [&] { t.in({-1, "not fine"}); });
  });
}

}  // namespace
}  // namespace tidemark
