// How late is a record while checkpoints are taken each second, at a quarter, half and three quarters of the rate that the job
// could have?
//
// An aggregate of 32 bytes for each of 16 million keys, about a gigabyte of state, drawn by Zipf's law (0.99); incremental
// checkpoints; the hashmap backend, and RocksDB with a quarter of the memory. Records come by a fixed schedule, and a record's latency
// is counted from the moment for which it was planned, so a job that stands still is late with all that was due meanwhile. The
// most that it could have is what the same job does with everything at once. The aim: 10 ms at half the rate, for 99.99 % of
// records.
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "bench/zipf.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr double kAimMs = 10;

/// Of nanoseconds, each within 1.6 % of what it was, as HdrHistogram does it: 64 buckets for each power of two.
class Histogram {
 public:
  void add(std::uint64_t ns) { ++counts_[bucket_of(ns)]; }
  void clear() { counts_.fill(0); }
  /// The least of them that `share` of all do not exceed.
  double ms_at(double share) const {
    std::uint64_t all = 0;
    for (const std::uint64_t count : counts_) all += count;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted && seen > 0) return static_cast<double>(largest_of(bucket)) / 1e6;
    }
    return 0;
  }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::size_t kBuckets = std::size_t{64 - kSubBits + 1} << kSubBits;
  static std::size_t bucket_of(std::uint64_t ns) {
    const auto power = static_cast<unsigned>(std::bit_width(ns >> kSubBits));
    return (std::size_t{power} << kSubBits) + (power == 0 ? ns : (ns >> (power - 1)) - (std::uint64_t{1} << kSubBits));
  }
  static std::uint64_t largest_of(std::size_t bucket) {
    const std::size_t power = bucket >> kSubBits;
    const std::uint64_t in_power = bucket & ((1u << kSubBits) - 1);
    return power == 0 ? in_power : ((in_power + (1u << kSubBits) + 1) << (power - 1)) - 1;
  }
  std::array<std::uint64_t, kBuckets> counts_{};
};

std::int64_t now_ns() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Click {
  std::int64_t user = 0;
  std::int64_t planned_ns = 0;  ///< 0: counts for nothing
};
struct Whole {
  std::int64_t from = 0;
};
struct Place {
  std::int64_t read = 0;
};

struct Schedule {
  std::int64_t keys = 0;     ///< each comes once, as fast as may be
  std::int64_t records = 0;  ///< then so many
  double per_ns = 0;         ///< 0: as fast as may be
  std::int64_t warm_up = 0;  ///< of the records, those that do not count
  const std::vector<std::uint32_t>* drawn = nullptr;
};

