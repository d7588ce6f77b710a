// Jobs' folders of checkpoints, found by what lies in them. Any thread; every call blocks on I/O.
#pragma once

#include <string>
#include <vector>

#include "env/file_system.h"

namespace tidemark {

/// The folders of jobs that `path` means: itself if it is one, else those directly below it. kNotFound if there is no such
/// folder.
Result<std::vector<std::string>> job_folders(FileSystem& files, const std::string& path);

/// The one of them; kNotFound if there is none, kInvalidArgument if there are several.
Result<std::string> job_folder(FileSystem& files, const std::string& path);

}  // namespace tidemark
