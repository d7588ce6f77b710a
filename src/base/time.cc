#include "tidemark/time.h"

#include <fmt/format.h>

namespace tidemark {

std::string to_string(Timestamp t) {
  if (t == Timestamp::min()) return "-infinity";
  if (t == Timestamp::max()) return "+infinity";
  using namespace std::chrono;
  const sys_time<milliseconds> instant{milliseconds{t.ms()}};
  // What a std::chrono::year can be.
  if (instant < sys_days{year::min() / January / 1} || instant >= sys_days{year::max() / December / 31}) {
    return fmt::format("{} ms from 1970", t.ms());
  }
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const hh_mm_ss time{instant - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace tidemark
