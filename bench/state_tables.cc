// What does a table of the hashmap backend cost by itself: an update, its memory, and an update beside a snapshot?
//
// Keys are uniform int64, values int64 (lines) or 32 bytes (slots). The bare table is open addressing without snapshots, over
// the same hash. All loops prefetch 32 records ahead. To look into the rows of the other programs; the one aim is for memory:
// at most 90 bytes for a key of 32 and a value of 8.
#include <atomic>
#include <bit>
#include <filesystem>
#include <memory>
#include <thread>

#include "bench/measure.h"
#include "env/posix_env.h"
#include "snapshot/snapshot_file_writer.h"
#include "state/view_merge.h"
#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/slot_table.h"

namespace {

using namespace tidemark;
using namespace tidemark::detail;

struct Account {
  std::int64_t count, sum, low, high;
};

constexpr std::size_t kRecords = std::size_t{4} << 20;
constexpr std::size_t kAhead = 32;

// A stream of records: a key's word and hash.
struct Input {
  explicit Input(std::size_t keys) {
    std::uint64_t seed = 1;
    for (std::size_t i = 0; i < kRecords; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      words.push_back(KeyCodec<std::int64_t>::to_word(static_cast<std::int64_t>((seed >> 20) % keys)));
      hashes.push_back(hash_word<std::int64_t>(words.back()));
    }
  }
  std::vector<std::uint64_t> words;
  std::vector<std::uint64_t> hashes;
};

template <class V>
class BareTable {
 public:
  explicit BareTable(std::size_t keys) : slots_(std::bit_ceil(keys * 3 / 2)), mask_{slots_.size() - 1} {
    for (Slot& slot : slots_) slot.taken = false;
  }
  V& at(std::uint64_t hash, std::uint64_t key) {
    std::size_t i = hash & mask_;
    while (slots_[i].taken && slots_[i].key != key) i = (i + 1) & mask_;
    slots_[i].taken = true;
    slots_[i].key = key;
    return slots_[i].value;
  }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_], 1); }

 private:
  struct Slot {
    bool taken;
    std::uint64_t key;
    V value;
  };
  std::vector<Slot> slots_;
  std::size_t mask_;
};

void add(std::int64_t& value) { ++value; }
void add(Account& value) {
  ++value.count;
  value.sum += value.count;
  value.high = value.sum;
}

template <class V>
void update_bare(BareTable<V>& table, const Input& input) {
  for (std::size_t i = 0; i < kRecords; ++i) {
    if (i + kAhead < kRecords) table.prefetch(input.hashes[i + kAhead]);
    add(table.at(input.hashes[i], input.words[i]));
  }
}

template <class V>
using Table64 = StateTable<std::int64_t, V>;

template <class V>
void update(Table64<V>& table, const Input& input) {
  for (std::size_t i = 0; i < kRecords; i += kAhead) {
    if (i + 2 * kAhead <= kRecords) table.prefetch(input.hashes.data() + i + kAhead, kAhead);
    for (std::size_t j = i; j < i + kAhead; ++j) {
      if (const auto row = table.find(input.hashes[j], input.words[j])) [[likely]] {
        table.mutate(row, [](V& value) { add(value); });
      } else {
        table.insert(input.hashes[j], input.words[j], V{});
      }
    }
  }
}

template <class V>
std::unique_ptr<Table64<V>> filled(CowDomain& domain, std::size_t keys) {
  auto table = std::make_unique<Table64<V>>(domain);
  for (std::size_t i = 0; i < keys; ++i) {
    const std::uint64_t word = KeyCodec<std::int64_t>::to_word(static_cast<std::int64_t>(i));
    table->insert(hash_word<std::int64_t>(word), word, V{});
  }
  return table;
}

template <class F>
double ns_an_update(int turns, F&& f) {
  f();
  const double begin_s = bench::thread_cpu_s();
  for (int turn = 0; turn < turns; ++turn) f();
  return (bench::thread_cpu_s() - begin_s) * 1e9 / turns / kRecords;
}

template <class V>
void compare_updates(bench::Report& report, const bench::Options& options, const std::string& values, std::size_t keys) {
  const std::string name = values + ", " + bench::many(keys) + " keys";
  if (!options.wants(name)) return;
  const int turns = options.quick ? 1 : 3;
  const Input input{keys};
  bench::Candidate bare{[&] {
    BareTable<V> table{keys};
    return bench::Figures{ns_an_update(turns, [&] { update_bare(table, input); })};
  }};
  bench::Candidate engine{[&] {
    CowDomain domain;
    const auto table = filled<V>(domain, keys);
    return bench::Figures{ns_an_update(turns, [&] { update<V>(*table, input); }), {static_cast<double>(table->memory_bytes())}};
  }};
  bench::alternate({&bare, &engine}, options.rounds(5));
  bench::Row row;
  row.name = name;
  row.unit = "ns an update";
  row.bare = bare.main();
  row.engine = engine.main();
  row.add_process(bare, engine);
  row.more = {{"bytes a key", engine.more(0) / static_cast<double>(keys)}};
  report.print(row);
}

