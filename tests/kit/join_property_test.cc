// Joins of random records, in one way or another of the operator test kit, against brute force.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "join_model.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using namespace join_model;

using MakeModel = std::function<std::unique_ptr<JoinModel>(Kind)>;

TestOptions some_way(std::mt19937& random) {
  const std::vector<TestOptions> ways = every_way();
  return ways[random() % ways.size()];
}

/// `build` makes the join of two keyed streams, as rows that count. Some records come behind the watermark, and half of the
/// runs are long before 1970.
template <class Build>
void check_join(const Build& build, JoinModel& model, std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::int64_t>(random() % n); };
  const TestOptions way = some_way(random);
  SCOPED_TRACE(way.name);
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Counted> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                  return build(lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
                                }};
  Timestamp watermark = below(2) == 0 ? at(0s) : at(-20'000h);
  for (int i = 0; i < 18; ++i) {
    const Timestamp time = watermark + Duration{below(14'000) - 2500};
    const std::int64_t key = below(3);
    if (below(8) == 0) {
      watermark = watermark + Duration{below(6000)};
      t.watermark(watermark);
      model.advance(watermark);
    } else if (below(2) == 0) {
      t.in({key, i + 1}, time);
      model.left({{key, i + 1}, time});
    } else {
      const Right right{key, "the right one of number " + std::to_string(i)};
      t.in(rights, right, time);
      model.right({right, time});
    }
  }
  t.end();
  std::vector<Pair> expected = model.rows();
  std::ranges::sort(expected);
  EXPECT_EQ(table_of(t.take_out()), expected);
}

template <class Build>
void check_kinds(const Build& build, const MakeModel& make_model, unsigned first_seed, unsigned seeds = 2) {
  for (unsigned seed = first_seed; seed < first_seed + seeds && !testing::Test::HasFailure(); ++seed) {
    std::mt19937 random{seed};
    for (const Kind kind : kKinds) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", kind " + std::to_string(static_cast<int>(kind)));
      const auto model = make_model(kind);
      check_join([&](auto lefts, auto rights) { return join_as(kind, build(lefts, rights)); }, *model, random);
    }
  }
}

TEST(KitJoinProperty, Between) {
  const Duration bounds[][2] = {{-3000ms, 2000ms}, {0ms, 0ms}, {1ms, 5000ms}, {-5000ms, -1ms}, {-20000ms, 20000ms}};
  unsigned seed = 0;
  for (const auto& [lower, upper] : bounds) {
    const auto meets = [lower, upper](Timestamp l, Timestamp r) { return r >= l + lower && r <= l + upper; };
    check_kinds([&](auto a, auto b) { return a.join(b).between(lower, upper); },
                [&](Kind kind) { return std::make_unique<MeetingModel>(kind, meets); }, seed, 1);
    ++seed;
  }
}

// Windows by brute force.
std::vector<Window> grid_windows(Timestamp t, std::int64_t size, std::int64_t slide) {
  std::vector<Window> windows;
  std::int64_t start = t.ms();
  while (start % slide != 0) --start;
  for (; start > t.ms() - size; start -= slide) windows.push_back({Timestamp{start}, Timestamp{start + size}});
  return windows;
}
const auto kTumbling = [](Timestamp t) { return grid_windows(t, 5000, 5000); };
const auto kSliding = [](Timestamp t) { return grid_windows(t, 6000, 2000); };
const auto kSession = [](Timestamp t) { return std::vector<Window>{{t, t + 1500ms}}; };

