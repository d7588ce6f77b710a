#include "api/job_describe.h"

#include "base/version.h"
#include "control/described_value.h"
#include "coordinator/job_description.h"

namespace tidemark {

Result<> describe_job(FileSystem& files, const std::string& path, const Options& options, const PhysicalPlan& plan, bool has_own_storage) {
  const JobDescription description{.library = std::string{library_version()},
                                   .plan = plan,
                                   .fingerprint = fingerprint(plan.logical),
                                   .options = options.given,
                                   .resume = options.resume,
                                   .restore_path = options.restore_path,
                                   .has_own_storage = has_own_storage};
  TIDEMARK_ASSIGN(file, files.create(path, CreateMode::kExclusive));
  TIDEMARK_TRY(file->append(to_described(description)));
  return file->close();
}

}  // namespace tidemark
