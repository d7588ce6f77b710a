// How soon does a job whose process was killed process its first record again, and how fast is all state read back?
//
// Texts of 1000 random bytes by key, and incremental checkpoints each second. Once one holds them all the process is killed
// (SIGKILL), and started anew with --resume: "first record" is the time from there to its first output, with its state loaded
// behind; the bare figure is the same job that reads
// all of it first. "in RocksDB" its state stays in RocksDB's files, with 128 MB of memory. "all of it" is one core that loads
// the checkpoint's file into a table; the bare figure is what that core takes to read and decode it, or the disk to give it,
// whichever is more.
#include <fcntl.h>
#include <malloc.h>

#include <cmath>
#include <filesystem>

#include "bench/checkpoint_folder.h"
#include "bench/first_byte.h"
#include "bench/measure.h"
#include "env/posix_env.h"
#include "snapshot/snapshot_file_reader.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

constexpr double kFirstRecordAimMs = 300;
constexpr double kLoadAim = 0.7;  // of the lower of the two rates

struct Click {
  std::int64_t user;
};

/// Puts out only whether the first text that it finds is the right one.
struct Texts : KeyedProcess<std::int64_t, Click, std::string> {
  ValueState<std::string> text_;
  bool emitted_ = false;
  explicit Texts(Declare& declare) : text_{declare, "text"} {}
  void process(const Click& click, Context&, Out<std::string>& out) override {
    const std::string* text = text_.find();
    if (text == nullptr) return text_.set(bench::random_text(click.user));
    if (!std::exchange(emitted_, true)) out.emit(*text == bench::random_text(click.user) ? "found" : "lost");
  }
};

// Without end: first each key in turn, then as drawn. Says '!' when each key was there. `mode` is fill, lazy or eager, with
// -rocksdb where its state is to be there.
int job(const std::string& folder, std::uint64_t keys, std::string_view mode) {
  std::vector<const char*> args{"recovery", "-D", "log.level=error", "-D", "worker.threads=1", "--checkpoint-dir", folder.c_str()};
  args.insert(args.end(), {"--checkpoint-interval", "1s", "-D", "execution.checkpointing.incremental=true"});
  if (!mode.starts_with("fill")) args.push_back("--resume");
  if (mode.ends_with("-rocksdb")) args.insert(args.end(), {"-D", "state.backend.type=rocksdb", "-D", "memory.state=128mb"});
  if (mode == "eager") args.insert(args.end(), {"-D", "execution.state-recovery.lazy=false"});
  Job job{"recovery", static_cast<int>(args.size()), args.data()};
  job.from(generate<Click>(std::nullopt, [keys](std::uint64_t n) {
        if (n == keys && write(STDOUT_FILENO, "!", 1) != 1) std::abort();
        return Click{n < keys ? static_cast<std::int64_t>(n) : bench::uniform(n, keys)};
      }))
      .uid("clicks")
      .key_by(&Click::user)
      .process<Texts>()
      .uid("texts")
      .to(print());
  return job.run();
}

