// Each aggregate against a plain loop, however its records are dealt out to accumulators and merged.
#include "tidemark/aggregate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tidemark/detail/codec/binary.h"

namespace tidemark {
namespace {

struct Sale {
  std::int64_t price = 0;
  std::string buyer;
  double weight = 0;
};
using Sales = std::vector<Timed<Sale>>;

Sales random_sales(std::mt19937_64& random, std::size_t most) {
  Sales sales(1 + random() % most);
  for (auto& [at, sale] : sales) {
    at = Timestamp{static_cast<std::int64_t>(random() % 20)};
    sale = {static_cast<std::int64_t>(random() % 15) - 5, "buyer " + std::to_string(random() % 9), static_cast<double>(random() % 8)};
  }
  return sales;
}

template <class Accumulator>
Accumulator through_bytes(const Accumulator& accumulator) {
  detail::ByteWriter bytes;
  detail::encode(accumulator, bytes);
  detail::ByteReader reader{bytes.view()};
  Accumulator restored{};
  detail::decode(reader, restored);
  EXPECT_TRUE(reader.ok());
  return restored;
}
template <class Agg>
auto through_a_checkpoint(const detail::AccumulatorOf<Agg, Sale>& accumulator) {
  return through_bytes(accumulator);
}

// In parts, in any order, each part through a checkpoint.
template <class Agg>
auto result_of(const Agg& aggregate, Sales sales, std::mt19937_64& random) {
  std::shuffle(sales.begin(), sales.end(), random);
  std::vector<detail::AccumulatorOf<Agg, Sale>> parts(1 + random() % 4);
  std::vector<bool> filled(parts.size());
  for (const auto& [at, sale] : sales) {
    const std::size_t part = random() % parts.size();
    detail::add_to(aggregate, parts[part], sale, at.ms());
    filled[part] = true;
  }
  std::optional<detail::AccumulatorOf<Agg, Sale>> all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!filled[i]) continue;
    const auto part = through_a_checkpoint<Agg>(parts[i]);
    if (all) {
      aggregate.merge(*all, part);
    } else {
      all = part;
    }
  }
  return aggregate.result(*all);
}

// check(sales, random) for many sales.
template <class Check>
void for_many_sales(Check check) {
  std::mt19937_64 random{20150715};
  for (int round = 0; round < 300 && !testing::Test::HasFailure(); ++round) check(random_sales(random, 40), random);
}

std::vector<std::int64_t> prices(const Sales& sales) {
  std::vector<std::int64_t> result;
  for (const auto& [at, sale] : sales) result.push_back(sale.price);
  return result;
}
bool less(const Sale& a, const Sale& b) { return std::tie(a.price, a.buyer, a.weight) < std::tie(b.price, b.buyer, b.weight); }
bool same(const Sale& a, const Sale& b) { return !less(a, b) && !less(b, a); }

TEST(Aggregates, NumbersAreThoseOfALoop) {
  for_many_sales([](const Sales& sales, std::mt19937_64& random) {
    std::int64_t total = 0;
    std::int64_t positive = 0;
    for (const std::int64_t price : prices(sales)) {
      total += price;
      positive += price > 0 ? 1 : 0;
    }
    const auto all = prices(sales);
    const auto n = static_cast<std::int64_t>(all.size());
    EXPECT_EQ(result_of(count(), sales, random), n);
    EXPECT_EQ(result_of(count_if([](const Sale& s) { return s.price > 0; }), sales, random), positive);
    EXPECT_EQ(result_of(sum(&Sale::price), sales, random), total);
    EXPECT_EQ(result_of(sum([](const Sale& s) { return s.price * 2; }), sales, random), 2 * total);
    EXPECT_DOUBLE_EQ(result_of(avg(&Sale::price), sales, random), static_cast<double>(total) / static_cast<double>(n));
    EXPECT_EQ(result_of(min(&Sale::price), sales, random), *std::min_element(all.begin(), all.end()));
    EXPECT_EQ(result_of(max(&Sale::price), sales, random), *std::max_element(all.begin(), all.end()));
  });
}

TEST(Aggregates, WhatIsNoNumberIsTheLastChoiceOfMinAndMax) {
  std::mt19937_64 random{1};
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (int round = 0; round < 50; ++round) {
    EXPECT_EQ(result_of(min(&Sale::weight), {{{}, {0, "", none}}, {{}, {0, "", 3}}, {{}, {0, "", 5}}}, random), 3);
    EXPECT_EQ(result_of(max(&Sale::weight), {{{}, {0, "", none}}, {{}, {0, "", 3}}, {{}, {0, "", 5}}}, random), 5);
  }
}