TEST(KitJoinProperty, TumblingWindows) {
  check_kinds([](auto a, auto b) { return a.join(b).window(tumbling(5s)); },
              [](Kind kind) { return std::make_unique<WindowsModel>(kind, false, kTumbling); }, 100);
}
TEST(KitJoinProperty, SlidingWindows) {
  check_kinds([](auto a, auto b) { return a.join(b).window(sliding(6s, 2s)); },
              [](Kind kind) { return std::make_unique<WindowsModel>(kind, false, kSliding); }, 110);
}
TEST(KitJoinProperty, Sessions) {
  check_kinds([](auto a, auto b) { return a.join(b).window(session(1500ms)); },
              [](Kind kind) { return std::make_unique<WindowsModel>(kind, true, kSession); }, 120);
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

template <class Windows>
void check_co_group(const Windows& windows, bool merge, const std::function<std::vector<Window>(Timestamp)>& windows_of,
                    unsigned seed) {
  std::mt19937 random{seed};
  for (int run = 0; run < 10 && !testing::Test::HasFailure(); ++run) {
    WindowsModel model{Kind::kFull, merge, windows_of};
    check_join([&](auto a, auto b) { return a.co_group(b).window(windows).apply(&full_join_of_group).uid("groups"); }, model,
               random);
  }
}
TEST(KitJoinProperty, CoGroupInTumblingWindows) { check_co_group(tumbling(5s), false, kTumbling, 130); }
TEST(KitJoinProperty, CoGroupInSlidingWindows) { check_co_group(sliding(6s, 2s), false, kSliding, 131); }
TEST(KitJoinProperty, CoGroupInSessions) { check_co_group(session(1500ms), true, kSession, 132); }

TEST(KitJoinProperty, AsOf) {
  std::mt19937 random{300};
  for (int run = 0; run < 12 && !testing::Test::HasFailure(); ++run) {
    const bool keeps_alone = run % 2 == 0;
    VersionsModel model{keeps_alone};
    check_join(
        [&](auto lefts, auto versions) {
          const auto joined = lefts.join(versions).as_of();
          return counted(keeps_alone ? joined.left([](const Left& l, const Right* r) { return pair_of(&l, r); }).uid("join")
                                     : joined.inner([](const Left& l, const Right& r) { return pair_of(&l, &r); }).uid("join"),
                         kOfRow);
        },
        model, random);
  }
}

TEST(KitJoinProperty, Unbounded) {
  check_kinds([](auto a, auto b) { return a.join(b).unbounded(); },
              [](Kind kind) { return std::make_unique<MeetingModel>(kind, [](Timestamp, Timestamp) { return true; }, false); },
              200);
}

TEST(KitJoinProperty, UnboundedOfTablesWhoseRowsGo) {
  std::mt19937 random{7};
  for (const Kind kind : kKinds) {
    const TestInput<Change<Right>> rights{"rights"};
    const TestOptions way = some_way(random);
    SCOPED_TRACE(way.name);
    PipelineTest<Change<Left>, Counted> t{
        way, [&](Stream<Change<Left>> lefts, TestPorts& ports) {
          return join_as(kind,
                         lefts.key_by(of_row(&Left::key)).join(ports.input(rights).key_by(of_row(&Right::key))).unbounded());
        }};
    Lefts all_lefts;
    Rights all_rights;
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
    std::vector<Pair> expected = brute_force(kind, all_lefts, all_rights, [](Timestamp, Timestamp) { return true; });
    std::ranges::sort(expected);
    EXPECT_EQ(table_of(t.take_out()), expected);
  }
}

// The clock moves by tens of seconds, so that no life of 25 s ends within the second in which it may.
TEST(KitJoinProperty, UnboundedWithATimeToLive) {
  std::mt19937 random{400};
  for (int run = 0; run < 10 && !testing::Test::HasFailure(); ++run) {
    const TestOptions way = some_way(random);
    SCOPED_TRACE(way.name);
    const TestInput<Right> rights{"rights"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 return lefts.key_by(&Left::key)
                                     .join(ports.input(rights).key_by(&Right::key))
                                     .unbounded(ttl(25s))
                                     .inner([](const Left& l, const Right& r) { return pair_of(&l, &r); })
                                     .uid("join");
                               }};
    struct Kept {
      Lefts lefts;
      Rights rights;
    };
    std::map<std::int64_t, Kept> keys;
    Timestamp now = at(0s);
    // All of a key and stream go together, so long after the last of them came.
    const auto forget = [&](auto& rows) {
      if (!rows.empty() && rows.back().time + 25s <= now) rows.clear();
    };
    std::vector<Pair> expected;
    for (int i = 0; i < 40; ++i) {
      const std::int64_t key = static_cast<std::int64_t>(random() % 3);
      if (random() % 4 == 0) {
        now = now + 10s * static_cast<std::int64_t>(random() % 3);
        t.processing_time(now);
        continue;
      }
      Kept& kept = keys[key];
      forget(kept.lefts);
      forget(kept.rights);
      if (random() % 2 == 0) {
        kept.lefts.push_back({{key, i + 1}, now});
        t.in(kept.lefts.back().record);
        for (const auto& right : kept.rights) expected.push_back(pair_of(&kept.lefts.back().record, &right.record));
      } else {
        kept.rights.push_back({{key, "right " + std::to_string(i)}, now});
        t.in(rights, kept.rights.back().record);
        for (const auto& left : kept.lefts) expected.push_back(pair_of(&left.record, &kept.rights.back().record));
      }
    }
    t.end().expect_out(expected, in_any_order);
  }
}

/// A table of which two thirds of the keys have a row.
std::optional<std::string> row_of(std::int64_t key) {
  if (key % 3 == 0) return std::nullopt;
  return "row " + std::to_string(key);
}

TEST(KitJoinProperty, LookUpWithACacheOfSomeSize) {
  std::mt19937 random{500};
  for (int run = 0; run < 20 && !testing::Test::HasFailure(); ++run) {
    const TestOptions way = some_way(random);
    SCOPED_TRACE(way.name);
    const bool keeps_alone = random() % 2 == 0;
    const std::size_t cached = 1 + random() % 6;
    PipelineTest<Left, Pair> t{
        way, [&](Stream<Left> lefts) {
          const auto found = lefts.lookup_join(&Left::key).cache(cached, 20s).from_threads(2, &row_of);
          return keeps_alone
                     ? found.left([](const Left& l, const std::string* r) { return Pair{l.key, l.id, r != nullptr ? *r : ""}; })
                           .uid("look")
                     : found.inner([](const Left& l, const std::string& r) { return Pair{l.key, l.id, r}; }).uid("look");
        }};
    std::vector<Pair> expected;
    for (int i = 0; i < 40; ++i) {
      if (random() % 8 == 0) t.processing_time(at(5s * i));
      const Left left{static_cast<std::int64_t>(random() % 8), i + 1};
      t.in(left);
      const auto row = row_of(left.key);
      if (row || keeps_alone) expected.push_back({left.key, left.id, row.value_or("")});
    }
    t.end().expect_out(expected);
  }
}

}  // namespace
}  // namespace tidemark
