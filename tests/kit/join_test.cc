// Joins and co-groups, under the operator test kit.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "join_model.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using namespace join_model;

/// How many records of each a window has, and whether any has come before.
class CountGroups final : public WindowProcess<std::int64_t, CoGroup<Left, Right>, Pair> {
 public:
  explicit CountGroups(Declare& declare) : groups_{declare, "groups"} {}
  void process(const CoGroup<Left, Right>& group, Context& ctx, Out<Pair>& out) override {
    groups_.set(groups_.get() + 1);
    const std::string text = std::to_string(group.second.size()) + " in group " + std::to_string(groups_.get());
    out.emit({ctx.key(), static_cast<std::int64_t>(group.first.size()), text});
  }

 private:
  ValueState<std::int64_t> groups_;
};

TEST(KitCoGroup, AFunctionGetsBothGroupsOfAKeyAndWindowAndLateOnesAgain) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Right> rights{"rights"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 return lefts.key_by(&Left::key)
                                     .co_group(ports.input(rights).key_by(&Right::key))
                                     .window(tumbling(5s))
                                     .allowed_lateness(2s)
                                     .template process<CountGroups>()
                                     .uid("count");
                               }};
    t.in({1, 1}, at(1s)).in({1, 2}, at(2s)).in(rights, {1, "a"}, at(3s)).in(rights, {2, "b"}, at(4s)).watermark(at(5s));
    t.expect_out({{1, 2, "1 in group 1"}, {2, 0, "1 in group 1"}}, in_any_order);
    t.in({1, 3}, at(4s)).expect_out({{1, 3, "1 in group 2"}});
    t.watermark(at(8s)).in({1, 3}, at(4s)).expect_out({});
    t.end().expect_out({});
  });
}

TEST(KitJoin, BetweenGivesTheLaterTimeAndLetsGoWhatIsPast) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Right> rights{"rights"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 return lefts.key_by(&Left::key)
                                     .join(ports.input(rights).key_by(&Right::key))
                                     .between(-10s, 5s)
                                     .full([](const Left* l, const Right* r) { return pair_of(l, r); })
                                     .uid("join");
                               }};
    t.in({1, 7}, at(20s)).in(rights, {1, "in"}, at(25s)).in(rights, {1, "out"}, at(25s) + 1ms).expect_out({{1, 7, "in"}});
    t.in(rights, {2, "alone"}, at(30s)).watermark(at(34s)).expect_out({});
    t.in({2, 8}, at(34s)).expect_out({});                            // late: at the watermark
    t.watermark(at(40s)).expect_out({{1, 0, "out"}, {2, 0, "alone"}}, in_any_order);
    t.in({1, 9}, at(50s));
    t.end();
    const auto last = t.take_out();
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0].at, at(55s));  // so long a partner might have come
    EXPECT_EQ(last[0].value, (Pair{1, 9, ""}));
  });
}

// What is to be valid later says nothing about what is valid before.
TEST(KitJoin, AsOfTakesALateVersionWhereNoneIsKept) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Right> versions{"versions"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 return lefts.key_by(&Left::key)
                                     .join(ports.input(versions).key_by(&Right::key))
                                     .as_of()
                                     .left([](const Left& l, const Right* r) { return pair_of(&l, r); })
                                     .uid("join");
                               }};
    t.in(versions, {1, "from 100"}, at(100s)).watermark(at(50s)).in(versions, {1, "from 40"}, at(40s));
    t.in({1, 6}, at(60s)).in({1, 10}, at(100s)).watermark(at(100s)).expect_out({{1, 6, "from 40"}, {1, 10, "from 100"}});
  });
}

TEST(KitJoin, BoundsAtTheEndsOfTimeDoNotOverflow) {
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Pair> t{TestOptions{}, [&](Stream<Left> lefts, TestPorts& ports) {
                               return lefts.key_by(&Left::key)
                                   .join(ports.input(rights).key_by(&Right::key))
                                   .between(-Duration::max(), Duration::max())
                                   .left([](const Left& l, const Right* r) { return pair_of(&l, r); })
                                   .uid("join");
                             }};
  t.in({1, 1}, Timestamp::min() + 1ms).in({1, 2}, Timestamp::max() - 2ms).in({2, 3}).in(rights, {1, "r"}, at(0s));
  t.end().expect_out({{1, 1, "r"}, {1, 2, "r"}, {2, 3, ""}}, in_any_order);
}

TEST(KitJoin, UnboundedRowsExpireWithTheirTimeToLive) {
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Pair> t{TestOptions{}, [&](Stream<Left> lefts, TestPorts& ports) {
                               return lefts.key_by(&Left::key)
                                   .join(ports.input(rights).key_by(&Right::key))
                                   .unbounded(ttl(10s))
                                   .inner([](const Left& l, const Right& r) { return pair_of(&l, &r); })
                                   .uid("join");
                             }};
  t.in({1, 1}).processing_time(at(9s)).in(rights, {1, "a"}).expect_out({{1, 1, "a"}});
  t.processing_time(at(30s)).in(rights, {1, "b"}).expect_out({});
  t.in({1, 2}).expect_out({{1, 2, "b"}});
}

TEST(KitJoin, FaultyBoundsAreSaidWhenTheJobIsBuilt) {
  const char* const arguments[] = {"job"};
  Job job{"job", 1, arguments};
  const auto lefts = job.from(generate<Left>(1, [](std::uint64_t) { return Left{}; })).uid("lefts").key_by(&Left::key);
  lefts.join(lefts).between(1s, -1s).inner([](const Left& a, const Left&) { return a; }).uid("join").to(discard());
  try {
    job.run_or_throw();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string{error.what()}.find("a lower bound and an upper one that is not below it"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tidemark
