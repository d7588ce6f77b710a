// Marks a place that simulations ought to reach: a transition of a protocol, a rare branch of a recovery.
//
//   TIDEMARK_PROBE("alignment: a newer barrier ends an older one");
//
// In a build with TIDEMARK_INSTRUMENTS each place counts its visits, and those never visited are known, too; everywhere
// else nothing remains. Only in functions of .cc files that are no templates. Any thread.
#pragma once

#ifdef TIDEMARK_INSTRUMENTS

#include <atomic>
#include <cstdint>
#include <vector>

namespace tidemark::detail {

struct Probe {
  const char* name;  ///< "room: what happens"
  std::atomic<std::uint64_t> visits;
};

/// Of the whole program, by name.
std::vector<Probe*> all_probes();

}  // namespace tidemark::detail

// The linker gathers the probes of all files in one section, visited or not.
#define TIDEMARK_PROBE(text)                                                             \
  do {                                                                                   \
    [[gnu::section("tidemark_probes"), gnu::used]] static constinit ::tidemark::detail::Probe \
        tidemark_probe{text, 0};                                                         \
    tidemark_probe.visits.fetch_add(1, std::memory_order_relaxed);                       \
  } while (false)

#else
#define TIDEMARK_PROBE(text) static_cast<void>(0)
#endif
