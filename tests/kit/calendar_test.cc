// Days, weeks and months of local clocks, under the operator test kit.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Visit {
  std::int64_t page = 0;
};
using Row = Windowed<std::int64_t, std::int64_t>;

constexpr Timestamp utc(std::chrono::year_month_day date, Duration time = {}) {
  return Timestamp{} + std::chrono::duration_cast<Duration>(std::chrono::sys_days{date}.time_since_epoch()) + time;
}

// 2026 summer time begins on 29 March at 01:00 UTC and ends on 25 October at 01:00 UTC.
TEST(KitCalendar, DaysOfBerlinLast23And25HoursWhereClocksAreSet) {
  using namespace std::chrono;
  const Timestamp spring = utc(2026y / March / 28, 23h);
  const Timestamp autumn = utc(2026y / October / 24, 22h);
  in_every_way([&](const TestOptions& way) {
    PipelineTest<Visit, Row> t{way, [](Stream<Visit> in) { return in.key_by(&Visit::page).window(calendar_days("Europe/Berlin")).aggregate(count()).uid("d"); }};
    t.in({1}, spring - 1ms).in({1}, spring).in({1}, spring + 23h - 1ms).in({1}, spring + 23h);
    t.watermark(spring + 23h - 1ms).expect_out({{spring - 24h, spring, 1, 1}, {spring, spring + 23h, 1, 2}});
    t.in({1}, autumn).in({1}, autumn + 25h - 1ms).in({1}, autumn + 25h);
    t.end().expect_out({{spring + 23h, spring + 47h, 1, 1}, {autumn, autumn + 25h, 1, 2}, {autumn + 25h, autumn + 49h, 1, 1}});
  });
}

TEST(KitCalendar, WeeksBeginOnMondayAndMonthsAreAsLongAsTheyAre) {
  using namespace std::chrono;
  in_every_way([&](const TestOptions& way) {
    const TestOutput<Row> months{"months"};
    PipelineTest<Visit, Row> t{way, [&](Stream<Visit> in, TestPorts& ports) {
                                 ports.output(months, in.key_by(&Visit::page).window(calendar_months("Asia/Kolkata")).aggregate(count()).uid("m"));
                                 return in.key_by(&Visit::page).window(calendar_weeks("UTC")).aggregate(count()).uid("w");
                               }};
    t.in({1}, utc(2024y / February / 29, 18h)).in({1}, utc(2024y / February / 29, 19h));  // in Kolkata it is March by then
    t.end().expect_out({{utc(2024y / February / 26), utc(2024y / March / 4), 1, 2}});
    t.expect_out(months, {{utc(2024y / January / 31, 18h + 30min), utc(2024y / February / 29, 18h + 30min), 1, 1},
                          {utc(2024y / February / 29, 18h + 30min), utc(2024y / March / 31, 18h + 30min), 1, 1}});
  });
}

// Newfoundland's clocks went back over midnight until 2011: the day before is shown once more.
TEST(KitCalendar, EveryMomentLiesInItsWindowAndWindowsDoNotOverlap) {
  for (const char* zone : {"America/St_Johns", "Pacific/Apia", "America/Sao_Paulo", "America/Havana", "Africa/Casablanca"}) {
    for (const CalendarWindows& windows : {calendar_days(zone), calendar_weeks(zone), calendar_months(zone)}) {
      std::mt19937_64 random{11};
      for (int i = 0; i < 2'000; ++i) {
        const auto assigned = [&](Timestamp t) {
          CalendarWindows fresh = windows;
          std::vector<Window> to;
          fresh.assign(Visit{}, t, to);
          return to.at(0);
        };
        const Timestamp t{static_cast<std::int64_t>(random() % 3'000'000'000'000) - 500'000'000'000};
        const Window window = assigned(t);
        ASSERT_LE(window.start, t) << zone;
        ASSERT_LT(t, window.end) << zone;
        ASSERT_EQ(assigned(window.start), window) << zone << " " << to_string(t);
        ASSERT_EQ(assigned(window.last()), window) << zone << " " << to_string(t);
        ASSERT_EQ(assigned(window.end).start, window.end) << zone << " " << to_string(t);
      }
    }
  }
}

}  // namespace
}  // namespace tidemark
