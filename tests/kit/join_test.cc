// Joins, under the operator test kit and against brute force: every pair of records is looked at.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Left {
  std::int64_t key = 0;
  std::int64_t id = 0;
};
struct Right {
  std::int64_t key = 0;
  std::string text;
};
struct Pair {
  std::int64_t key = 0;
  std::int64_t id = 0;  ///< 0: there is none
  std::string text;     ///< empty: there is none
  friend bool operator==(const Pair&, const Pair&) = default;
  friend auto operator<=>(const Pair&, const Pair&) = default;
};

Pair pair_of(const Left* left, const Right* right) {
  return {left != nullptr ? left->key : right->key, left != nullptr ? left->id : 0, right != nullptr ? right->text : ""};
}

enum class Kind { kInner, kLeft, kRight, kFull, kSemi, kAnti };
constexpr Kind kKinds[] = {Kind::kInner, Kind::kLeft, Kind::kRight, Kind::kFull, Kind::kSemi, Kind::kAnti};
bool has_pairs(Kind kind) { return kind != Kind::kSemi && kind != Kind::kAnti; }

// Plain rows of whatever a join gives: a change counts once up or once down.
struct Counted {
  Pair row;
  std::int64_t times = 0;
};
const auto kOfRow = [](const Pair& pair) { return Counted{pair, 1}; };
const auto kOfLeft = [](const Left& left) { return Counted{{left.key, left.id, ""}, 1}; };
template <class T, class F>
Stream<Counted> counted(Stream<T> rows, F of) {
  return rows.map(of);
}
template <class T, class F>
Stream<Counted> counted(Stream<Change<T>> changes, F of) {
  return changes.map([of](const Change<T>& change) {
    Counted row = of(change.row);
    if (!adds(change.kind)) row.times = -1;
    return row;
  });
}

template <class Joined>
Stream<Counted> join_as(Kind kind, const Joined& joined) {
  switch (kind) {
    case Kind::kInner: return counted(joined.inner([](const Left& l, const Right& r) { return pair_of(&l, &r); }).uid("join"), kOfRow);
    case Kind::kLeft: return counted(joined.left([](const Left& l, const Right* r) { return pair_of(&l, r); }).uid("join"), kOfRow);
    case Kind::kRight: return counted(joined.right([](const Left* l, const Right& r) { return pair_of(l, &r); }).uid("join"), kOfRow);
    case Kind::kFull: return counted(joined.full([](const Left* l, const Right* r) { return pair_of(l, r); }).uid("join"), kOfRow);
    case Kind::kSemi: return counted(joined.semi().uid("join"), kOfLeft);
    case Kind::kAnti: return counted(joined.anti().uid("join"), kOfLeft);
  }
  std::abort();
}

struct TimedLeft {
  Left record;
  Timestamp time;
};
struct TimedRight {
  Right record;
  Timestamp time;
};
using Meets = std::function<bool(Timestamp, Timestamp)>;

std::vector<Pair> brute_force(Kind kind, const std::vector<TimedLeft>& lefts, const std::vector<TimedRight>& rights, const Meets& meets) {
  std::vector<Pair> rows;
  const auto met = [&](const TimedLeft& l, const TimedRight& r) { return l.record.key == r.record.key && meets(l.time, r.time); };
  for (const TimedLeft& l : lefts) {
    const bool any = std::ranges::any_of(rights, [&](const TimedRight& r) { return met(l, r); });
    if (has_pairs(kind)) {
      for (const TimedRight& r : rights) {
        if (met(l, r)) rows.push_back(pair_of(&l.record, &r.record));
      }
    }
    const bool alone = !any && (kind == Kind::kLeft || kind == Kind::kFull || kind == Kind::kAnti);
    if (alone || (any && kind == Kind::kSemi)) rows.push_back(pair_of(&l.record, nullptr));
  }
  if (kind == Kind::kRight || kind == Kind::kFull) {
    for (const TimedRight& r : rights) {
      if (std::ranges::none_of(lefts, [&](const TimedLeft& l) { return met(l, r); })) rows.push_back(pair_of(nullptr, &r.record));
    }
  }
  std::ranges::sort(rows);
  return rows;
}

