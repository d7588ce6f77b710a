// What does an update cost of state that is many times larger than memory?
//
// An aggregate of 32 bytes a key, changed by each record; keys by Zipf's law (0.99). The state, 40 bytes a key, is eight times
// memory.state. Beside the backend rocksdb stands plain RocksDB, as it is used where a state's entry is read and written for
// each record: one get and one put, without a log, with the engine's settings, and with all of that memory for its cache and
// memtables. Both have seen each key once before the measurement begins. The page cache is the kernel's own and helps both;
// in a control group that bounds memory the disk shows:
//
//   systemd-run --scope -p MemoryMax=160M -- bench_larger_than_memory
//
// or, on a machine without systemd and with groups of version 1,
//
//   G=/sys/fs/cgroup/memory/bench; mkdir $G; echo 160M > $G/memory.limit_in_bytes
//   (echo $BASHPID > $G/cgroup.procs; exec bench_larger_than_memory); rmdir $G
//
// The aim: a third of the time, and at most 1.15 times memory.state and 100 MB of resident memory. One core.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <filesystem>
#include <memory>
#include <string>

#include "bench/measure.h"
#include "bench/zipf.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

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
constexpr std::uint64_t kEntryBytes = sizeof(std::int64_t) + sizeof(Totals);

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

bench::Meter make_meter(const Clicks& clicks) {
  return {clicks.keys + clicks.records / 4, clicks.keys + clicks.records - 1, bench::wall_s};
}

struct Aggregate : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<Totals> totals_;
  explicit Aggregate(Declare& declare) : totals_{declare, "totals"} {}
  void process(const Click& click, Context&, Out<std::int64_t>&) override {
    totals_.mutate([&](Totals& totals) { totals.add(click.price); });
  }
};

bench::Figures engine(Clicks clicks, std::uint64_t memory_mb, const fs::path& folder) {
  bench::Meter meter = make_meter(clicks);
  clicks.meter = &meter;
  const std::string memory = "memory.state=" + std::to_string(memory_mb) + "mb";
  const std::string local = "state.backend.rocksdb.localdir=" + folder.string();
  std::vector<const char*> args{bench::kOneThread.begin(), bench::kOneThread.end()};
  args.insert(args.end(), {"-D", "state.backend.type=rocksdb", "-D", memory.c_str(), "-D", local.c_str()});
  Job job{"bench", static_cast<int>(args.size()), args.data()};
  job.from(generate<Click>(clicks.keys + clicks.records, clicks))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Aggregate>()
      .uid("totals")
      .to(discard());
  job.run_or_throw();
  return {meter.ns_a_record()};
}

void check(const rocksdb::Status& status) {
  if (!status.ok()) bench::give_up(status.ToString());
}

std::unique_ptr<rocksdb::DB> open_bare(std::uint64_t memory_mb, const fs::path& folder) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = std::min<std::uint64_t>(memory_mb << 20, 192u << 20) / 12;
  options.max_write_buffer_number = 3;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = 4 * options.write_buffer_size;
  options.max_bytes_for_level_base = 16 * options.write_buffer_size;
  options.allow_concurrent_memtable_write = false;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(memory_mb << 20, 2);
  table.checksum = rocksdb::kXXH3;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.partition_filters = true;
  table.cache_index_and_filter_blocks = true;
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>((memory_mb << 20) / 3, table.block_cache);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* opened = nullptr;
  check(rocksdb::DB::Open(options, folder.string(), &opened));
  return std::unique_ptr<rocksdb::DB>{opened};
}

bench::Figures bare(Clicks clicks, std::uint64_t memory_mb, const fs::path& folder) {
  bench::Meter meter = make_meter(clicks);
  clicks.meter = &meter;
  const auto db = open_bare(memory_mb, folder);
  rocksdb::WriteOptions without_log;
  without_log.disableWAL = true;
  bench::in_blocks<Click>(clicks.keys + clicks.records, clicks, [&](const Click* block, std::size_t n) {
    rocksdb::PinnableSlice found;
    for (std::size_t i = 0; i < n; ++i) {
      // Spread over the key space, as by a key's hash.
      const std::uint64_t hash = bench::mix(static_cast<std::uint64_t>(block[i].user));
      const rocksdb::Slice key{reinterpret_cast<const char*>(&hash), sizeof hash};
      Totals totals;
      found.Reset();
      const auto status = db->Get({}, db->DefaultColumnFamily(), key, &found);
      if (!status.IsNotFound()) {
        check(status);
        std::memcpy(&totals, found.data(), sizeof totals);
      }
      totals.add(block[i].price);
      check(db->Put(without_log, key, {reinterpret_cast<const char*>(&totals), sizeof totals}));
    }
  });
  return {meter.ns_a_record()};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"larger than memory", options};
  const std::uint64_t memory_mb = options.size(32, 24);
  const std::uint64_t keys = options.size(8 * (memory_mb << 20) / kEntryBytes, 500'000);
  const std::uint64_t records = options.size(4'000'000, 200'000);
  const std::vector<std::uint32_t> drawn = bench::zipf_keys(keys, records);
  const Clicks clicks{keys, records, &drawn, nullptr};
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-larger-" + std::to_string(getpid()));

  bench::Candidate without{[&] {
    const auto figures = bare(clicks, memory_mb, folder / "bare");
    fs::remove_all(folder / "bare");
    return figures;
  }};
  bench::Candidate with{[&] { return engine(clicks, memory_mb, folder); }};
  fs::create_directories(folder);
  bench::alternate({&without, &with}, options.rounds(1));
  fs::remove_all(folder);

  bench::Row row;
  row.name = bench::many(keys) + " keys, memory.state " + std::to_string(memory_mb) + " MB, Zipf 0.99";
  row.bare = without.main();
  row.engine = with.main();
  row.aim = without.main() / 3;
  row.bare_cpu_s = without.cpu_s();
  row.engine_cpu_s = with.cpu_s();
  row.more = {{"peak MB", with.peak_mb()},
              {"aim", 1.15 * static_cast<double>(memory_mb) * 1.048576 + 100},
              {"peak MB of plain RocksDB", without.peak_mb()}};
  report.print(row);
}
