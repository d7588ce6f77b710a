// The visits to a web shop: clicks of a user belong to one visit until none comes for half an hour.
//
//   sample_data data
//   click_sessions --input data/clicks.ndjson --output visits && cat visits/part-*
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::string user;
  std::string page;
  Timestamp at;
};

struct Clicks {
  std::int64_t count;
  std::int64_t pages;
  std::string first_page;
  std::string last_page;
};

struct Visit {
  std::string user;
  Timestamp from;
  Timestamp to;
  Clicks clicks;
};

int main(int argc, char** argv) {
  Job job{"click-sessions", argc, argv};
  const auto input = job.arg("input", "data/clicks.ndjson", "clicks as JSON lines");
  const auto output = job.arg("output", "visits", "folder for the results");
  const auto gap = job.arg("gap", 30min, "how long a visitor may be silent");

  job.from(read_files<Click>(input).event_time(&Click::at, out_of_order_by(10s)))
      .uid("clicks")
      .key_by(&Click::user)
      .window(session(gap))
      .aggregate(together<Clicks>(count(), count_distinct(&Click::page), first(&Click::page), last(&Click::page)))
      .uid("visits")
      .map([gap](const auto& visit) {
        const Timestamp last_click = visit.end - gap;
        return Visit{visit.key, visit.start, last_click, visit.value};
      })
      .to(write_files(output, as_json()))
      .uid("out");

  return job.run();
}