// Of keys that do not fit into a word: what the process takes beyond what it began with.
void measure_wide_keys(bench::Report& report, const bench::Options& options, std::size_t keys) {
  using Key = std::array<std::int64_t, 4>;
  const std::string name = "32-byte keys, 8-byte values, " + bench::many(keys) + " keys";
  if (!options.wants(name)) return;
  bench::Candidate engine{[&] {
    CowDomain domain;
    StateTable<Key, std::int64_t> table{domain};
    ByteWriter bytes;
    for (std::size_t i = 0; i < keys; ++i) {
      bytes.clear();
      KeyCodec<Key>::encode(Key{1, 2, 3, static_cast<std::int64_t>(i)}, bytes);
      table.insert(hash_of_encoded(bytes.view()), bytes.view(), 0);
    }
    return bench::Figures{};
  }};
  bench::alternate({&engine}, 1);
  bench::Row row;
  row.name = name;
  row.unit = "bytes a key";
  row.engine = engine.peak_mb() * 1e6 / static_cast<double>(keys);
  row.aim = 90;
  row.engine_peak_mb = engine.peak_mb();
  report.print(row);
}

// Updates alone, and beside a snapshot that another thread writes to a file: `main` and `more`: ns an update alone, CPU ns of
// the writing an entry, MB of the side log.
template <class V>
bench::Figures beside_snapshot(std::size_t keys, int turns) {
  const Input input{keys};
  CowDomain domain;
  const auto table = filled<V>(domain, keys);
  PosixEnv posix{1};
  const std::string path = std::filesystem::temp_directory_path() / ("tidemark-bench-" + std::to_string(getpid()) + ".snap");
  const double alone_ns = ns_an_update(turns, [&] { update<V>(*table, input); });

  const std::uint32_t bound = domain.begin();
  std::vector<StateView> views;
  views.push_back({{}, table->view(bound)});
  std::atomic<bool> done{false};
  double writing_s = 0;
  std::thread snapshotter{[&] {
    const double begin_s = bench::thread_cpu_s();
    auto writer = value_or_throw(SnapshotFileWriter::create(*posix.env().files, path, {.job = "bench", .uid = "bench", .key_groups = {0, 4096}}));
    const StateDescriptor state{"s", StateDescriptor::Kind::kValue, "\"int64\"", "", "\"int64\""};
    const std::uint32_t id = writer->add_state(state, {.key = 8});
    ViewMerge merge{std::move(views), id, 4096};
    while (merge.write_some(*writer)) continue;
    static_cast<void>(value_or_throw(writer->finish()));
    writing_s = bench::thread_cpu_s() - begin_s;
    done.store(true);
  }};
  const double begin_s = bench::thread_cpu_s();
  int runs = 0;
  for (; !done.load(); ++runs) update<V>(*table, input);
  const double beside_ns = (bench::thread_cpu_s() - begin_s) * 1e9 / runs / kRecords;
  snapshotter.join();
  const double log_mb = static_cast<double>(domain.log_bytes()) / 1e6;
  domain.end(bound);
  static_cast<void>(posix.env().files->remove(path));
  return {beside_ns, {alone_ns, writing_s * 1e9 / static_cast<double>(keys), log_mb}};
}

template <class V>
void compare_snapshot(bench::Report& report, const bench::Options& options, const std::string& values, std::size_t keys) {
  const std::string name = values + ", " + bench::many(keys) + " keys, snapshot";
  if (!options.wants(name)) return;
  bench::Candidate engine{[&] { return beside_snapshot<V>(keys, options.quick ? 1 : 3); }};
  bench::alternate({&engine}, options.rounds(3), bench::Cores::kAll);
  bench::Row row;
  row.name = name;
  row.unit = "ns an update";
  row.bare = engine.more(0);
  row.engine = engine.main();
  row.more = {{"writing, CPU ns an entry", engine.more(1)}, {"side log MB", engine.more(2)}};
  report.print(row);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  {
    bench::Report report{"tables of state", options};
    const std::size_t keys = options.size(1'000'000, 100'000);
    compare_updates<std::int64_t>(report, options, "8-byte values", keys);
    compare_updates<Account>(report, options, "32-byte values", keys);
    measure_wide_keys(report, options, options.size(20'000'000, 1'000'000));
  }
  bench::Report report{"updates alone (bare) and beside a snapshot", options};
  compare_snapshot<std::int64_t>(report, options, "8-byte values", options.size(1'000'000, 100'000));
  if (options.quick) return 0;
  compare_snapshot<std::int64_t>(report, options, "8-byte values", 20'000'000);
  compare_snapshot<Account>(report, options, "32-byte values", 4'000'000);
}
