#include "tidemark/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "connectors/operator_driver.h"

namespace tidemark {
namespace {

using detail::Keeper;
using detail::SourceOperator;
using detail::World;

struct Number {
  std::int64_t n;
};
Number make_number(std::uint64_t n) { return {static_cast<std::int64_t>(n)}; }

struct GeneratorRun {
  GeneratorRun(World& world, const SourceDescription<Number>& source, const std::vector<OperatorSnapshot>& from = {})
      : context{detail::make_context(world)},
        enumerator{source.make_enumerator(requests)},
        reader{source.make_reader(requests)} {
    for (const auto& snapshot : from) {
      for (const auto& state : snapshot.list_states) context.restore.list_states.push_back(state);
    }
    enumerator->out().add_receiver(*reader);
    reader->out().add_receiver(numbers);
    enumerator_context = context;
    enumerator->open(enumerator_context);
    reader->open(context);
  }
  SourceOperator::Poll step() {
    enumerator->poll();
    return reader->poll();
  }
  void run() {
    while (step() != SourceOperator::Poll::kFinished) {
    }
  }
  std::shared_ptr<detail::SplitRequests> requests = std::make_shared<detail::SplitRequests>();
  detail::OperatorContext context;
  detail::OperatorContext enumerator_context;
  Keeper<Number, std::int64_t> numbers{[](const Number& number) { return number.n; }};
  std::unique_ptr<detail::SplitEnumeratorOperator> enumerator;
  std::unique_ptr<detail::SourceReaderOperator<Number>> reader;
};

TEST(GeneratorSourceTest, MakesEachNumberOnceAcrossARestoreAtEveryPoll) {
  for (const std::uint64_t count : {0, 1, 1000, 3000}) {
    const auto source = generate<Number>(count, make_number);
    for (int polls = 0;; ++polls) {
      World world;
      GeneratorRun first{world, source};
      bool ended = false;
      for (int i = 0; i < polls && !ended; ++i) ended = first.step() == SourceOperator::Poll::kFinished;
      GeneratorRun second{world, source, {detail::take_snapshot(*first.enumerator, 1), detail::take_snapshot(*first.reader, 1)}};
      second.run();
      auto all = first.numbers.kept;
      all.insert(all.end(), second.numbers.kept.begin(), second.numbers.kept.end());
      std::vector<std::int64_t> expected(count);
      std::iota(expected.begin(), expected.end(), 0);
      EXPECT_EQ(all, expected) << count << " " << polls;
      if (ended) break;
    }
  }
}

TEST(GeneratorSourceTest, TellsHowManyNumbersAreLeftIfTheyEnd) {
  World world;
  GeneratorRun run{world, generate<Number>(3'000, make_number)};
  EXPECT_EQ(run.enumerator->pending().records, 3'000u);
  do {
    detail::PendingInput pending = run.enumerator->pending();
    pending += run.reader->pending();
    EXPECT_EQ(*pending.records, 3'000 - run.numbers.kept.size());
  } while (run.step() != SourceOperator::Poll::kFinished);
  EXPECT_EQ(run.reader->pending().records, 0u);
  GeneratorRun endless{world, generate<Number>(std::nullopt, make_number)};
  EXPECT_FALSE(endless.enumerator->pending().records);
}

TEST(GeneratorSourceTest, KeepsItsRateAndSavesUpASecondAtMost) {
  World world;
  const auto source = generate<Number>(std::nullopt, make_number).rate(100);
  GeneratorRun run{world, source};
  const auto run_dry = [&] {
    while (run.step() == SourceOperator::Poll::kEmitted) {
    }
  };
  run_dry();
  EXPECT_EQ(run.numbers.kept.size(), 0u);
  EXPECT_EQ(run.reader->retry_after_ns(), 10'000'001);
  for (int i = 0; i < 50; ++i) {
    world.clock.now_ns += 10'000'000;
    run_dry();
  }
  EXPECT_NEAR(static_cast<double>(run.numbers.kept.size()), 50, 1);
  const std::size_t before = run.numbers.kept.size();
  world.clock.now_ns += 3'600'000'000'000;
  run_dry();
  EXPECT_NEAR(static_cast<double>(run.numbers.kept.size() - before), 100, 1);
}

TEST(GeneratorSourceTest, AReaderThatTheRateHoldsBackIsNotIdle) {
  World world;
  const auto source = generate<Number>(std::nullopt, make_number)
                          .event_time(&Number::n)
                          .rate(1)
                          .idle_after(std::chrono::milliseconds{10});
  GeneratorRun run{world, source};
  run.step();
  EXPECT_FALSE(run.reader->idle());
  for (int i = 0; i < 100; ++i) {
    world.clock.now_ns += 100'000'000;
    while (run.step() == SourceOperator::Poll::kEmitted) {
    }
    ASSERT_GE(run.reader->retry_after_ns(), 1'000'000);
    EXPECT_FALSE(run.reader->idle());
  }
  EXPECT_NEAR(static_cast<double>(run.numbers.kept.size()), 10, 1);
}

TEST(GeneratorSourceTest, AThrowingFunctionNamesTheRecord) {
  World world;
  const auto source = generate<Number>(10, [](std::uint64_t n) -> Number {
    if (n == 0) throw std::runtime_error{"not this one"};
    return {1};
  });
  GeneratorRun run{world, source};
  try {
    run.run();
    FAIL();
  } catch (const detail::TaskFailure& failure) {
    EXPECT_NE(failure.error().message().find("record 0: not this one"), std::string::npos) << failure.what();
  }
}

}  // namespace
}  // namespace tidemark
