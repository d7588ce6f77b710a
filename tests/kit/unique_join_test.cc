// Unbounded joins of which the user says that a stream has at most one record a key: the rows of the plain join, in one way or
// another of the operator test kit, and what becomes of a broken promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "join_model.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using namespace join_model;

enum class One { kFirst, kSecond };

constexpr std::int64_t kKeys = 4;

Right right_of(std::int64_t key, int number) { return {key, "the right one of number " + std::to_string(number)}; }

template <One kOne, class Lefts, class Rights>
Stream<Counted> promised_as(Kind kind, const Lefts& lefts, const Rights& rights) {
  if constexpr (kOne == One::kFirst) {
    return join_as(kind, lefts.join(rights).unbounded().one_to_many());
  } else {
    return join_as(kind, lefts.join(rights).unbounded().many_to_one());
  }
}

/// check(kind, way, random) for every kind of join and some ways to run it.
template <class Check>
void for_kinds(unsigned seed, const Check& check) {
  std::mt19937 random{seed};
  const std::vector<TestOptions> ways = every_way();
  for (int run = 0; run < 2; ++run) {
    for (const Kind kind : kKinds) {
      const TestOptions& way = ways[random() % ways.size()];
      SCOPED_TRACE(way.name + ", run " + std::to_string(run) + ", kind " + std::to_string(static_cast<int>(kind)));
      check(kind, way, random);
      if (testing::Test::HasFailure()) return;
    }
  }
}

