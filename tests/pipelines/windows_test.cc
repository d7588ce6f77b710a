// Windows through the public API: counts against a plain loop, late records, windows over a whole stream.
#include <gmock/gmock.h>

#include <map>
#include <tuple>

#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

struct Click {
  std::int64_t user = 0;
  Timestamp at;
};

constexpr std::uint64_t kClicks = 20'000;
constexpr std::int64_t kUsers = 37;

Click click(std::uint64_t n) {
  return {static_cast<std::int64_t>(n * 7919 % kUsers), Timestamp{static_cast<std::int64_t>(n) * 3 - static_cast<std::int64_t>(n % 5) * 10}};
}

class WindowPipeline : public ::testing::TestWithParam<int> {
 protected:
  Words words() const { return {"--parallelism", std::to_string(GetParam())}; }
};
INSTANTIATE_TEST_SUITE_P(Parallelism, WindowPipeline, ::testing::Values(1, 2));

using Counts = std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::int64_t>;  // window and user

Counts counts_of(const std::vector<Windowed<std::int64_t, std::int64_t>>& rows) {
  Counts counts;
  for (const auto& row : rows) {
    EXPECT_TRUE(counts.try_emplace({row.start.ms(), row.end.ms(), row.key}, row.value).second) << "the window fired twice";
  }
  return counts;
}

Counts sliding_counts_by_a_loop(std::int64_t size, std::int64_t slide) {
  Counts counts;
  for (std::uint64_t n = 0; n < kClicks; ++n) {
    const Click c = click(n);
    const std::int64_t at = c.at.ms();
    for (std::int64_t start = (at >= 0 ? at / slide : (at - slide + 1) / slide) * slide; start > at - size; start -= slide) {
      ++counts[{start, start + size, c.user}];
    }
  }
  return counts;
}

TEST_P(WindowPipeline, SlidingCountsAreThoseOfALoop) {
  auto results = collect<Windowed<std::int64_t, std::int64_t>>();
  run_job(words(), [&](Job& job) {
    job.from(generate<Click>(kClicks, click).event_time(&Click::at, out_of_order_by(1s))).uid("clicks")
        .key_by(&Click::user).window(sliding(10s, 2s)).aggregate(count()).uid("counts")
        .to(results).uid("out");
  });
  EXPECT_EQ(counts_of(results.get()), sliding_counts_by_a_loop(10'000, 2'000));
}

TEST_P(WindowPipeline, AWindowOverTheWholeStreamSeesAllSubtasks) {
  auto results = collect<WindowedAll<std::int64_t>>();
  run_job(words(), [&](Job& job) {
    job.from(generate<Click>(kClicks, click).event_time(&Click::at, out_of_order_by(1s))).uid("clicks")
        .window_all(tumbling(1h)).aggregate(count()).uid("all")
        .to(results).uid("out");
  });
  std::int64_t total = 0;
  for (const auto& row : results.get()) total += row.value;
  EXPECT_EQ(total, static_cast<std::int64_t>(kClicks));
}

TEST_P(WindowPipeline, TheBestOfEachWindowIsTheSmallestRecordOfEquals) {
  auto results = collect<WindowedAll<Windowed<std::int64_t, std::int64_t>>>();
  run_job(words(), [&](Job& job) {
    job.from(generate<Click>(kClicks, click).event_time(&Click::at, out_of_order_by(1s))).uid("clicks")
        .key_by(&Click::user).window(tumbling(2s)).aggregate(count()).uid("counts")
        .window_all(tumbling(2s)).aggregate(max_by([](const auto& row) { return row.value; })).uid("best")
        .to(results).uid("out");
  });
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> best;  // by window: user and count
  for (const auto& [place, value] : sliding_counts_by_a_loop(2'000, 2'000)) {
    const auto [start, end, user] = place;
    const auto [at, is_new] = best.try_emplace(start, user, value);
    if (!is_new && value > at->second.second) at->second = {user, value};
  }
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> found;
  for (const auto& row : results.get()) found[row.start.ms()] = {row.value.key, row.value.value};
  EXPECT_EQ(found, best);
}

// One subtask, so that what is late does not hang on who reads what.
const std::vector<Click> kLateClicks{{1, Timestamp{100}}, {1, Timestamp{5'000}}, {1, Timestamp{200}}, {1, Timestamp{10'000}}};

// Each record is a batch of its own: the watermark moves between any two.
Stream<Click> late_clicks(Job& job) {
  return job.from(generate<Click>(kLateClicks.size(), [](std::uint64_t n) { return kLateClicks[n]; }).event_time(&Click::at).rate(1'000'000))
      .uid("clicks");
}

TEST(LateRecords, GoToTheSideOutput) {
  auto results = collect<Windowed<std::int64_t, std::int64_t>>();
  auto late = collect<Click>();
  run_job({}, [&](Job& job) {
    const SideOutput<Click> late_clicks_output{"late"};
    const auto counts = late_clicks(job).key_by(&Click::user).window(tumbling(1s)).late_to(late_clicks_output).aggregate(count()).uid("counts");
    counts.to(results).uid("out");
    counts.side_output(late_clicks_output).to(late).uid("late");
  });
  std::int64_t counted = 0;
  for (const auto& row : results.get()) counted += row.value;
  EXPECT_EQ(counted + static_cast<std::int64_t>(late.get().size()), static_cast<std::int64_t>(kLateClicks.size()));
  for (const Click& click : late.get()) EXPECT_EQ(click.at, Timestamp{200});
}

TEST(SideOutputs, AskedForByAWrongNameOrTypeAreAFaultOfTheJob) {
  const auto fault = [](auto ask) {
    return failure_of({}, [&](Job& job) {
      const auto counts = late_clicks(job).key_by(&Click::user).window(tumbling(1s)).late_to("late").aggregate(count()).uid("counts");
      counts.to(print());
      ask(counts);
    });
  };
  EXPECT_THAT(fault([](const auto& counts) { counts.template side_output<Click>("lately").to(print()); }),
              ::testing::AllOf(::testing::HasSubstr("no side output 'lately', only 'late'"), ::testing::HasSubstr("windows_test.cc:")));
  EXPECT_THAT(fault([](const auto& counts) { counts.template side_output<BadRecord>("late").to(print()); }), ::testing::HasSubstr("another type"));
}

TEST(Windows, ASizeThatIsNoneIsAFaultOfTheJob) {
  EXPECT_THAT(failure_of({}, [&](Job& job) {
                late_clicks(job).key_by(&Click::user).window(tumbling(0s)).aggregate(count()).uid("counts").to(print());
              }),
              ::testing::HasSubstr("windows_test.cc:"));
}

}  // namespace
}  // namespace tidemark
