#include "tidemark/detail/base/probe.h"

#ifdef TIDEMARK_INSTRUMENTS

#include <algorithm>
#include <string_view>

// Made by the linker: the ends of the section.
extern "C" {
extern tidemark::detail::Probe __start_tidemark_probes[] __attribute__((weak));  // NOLINT: the linker's name
extern tidemark::detail::Probe __stop_tidemark_probes[] __attribute__((weak));   // NOLINT: the linker's name
}

namespace tidemark::detail {

std::vector<Probe*> all_probes() {
  std::vector<Probe*> result;
  for (Probe* probe = __start_tidemark_probes; probe != __stop_tidemark_probes; ++probe) result.push_back(probe);
  std::ranges::sort(result, {}, [](const Probe* probe) { return std::string_view{probe->name}; });
  return result;
}

}  // namespace tidemark::detail

#endif
