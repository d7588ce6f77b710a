// How fast does a job go on while all of its state is being written, and what does a savepoint of it cost?
//
// Twenty million keys with an aggregate of 32 bytes. "throughput": by Zipf's law (0.99), with a thread for the job and the
// other core for what is written; the bare figure is the same job without checkpoints, the engine's takes whole ones, one
// begun when the other is done. The aim: 75 % of the rate. "a savepoint": one subtask writes all of them, in the order of
// keys; the bare figure is zstd -1 over the same keys and values as they lie in memory. No aim is set.
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bench/checkpoint_folder.h"
#include "bench/measure.h"
#include "bench/zipf.h"
#include "env/posix_env.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

constexpr double kRateAim = 0.75;

struct Click {
  std::int64_t user = 0;
  double price = 0;
};
struct Totals {
  double clicks = 0;
  double sum = 0;
  double least = 0;
  double most = 0;

  void add(double price) {
    clicks += 1;
    sum += price;
    least = std::min(least, price);
    most = std::max(most, price);
  }
};

// First each key in turn, then as drawn.
struct Clicks {
  std::uint64_t keys;
  std::uint64_t records;
  const std::vector<std::uint32_t>* drawn;
  bench::Meter* meter;

  Click operator()(std::uint64_t n) const {
    meter->pass(n);
    const std::uint64_t user = n < keys ? n : (*drawn)[n % drawn->size()];
    return {static_cast<std::int64_t>(user), static_cast<double>(n % 1000)};
  }
};

struct Aggregate : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<Totals> totals_;
  explicit Aggregate(Declare& declare) : totals_{declare, "totals"} {}
  void process(const Click& click, Context&, Out<std::int64_t>&) override {
    totals_.mutate([&](Totals& totals) { totals.add(click.price); });
  }
};

// `main`: ns of the clock on the wall a record; `more`: checkpoints.
bench::Figures run(Clicks clicks, const char* interval) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-full-" + std::to_string(getpid()));
  const std::string folder_name = folder;
  bench::Meter meter{clicks.keys + clicks.records / 10, clicks.keys + clicks.records - 1, bench::wall_s};
  clicks.meter = &meter;
  std::vector<const char*> args{bench::kOneThread.begin(), bench::kOneThread.end()};
  if (interval != nullptr) {
    args.insert(args.end(), {"--checkpoint-dir", folder_name.c_str(), "--checkpoint-interval", interval, "-D",
                             "execution.checkpointing.incremental=false"});
  }
  Job job{"full", static_cast<int>(args.size()), args.data()};
  job.from(generate<Click>(clicks.keys + clicks.records, clicks))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Aggregate>()
      .uid("totals")
      .to(discard());
  job.run_or_throw();
  const bench::Figures figures{meter.ns_a_record(), {static_cast<double>(bench::newest_checkpoint(folder / "full"))}};
  fs::remove_all(folder);
  return figures;
}

void throughput(bench::Report& report, const bench::Options& options, std::uint64_t keys) {
  const std::string name = "throughput, " + bench::many(keys) + " keys, Zipf 0.99";
  if (!options.wants(name)) return;
  const auto drawn = bench::zipf_keys(keys, options.size(1u << 25, 1u << 20));
  const Clicks clicks{keys, options.size(240'000'000, 4'000'000), &drawn, nullptr};
  bench::Candidate without{[&] { return run(clicks, nullptr); }};
  bench::Candidate with{[&] { return run(clicks, "10ms"); }};
  bench::alternate({&without, &with}, options.rounds(3), bench::Cores::kAll);
  bench::Row row{.name = name, .unit = "ns of the clock a record", .bare = without.main(), .engine = with.main()};
  row.aim = without.main() / kRateAim;
  row.bare_cpu_s = without.cpu_s();
  row.engine_cpu_s = with.cpu_s();
  row.more = {{"of the rate, %", 100 * without.main() / with.main()}, {"checkpoints", with.more(0)}};
  report.print(row);
}