std::vector<Pair> table_of(const std::vector<Emitted<Counted>>& changes) {
  std::map<Pair, std::int64_t> times;
  for (const auto& change : changes) {
    times[change.value.row] += change.value.times;
  }
  std::vector<Pair> rows;
  for (const auto& [row, count] : times) {
    EXPECT_GE(count, 0) << "a row was taken away that was not there";
    for (std::int64_t i = 0; i < count; ++i) rows.push_back(row);
  }
  return rows;
}

/// `build` makes the join of two keyed streams, as rows that count.
template <class Build>
void check_kind(Kind kind, const Build& build, const Meets& meets, std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::int64_t>(random() % n); };
  const std::vector<TestOptions> ways = every_way();
  const TestOptions way = ways[random() % ways.size()];
  SCOPED_TRACE(way.name + ", kind " + std::to_string(static_cast<int>(kind)));
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Counted> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                  return build(lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
                                }};
  std::vector<TimedLeft> all_lefts;
  std::vector<TimedRight> all_rights;
  Timestamp watermark = at(0s);
  for (int i = 0; i < 30; ++i) {
    const Timestamp time = watermark + Duration{1 + below(12'000)};
    const std::int64_t key = below(3);
    if (below(10) == 0) {
      watermark = watermark + Duration{below(6000)};
      t.watermark(watermark);
    } else if (below(2) == 0) {
      all_lefts.push_back({{key, i + 1}, time});
      t.in(all_lefts.back().record, time);
    } else {
      all_rights.push_back({{key, "the right one of number " + std::to_string(i)}, time});
      t.in(rights, all_rights.back().record, time);
    }
  }
  t.end();
  EXPECT_EQ(table_of(t.take_out()), brute_force(kind, all_lefts, all_rights, meets));
}

template <class Build>
void check_against_brute_force(const Build& build, const Meets& meets, unsigned seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  for (const Kind kind : kKinds) {
    check_kind(kind, [&](auto lefts, auto rights) { return join_as(kind, build(lefts, rights)); }, meets, random);
  }
}

TEST(KitJoinProperty, Between) {
  const Duration bounds[][2] = {{-3000ms, 2000ms}, {0ms, 0ms}, {1ms, 5000ms}, {-5000ms, -1ms}, {-20000ms, 20000ms}};
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto [lower, upper] = bounds[seed % 5];
    check_against_brute_force([&](auto a, auto b) { return a.join(b).between(lower, upper); },
                              [&](Timestamp l, Timestamp r) { return r >= l + lower && r <= l + upper; }, seed);
  }
}

std::int64_t window_of(Timestamp t) { return t.ms() / 5000; }

TEST(KitJoinProperty, Window) {
  for (unsigned seed = 100; seed < 102; ++seed) {
    check_against_brute_force([](auto a, auto b) { return a.join(b).window(tumbling(5s)); },
                              [](Timestamp l, Timestamp r) { return window_of(l) == window_of(r); }, seed);
  }
}

void full_join_of_group(std::span<const Left> lefts, std::span<const Right> rights, Out<Counted>& out) {
  for (const Left& l : lefts) {
    for (const Right& r : rights) out.emit({pair_of(&l, &r), 1});
    if (rights.empty()) out.emit({pair_of(&l, nullptr), 1});
  }
  for (const Right& r : rights) {
    if (lefts.empty()) out.emit({pair_of(nullptr, &r), 1});
  }
}

TEST(KitJoinProperty, CoGroup) {
  std::mt19937 random{110};
  for (int run = 0; run < 6; ++run) {
    check_kind(Kind::kFull, [](auto a, auto b) { return a.co_group(b).window(tumbling(5s)).apply(&full_join_of_group).uid("groups"); },
               [](Timestamp l, Timestamp r) { return window_of(l) == window_of(r); }, random);
  }
}

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

TEST(KitJoinProperty, Unbounded) {
  for (unsigned seed = 200; seed < 202; ++seed) {
    check_against_brute_force([](auto a, auto b) { return a.join(b).unbounded(); }, [](Timestamp, Timestamp) { return true; }, seed);
  }
}