/// Records in a random order, of a stream one for each of some keys.
template <One kOne>
void check_records(Kind kind, const TestOptions& way, std::mt19937& random) {
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Counted> t{
      way, [&](Stream<Left> lefts, TestPorts& ports) {
        return promised_as<kOne>(kind, lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
      }};
  Lefts all_lefts;
  Rights all_rights;
  const auto left = [&](std::int64_t key, int number) {
    all_lefts.push_back({{key, number}, {}});
    t.in(all_lefts.back().record);
  };
  const auto right = [&](std::int64_t key, int number) {
    all_rights.push_back({right_of(key, number), {}});
    t.in(rights, all_rights.back().record);
  };
  std::vector<bool> has_one(kKeys);
  for (int i = 1; i <= 24; ++i) {
    const auto key = static_cast<std::int64_t>(random() % kKeys);
    const bool is_one = random() % 4 == 0 && !has_one[static_cast<std::size_t>(key)];
    if (is_one) has_one[static_cast<std::size_t>(key)] = true;
    (is_one == (kOne == One::kFirst) ? left(key, i) : right(key, i));
  }
  t.end();
  std::vector<Pair> expected = brute_force(kind, all_lefts, all_rights, [](Timestamp, Timestamp) { return true; });
  std::ranges::sort(expected);
  EXPECT_EQ(table_of(t.take_out()), expected);
}

TEST(KitUniqueJoinProperty, OneToManyGivesTheRowsOfThePlainJoin) {
  for_kinds(1, check_records<One::kFirst>);
}
TEST(KitUniqueJoinProperty, ManyToOneGivesTheRowsOfThePlainJoin) {
  for_kinds(2, check_records<One::kSecond>);
}

// Of equal rows, too, which come and go one by one.
TEST(KitUniqueJoinProperty, TheManyMayBeRowsThatGo) {
  for_kinds(3, [](Kind kind, const TestOptions& way, std::mt19937& random) {
    const TestInput<Change<Right>> rights{"rights"};
    PipelineTest<Left, Counted> t{
        way, [&](Stream<Left> lefts, TestPorts& ports) {
          return promised_as<One::kFirst>(kind, lefts.key_by(&Left::key), ports.input(rights).key_by(of_row(&Right::key)));
        }};
    Lefts all_lefts;
    Rights all_rights;
    for (int i = 1; i <= 40; ++i) {
      const auto key = static_cast<std::int64_t>(random() % kKeys);
      if (random() % 5 == 0) {
        if (std::ranges::any_of(all_lefts, [key](const auto& each) { return each.record.key == key; })) continue;
        all_lefts.push_back({{key, i}, {}});
        t.in(all_lefts.back().record);
      } else if (random() % 2 == 0 && !all_rights.empty()) {
        const auto at = all_rights.begin() + static_cast<std::ptrdiff_t>(random() % all_rights.size());
        t.in(rights, {ChangeKind::kUpdateBefore, at->record});
        all_rights.erase(at);
      } else {
        all_rights.push_back({right_of(key, static_cast<int>(random() % 3)), {}});
        t.in(rights, {ChangeKind::kInsert, all_rights.back().record});
      }
    }
    t.end();
    std::vector<Pair> expected = brute_force(kind, all_lefts, all_rights, [](Timestamp, Timestamp) { return true; });
    std::ranges::sort(expected);
    EXPECT_EQ(table_of(t.take_out()), expected);
  });
}

TEST(KitUniqueJoinProperty, TheManyMayBeRowsThatGoOfTheFirstStreamToo) {
  for_kinds(4, [](Kind kind, const TestOptions& way, std::mt19937& random) {
    const TestInput<Right> rights{"rights"};
    PipelineTest<Change<Left>, Counted> t{
        way, [&](Stream<Change<Left>> lefts, TestPorts& ports) {
          return promised_as<One::kSecond>(kind, lefts.key_by(of_row(&Left::key)), ports.input(rights).key_by(&Right::key));
        }};
    Lefts all_lefts;
    Rights all_rights;
    for (int i = 1; i <= 40; ++i) {
      const auto key = static_cast<std::int64_t>(random() % kKeys);
      if (random() % 5 == 0) {
        if (std::ranges::any_of(all_rights, [key](const auto& each) { return each.record.key == key; })) continue;
        all_rights.push_back({right_of(key, i), {}});
        t.in(rights, all_rights.back().record);
      } else if (random() % 2 == 0 && !all_lefts.empty()) {
        const auto at = all_lefts.begin() + static_cast<std::ptrdiff_t>(random() % all_lefts.size());
        t.in({ChangeKind::kDelete, at->record});
        all_lefts.erase(at);
      } else {
        all_lefts.push_back({{key, static_cast<std::int64_t>(random() % 3)}, {}});
        t.in({ChangeKind::kUpdateAfter, all_lefts.back().record});
      }
    }
    t.end();
    std::vector<Pair> expected = brute_force(kind, all_lefts, all_rights, [](Timestamp, Timestamp) { return true; });
    std::ranges::sort(expected);
    EXPECT_EQ(table_of(t.take_out()), expected);
  });
}

// The clock moves by tens of seconds, so that no life of 25 s ends within the second in which it may.
TEST(KitUniqueJoinProperty, WithATimeToLive) {
  std::mt19937 random{5};
  const std::vector<TestOptions> ways = every_way();
  for (int run = 0; run < 10 && !testing::Test::HasFailure(); ++run) {
    const TestOptions& way = ways[random() % ways.size()];
    SCOPED_TRACE(way.name);
    const TestInput<Right> rights{"rights"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 return lefts.key_by(&Left::key)
                                     .join(ports.input(rights).key_by(&Right::key))
                                     .unbounded(ttl(25s))
                                     .many_to_one()
                                     .inner([](const Left& l, const Right& r) { return pair_of(&l, &r); })
                                     .uid("join");
                               }};
    struct Kept {
      Lefts lefts;
      Rights rights;
      bool has_had_right = false;
    };
    std::vector<Kept> keys(3);
    Timestamp now = at(0s);
    const auto forget = [&](auto& rows) {
      if (!rows.empty() && rows.back().time + 25s <= now) rows.clear();
    };
    std::vector<Pair> expected;
    for (int i = 1; i <= 40; ++i) {
      const auto key = static_cast<std::int64_t>(random() % keys.size());
      if (random() % 4 == 0) {
        now = now + 10s * static_cast<std::int64_t>(random() % 3);
        t.processing_time(now);
        continue;
      }
      Kept& kept = keys[static_cast<std::size_t>(key)];
      forget(kept.lefts);
      forget(kept.rights);
      if (random() % 5 != 0) {
        kept.lefts.push_back({{key, i}, now});
        t.in(kept.lefts.back().record);
        for (const auto& right : kept.rights) expected.push_back(pair_of(&kept.lefts.back().record, &right.record));
      } else if (!std::exchange(kept.has_had_right, true)) {
        kept.rights.push_back({right_of(key, i), now});
        t.in(rights, kept.rights.back().record);
        for (const auto& left : kept.lefts) expected.push_back(pair_of(&left.record, &kept.rights.back().record));
      }
    }
    t.end().expect_out(expected, in_any_order);
  }
}

TEST(KitUniqueJoin, OnceTheOneHasExpiredAnotherMayComeAndMeetsWhatComesThen) {
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Pair> t{TestOptions{}, [&](Stream<Left> lefts, TestPorts& ports) {
                               return lefts.key_by(&Left::key)
                                   .join(ports.input(rights).key_by(&Right::key))
                                   .unbounded(ttl(10s))
                                   .many_to_one()
                                   .inner([](const Left& l, const Right& r) { return pair_of(&l, &r); })
                                   .uid("join");
                             }};
  t.in(rights, {1, "a"}).processing_time(at(9s)).in({1, 1}).expect_out({{1, 1, "a"}});
  t.processing_time(at(30s)).in({1, 2}).in(rights, {1, "b"}).in({1, 3}).expect_out({{1, 2, "b"}, {1, 3, "b"}});
  t.expect_failure("at most one record a key", [&] { t.in(rights, {1, "c"}); });
}

