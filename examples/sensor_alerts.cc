// Alerts of sensors, and readings that come too late for them: a sensor that was cut off sends what it has measured
// when it is back. Its minutes are over then, so these readings go to a file of their own instead of being lost.
//
//   sample_data data
//   sensor_alerts --input data/readings.ndjson --output sensors && cat sensors/*/part-*
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

struct Reading {
  std::int64_t sensor;
  double celsius;
  Timestamp at;
};

struct Alert {
  std::int64_t sensor;
  Timestamp minute;
  double celsius;
};

int main(int argc, char** argv) {
  Job job{"sensor-alerts", argc, argv};
  const auto input = job.arg("input", "data/readings.ndjson", "readings as JSON lines");
  const auto output = job.arg("output", "sensors", "folder for the results");
  const auto limit = job.arg("limit", 80.0, "degrees above which a minute is an alert");

  const SideOutput<Reading> late{"late"};
  const auto hottest = job.from(read_files<Reading>(input).event_time(&Reading::at, out_of_order_by(5s)))
                           .uid("readings")
                           .key_by(&Reading::sensor)
                           .window(tumbling(1min))
                           .late_to(late)
                           .aggregate(max(&Reading::celsius))
                           .uid("hottest");

  hottest.filter([limit](const auto& minute) { return minute.value > limit; })
      .map([](const auto& minute) { return Alert{minute.key, minute.start, minute.value}; })
      .to(write_files(output + "/alerts", as_json()))
      .uid("alerts");

  hottest.side_output(late).to(write_files(output + "/late", as_json())).uid("late");

  return job.run();
}
