// Scratch files in one folder, numbered.
//
// Any thread. A file is open while it is written, and again for each read: there may be many of them. One that cannot be
// removed stays until its folder goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "env/file_system.h"
#include "tidemark/detail/base/scratch_files.h"

namespace tidemark {

class ScratchFolder final : public detail::ScratchFiles {
 public:
  /// `folder` is made with the first file; nobody else has files in it. `advice` ends errors: where another folder is
  /// named.
  ScratchFolder(FileSystem& files, std::string folder, std::string advice);

  std::unique_ptr<detail::ScratchFile> create() override;

 private:
  FileSystem& files_;
  const std::string folder_;
  const std::string advice_;
  std::atomic<std::uint64_t> created_{0};
};

}  // namespace tidemark