TEST(KitUniqueJoin, ASecondRecordOfAKeyFailsTheJobAndSaysWhatToDo) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Right> rights{"rights"};
    PipelineTest<Left, Counted> t{
        way, [&](Stream<Left> lefts, TestPorts& ports) {
          return promised_as<One::kSecond>(Kind::kInner, lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
        }};
    t.in(rights, {1, "a"}).in({1, 1}).in(rights, {2, "b"});
    t.expect_failure(R"(uid join), subtask )", [&] { t.in(rights, {1, "c"}); });
  });
}

TEST(KitUniqueJoin, TheFailureNamesBothRecordsAndWhatToDo) {
  const TestInput<Right> rights{"rights"};
  const auto fails_with = [&]<One kOne>(const std::string& text, const auto& call) {
    PipelineTest<Left, Counted> t{
        TestOptions{}, [&](Stream<Left> lefts, TestPorts& ports) {
          return promised_as<kOne>(Kind::kLeft, lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
        }};
    t.in({1, 7}).in(rights, {1, "a"});
    t.expect_failure(text, [&] { call(t); });
  };
  fails_with.operator()<One::kSecond>(
      R"({"key":1,"text":"c"}): many_to_one() says that the second stream has at most one record a key, and this )"
      R"(one has the key of {"key":1,"text":"a"}: let one a key through, or leave many_to_one() out and give the join )"
      R"(another uid)",
      [&](auto& t) { t.in(rights, {1, "c"}); });
  fails_with.operator()<One::kFirst>(
      R"({"key":1,"id":8}): one_to_many() says that the first stream has at most one record a key, and this )"
      R"(one has the key of {"key":1,"id":7}: let one a key through, or leave one_to_many() out and give the join another uid)",
      [&](auto& t) { t.in({1, 8}); });
}

// A source that gives a record again after a failure would otherwise give rows twice.
TEST(KitUniqueJoin, ARecordThatIsEqualToTheFirstIsASecondOneToo) {
  const TestInput<Right> rights{"rights"};
  PipelineTest<Left, Counted> t{
      TestOptions{}, [&](Stream<Left> lefts, TestPorts& ports) {
        return promised_as<One::kFirst>(Kind::kSemi, lefts.key_by(&Left::key), ports.input(rights).key_by(&Right::key));
      }};
  t.in({1, 7});
  t.expect_failure("at most one record a key", [&] { t.in({1, 7}); });
}

TEST(KitUniqueJoin, ManyThatWaitMeetTheOneInTheOrderInWhichTheyCame) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Right> rights{"rights"};
    PipelineTest<Left, Pair> t{way, [&](Stream<Left> lefts, TestPorts& ports) {
                                 return lefts.key_by(&Left::key)
                                     .join(ports.input(rights).key_by(&Right::key))
                                     .unbounded()
                                     .one_to_many()
                                     .inner([](const Left& l, const Right& r) { return pair_of(&l, &r); })
                                     .uid("join");
                               }};
    t.in(rights, {1, "a"}).in(rights, {2, "b"}).in(rights, {1, "c"}).expect_out({});
    t.in({1, 7}).expect_out({{1, 7, "a"}, {1, 7, "c"}});
    t.in(rights, {1, "d"}).in({2, 8}).expect_out({{1, 7, "d"}, {2, 8, "b"}}, in_any_order);
    t.end().expect_out({});
  });
}

struct Named {
  std::int64_t key = 0;
  std::string_view name;
};

TEST(KitUniqueJoin, TextThatRecordsOnlyViewIsKeptWithThem) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Named> rights{"rights"};
    PipelineTest<Named, Change<Named>> t{way, [&](Stream<Named> lefts, TestPorts& ports) {
                                           return lefts.key_by(&Named::key)
                                               .join(ports.input(rights).key_by(&Named::key))
                                               .unbounded()
                                               .one_to_many()
                                               .full([](const Named* l, const Named* r) {
                                                 return l == nullptr || (r != nullptr && r->name > l->name) ? *r : *l;
                                               })
                                               .uid("join");
                                         }};
    using enum ChangeKind;
    t.in(rights, {1, "what waits for the one"}).expect_out({{kInsert, {1, "what waits for the one"}}});
    t.in({1, "the one"}).expect_out({{kDelete, {1, "what waits for the one"}}, {kInsert, {1, "what waits for the one"}}});
    t.in(rights, {1, "a late one"}).expect_out({{kInsert, {1, "the one"}}});
    t.in({2, "another one"}).expect_out({{kInsert, {2, "another one"}}});
    t.in(rights, {2, "what comes behind it"});
    t.expect_out({{kDelete, {2, "another one"}}, {kInsert, {2, "what comes behind it"}}});
  });
}

}  // namespace
}  // namespace tidemark
