// The files of this machine, through POSIX calls.
//
// Threads: any; the object has no state. Calls block on the disk: task threads leave them to the BlockingPool. A file
// whose write or sync has failed once fails for good, because the kernel may drop the pages that it could not write and
// report the next sync as a success.
#pragma once

#include "env/file_system.h"

namespace tidemark {

/// The one instance; lives as long as the process.
FileSystem& posix_file_system();

}  // namespace tidemark
