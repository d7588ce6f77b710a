// What does a checkpoint of what changed cost, beside one of everything?
//
// A table of 20 million keys, of which 1 % change between two checkpoints, written to the disk by one thread. The bare figure
// is a whole checkpoint of the same table; an incremental one may take 5 % of its time and 3 % of its bytes.
#include <filesystem>

#include "bench/measure.h"
#include "env/posix_env.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/state.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;

struct Aggregate {
  std::int64_t count, sum, min, max;
};

/// A subtask with one state.
template <class V>
class Subtask {
 public:
  explicit Subtask(const fs::path& folder) : folder_{folder}, posix_{1} {
    fs::create_directories(folder_ / "shared");
    fs::create_directories(folder_ / "chk");
    context_.env = &env_;
    context_.name = {.name = "keyed process", .uid = "keys"};
    context_.attempt = 1;
    context_.shared_folder = folder_ / "shared";
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    backend_.restore(context_);
  }
  ~Subtask() { fs::remove_all(folder_); }

  void change(std::int64_t key) {
    cursor_ = {.hash = detail::hash_key(key), .key = detail::KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    if constexpr (std::is_integral_v<V>) {
      state_.set(state_.get() + 1);
    } else {
      V value = state_.get();
      ++value.count;
      value.sum += key;
      state_.set(value);
    }
  }

  struct Cost {
    double cpu_s, wall_s, mb;
  };
  Cost checkpoint() {
    const CheckpointId id = ++checkpoints_;
    const double cpu_s = bench::process_cpu_s();
    const double wall_s = bench::wall_s();
    const auto work = backend_.snapshot(
        {.barrier = {.id = id}, .folder = folder_ / "chk", .file_prefix = "keys-0", .job = "bench"}, context_, {});
    while (!work->step()) continue;
    backend_.checkpoint_completed(id);
    return {bench::process_cpu_s() - cpu_s, bench::wall_s() - wall_s, static_cast<double>(work->bytes_written()) / 1e6};
  }

 private:
  fs::path folder_;
  PosixEnv posix_;
  Env env_{posix_.env()};
  detail::OperatorContext context_;
  detail::KeyCursor<std::int64_t> cursor_;
  detail::KeyedBackend backend_{schema_json(detail::type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, V> state_{declare_, "state"};
  CheckpointId checkpoints_ = 0;
};

// `main`: ms of CPU of an incremental checkpoint; `more`: of the whole one, MB of each, ms of the wall clock.
template <class V>
bench::Figures run(std::uint64_t keys) {
  Subtask<V> subtask{fs::temp_directory_path() / ("tidemark-bench-incremental-" + std::to_string(getpid()))};
  for (std::uint64_t key = 0; key < keys; ++key) subtask.change(static_cast<std::int64_t>(key));
  const auto whole = subtask.checkpoint();
  std::uint64_t n = 0;
  for (std::uint64_t i = 0; i < keys / 100; ++i) subtask.change(bench::uniform(n++, keys));
  const auto changed = subtask.checkpoint();
  return {changed.cpu_s * 1e3, {whole.cpu_s * 1e3, whole.mb, changed.mb, changed.wall_s * 1e3}};
}

template <class V>
void compare(const bench::Options& options, bench::Report& report, const char* name) {
  if (!options.wants(name)) return;
  bench::Candidate candidate{[&] { return run<V>(options.size(20'000'000, 200'000)); }};
  bench::alternate({&candidate}, options.rounds(3), bench::Cores::kAll);
  bench::Row row{.name = name, .unit = "ms of CPU a checkpoint", .bare = candidate.more(0), .engine = candidate.main()};
  row.aim = 0.05 * candidate.more(0);
  row.bare_cpu_s = row.engine_cpu_s = candidate.cpu_s();
  row.more = {{"MB of a whole one", candidate.more(1)},
              {"MB of an incremental one", candidate.more(2)},
              {"bytes, % (aim 3)", 100 * candidate.more(2) / candidate.more(1)},
              {"ms on the wall", candidate.more(3)}};
  report.print(row);
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"incremental", options};
  tidemark::compare<tidemark::Aggregate>(options, report, "32 bytes a key");
  tidemark::compare<std::int64_t>(options, report, "8 bytes a key");
}
