// What a job's executable says of itself to a JobManager that is to run it: its plan and its options. Plain data.
//
// The executable writes it, as a described value (control/described_value.h), to the file that its environment names (control/worker_order.h);
// so it may be of another version of Tidemark than who reads it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "graph/plan.h"

namespace tidemark {

struct JobDescription {
  std::string library;  ///< version of Tidemark that it was built with
  PhysicalPlan plan;
  std::uint64_t fingerprint = 0;  ///< of the plan; its workers say the same
  /// The options that were set, by key, in the words of a configuration file.
  std::map<std::string, std::string> options;
  bool resume = false;       ///< as the command line said
  std::string restore_path;
  bool has_own_storage = false;       ///< snapshots lie where only the job's own code reaches
};

}  // namespace tidemark
