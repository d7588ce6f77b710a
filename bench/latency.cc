// How late is a record while checkpoints are taken each second, at a quarter, half and three quarters of the rate that the job
// could have?
//
// An aggregate of 32 bytes for each of 16 million keys, about a gigabyte of state, drawn by Zipf's law (0.99); incremental
// checkpoints; the hashmap backend, and RocksDB with a quarter of the memory. One job goes through it all: it takes each key
// once, then records as fast as it can, which is the most, and then each share of that by a fixed schedule, with a rest before.
// A record's latency is counted from the moment for which it was planned, so a job that stands still is late with all that was
// due meanwhile. The aim: 10 ms at half the rate, for 99.99 % of records.
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

constexpr std::array kPercents{25, 50, 75};  // of the most
constexpr std::array kShares{0.5, 0.99, 0.999, 0.9999, 1.0};  // of records

struct Measured {
  struct AtRate {
    Histogram latency;
    std::uint64_t records = 0;
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = 0;
  };
  static constexpr std::int64_t kMost = kPercents.size();  // costs as much as the others, and is none of them
  double most_per_ns = 0;
  std::array<AtRate, kPercents.size() + 1> at_rate;
};

struct Click {
  std::int64_t user = 0;
  std::int64_t planned_ns = 0;  ///< 0: counts for nothing
  std::int64_t rate = 0;        ///< which of kPercents, or kMost
};
struct Whole {
  std::int64_t from = 0;
};
struct Place {
  std::int64_t read = 0;
};

struct Schedule {
  std::int64_t keys = 0;        ///< each comes once
  std::int64_t most_ns = 0;     ///< then for so long as many as may be
  std::int64_t rest_ns = 0;     ///< then, of each rate, nothing for so long,
  std::int64_t warm_up_ns = 0;  ///< records that do not count,
  std::int64_t run_ns = 0;      ///< and records that do
  const std::vector<std::uint32_t>* drawn = nullptr;
  Measured* measured = nullptr;
};

