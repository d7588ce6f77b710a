// How long from starting a killed job's process again to its first new output, and how fast is state read back?
//
// A count by key is killed with -9 once a checkpoint holds each key, and resumed. The bare program reads as many keys and values
// as plain bytes into a table of open addressing, and prints a line. No aim is set; what the same job takes to its first output
// without state is taken off for the rate.
#include <cmath>
#include <filesystem>

#include "bench/bare_table.h"
#include "bench/checkpoint_folder.h"
#include "bench/first_byte.h"
#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

struct Click {
  std::int64_t user;
};

/// Puts out its first result only.
struct Count : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> clicks_;
  bool emitted_ = false;
  explicit Count(Declare& declare) : clicks_{declare, "clicks"} {}
  void process(const Click&, Context&, Out<std::int64_t>& out) override {
    const std::int64_t clicks = clicks_.get() + 1;
    clicks_.set(clicks);
    if (!std::exchange(emitted_, true)) out.emit(clicks);
  }
};

// Without end: first each key in turn, then as drawn. Says '!' when each key was there.
int job(const std::string& folder, std::uint64_t keys, bool resume) {
  std::vector<const char*> args{"recovery", "-D", "log.level=error", "--checkpoint-dir", folder.c_str(), "--checkpoint-interval", resume ? "1h" : "200ms"};
  if (resume) args.push_back("--resume");
  Job job{"recovery", static_cast<int>(args.size()), args.data()};
  job.from(generate<Click>(std::nullopt, [keys](std::uint64_t n) {
        if (n == keys + 100'000 && write(STDOUT_FILENO, "!", 1) != 1) std::abort();
        return Click{n < keys ? static_cast<std::int64_t>(n) : bench::uniform(n, keys)};
      }))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Count>()
      .uid("count")
      .to(print());
  return job.run();
}

struct Entry {
  std::int64_t key, value;
};

int bare(const std::string& dump, std::uint64_t keys) {
  bench::BareTable table{keys};
  std::ifstream file{dump, std::ios::binary};
  std::vector<Entry> block(4096);
  while (file.read(reinterpret_cast<char*>(block.data()), static_cast<std::streamsize>(block.size() * sizeof(Entry))), file.gcount() > 0) {
    const auto n = static_cast<std::size_t>(file.gcount()) / sizeof(Entry);
    for (std::size_t i = 0; i < n; ++i) {
      if (i + 32 < n) table.prefetch(block[i + 32].key);
      table.at(block[i].key) = block[i].value;
    }
  }
  return std::printf("%jd\n", ++table.at(0)) < 0;
}

void make_dump(const std::string& path, std::uint64_t keys) {
  std::ofstream file{path, std::ios::binary};
  for (std::uint64_t i = 0; i < keys; ++i) {
    const Entry entry{static_cast<std::int64_t>(bench::mix(i) >> 1), 1};
    file.write(reinterpret_cast<const char*>(&entry), sizeof entry);
  }
}

// Leaves a complete checkpoint with every key, and beside it what a killed process leaves.
void run_and_kill(const std::string& folder, std::uint64_t keys) {
  bench::Restarted process{{"job", folder, std::to_string(keys)}};
  char byte = 0;
  while (byte != '!') {
    if (!process.read_byte(byte)) bench::give_up("the job that was to be killed ended by itself");
  }
  const int last = bench::newest_checkpoint(folder + "/recovery");
  while (bench::newest_checkpoint(folder + "/recovery") < last + 3) usleep(1000);
  process.kill();
  process.wait();
}

void compare(bench::Report& report, const bench::Options& options, std::uint64_t keys) {
  const std::string name = bench::many(keys) + " keys";
  if (!options.wants(name)) return;
  const fs::path folder = fs::temp_directory_path() / "tidemark-bench-recovery";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string many = std::to_string(keys);
  const std::string dump = folder / "dump";
  make_dump(dump, keys);
  const std::string kept = folder / "kept";
  run_and_kill(kept, keys);

  bench::Candidate by_hand{[&] { return bench::Figures{bench::first_byte({"bare", dump, many}).ms}; }};
  bench::Candidate resumed{[&] {
    const bench::FirstByte first = bench::first_byte({"resume", kept, many}, bench::Then::kKill);
    if (std::atoi(first.line.c_str()) < 2) bench::give_up("the resumed job has lost its state: it says " + first.line);
    return bench::Figures{first.ms};
  }};
  bench::Candidate without_state{[&] {
    fs::remove_all(folder / "new");
    return bench::Figures{bench::first_byte({"job", folder / "new", many}, bench::Then::kKill).ms};
  }};
  bench::alternate({&by_hand, &resumed, &without_state}, options.rounds(7), bench::Cores::kAll);

  bench::Row row;
  row.name = name;
  row.unit = "ms";
  row.bare = by_hand.main();
  row.engine = resumed.main();
  const double mb = static_cast<double>(bench::bytes_in(kept + "/recovery")) / 1e6;
  const double restore_s = (resumed.main() - without_state.main()) / 1e3;
  row.more = {{"without state", without_state.main()}, {"MB of files", mb}, {"MB/s", mb / restore_s}, {"million entries a s", static_cast<double>(keys) / 1e6 / restore_s}};
  report.print(row);
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) {
    const std::string mode = argv[1];
    const std::uint64_t keys = std::strtoull(argv[3], nullptr, 10);
    if (mode == "bare") return bare(argv[2], keys);
    if (mode == "job" || mode == "resume") return job(argv[2], keys, mode == "resume");
  }
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"recovery", options};
  compare(report, options, options.size(1'000'000, 100'000));
  if (!options.quick) compare(report, options, 20'000'000);
}
