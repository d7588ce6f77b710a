// What a job's master says, as it looks from outside: in the words of control/job_control.h. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/job_control.h"
#include "coordinator/checkpoint_stats.h"
#include "coordinator/job_master.h"
#include "coordinator/job_state.h"

namespace tidemark {

CheckpointGlance glance_at(const CheckpointStats::Completed& checkpoint);

/// Of one that is there. Any thread.
struct JobNames {
  std::string id;
  std::string name;
};
JobGlance glance_at(const JobNames& names, const JobMaster& master, std::int64_t start_ms, std::int64_t now_ms, std::vector<VertexMetrics> vertices);

}  // namespace tidemark
