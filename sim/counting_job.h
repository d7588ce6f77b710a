// A workload and its oracle: numbers, counted per key by a keyed function, written by the two-phase file sink.
//
// Every record gives one row {key, count, number}. What an undisturbed run commits is known without running anything:
// each number once, and for each key the counts 1, 2, 3, ... once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "env/file_system.h"
#include "sim/simulated_process.h"

namespace tidemark {

struct CountingJob {
  std::uint32_t parallelism = 1;
  std::uint64_t records = 60;
  std::uint64_t keys = 7;
  /// Before this record's first pass the user's function throws; 0 is none.
  std::uint64_t throw_at = 0;
  /// Whether it has thrown; shared by all processes that run the job.
  std::shared_ptr<bool> has_thrown = std::make_shared<bool>(false);

  std::string name = "counts";
  std::string out = "/out";

  SimulatedJob build() const;
  /// Of the committed files alone, once the job has finished; what is wrong with them, nothing if all is well.
  std::optional<std::string> check_finished(FileSystem& files) const;
  /// At any time: no row twice, none that is wrong.
  std::optional<std::string> check_so_far(FileSystem& files) const;
};

}  // namespace tidemark
