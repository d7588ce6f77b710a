// The options of a job as its master takes them. Pure.
#pragma once

#include "config/options.h"
#include "coordinator/job_master.h"

namespace tidemark {

JobMasterOptions master_options(const Options& options);

}  // namespace tidemark