TEST(Aggregates, RecordsHangOnTheRecordsAlone) {
  for_many_sales([](const Sales& sales, std::mt19937_64& random) {
    std::vector<Sale> ranked;
    for (const auto& [at, sale] : sales) ranked.push_back(sale);
    std::sort(ranked.begin(), ranked.end(), [](const Sale& a, const Sale& b) { return a.price != b.price ? a.price > b.price : less(a, b); });
    EXPECT_TRUE(same(result_of(max_by(&Sale::price), sales, random), ranked.front()));
    const std::size_t n = 1 + random() % 6;
    const auto best = result_of(top(n, &Sale::price), sales, random);
    ranked.resize(std::min(n, ranked.size()));
    EXPECT_TRUE(std::equal(best.begin(), best.end(), ranked.begin(), ranked.end(), same));
    EXPECT_TRUE(result_of(top(0, &Sale::price), sales, random).empty());

    Sales by_time = sales;
    std::sort(by_time.begin(), by_time.end(), [](const auto& a, const auto& b) { return a.at != b.at ? a.at < b.at : less(a.value, b.value); });
    EXPECT_TRUE(same(result_of(first(), sales, random), by_time.front().value));
    EXPECT_EQ(result_of(first(&Sale::price), sales, random), by_time.front().value.price);
    const auto of_last_moment = std::find_if(by_time.begin(), by_time.end(), [&](const auto& s) { return s.at == by_time.back().at; });
    EXPECT_TRUE(same(result_of(last(), sales, random), of_last_moment->value));
    const auto everything = result_of(list(), sales, random);
    EXPECT_TRUE(std::equal(everything.begin(), everything.end(), by_time.begin(), by_time.end(), [](const Sale& a, const auto& b) { return same(a, b.value); }));
  });
}

TEST(Aggregates, DifferentValuesAreCountedOnce) {
  for_many_sales([](const Sales& sales, std::mt19937_64& random) {
    std::set<std::string> buyers;
    for (const auto& [at, sale] : sales) buyers.insert(sale.buyer);
    const auto all = prices(sales);
    EXPECT_EQ(result_of(count_distinct(&Sale::buyer), sales, random), static_cast<std::int64_t>(buyers.size()));
    EXPECT_EQ(result_of(approx_count_distinct(&Sale::buyer), sales, random), static_cast<std::int64_t>(buyers.size()));
    EXPECT_EQ(result_of(count_distinct(&Sale::price), sales, random), static_cast<std::int64_t>(std::set(all.begin(), all.end()).size()));
  });
}

TEST(Aggregates, ManyDifferentValues) {
  std::mt19937_64 random{7};
  for (const std::int64_t different : {200, 300, 5'000, 20'000, 200'000}) {
    Sales sales;
    sales.reserve(static_cast<std::size_t>(different));
    for (std::int64_t i = 0; i < different; ++i) sales.push_back({{}, {i, {}, 0}});
    if (different <= 20'000) {
      EXPECT_EQ(result_of(count_distinct(&Sale::price), sales, random), different);
    }
    const auto about = static_cast<double>(result_of(approx_count_distinct(&Sale::price), sales, random));
    EXPECT_NEAR(about, static_cast<double>(different), 0.05 * static_cast<double>(different));  // three standard errors
  }
}

std::size_t words_of(const detail::DistinctSet<std::uint64_t>& set) { return set.slots.size() + set.dense.groups.size(); }

/// Also of what is gathered from two, and behind a checkpoint.
void expect_counts(const std::vector<std::uint64_t>& words) {
  detail::DistinctSet<std::uint64_t> all, part;
  std::set<std::uint64_t> expected;
  for (std::size_t i = 0; i < words.size(); ++i) {
    (i % 3 == 0 ? part : all).insert(words[i]);
    expected.insert(words[i]);
    if (i == words.size() / 2) all = through_bytes(all);
  }
  all.insert_all(part);
  ASSERT_EQ(all.size(), static_cast<std::int64_t>(expected.size()));
  for (const std::uint64_t word : words) all.insert(word);
  ASSERT_EQ(all.size(), static_cast<std::int64_t>(expected.size()));
  ASSERT_LE(words_of(all), 8 + 4 * expected.size());
}

TEST(DistinctSet, CountsHoweverCloseTogetherItsWordsLie) {
  std::mt19937_64 random{11};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint64_t> words(1 + random() % 2000);
    std::vector<std::uint64_t> middles(1 + random() % 3);
    for (std::uint64_t& middle : middles) middle = random() % 4 == 0 ? (random() % 2 == 0 ? 0 : ~std::uint64_t{0}) : random();
    const std::uint64_t spread = std::uint64_t{1} << random() % 40;
    std::uint64_t next = 0;
    for (std::uint64_t& word : words) {
      const std::uint64_t near = middles[random() % middles.size()] + random() % spread - spread / 2;
      ++next;
      word = round % 3 == 0 ? middles[0] + next - next % 7 * 5 : random() % 50 == 0 ? random() : near;
    }
    if (round % 2 == 0) words.push_back(0);
    expect_counts(words);
  }
}

