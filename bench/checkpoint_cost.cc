// What do checkpoints cost? A keyed count over a million keys, run without checkpoints and with one each second and each
// 100 ms, in turn, in one process. CPU of the whole process: tasks and the writing beside them.
//
// The aim: 3 % plus 80 ns of CPU for each entry changed since the checkpoint before. Here every snapshot holds all entries,
// and nearly all change between two.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;

constexpr std::int64_t kKeys = 1'000'000;

struct Click {
  std::int64_t user;
};

struct Count : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> clicks_;
  explicit Count(Declare& declare) : clicks_{declare, "clicks"} {}
  void process(const Click&, Context&, Out<std::int64_t>& out) override {
    const std::int64_t clicks = clicks_.get() + 1;
    clicks_.set(clicks);
    if (clicks % 1000 == 0) out.emit(clicks);
  }
};

struct Run {
  double cpu_s = 0;
  int checkpoints = 0;
};

// How many checkpoints a run took stands in the name of the one that it leaves.
int newest_checkpoint(const std::string& folder) {
  int newest = 0;
  if (!std::filesystem::exists(folder)) return 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("chk-", 0) == 0) newest = std::max(newest, std::atoi(name.c_str() + 4));
  }
  return newest;
}

Run run(std::uint64_t records, const char* interval) {
  const std::string folder = std::filesystem::temp_directory_path() / "tidemark-bench-checkpoints";
  std::filesystem::remove_all(folder);
  std::vector<const char*> args{"bench"};
  if (interval != nullptr) args.insert(args.end(), {"--checkpoint-dir", folder.c_str(), "--checkpoint-interval", interval});
  const double start = bench::process_cpu_s();
  Job job{"count", static_cast<int>(args.size()), args.data()};
  job.from(generate<Click>(records, [](std::uint64_t n) {
        std::uint64_t x = n * 0x9E3779B97F4A7C15u;  // spread over the keys
        x ^= x >> 32;
        return Click{static_cast<std::int64_t>(x % kKeys)};
      }))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Count>()
      .uid("count")
      .to(discard());
  job.run_or_throw();
  Run result{bench::process_cpu_s() - start, newest_checkpoint(folder + "/count")};
  std::filesystem::remove_all(folder);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 60'000'000;
  const std::vector<const char*> intervals{nullptr, "1s", "100ms"};
  std::vector<std::vector<Run>> runs(intervals.size());
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < intervals.size(); ++i) {
      const Run one = run(records, intervals[i]);
      if (round > 0) runs[i].push_back(one);
    }
  }
  const auto median = [](std::vector<Run> all) {
    std::sort(all.begin(), all.end(), [](const Run& a, const Run& b) { return a.cpu_s < b.cpu_s; });
    return all[all.size() / 2];
  };
  const double base = median(runs[0]).cpu_s;
  std::printf("%-16s %10s %12s %10s %24s\n", "checkpoints", "CPU s", "ns a record", "ratio", "CPU ns an entry written");
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const Run middle = median(runs[i]);
    const double entries = static_cast<double>(middle.checkpoints) * kKeys;
    const double extra = middle.cpu_s - base * 1.03;
    std::printf("%-16s %10.2f %12.1f %10.3f ", intervals[i] == nullptr ? "none" : intervals[i], middle.cpu_s,
                middle.cpu_s * 1e9 / static_cast<double>(records), middle.cpu_s / base);
    if (entries > 0) {
      const double ns = extra * 1e9 / entries;
      std::printf("%15.0f  %s (%d taken)\n", ns, ns <= 80 ? "met" : "MISSED", middle.checkpoints);
    } else {
      std::printf("%15s\n", "-");
    }
  }
}
