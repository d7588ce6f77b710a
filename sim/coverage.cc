#include "sim/coverage.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/base/probe.h"
#include "tidemark/error.h"

namespace tidemark {

#ifdef TIDEMARK_INSTRUMENTS

Coverage::Coverage() : size_{detail::all_probes().size()} {
  const std::size_t bytes = std::max<std::size_t>(size_, 1) * sizeof(*visits_);
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw Error{ErrorCode::kResourceExhausted, "there is no shared memory for the probes"};
  visits_ = new (at) std::atomic<std::uint64_t>[std::max<std::size_t>(size_, 1)];
}

Coverage::~Coverage() { munmap(visits_, std::max<std::size_t>(size_, 1) * sizeof(*visits_)); }

void Coverage::publish() {
  const std::vector<detail::Probe*> probes = detail::all_probes();
  for (std::size_t i = 0; i < size_; ++i) visits_[i] += probes[i]->visits.exchange(0);
}

std::string Coverage::report() const {
  // One place may be compiled into several functions, each with a counter of its own.
  std::map<std::string_view, std::uint64_t> visits;
  const std::vector<detail::Probe*> probes = detail::all_probes();
  for (std::size_t i = 0; i < size_; ++i) visits[probes[i]->name] += visits_[i];

  std::string result;
  std::string_view room;
  std::size_t unreached = 0;
  for (const auto& [name, count] : visits) {
    const std::string_view here = name.substr(0, name.find(':'));
    if (std::exchange(room, here) != here) result += fmt::format("{}\n", here);
    const std::string_view what = name.substr(std::min(name.size(), here.size() + 1));
    result += fmt::format("  {:>12} {}\n", count, what.substr(std::min(what.size(), what.find_first_not_of(' '))));
    unreached += count == 0 ? 1 : 0;
  }
  result += fmt::format("{} places, {} never reached\n", visits.size(), unreached);
  for (const auto& [name, count] : visits) {
    if (count == 0) result += fmt::format("  never: {}\n", name);
  }
  return result;
}

#else

Coverage::Coverage() = default;
Coverage::~Coverage() = default;
void Coverage::publish() {}
std::string Coverage::report() const { return "This build counts nothing: configure it with -DTIDEMARK_INSTRUMENTS=ON.\n"; }

#endif

}  // namespace tidemark
