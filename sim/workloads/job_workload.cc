#include "sim/workloads/job_workload.h"

#include "graph/plan.h"

namespace tidemark {

// The simulator runs a job by itself instead of by Job::run().
struct detail::JobAccess {
  static const JobBuilder& builder(const Job& job) { return job.builder_; }
};

SimulatedJob JobWorkload::build(std::uint32_t parallelism) {
  const std::string name = this->name();
  const char* argv[] = {name.c_str()};
  Job job{name, 1, argv};
  describe(job);
  const detail::JobBuilder& builder = detail::JobAccess::builder(job);
  if (builder.complaint()) throw *builder.complaint();
  LogicalPlan logical = builder.plan();
  logical.job = name;
  logical.parallelism = parallelism;
  return {value_or_throw(make_physical_plan(std::move(logical))), builder.factories()};
}

}  // namespace tidemark
