// What does a record cost in windows that are many times larger than memory, beside the same windows in memory?
//
// A count by key in windows of 10 s, each key four times a window, in no order. With the backend rocksdb a window takes eight
// times memory.state: its slice goes to files, which are merged as it fires. Both sides fire two windows while they are measured.
// The page cache is the kernel's own; larger_than_memory.cc says how a control group bounds it. One core, and its disk.
#include <filesystem>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Click {
  std::int64_t user = 0;
  std::int64_t at = 0;
};

constexpr std::uint64_t kWindowMs = 10'000;
constexpr std::uint64_t kWindows = 3;
constexpr std::uint64_t kTimesAWindow = 4;
// Of a table's memory, with its free places.
constexpr std::uint64_t kEntryBytes = 27;

bench::Figures count_in_windows(std::uint64_t keys, const std::vector<std::string>& options) {
  const std::uint64_t a_window = keys * kTimesAWindow;
  const std::uint64_t records = kWindows * a_window;
  bench::Meter meter{a_window / 2, records - 1, bench::wall_s};
  std::vector<const char*> args{bench::kOneThread.begin(), bench::kOneThread.end()};
  for (const std::string& option : options) args.insert(args.end(), {"-D", option.c_str()});
  Job job{"bench", static_cast<int>(args.size()), args.data()};
  const auto click = [&](std::uint64_t n) -> Click {
    meter.pass(n);
    return {static_cast<std::int64_t>(bench::mix(n) % keys), static_cast<std::int64_t>(n * kWindowMs / a_window)};
  };
  job.from(generate<Click>(records, click).event_time(&Click::at))
      .uid("clicks")
      .key_by(&Click::user)
      .window(tumbling(10s))
      .aggregate(count())
      .uid("count")
      .to(discard());
  job.run_or_throw();
  return {meter.ns_a_record()};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"windows larger than memory", options};
  const std::uint64_t memory_mb = options.size(32, 8);
  const std::uint64_t keys = 8 * (memory_mb << 20) / kEntryBytes;
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-windows-" + std::to_string(getpid()));
  const std::vector<std::string> spilling{"state.backend.type=rocksdb", "memory.state=" + std::to_string(memory_mb) + "mb",
                                          "state.backend.rocksdb.localdir=" + folder.string()};

  bench::Candidate in_memory{[&] { return count_in_windows(keys, {}); }};
  bench::Candidate in_files{[&] { return count_in_windows(keys, spilling); }};
  fs::create_directories(folder);
  bench::alternate({&in_memory, &in_files}, options.rounds(1));
  fs::remove_all(folder);

  bench::Row row;
  row.name = bench::many(keys) + " keys a window, memory.state " + std::to_string(memory_mb) + " MB";
  row.bare = in_memory.main();
  row.engine = in_files.main();
  row.bare_cpu_s = in_memory.cpu_s();
  row.engine_cpu_s = in_files.cpu_s();
  row.more = {{"peak MB", in_files.peak_mb()}, {"peak MB in memory", in_memory.peak_mb()}};
  report.print(row);
}
