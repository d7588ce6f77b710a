#include "env/cpu_cores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <string>
#include <utility>

namespace tidemark {
namespace {

// "0,64" or "0-1": the lowest core of those that are one physical core.
int first_sibling(FileSystem& files, int core) {
  constexpr std::uint64_t kLargest = 4096;
  const std::string path = fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", core);
  const auto text = read_file(files, path, kLargest);
  int first = core;
  if (text) std::from_chars(text->data(), text->data() + text->size(), first);
  return first;
}

}  // namespace

std::vector<int> cores_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {};
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

Result<> run_this_thread_on(const std::vector<int>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("the system does not let a thread run on the cores {} alone ({})",
                                                       fmt::join(cores, ", "), std::strerror(errno)));
}

std::vector<int> physical_cores_first(FileSystem& files, std::vector<int> cores) {
  std::map<int, int> taken;  // of a physical core, by its first sibling
  std::vector<std::pair<int, int>> order;
  for (const int core : cores) order.emplace_back(taken[first_sibling(files, core)]++, core);
  std::ranges::stable_sort(order, {}, &std::pair<int, int>::first);
  std::ranges::transform(order, cores.begin(), &std::pair<int, int>::second);
  return cores;
}

}  // namespace tidemark
