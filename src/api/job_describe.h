// What a job's executable does that is asked by a JobManager what it is: it writes that to a file, and runs nothing.
#pragma once

#include <string>

#include "base/result.h"
#include "config/options.h"
#include "env/file_system.h"
#include "graph/plan.h"

namespace tidemark {

/// `path`: of a file that is not there yet. `has_own_storage`: see JobDescription.
Result<> describe_job(FileSystem& files, const std::string& path, const Options& options, const PhysicalPlan& plan, bool has_own_storage);

}  // namespace tidemark