/// A subtask with one state.
class Subtask {
 public:
  explicit Subtask(std::uint64_t keys) {
    context_.env = &env_;
    context_.name = {.name = "keyed process", .uid = "totals"};
    context_.attempt = 1;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    backend_.restore(context_);
    for (std::uint64_t n = 0; n < keys; ++n) {
      const auto key = static_cast<std::int64_t>(n);
      cursor_ = {.hash = detail::hash_key(key), .key = detail::KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
      state_.set(totals_of(n));
    }
  }
  /// Of some thousand prices, as a job would have it.
  static Totals totals_of(std::uint64_t n) {
    const auto price = [n](std::uint64_t i) { return static_cast<double>(bench::mix(n * 4 + i) % 100'000) / 100; };
    return {static_cast<double>(n % 1000), price(0) * 500, std::min(price(1), price(2)), std::max(price(1), price(2))};
  }

  std::uint64_t write_savepoint(const fs::path& folder) {
    const auto work = backend_.snapshot(
        {.barrier = {.id = 1, .kind = CheckpointKind::kSavepoint}, .folder = folder, .file_prefix = "totals", .job = "bench"}, context_, {});
    while (!work->step()) continue;
    return work->take_result().keyed_files.at(0).size;
  }

 private:
  PosixEnv posix_{1};
  Env env_{posix_.env()};
  detail::OperatorContext context_;
  detail::KeyCursor<std::int64_t> cursor_;
  detail::KeyedBackend backend_{schema_json(detail::type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, Totals> state_{declare_, "totals"};
};

// The same entries, row by row, each as it lies in memory.
std::uint64_t compress_rows(std::uint64_t keys, const fs::path& path) {
  constexpr std::size_t kRowsAtOnce = 8192;
  constexpr std::size_t kRowBytes = sizeof(std::int64_t) + sizeof(Totals);
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, 1);
  std::ofstream file{path, std::ios::binary};
  std::string rows;
  std::string compressed(ZSTD_CStreamOutSize(), '\0');
  std::uint64_t bytes = 0;
  for (std::uint64_t n = 0; n < keys;) {
    rows.clear();
    for (std::size_t i = 0; i < kRowsAtOnce && n < keys; ++i, ++n) {
      const Totals totals = Subtask::totals_of(n);
      char row[kRowBytes];
      std::memcpy(row, &n, sizeof n);
      std::memcpy(row + sizeof n, &totals, sizeof totals);
      rows.append(row, sizeof row);
    }
    ZSTD_inBuffer in{rows.data(), rows.size(), 0};
    const ZSTD_EndDirective end = n == keys ? ZSTD_e_end : ZSTD_e_continue;
    for (std::size_t left = 1; in.pos < in.size || (end == ZSTD_e_end && left != 0);) {
      ZSTD_outBuffer out{compressed.data(), compressed.size(), 0};
      left = ZSTD_compressStream2(context.get(), &out, &in, end);
      if (ZSTD_isError(left)) bench::give_up(ZSTD_getErrorName(left));
      file.write(compressed.data(), static_cast<std::streamsize>(out.pos));
      bytes += out.pos;
    }
  }
  return bytes;
}

void savepoint(bench::Report& report, const bench::Options& options, std::uint64_t keys) {
  const std::string name = "a savepoint, " + bench::many(keys) + " keys";
  if (!options.wants(name)) return;
  const auto in_folder = [](const auto& write) {
    const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-savepoint-" + std::to_string(getpid()));
    fs::create_directories(folder);
    const double begin_s = bench::wall_s();
    const double begin_cpu_s = bench::process_cpu_s();
    const auto bytes = static_cast<double>(write(folder));
    const bench::Figures figures{bench::wall_s() - begin_s, {bytes / 1e6, bench::process_cpu_s() - begin_cpu_s}};
    fs::remove_all(folder);
    return figures;
  };
  bench::Candidate zstd{[&] { return in_folder([&](const fs::path& folder) { return compress_rows(keys, folder / "rows"); }); }};
  bench::Candidate engine{[&] {
    Subtask subtask{keys};
    return in_folder([&](const fs::path& folder) { return subtask.write_savepoint(folder); });
  }};
  bench::alternate({&zstd, &engine}, options.rounds(3));
  bench::Row row{.name = name, .unit = "s", .bare = zstd.main(), .engine = engine.main()};
  row.more = {{"MB", engine.more(0)}, {"MB of zstd -1", zstd.more(0)}, {"CPU s of writing", engine.more(1)}, {"CPU s of zstd -1", zstd.more(1)}};
  report.print(row);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"all state is written", options};
  const std::uint64_t keys = options.size(20'000'000, 500'000);
  throughput(report, options, keys);
  savepoint(report, options, keys);
}
