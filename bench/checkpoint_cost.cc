// What do checkpoints cost?
//
// A count by key over a million keys without checkpoints, which here is the bare candidate, and with one every 10 s, each second
// and every 100 ms. CPU of the whole process: the tasks, and what writes beside them. Every checkpoint holds every entry.
// The aim: 3 % and 80 ns of CPU for each entry that changed since the checkpoint before.
#include <cmath>
#include <filesystem>

#include "bench/checkpoint_folder.h"
#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

struct Click {
  std::int64_t user;
};

struct Count : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> clicks_;
  explicit Count(Declare& declare) : clicks_{declare, "clicks"} {}
  void process(const Click&, Context&, Out<std::int64_t>& out) override {
    const std::int64_t clicks = clicks_.get() + 1;
    clicks_.set(clicks);
    if (clicks % 4096 == 0) out.emit(clicks);
  }
};

// `main`: seconds of CPU; `more`: seconds of the clock on the wall, and checkpoints.
bench::Figures run(std::uint64_t records, std::uint64_t keys, const char* interval) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-checkpoints-" + std::to_string(getpid()));
  const std::string folder_name = folder;
  std::vector<const char*> args{"bench"};
  if (interval != nullptr) args.insert(args.end(), {"--checkpoint-dir", folder_name.c_str(), "--checkpoint-interval", interval});
  const double begin_s = bench::process_cpu_s();
  const double begin_wall_s = bench::wall_s();
  Job job{"count", static_cast<int>(args.size()), args.data()};
  job.from(generate<Click>(records, [keys](std::uint64_t n) { return Click{bench::uniform(n, keys)}; }))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Count>()
      .uid("count")
      .to(discard());
  job.run_or_throw();
  const bench::Figures figures{bench::process_cpu_s() - begin_s, {bench::wall_s() - begin_wall_s, static_cast<double>(bench::newest_checkpoint(folder / "count"))}};
  fs::remove_all(folder);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"checkpoints", options};
  const std::uint64_t keys = options.size(1'000'000, 100'000);
  // Runs last as long as their interval needs, so their length in records comes from a first run.
  const std::uint64_t first_records = options.size(20'000'000, 500'000);
  const double wall_s = bench::in_process([&] { return run(first_records, keys, nullptr); }, bench::Cores::kAll).more[0];
  struct Interval {
    const char* name;
    const char* option;
    double run_s;
  };
  std::vector<Interval> intervals{{"every 100 ms", "100ms", 6}, {"each second", "1s", 8}, {"every 10 s", "10s", 22}};
  if (options.quick) intervals = {{"every 100 ms", "100ms", 0.4}};
  for (const auto& [name, option, run_s] : intervals) {
    if (!options.wants(name)) continue;
    const auto records = static_cast<std::uint64_t>(run_s / wall_s * static_cast<double>(first_records));
    bench::Candidate without{[&] { return run(records, keys, nullptr); }};
    bench::Candidate with{[&, option = option] { return run(records, keys, option); }};
    bench::alternate({&without, &with}, options.rounds(run_s > 10 ? 2 : 3), bench::Cores::kAll);

    const double checkpoints = std::max(with.more(1), 1.0);
    const double all = static_cast<double>(keys);
    const double changed = checkpoints * all * (1 - std::exp(-static_cast<double>(records) / checkpoints / all));
    const double ns = 1e9 / static_cast<double>(records);
    bench::Row row;
    row.name = name;
    row.bare = without.main() * ns;
    row.engine = with.main() * ns;
    row.aim = 1.03 * *row.bare + 80 * changed / static_cast<double>(records);
    row.bare_cpu_s = without.cpu_s();
    row.engine_cpu_s = with.cpu_s();
    row.more = {{"checkpoints", checkpoints},
                {"CPU ns a changed entry above 3 %", (with.main() - 1.03 * without.main()) * 1e9 / changed},
                {"CPU ns an entry written", (with.main() - without.main()) * 1e9 / (checkpoints * all)}};
    report.print(row);
  }
}
