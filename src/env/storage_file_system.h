// A user's Storage as the FileSystem that snapshots go through: its exceptions become Results. Threads and ownership as the
// Storage's, which this shares.
#pragma once

#include <memory>

#include "env/file_system.h"
#include "tidemark/storage.h"

namespace tidemark {

std::unique_ptr<FileSystem> make_storage_file_system(std::shared_ptr<Storage> storage);

}  // namespace tidemark