TEST(DistinctSet, AWordTakesABitWhereTheyLieCloseTogether) {
  for (const std::uint64_t step : {std::uint64_t{1}, ~std::uint64_t{0}}) {
    detail::DistinctSet<std::uint64_t> set;
    set.insert(0);
    set.insert(~std::uint64_t{0});  // apart from the others
    for (std::uint64_t i = 0; i < 1'000'000; ++i) set.insert((std::uint64_t{1} << 63) + i * step);
    EXPECT_EQ(set.size(), 1'000'002);
    EXPECT_LE(words_of(set), 1'000'000 / 64 * 5 / 4);
  }
}

// Whoever chooses the words can't make it large: a few always lie just behind what it covers.
TEST(DistinctSet, GrowsNoFasterThanItsWordsWhereverTheyLie) {
  for (const std::uint64_t step : {0, 1, 15}) {
    detail::DistinctSet<std::uint64_t> set;
    std::set<std::uint64_t> words;
    for (std::uint64_t round = 0; round < 500; ++round) {
      const std::uint64_t behind = (set.dense.first + set.dense.groups.size() + step) * 64;
      for (std::uint64_t i = 0; i < 6; ++i) {
        set.insert(behind + (round * 6 + i) % 64);
        words.insert(behind + (round * 6 + i) % 64);
      }
      ASSERT_LE(words_of(set), 8 + 4 * words.size()) << round;
    }
    EXPECT_EQ(set.size(), static_cast<std::int64_t>(words.size()));
    EXPECT_GT(words.size(), 1000u);
  }
}

TEST(DistinctSet, OfAnEarlierVersionGoesOnCounting) {
  using Words = std::vector<std::uint64_t>;
  // Then all lay in slots.
  detail::DistinctSet<std::uint64_t> set{.slots = Words(1024), .count = 0, .has_blank = true};
  for (std::uint64_t word = 1; word <= 700; ++word) set.count += detail::DistinctSlots<std::uint64_t>::put(set.slots, word) ? 1 : 0;
  ++set.count;
  for (std::uint64_t word = 0; word < 5000; ++word) set.insert(word);
  EXPECT_EQ(set.size(), 5000);
  EXPECT_LE(words_of(set), 200u);
}

