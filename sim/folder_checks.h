// What must hold of the files that a job has written, whoever ran it: looked at while an Observer lives. What does not is thrown as Wrong,
// unless it is returned.
//
// One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "env/file_system.h"
#include "sim/workload.h"
#include "snapshot/checkpoint_pointer.h"

namespace tidemark {

/// What is wrong with the output of a job that has finished, or was drained; `folder`: of its checkpoints.
std::optional<std::string> find_wrong_output(FileSystem& files, const Workload& workload, const std::string& folder);

/// A savepoint that is complete has all that it needs in its folder, and agrees with itself.
void expect_whole_savepoint(FileSystem& files, const Workload& workload, const std::string& path);

/// The job has ended, and nothing lies in its folder but what its pointer, which is returned, needs.
CheckpointPointer expect_no_leftover(FileSystem& files, const std::string& folder, std::size_t num_retained);

/// What nobody else does where no run goes on from the one before: hidden files are removed, but for the sinks' names.
void tidy_output(FileSystem& files);

}  // namespace tidemark