/// Reads by the schedule.
class Clicks final : public Source<Click, Whole, Place> {
 public:
  explicit Clicks(Schedule schedule) : schedule_{schedule} {}
  std::string name() const override { return "clicks"; }
  std::vector<Whole> find_splits() override { return {{}}; }
  ReadOutcome read(Place& place, SourceOut<Click>& out) override {
    const std::int64_t all = schedule_.keys + schedule_.records;
    for (; place.read < all && !out.full(); ++place.read) {
      if (place.read < schedule_.keys) {
        out.emit({place.read, 0});
        continue;
      }
      const std::int64_t n = place.read - schedule_.keys;
      if (n == 0) begin_ns_ = now_ns();
      const std::int64_t planned_ns = begin_ns_ + (schedule_.per_ns == 0 ? 0 : std::llround(static_cast<double>(n) / schedule_.per_ns));
      if (schedule_.per_ns != 0 && planned_ns > now_ns()) {
        if (out.size() > 0) return ReadOutcome::kMore;
        std::this_thread::sleep_for(std::chrono::nanoseconds{std::max<std::int64_t>(planned_ns - now_ns(), 50'000)});
      }
      out.emit({(*schedule_.drawn)[static_cast<std::size_t>(n) % schedule_.drawn->size()], n < schedule_.warm_up ? 0 : planned_ns});
    }
    return place.read < all ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  Schedule schedule_;
  std::int64_t begin_ns_ = 0;
};

struct Totals {
  std::int64_t clicks = 0;
  std::int64_t last = 0;
  std::int64_t least = 0;
  std::int64_t most = 0;
};

struct Measured {
  Histogram latency;
  double begin_s = 0;
  double end_s = 0;
};

/// Counts one record in eight, as a look at the clock costs as much as the record.
struct Aggregate : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<Totals> totals_;
  Measured* measured_;
  std::uint64_t seen_ = 0;
  Aggregate(Declare& declare, Measured* measured) : totals_{declare, "totals"}, measured_{measured} {}
  void process(const Click& click, Context&, Out<std::int64_t>&) override {
    totals_.mutate([&](Totals& totals) {
      ++totals.clicks;
      totals.last = click.planned_ns;
    });
    if (click.planned_ns == 0 || ++seen_ % 8 != 0) return;
    const std::int64_t now = now_ns();
    if (measured_->begin_s == 0) measured_->begin_s = bench::wall_s();
    measured_->end_s = bench::wall_s();
    measured_->latency.add(static_cast<std::uint64_t>(std::max<std::int64_t>(now - click.planned_ns, 0)));
  }
};

struct Backend {
  const char* name;
  const char* type;
  const char* memory;
};

constexpr std::array kShares{0.5, 0.99, 0.999, 0.9999, 1.0};

// `main`: records a second; `more`: latency at each of kShares, in ms.
bench::Figures run(const Backend& backend, const Schedule& schedule) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-latency-" + std::to_string(getpid()));
  const std::string kept = folder / "kept";
  const std::string local = "state.backend.rocksdb.localdir=" + (folder / "local").string();
  const std::string type = std::string{"state.backend.type="} + backend.type;
  const std::string memory = std::string{"memory.state="} + backend.memory;
  fs::create_directories(folder);
  std::vector<const char*> args{"bench", "-D", "log.level=error", "--checkpoint-dir", kept.c_str(), "--checkpoint-interval", "1s"};
  args.insert(args.end(), {"-D", "execution.checkpointing.incremental=true", "-D", type.c_str(), "-D", memory.c_str(), "-D", local.c_str()});
  auto measured = std::make_unique<Measured>();
  Job job{"latency", static_cast<int>(args.size()), args.data()};
  job.from(own_source<Clicks>(schedule)).uid("clicks").key_by(&Click::user).process<Aggregate>(measured.get()).uid("totals").to(discard());
  job.run_or_throw();
  fs::remove_all(folder);
  bench::Figures figures{.main = static_cast<double>(schedule.records - schedule.warm_up) / (measured->end_s - measured->begin_s)};
  for (std::size_t i = 0; i < kShares.size(); ++i) figures.more[i] = measured->latency.ms_at(kShares[i]);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"latency", options};
  const std::uint64_t keys = options.size(16'000'000, 100'000);
  const double run_s = options.quick ? 1 : 15;
  const std::vector<std::uint32_t> drawn = bench::zipf_keys(keys, options.size(8'000'000, 200'000));
  for (const Backend& backend : {Backend{"hashmap", "hashmap", "4gb"}, Backend{"rocksdb", "rocksdb", "256mb"}}) {
    if (!options.wants(backend.name)) continue;
    Schedule schedule{.keys = static_cast<std::int64_t>(keys), .drawn = &drawn};
    schedule.records = static_cast<std::int64_t>(options.size(backend.type == std::string{"hashmap"} ? 60'000'000 : 10'000'000, 500'000));
    const double most = bench::in_process([&] { return run(backend, schedule); }, bench::Cores::kAll).main;
    for (const int percent : {25, 50, 75}) {
      Schedule planned = schedule;
      planned.per_ns = most * percent / 100 / 1e9;
      planned.warm_up = static_cast<std::int64_t>(planned.per_ns * 1e9 * run_s / 5);
      planned.records = planned.warm_up + static_cast<std::int64_t>(planned.per_ns * 1e9 * run_s);
      bench::Candidate candidate{[&] { return run(backend, planned); }};
      bench::alternate({&candidate}, options.rounds(3), bench::Cores::kAll);
      bench::Row row;
      row.name = std::string{backend.name} + ", " + std::to_string(percent) + " % of the rate";
      row.unit = "ms, 99.99 %";
      row.engine = candidate.more(3);
      if (percent == 50) row.aim = kAimMs;
      row.engine_cpu_s = candidate.cpu_s();
      row.more = {{"records a second", candidate.main()}, {"50 %", candidate.more(0)},  {"99 %", candidate.more(1)},
                  {"99.9 %", candidate.more(2)},           {"longest", candidate.more(4)}};
      report.print(row);
    }
  }
}
