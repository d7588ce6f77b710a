// Measuring for the programs of this folder: thread CPU time, candidates run in turn within one process, medians.
//
// Machines are noisy: only ratios within one run mean something.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

namespace bench {

inline double thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Of all threads.
inline double process_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Keeps the compiler from dropping what computed `value`.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

struct Candidate {
  std::string name;
  std::function<void()> run;
  std::vector<double> ns;

  double median() const { return bench::median(ns); }
};

/// Runs all candidates `rounds` times in turn and notes the CPU ns of each run, per record.
inline void alternate(std::vector<Candidate>& candidates, int rounds, double records) {
  for (int round = 0; round < rounds; ++round) {
    for (Candidate& candidate : candidates) {
      const double start = thread_cpu_ns();
      candidate.run();
      const double taken = thread_cpu_ns() - start;
      if (round > 0) candidate.ns.push_back(taken / records);  // the first round warms up
    }
  }
}

}  // namespace bench