TEST(KitJoinProperty, UnboundedOfTablesWhoseRowsGo) {
  std::mt19937 random{7};
  for (const Kind kind : kKinds) {
    const TestInput<Change<Right>> rights{"rights"};
    const std::vector<TestOptions> ways = every_way();
    const TestOptions way = ways[random() % ways.size()];
    SCOPED_TRACE(way.name);
    PipelineTest<Change<Left>, Counted> t{way, [&](Stream<Change<Left>> lefts, TestPorts& ports) {
                                            return join_as(kind, lefts.key_by(of_row(&Left::key)).join(ports.input(rights).key_by(of_row(&Right::key))).unbounded());
                                          }};
    std::vector<TimedLeft> all_lefts;
    std::vector<TimedRight> all_rights;
    for (int i = 0; i < 40; ++i) {
      const std::int64_t key = static_cast<std::int64_t>(random() % 2);
      const bool removes = random() % 3 == 0;
      if (random() % 2 == 0) {
        if (removes && !all_lefts.empty()) {
          const auto at = all_lefts.begin() + static_cast<std::ptrdiff_t>(random() % all_lefts.size());
          t.in({ChangeKind::kDelete, at->record});
          all_lefts.erase(at);
        } else {
          all_lefts.push_back({{key, static_cast<std::int64_t>(random() % 3)}, {}});  // equal rows, too
          t.in({ChangeKind::kInsert, all_lefts.back().record});
        }
      } else if (removes && !all_rights.empty()) {
        const auto at = all_rights.begin() + static_cast<std::ptrdiff_t>(random() % all_rights.size());
        t.in(rights, {ChangeKind::kUpdateBefore, at->record});
        all_rights.erase(at);
      } else {
        all_rights.push_back({{key, "right " + std::to_string(i)}, {}});
        t.in(rights, {ChangeKind::kUpdateAfter, all_rights.back().record});
      }
    }
    t.end();
    EXPECT_EQ(table_of(t.take_out()), brute_force(kind, all_lefts, all_rights, [](Timestamp, Timestamp) { return true; }));
  }
}

TEST(KitJoinProperty, AsOf) {
  for (unsigned seed = 300; seed < 306; ++seed) {
    std::mt19937 random{seed};
    const std::vector<TestOptions> ways = every_way();
    const TestOptions way = ways[seed % ways.size()];
    SCOPED_TRACE(way.name);
    const bool is_left = seed % 2 == 0;
    const TestInput<Right> versions{"versions"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 const auto joined = lefts.key_by(&Left::key).join(ports.input(versions).key_by(&Right::key)).as_of();
                                 return is_left ? joined.left([](const Left& l, const Right* r) { return pair_of(&l, r); }).uid("join")
                                                : joined.inner([](const Left& l, const Right& r) { return pair_of(&l, &r); }).uid("join");
                               }};
    std::vector<TimedLeft> all_lefts;
    std::vector<TimedRight> all_versions;
    Timestamp watermark = at(0s);
    for (int i = 0; i < 40; ++i) {
      const Timestamp time = watermark + Duration{1 + static_cast<std::int64_t>(random() % 9000)};
      const std::int64_t key = static_cast<std::int64_t>(random() % 2);
      if (random() % 8 == 0) {
        watermark = watermark + Duration{static_cast<std::int64_t>(random() % 5000)};
        t.watermark(watermark);
      } else if (random() % 2 == 0) {
        all_lefts.push_back({{key, i + 1}, time});
        t.in(all_lefts.back().record, time);
      } else {
        all_versions.push_back({{key, "version " + std::to_string(i)}, time});
        t.in(versions, all_versions.back().record, time);
      }
    }
    t.end();
    std::vector<Pair> expected;
    for (const TimedLeft& l : all_lefts) {
      const TimedRight* version = nullptr;
      for (const TimedRight& r : all_versions) {
        if (r.record.key == l.record.key && r.time <= l.time && (version == nullptr || version->time <= r.time)) version = &r;
      }
      if (version != nullptr || is_left) expected.push_back(pair_of(&l.record, version != nullptr ? &version->record : nullptr));
    }
    std::vector<Pair> got;
    for (const auto& row : t.take_out()) got.push_back(row.value);
    std::ranges::sort(expected);
    std::ranges::sort(got);
    EXPECT_EQ(got, expected);
  }
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
