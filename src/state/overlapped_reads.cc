#include "state/overlapped_reads.h"

#include <rocksdb/file_system.h>

#include <string>
#include <utility>

namespace tidemark {
namespace {

using rocksdb::FSRandomAccessFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class OverlappedFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  explicit OverlappedFile(std::unique_ptr<FSRandomAccessFile> file) : FSRandomAccessFileOwnerWrapper{std::move(file)} {}

  IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    for (std::size_t i = 0; i < count && count > 1; ++i) {
      // A wish: where it is refused the read itself succeeds, or says why not.
      target()->Prefetch(requests[i].offset, requests[i].len, options, debug).PermitUncheckedError();
    }
    return target()->MultiRead(requests, count, options, debug);
  }
};

class OverlappedReads final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "tidemark.overlapped_reads"; }

  IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* opened, IODebugContext* debug) override {
    std::unique_ptr<FSRandomAccessFile> file;
    IOStatus status = target()->NewRandomAccessFile(path, options, &file, debug);
    if (status.ok()) *opened = std::make_unique<OverlappedFile>(std::move(file));
    return status;
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> with_overlapped_reads(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<OverlappedReads>(std::move(files));
}

}  // namespace tidemark