/// Reads by the schedule.
class Clicks final : public Source<Click, Whole, Place> {
 public:
  explicit Clicks(Schedule schedule) : schedule_{schedule} {}
  std::string name() const override { return "clicks"; }
  std::vector<Whole> find_splits() override { return {{}}; }
  ReadOutcome read(Place& place, SourceOut<Click>& out) override {
    for (; !out.full(); ++place.read) {
      if (place.read < schedule_.keys) {
        out.emit({place.read});
      } else if (rate_ < 0) {
        read_as_fast_as_may_be(out);
      } else {
        const std::int64_t planned_ns = begin_ns_ + static_cast<std::int64_t>(static_cast<double>(read_) * ns_a_record_);
        if (planned_ns > now_ns_ && planned_ns > (now_ns_ = now_ns())) {
          if (out.size() > 0) return ReadOutcome::kMore;
          std::this_thread::sleep_for(std::chrono::nanoseconds{std::max<std::int64_t>(planned_ns - now_ns_, 50'000)});
        }
        if (planned_ns >= begin_ns_ + schedule_.warm_up_ns + schedule_.run_ns) {
          if (++rate_ == static_cast<std::int64_t>(kPercents.size())) return ReadOutcome::kEnd;
          begin_rate();
          return ReadOutcome::kMore;
        }
        out.emit({next_user(), planned_ns < begin_ns_ + schedule_.warm_up_ns ? 0 : planned_ns, rate_});
      }
    }
    return ReadOutcome::kMore;
  }

 private:
  std::int64_t next_user() { return (*schedule_.drawn)[static_cast<std::size_t>(read_++) % schedule_.drawn->size()]; }

  // The rate is that of the second half: before, the first snapshots take the memory that they need.
  void read_as_fast_as_may_be(SourceOut<Click>& out) {
    if (read_ % 256 == 0) now_ns_ = now_ns();
    if (begin_ns_ == 0) begin_ns_ = now_ns_;
    if (half_ns_ == 0 && now_ns_ >= begin_ns_ + schedule_.most_ns / 2) {
      half_ns_ = now_ns_;
      read_by_half_ = read_;
    }
    out.emit({next_user(), begin_ns_, Measured::kMost});
    if (now_ns_ < begin_ns_ + schedule_.most_ns) return;
    schedule_.measured->most_per_ns = static_cast<double>(read_ - read_by_half_) / static_cast<double>(now_ns_ - half_ns_);
    rate_ = 0;
    begin_rate();
  }
  void begin_rate() {
    begin_ns_ = now_ns() + schedule_.rest_ns;
    read_ = 0;
    ns_a_record_ = 100 / (schedule_.measured->most_per_ns * kPercents[static_cast<std::size_t>(rate_)]);
  }

  Schedule schedule_;
  std::int64_t rate_ = -1;  // which of kPercents; -1: the most
  std::int64_t begin_ns_ = 0;
  std::int64_t half_ns_ = 0;
  std::int64_t read_ = 0;  // at this rate
  std::int64_t read_by_half_ = 0;
  double ns_a_record_ = 0;
  std::int64_t now_ns_ = 0;  // when the clock was last looked at
};

struct Totals {
  std::int64_t clicks = 0;
  std::int64_t last = 0;
  std::int64_t least = 0;
  std::int64_t most = 0;
};

/// Counts one record in eight, as a look at the clock costs as much as the record.
struct Aggregate : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<Totals> totals_;
  Measured* measured_;
  Aggregate(Declare& declare, Measured* measured) : totals_{declare, "totals"}, measured_{measured} {}
  void process(const Click& click, Context&, Out<std::int64_t>&) override {
    totals_.mutate([&](Totals& totals) {
      ++totals.clicks;
      totals.last = click.planned_ns;
    });
    if (click.planned_ns == 0) return;
    Measured::AtRate& at_rate = measured_->at_rate[static_cast<std::size_t>(click.rate)];
    if (++at_rate.records % 8 != 0) return;
    const std::int64_t now = now_ns();
    if (at_rate.begin_ns == 0) at_rate.begin_ns = now;
    at_rate.end_ns = now;
    at_rate.latency.add(static_cast<std::uint64_t>(std::max<std::int64_t>(now - click.planned_ns, 0)));
  }
};

struct Backend {
  const char* name;
  const char* type;
  const char* memory;
};

// `main`: the most records a second; `more`: for each of kPercents records a second, and latency at each of kShares, in ms.
bench::Figures run(const Backend& backend, Schedule schedule) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-latency-" + std::to_string(getpid()));
  const std::string kept = folder / "kept";
  const std::string local = "state.backend.rocksdb.localdir=" + (folder / "local").string();
  const std::string type = std::string{"state.backend.type="} + backend.type;
  const std::string memory = std::string{"memory.state="} + backend.memory;
  fs::create_directories(folder);
  std::vector<const char*> args{"bench", "-D", "log.level=error", "--checkpoint-dir", kept.c_str(), "--checkpoint-interval", "1s"};
  args.insert(args.end(), {"-D", "execution.checkpointing.incremental=true", "-D", type.c_str(), "-D", memory.c_str(), "-D", local.c_str()});
  const auto measured = std::make_unique<Measured>();
  schedule.measured = measured.get();
  Job job{"latency", static_cast<int>(args.size()), args.data()};
  job.from(own_source<Clicks>(schedule)).uid("clicks").key_by(&Click::user).process<Aggregate>(measured.get()).uid("totals").to(discard());
  job.run_or_throw();
  fs::remove_all(folder);
  bench::Figures figures{.main = measured->most_per_ns * 1e9};
  double* to = figures.more.data();
  for (std::size_t i = 0; i < kPercents.size(); ++i) {
    const Measured::AtRate& at_rate = measured->at_rate[i];
    *to++ = static_cast<double>(at_rate.records) / static_cast<double>(at_rate.end_ns - at_rate.begin_ns) * 1e9;
    for (const double share : kShares) *to++ = at_rate.latency.ms_at(share);
  }
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"latency", options};
  const std::uint64_t keys = options.size(16'000'000, 100'000);
  const std::vector<std::uint32_t> drawn = bench::zipf_keys(keys, options.size(8'000'000, 200'000));
  const auto seconds = [&](double usual) { return std::llround(usual * (options.quick ? 0.1 : 1) * 1e9); };
  const Schedule schedule{.keys = static_cast<std::int64_t>(keys),
                          .most_ns = seconds(8),
                          .rest_ns = seconds(1),
                          .warm_up_ns = seconds(2),
                          .run_ns = seconds(10),
                          .drawn = &drawn};
  for (const Backend& backend : {Backend{"hashmap", "hashmap", "4gb"}, Backend{"rocksdb", "rocksdb", "256mb"}}) {
    if (!options.wants(backend.name)) continue;
    bench::Candidate candidate{[&] { return run(backend, schedule); }};
    bench::alternate({&candidate}, options.rounds(3), bench::Cores::kAll);
    for (std::size_t i = 0; i < kPercents.size(); ++i) {
      const auto figure = [&](std::size_t n) { return candidate.more(i * (1 + kShares.size()) + n); };
      bench::Row row;
      row.name = std::string{backend.name} + ", " + std::to_string(kPercents[i]) + " % of the rate";
      row.unit = "ms, 99.99 %";
      row.engine = figure(4);
      if (kPercents[i] == 50) row.aim = kAimMs;
      row.engine_cpu_s = candidate.cpu_s();
      row.more = {{"records a second", figure(0)}, {"50 %", figure(1)}, {"99 %", figure(2)}, {"99.9 %", figure(3)}, {"longest", figure(5)}};
      report.print(row);
    }
  }
}
