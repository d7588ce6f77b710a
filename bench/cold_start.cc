// How long from starting a job's process to its first result on its standard output?
//
// A job of one file, a keyed window and a print sink. The bare program prints one line: what starting a process costs at
// all. The aim: 100 ms.
#include <filesystem>

#include "bench/first_byte.h"
#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Event {
  std::int64_t key;
  Timestamp time;
};

int job(const char* input) {
  const char* args[] = {"cold-start", "-D", "log.level=error"};
  Job job{"cold-start", 3, args};
  job.from(read_files<Event>(input).event_time(&Event::time))
      .uid("events")
      .key_by(&Event::key)
      .window(tumbling(1s))
      .aggregate(count())
      .uid("count")
      .to(print());
  return job.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "job") == 0) return job(argv[2]);
  if (argc == 3 && std::strcmp(argv[1], "bare") == 0) return std::puts("result") < 0;

  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"cold start", options};
  const std::string input = std::filesystem::temp_directory_path() / "tidemark-bench-cold-start.ndjson";
  std::ofstream file{input};
  for (int i = 0; i < 10'000; ++i) file << R"({"key":)" << i % 10 << R"(,"time":)" << 1'000'000 + i << "}\n";
  file.close();

  bench::Candidate bare{[&] { return bench::Figures{bench::first_byte({"bare", input}).ms}; }};
  bench::Candidate engine{[&] { return bench::Figures{bench::first_byte({"job", input}).ms}; }};
  bench::alternate({&bare, &engine}, options.rounds(21), bench::Cores::kAll);
  std::filesystem::remove(input);
  bench::Row row;
  row.name = "a window over a file of 10,000 records";
  row.unit = "ms";
  row.bare = bare.main();
  row.engine = engine.main();
  row.aim = 100;
  report.print(row);
}