// Leaves a complete checkpoint with every key.
void fill_and_kill(const std::string& mode, const std::string& folder, std::uint64_t keys) {
  bench::Restarted process{{mode, folder, std::to_string(keys)}};
  char byte = 0;
  while (byte != '!') {
    if (!process.read_byte(byte)) bench::give_up("the job that was to be killed ended by itself");
  }
  // The one that has begun may lack keys, and the one behind it is complete once the next one begins.
  const int last = bench::newest_checkpoint(folder + "/recovery") + 2;
  while (bench::newest_checkpoint(folder + "/recovery") < last) usleep(10'000);
  process.kill();
  process.wait();
}

void first_record(bench::Report& report, const bench::Options& options, std::uint64_t keys, bool in_rocksdb) {
  const std::string name = "first record, " + bench::many(keys) + (in_rocksdb ? " keys in RocksDB" : " keys");
  if (!options.wants(name)) return;
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-recovery-" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string kept = folder / "kept";
  fill_and_kill(in_rocksdb ? "fill-rocksdb" : "fill", kept, keys);
  const auto resumed = [&](std::string mode) {
    return bench::Candidate{[&, mode] {
      const bench::FirstByte first = bench::first_byte({mode, kept, std::to_string(keys)}, bench::Then::kKill);
      if (first.line != "\"found\"") bench::give_up("the resumed job has lost its state");
      return bench::Figures{first.ms};
    }};
  };
  bench::Candidate eager = resumed("eager");
  bench::Candidate lazy = resumed(in_rocksdb ? "lazy-rocksdb" : "lazy");
  bench::alternate(in_rocksdb ? std::vector{&lazy} : std::vector{&eager, &lazy}, options.rounds(3), bench::Cores::kAll);

  bench::Row row{.name = name, .unit = "ms", .engine = lazy.main(), .aim = kFirstRecordAimMs};
  if (!in_rocksdb) row.bare = eager.main();
  row.more = {{"MB of files", static_cast<double>(bench::bytes_in(kept + "/recovery")) / 1e6}};
  report.print(row);
  fs::remove_all(folder);
}

/// A subtask with one state.
class Subtask {
 public:
  explicit Subtask(const fs::path& folder, std::vector<SnapshotFile> files = {}, bool lazy = false) : folder_{folder} {
    context_.env = &env_;
    context_.name = {.name = "keyed process", .uid = "texts"};
    context_.attempt = 1;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    context_.restore.keyed_files = std::move(files);
    context_.restore.lazy.on = lazy;
    backend_.may_load_behind();
    backend_.restore(context_);
    while (backend_.is_loading()) backend_.load_next();
  }

  void fill(std::uint64_t keys) {
    for (std::int64_t key = 0; key < static_cast<std::int64_t>(keys); ++key) {
      cursor_ = {.hash = detail::hash_key(key), .key = detail::KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
      state_.set(bench::random_text(key));
    }
  }
  SnapshotFile save() {
    const auto work = backend_.snapshot({.barrier = {.id = 1}, .folder = folder_, .file_prefix = "texts", .job = "bench"}, context_, {});
    while (!work->step()) continue;
    SnapshotFile file = work->take_result().keyed_files.at(0);
    file.path = folder_ / file.path;
    return file;
  }
  std::size_t size() const { return backend_.bound_tables()[0]->size(); }

 private:
  fs::path folder_;
  PosixEnv posix_{1};
  Env env_{posix_.env()};
  detail::OperatorContext context_;
  detail::KeyCursor<std::int64_t> cursor_;
  detail::KeyedBackend backend_{schema_json(detail::type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::string> state_{declare_, "text"};
};

// What was read before is not in memory any more.
void forget_cached(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0 || fdatasync(file) != 0 || posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0) bench::give_up("no cold file");
  close(file);
}

template <class F>
bench::Candidate timed(const SnapshotFile& file, F&& read) {
  return bench::Candidate{[&file, read] {
    forget_cached(file.path);
    const double begin_s = bench::wall_s();
    const auto kept = read();  // its end is not a part of it
    return bench::Figures{bench::wall_s() - begin_s};
  }};
}

void all_of_it(bench::Report& report, const bench::Options& options, std::uint64_t keys) {
  const std::string name = "all of it, " + bench::many(keys) + " keys";
  if (!options.wants(name)) return;
  const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-load-" + std::to_string(getpid()));
  fs::create_directories(folder);
  SnapshotFile file;
  {
    Subtask before{folder};
    before.fill(keys);
    file = before.save();
  }
  malloc_trim(0);  // else the processes below would share its pages, and copy each that they use again
  const auto restored = [&](bool lazy) {
    auto subtask = std::make_unique<Subtask>(folder, std::vector{file}, lazy);
    if (subtask->size() != keys) bench::give_up("the restored table lacks keys");
    return subtask;
  };
  bench::Candidate disk = timed(file, [&] {
    std::ifstream in{file.path, std::ios::binary};
    std::string block(1 << 20, ' ');
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0) continue;
    return block;
  });
  bench::Candidate decode = timed(file, [&] {
    PosixEnv posix{1};
    std::uint64_t sum = 0;
    const auto reader = value_or_throw(SnapshotFileReader::open(*posix.env().files, file.path));
    value_or_throw(reader->for_each(0, file.key_groups, [&](const SnapshotEntry& entry) { sum += entry.value.size(); }));
    if (sum < keys * bench::kRandomTextBytes) bench::give_up("the file lacks entries");
    return sum;
  });
  bench::Candidate eager = timed(file, [&] { return restored(false); });
  bench::Candidate lazy = timed(file, [&] { return restored(true); });
  bench::alternate({&disk, &decode, &eager, &lazy}, options.rounds(3));

  const double bare_s = std::max(disk.main(), decode.main());
  bench::Row row{.name = name, .unit = "s", .bare = bare_s, .engine = lazy.main(), .aim = bare_s / kLoadAim};
  row.bare_cpu_s = decode.cpu_s();
  row.engine_cpu_s = lazy.cpu_s();
  const double mb = static_cast<double>(file.size) / 1e6;
  row.more = {{"MB/s", mb / lazy.main()}, {"MB/s read at once", mb / eager.main()}, {"MB/s of the disk", mb / disk.main()}, {"MB/s decoded", mb / decode.main()}};
  report.print(row);
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && argv[1][0] != '-') return job(argv[2], std::strtoull(argv[3], nullptr, 10), argv[1]);
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"recovery", options};
  std::vector<std::uint64_t> sizes{100'000, 1'000'000, 2'000'000, 4'000'000};
  if (options.quick) sizes = {20'000, 200'000};
  for (const std::uint64_t keys : sizes) {
    first_record(report, options, keys, false);
    first_record(report, options, keys, true);
  }
  for (const std::uint64_t keys : {options.size(1'000'000, 100'000), options.size(4'000'000, 400'000)}) all_of_it(report, options, keys);
}
