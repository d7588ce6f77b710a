// Clicks per page and 10 seconds, of a stream that never ends: a job to try a cluster with.
//
//   live_clicks --checkpoint-dir state --checkpoint-interval 1s &
//   cat live/part-*          # rows come with each checkpoint
//   kill %1
#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user;
  std::string page;
  Timestamp at;
};

struct PageClicks {
  Timestamp from;
  std::string page;
  std::int64_t clicks;
};

// Ten a second, of which four go to each of two pages and two to the third. The n-th is the same whoever makes it.
Click click(std::uint64_t n) {
  const char* const pages[] = {"/", "/search", "/cart"};
  const auto number = static_cast<std::int64_t>(n);
  return {number % 7, pages[n % 5 % 3], Timestamp{1'704'103'200'000} + number * 100ms};
}

int main(int argc, char** argv) {
  Job job{"live-clicks", argc, argv};
  const auto rate = job.arg("rate", 1000, "clicks a second, by the clock on the wall");
  const auto output = job.arg("output", "live", "folder for the results");

  job.from(generate<Click>(std::nullopt, click).rate(rate).event_time(&Click::at))
      .uid("clicks")
      .key_by(&Click::page)
      .window(tumbling(10s))
      .aggregate(count())
      .uid("clicks-per-page")
      .map([](const auto& window) { return PageClicks{window.start, window.key, window.value}; })
      .to(write_files(output, as_json()))
      .uid("out");

  return job.run();
}
