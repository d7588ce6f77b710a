// What does a timer cost, from its registration to its firing?
//
// Timers over an hour, in no order, of as many keys; then time passes and each one fires. The bare candidate is a
// std::priority_queue and a hash set that keeps each from being in it twice; the engine's queue is that of a subtask, in memory
// and with a share of memory so small that nearly all of them lie in files meanwhile. One core; the page cache is the kernel's.
#include <filesystem>
#include <functional>
#include <queue>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "env/posix_env.h"
#include "env/scratch_folder.h"
#include "tidemark/detail/event_time/timer_queue.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

constexpr std::int64_t kSpanMs = 3'600'000;
constexpr std::uint64_t kBatch = 1024;

std::int64_t time_of(std::uint64_t n) { return static_cast<std::int64_t>(bench::mix(n) % kSpanMs); }

// `main`: ns of CPU a timer; `more`: of registering it, and of firing it.
template <class Add, class Fire>
bench::Figures measure(std::uint64_t timers, Add&& add, Fire&& fire) {
  const double begin_s = bench::process_cpu_s();
  for (std::uint64_t n = 0; n < timers; ++n) add(n);
  const double added_s = bench::process_cpu_s();
  if (fire() != timers) bench::give_up("not every timer has fired");
  const double fired_s = bench::process_cpu_s();
  const double ns = 1e9 / static_cast<double>(timers);
  return {(fired_s - begin_s) * ns, {(added_s - begin_s) * ns, (fired_s - added_s) * ns}};
}

bench::Figures bare(std::uint64_t timers) {
  using Timer = std::pair<std::int64_t, std::uint64_t>;
  struct Hash {
    std::size_t operator()(const Timer& timer) const { return bench::mix(static_cast<std::uint64_t>(timer.first) ^ bench::mix(timer.second)); }
  };
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> queue;
  std::unordered_set<Timer, Hash> known;
  return measure(
      timers,
      [&](std::uint64_t n) {
        if (known.emplace(time_of(n), n).second) queue.emplace(time_of(n), n);
      },
      [&] {
        std::uint64_t fired = 0;
        for (; !queue.empty(); queue.pop(), ++fired) known.erase(queue.top());
        return fired;
      });
}

// In memory if `scratch` is null.
bench::Figures engine(std::uint64_t timers, detail::ScratchFiles* scratch, std::size_t share_bytes) {
  detail::TimerQueue<std::uint64_t> queue;
  if (scratch != nullptr) queue.spill_to(*scratch);
  const auto end_batch = [&] {
    if (scratch != nullptr) queue.keep_to(share_bytes);
  };
  return measure(
      timers,
      [&](std::uint64_t n) {
        queue.add(Timestamp{time_of(n)}, bench::mix(n), n);
        if (n % kBatch == 0) end_batch();
      },
      [&] {
        std::uint64_t fired = 0;
        for (std::int64_t watermark = 0; watermark < kSpanMs; watermark += 100) {
          queue.pop_due(Timestamp{watermark + 99}, [&](Timestamp, std::uint64_t, std::uint64_t) { return ++fired != 0; });
          end_batch();
        }
        return fired;
      });
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"timers", options};
  const std::uint64_t timers = options.size(20'000'000, 500'000);
  const std::size_t share_bytes = timers * sizeof(detail::TimerOp<std::uint64_t>) / 16;
  const std::string name = bench::many(timers) + " over an hour";
  const auto print = [&](const std::string& way, bench::Candidate& heap, bench::Candidate& queue) {
    bench::Row row{.name = name + ", " + way, .unit = "ns a timer", .bare = heap.main(), .engine = queue.main()};
    row.add_process(heap, queue);
    row.more = {{"registering", queue.more(0)}, {"firing", queue.more(1)}};
    report.print(row);
  };
  if (!options.wants(name)) return 0;
  bench::Candidate heap{[&] { return bare(timers); }};
  bench::Candidate in_memory{[&] { return engine(timers, nullptr, 0); }};
  bench::Candidate spilled{[&] {
    const fs::path folder = fs::temp_directory_path() / ("tidemark-bench-timers-" + std::to_string(getpid()));
    PosixEnv posix{1};
    bench::Figures figures;
    {
      ScratchFolder scratch{*posix.env().files, folder, "see to the disk"};
      figures = engine(timers, &scratch, share_bytes);
    }
    fs::remove_all(folder);
    return figures;
  }};
  bench::alternate({&heap, &in_memory, &spilled}, options.rounds(3));
  print("in memory", heap, in_memory);
  print("a sixteenth in memory", heap, spilled);
}
