#include "worker/pinned_threads.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "env/cpu_cores.h"

namespace tidemark {

Result<> require_core_each(std::size_t threads, std::size_t cores) {
  if (threads <= cores) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("worker.cpu-pinning: {} threads can't have a core each, as this process may use {}: lower "
                          "worker.threads, let the process use more (taskset, the container's cpuset), or leave "
                          "worker.cpu-pinning off",
                          threads, cores));
}

MakeThread make_pinned_threads(std::vector<int> cores) {
  return [cores = std::move(cores), next = std::size_t{0}](std::function<void()> run) mutable {
    const int core = cores[next++ % cores.size()];
    return std::jthread{[core, run = std::move(run)] {
      // It may have been taken away since the job began; the thread does its work on another as well.
      const auto pinned = run_this_thread_on({core});
      if (!pinned) log_warning("worker.cpu-pinning: " + pinned.error().message());
      run();
    }};
  };
}

}  // namespace tidemark
