// What does the hashmap backend cost: an update, a snapshot beside the writer, its pause, and the memory of a key?
//
// Keys are uniform int64, values int64 (lines) or 32 bytes (slots). The bare table is open addressing without
// snapshots, over the same hash. All loops prefetch 32 records ahead.
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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

template <class V>
void compare_updates(const char* name, std::size_t keys) {
  const Input input{keys};
  CowDomain domain;
  const auto table = filled<V>(domain, keys);
  BareTable<V> bare{keys};
  update_bare(bare, input);
  std::vector<bench::Candidate> candidates{{"bare", [&] { update_bare(bare, input); }, {}},
                                           {"table", [&] { update<V>(*table, input); }, {}}};
  bench::alternate(candidates, 8, static_cast<double>(kRecords));
  std::printf("%-22s %9zu keys  bare %6.1f ns  table %6.1f ns  %6.1f B/key\n", name, keys, candidates[0].median(),
              candidates[1].median(), static_cast<double>(table->memory_bytes()) / static_cast<double>(keys));
}

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Runs the writer alone and beside a snapshot to a file that another thread writes. CPU time of each thread, so that
// others on the machine count less; the pause by the wall.
template <class V>
void write_beside_snapshot(const char* name, std::size_t keys, const std::string& folder) {
  const Input input{keys};
  CowDomain domain;
  const auto table = filled<V>(domain, keys);
  PosixEnv posix{1};
  update<V>(*table, input);
  double start = bench::thread_cpu_ns();
  for (int i = 0; i < 4; ++i) update<V>(*table, input);
  const double alone_ns = (bench::thread_cpu_ns() - start) / 4;

  double longest_pause_us = 0;
  double pause_us = 0;
  for (int i = 0; i < 5; ++i) {
    const double from = now_ms();
    const std::uint32_t bound = domain.begin();
    auto view = table->view(bound);
    pause_us = (now_ms() - from) * 1000;
    longest_pause_us = std::max(longest_pause_us, pause_us);
    view.reset();
    domain.end(bound);
  }

  const std::uint32_t bound = domain.begin();
  std::vector<StateView> views;
  views.push_back({{}, table->view(bound)});
  std::atomic<bool> done{false};
  double snapshot_ms = 0;
  std::uint64_t bytes = 0;
  std::thread snapshotter{[&] {
    const double from = bench::thread_cpu_ns();
    auto writer = value_or_throw(SnapshotFileWriter::create(*posix.env().files, folder + "/bench.snap",
                                                            {.job = "bench", .uid = "bench", .key_groups = {0, 4096}}));
    StateDescriptor state{"s", StateDescriptor::Kind::kValue, "\"int64\"", "", "\"int64\""};
    const std::uint32_t id = writer->add_state(state, {.key = 8});
    ViewMerge merge{std::move(views), id, 4096};
    while (merge.write_some(*writer)) continue;
    bytes = value_or_throw(writer->finish()).size;
    snapshot_ms = (bench::thread_cpu_ns() - from) / 1e6;
    done.store(true);
  }};
  start = bench::thread_cpu_ns();
  int runs = 0;
  while (!done.load()) {
    update<V>(*table, input);
    ++runs;
  }
  const double beside_ns = (bench::thread_cpu_ns() - start) / runs;
  snapshotter.join();
  const double log_mib = static_cast<double>(domain.log_bytes()) / (1 << 20);
  domain.end(bound);
  static_cast<void>(posix.env().files->remove(folder + "/bench.snap"));
  std::printf(
      "%-22s %9zu keys  alone %6.1f ns  beside a snapshot %6.1f ns (%2.0f %%)  snapshot %6.0f ms, %5.1f B/key  "
      "side log %5.0f MiB  pause %5.0f us (longest %5.0f)\n",
      name, keys, alone_ns / kRecords, beside_ns / kRecords, 100 * alone_ns / beside_ns, snapshot_ms,
      static_cast<double>(bytes) / static_cast<double>(keys), log_mib, pause_us, longest_pause_us);
}

}  // namespace

/// Arguments: a folder for the snapshots (default: .) and the largest number of keys (default: 20 million).
int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const std::size_t most = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000'000;
  compare_updates<std::int64_t>("update, lines", 1'000'000);
  compare_updates<Account>("update, 32-byte slots", 1'000'000);
  write_beside_snapshot<std::int64_t>("snapshot, lines", 1'000'000, folder);
  write_beside_snapshot<std::int64_t>("snapshot, lines", most, folder);
  write_beside_snapshot<Account>("snapshot, slots", 4'000'000, folder);
}
