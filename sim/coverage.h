// How often each probe of the program was visited (detail/base/probe.h), over all processes that run seeds.
//
// Made before the first fork; publish() adds what a process has counted since its last call. Any process, one thread in each.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tidemark {

class Coverage {
 public:
  Coverage();
  ~Coverage();
  Coverage(const Coverage&) = delete;
  Coverage& operator=(const Coverage&) = delete;

  void publish();
  /// A line for each probe, by room; then those that nothing has reached.
  std::string report() const;

 private:
  std::size_t size_ = 0;
  std::atomic<std::uint64_t>* visits_ = nullptr;  // shared memory; in the order of all_probes()
};

}  // namespace tidemark
