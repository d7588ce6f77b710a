#include "sim/workloads/job_workload.h"

#include "api/job_access.h"
#include "graph/plan.h"

namespace tidemark {

SimulatedJob JobWorkload::build(std::uint32_t parallelism, std::uint32_t version) {
  version_ = version;
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
