// The makers of all workloads, for workloads.cc; what each does stands in its own file.
#pragma once

#include <memory>

#include "sim/workload.h"

namespace tidemark {

std::unique_ptr<Workload> make_unique_numbers(const WorkloadOptions& options);
std::unique_ptr<Workload> make_keyed_counters(const WorkloadOptions& options);
std::unique_ptr<Workload> make_file_counters(const WorkloadOptions& options);
std::unique_ptr<Workload> make_event_windows(const WorkloadOptions& options);
std::unique_ptr<Workload> make_timers(const WorkloadOptions& options);
std::unique_ptr<Workload> make_bursts(const WorkloadOptions& options);
std::unique_ptr<Workload> make_state_machine(const WorkloadOptions& options);
std::unique_ptr<Workload> make_text_keys(const WorkloadOptions& options);
std::unique_ptr<Workload> make_expiring(const WorkloadOptions& options);
std::unique_ptr<Workload> make_versions(const WorkloadOptions& options);
std::unique_ptr<Workload> make_all_round(const WorkloadOptions& options);
std::unique_ptr<Workload> make_asking(const WorkloadOptions& options);
std::unique_ptr<Workload> make_meetings(const WorkloadOptions& options);

}  // namespace tidemark