TEST(Aggregates, ADamagedSetOfValuesStillEnds) {
  detail::DistinctSet<std::uint64_t> empty{.slots = {}, .count = -20, .has_blank = false};
  detail::DistinctSet<std::string> no_texts{.slots = {}, .count = -20, .has_blank = false};
  for (std::uint64_t i = 0; i < 100; ++i) {
    empty.insert(i << 40);
    no_texts.insert(std::to_string(i));
  }
  EXPECT_GE(empty.size(), 99);
  detail::DistinctSet<std::uint64_t> set{.slots = {1, 2, 3, 4, 5, 6, 7}, .count = -20, .has_blank = true};
  for (std::uint64_t i = 0; i < 100; ++i) set.insert(i);
  EXPECT_LE(set.slots.size(), 512u);
  detail::DistinctSet<std::uint64_t> full{.slots = {1, 2, 3, 4, 5, 6, 7, 8}, .count = std::int64_t{1} << 40, .has_blank = false};
  for (std::uint64_t i = 0; i < 100; ++i) full.insert(i);
  EXPECT_EQ(full.size(), 100);
  for (const std::uint64_t first : {std::uint64_t{1} << 58, ~std::uint64_t{0}, (std::uint64_t{1} << 58) - 1, std::uint64_t{7}}) {
    detail::DistinctSet<std::uint64_t> ranged{
        .slots = {1, 2, 3}, .count = 500, .has_blank = true, .dense = {first, {5, ~std::uint64_t{0}}, -9}};
    detail::DistinctSet<std::uint64_t> all;
    for (std::uint64_t i = 0; i < 10'000; ++i) ranged.insert(i % 2 == 0 ? i : ~i);
    all.insert_all(ranged);
    EXPECT_LE(ranged.slots.size(), 32'768u);
    EXPECT_GE(all.size(), 9'800);  // those that the range had in the places of others are missing
  }
  detail::HyperLogLog sketch{.few = {9, 8, 7}, .registers = {255, 255}};
  sketch.insert(5);
  sketch.insert_all(detail::HyperLogLog{.few = {}, .registers = std::vector<std::uint8_t>(10'000, 255)});
  EXPECT_GT(sketch.estimate(), 0);
}

TEST(Aggregates, QuantilesAreOffByOnePercentOfThemselvesAtMost) {
  std::mt19937_64 random{3};
  for (int round = 0; round < 40; ++round) {
    Sales sales(1 + random() % 3'000);
    std::vector<double> values;
    for (auto& [at, sale] : sales) {
      sale.weight = std::exp(static_cast<double>(random() % 2'000) / 100 - 10) * (random() % 3 == 0 ? -1 : 1) * (random() % 20 == 0 ? 0 : 1);
      values.push_back(sale.weight);
    }
    std::sort(values.begin(), values.end());
    const std::vector<double> shares{0, 0.01, 0.25, 0.5, 0.9, 0.99, 1};
    const auto found = result_of(approx_quantiles(&Sale::weight, shares), sales, random);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const double exact = values[static_cast<std::size_t>(shares[i] * static_cast<double>(values.size() - 1))];
      EXPECT_NEAR(found[i], exact, 0.0101 * std::abs(exact)) << shares[i];
    }
    EXPECT_EQ(result_of(approx_quantile(&Sale::weight, 0.5), sales, random), found[3]);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_GT(result_of(approx_quantile(&Sale::weight, 0.5), {{{}, {0, "", infinity}}, {{}, {0, "", std::nan("")}}}, random), 1e308);
  EXPECT_EQ(result_of(approx_quantile(&Sale::weight, 0.5), {{{}, {0, "", std::nan("")}}}, random), 0);
}

struct Summary {
  std::int64_t count = 0;
  double average = 0;
  std::optional<Sale> dearest_of_one;
};

TEST(Aggregates, TogetherAndWhere) {
  const auto by_one = [](const Sale& sale) { return sale.buyer == "buyer 1"; };
  for_many_sales([&](const Sales& sales, std::mt19937_64& random) {
    const Summary summary = result_of(together<Summary>(count(), avg(&Sale::price), where(by_one, max_by(&Sale::price))), sales, random);
    EXPECT_EQ(summary.count, result_of(count(), sales, random));
    EXPECT_DOUBLE_EQ(summary.average, result_of(avg(&Sale::price), sales, random));
    Sales of_one = sales;
    std::erase_if(of_one, [&](const auto& sale) { return !by_one(sale.value); });
    ASSERT_EQ(summary.dearest_of_one.has_value(), !of_one.empty());
    if (!of_one.empty()) {
      EXPECT_TRUE(same(*summary.dearest_of_one, result_of(max_by(&Sale::price), of_one, random)));
    }
    const auto [n, biggest, in_order] = result_of(together(count(), max(&Sale::price), list(&Sale::price)), sales, random);
    EXPECT_EQ(n, summary.count);
    EXPECT_EQ(biggest, result_of(max(&Sale::price), sales, random));
    EXPECT_EQ(in_order, result_of(list(&Sale::price), sales, random));
  });
}

TEST(Aggregates, SmallAccumulatorsSideBySideLieInTheTable) {
  using Numbers = detail::AccumulatorOf<decltype(together(count(), sum(&Sale::price), min(&Sale::price), avg(&Sale::price))), Sale>;
  EXPECT_TRUE(std::is_trivially_copyable_v<Numbers>);
}

}  // namespace
}  // namespace tidemark
