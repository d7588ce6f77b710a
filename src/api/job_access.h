// For whoever runs what was built as a Job in another way than Job::run() does: the simulator, the test kit.
#pragma once

#include "tidemark/job.h"

namespace tidemark {

struct detail::JobAccess {
  static const JobBuilder& builder(const Job& job) { return job.builder_; }
};

}  // namespace tidemark
