// What does a checkpoint cost of state that is larger than memory, and how long does a job take to go on from it?
//
// An aggregate of 32 bytes a key in RocksDB behind tables; between two checkpoints 1 % of the keys change. Incremental
// checkpoints consist of RocksDB's files; the bare figure is a whole one of the same state, entry by entry. Then the job goes
// on from the newest incremental one on the same file system: from the opening to the first record that has its key's state.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "bench/measure.h"
#include "env/posix_env.h"
#include "state/rocksdb_stores.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/resident_keys.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/state.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;
using detail::KeyCodec;

struct Aggregate {
  std::int64_t count, sum, min, max;
};

constexpr std::size_t kBatch = 1024;
constexpr int kCheckpoints = 6;

struct World {
  World(const fs::path& folder, std::uint64_t memory_bytes)
      : folder{folder},
        stores{value_or_throw(RocksdbStores::create(posix.env(), folder / "local", memory_bytes / 5 * 2))},
        memory{memory_bytes, stores->memory_bytes()} {
    fs::create_directories(folder / "shared");
    fs::create_directories(folder / "chk");
    env = posix.env();
    env.state_stores = stores.get();
    env.state_memory = &memory;
  }
  fs::path folder;
  PosixEnv posix{1};
  std::unique_ptr<RocksdbStores> stores;
  detail::StateMemory memory;
  Env env;
};

class Subtask {
 public:
  Subtask(World& world, AttemptId attempt, const std::optional<OperatorSnapshot>& from = {}) : world_{world} {
    context_.env = &world.env;
    context_.name = {.name = "keyed process", .uid = "keys"};
    context_.attempt = attempt;
    context_.shared_folder = world.folder / "shared";
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    if (from) {
      context_.restore.keyed_files = from->keyed_files;
      context_.restore.stores = {from->store};
      for (SnapshotFile& file : context_.restore.keyed_files) file.path = world.folder / "chk" / file.path;
      for (StoreFile& file : context_.restore.stores[0].files) file.file.path = world.folder / "chk" / file.file.path;
    }
    backend_.restore(context_);
    resident_.emplace(*backend_.spilled_tables());
  }

  /// A batch of records, one for each key.
  void change(const std::vector<std::int64_t>& keys) {
    backend_.begin_batch(world_.env);
    for (const std::int64_t key : keys) resident_->want(detail::hash_key(key), KeyCodec<std::int64_t>::to_word(key));
    resident_->load();
    for (const std::int64_t key : keys) {
      cursor_.hash = detail::hash_key(key);
      cursor_.key = KeyCodec<std::int64_t>::to_word(key);
      ++cursor_.serial;
      Aggregate value = state_.get();
      ++value.count;
      value.sum += key;
      state_.set(value);
      resident_->keep_changes(cursor_);
    }
    resident_->end_batch();
  }
  template <class KeyAt>
  void change(std::uint64_t count, KeyAt&& key_at) {
    std::vector<std::int64_t> keys;
    for (std::uint64_t i = 0; i < count; ++i) {
      keys.push_back(key_at(i));
      if (keys.size() < kBatch && i + 1 < count) continue;
      change(keys);
      keys.clear();
    }
  }

  struct Cost {
    double cpu_ms, wall_ms, mb, pause_ms;
  };
  Cost checkpoint(CheckpointKind kind = CheckpointKind::kPeriodic) {
    const CheckpointId id = ++checkpoints_;
    const double cpu_s = bench::process_cpu_s();
    const double wall_s = bench::wall_s();
    const auto work = backend_.snapshot(
        {.barrier = {.id = id, .kind = kind}, .folder = world_.folder / "chk", .file_prefix = "keys-" + std::to_string(id), .job = "bench"},
        context_, {});
    const double pause_s = bench::wall_s() - wall_s;
    while (!work->step()) continue;
    if (kind == CheckpointKind::kPeriodic) {
      newest_ = work->take_result();
      backend_.checkpoint_completed(id);
    }
    return {(bench::process_cpu_s() - cpu_s) * 1e3, (bench::wall_s() - wall_s) * 1e3,
            static_cast<double>(work->bytes_written()) / 1e6, pause_s * 1e3};
  }
  const OperatorSnapshot& newest() const { return newest_; }

 private:
  World& world_;
  detail::OperatorContext context_;
  detail::KeyCursor<std::int64_t> cursor_;
  detail::KeyedBackend backend_{schema_json(detail::type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, Aggregate> state_{declare_, "state"};
  std::optional<detail::ResidentKeys<std::int64_t>> resident_;
  CheckpointId checkpoints_ = 0;
  OperatorSnapshot newest_;
};

// `main`: ms of CPU of an incremental checkpoint; `more`: of a whole one, MB of each, longest pause, ms until the first record.
bench::Figures run(std::uint64_t keys, std::uint64_t memory_bytes) {
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-store-" + std::to_string(getpid()));
  fs::remove_all(folder);
  Subtask::Cost whole{};
  Subtask::Cost changed{};
  double restore_ms = 0;
  {
    World world{folder, memory_bytes};
    std::optional<Subtask> subtask;
    subtask.emplace(world, 1);
    subtask->change(keys, [](std::uint64_t i) { return static_cast<std::int64_t>(i); });
    subtask->checkpoint();
    std::uint64_t n = 0;
    for (int i = 0; i < kCheckpoints; ++i) {
      subtask->change(keys / 100, [&](std::uint64_t) { return bench::uniform(n++, keys); });
      const auto cost = subtask->checkpoint();
      changed = {changed.cpu_ms + cost.cpu_ms / kCheckpoints, changed.wall_ms + cost.wall_ms / kCheckpoints,
                 changed.mb + cost.mb / kCheckpoints, std::max(changed.pause_ms, cost.pause_ms)};
    }
    const OperatorSnapshot newest = subtask->newest();
    whole = subtask->checkpoint(CheckpointKind::kSavepoint);
    subtask.reset();
    const double begin_s = bench::wall_s();
    subtask.emplace(world, 2, newest);
    subtask->change({7});
    restore_ms = (bench::wall_s() - begin_s) * 1e3;
  }
  fs::remove_all(folder);
  return {.main = changed.cpu_ms,
          .more = {whole.cpu_ms, whole.mb, changed.mb, changed.wall_ms, changed.pause_ms, restore_ms}};
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  using namespace tidemark;
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"store checkpoint", options};
  const std::uint64_t keys = options.size(10'000'000, 200'000);
  const std::uint64_t memory_bytes = options.size(128, 24) << 20;
  bench::Candidate candidate{[&] { return run(keys, memory_bytes); }};
  bench::alternate({&candidate}, options.rounds(1), bench::Cores::kAll);
  bench::Row row{.name = bench::many(keys) + " keys, memory.state " + std::to_string(memory_bytes >> 20) + " MB, 1 % changed",
                 .unit = "ms of CPU a checkpoint",
                 .bare = candidate.more(0),
                 .engine = candidate.main()};
  row.bare_cpu_s = row.engine_cpu_s = candidate.cpu_s();
  row.more = {{"MB of a whole one", candidate.more(1)},
              {"MB of an incremental one", candidate.more(2)},
              {"ms on the wall", candidate.more(3)},
              {"longest pause, ms (aim 1)", candidate.more(4)},
              {"ms from the opening to the first record (aim 300)", candidate.more(5)}};
  report.print(row);
}
