#include "agent/executable_fetch.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark {
namespace {

/// The end of an upload, which waits for the disk.
class FinishUpload final : public BackgroundWork {
 public:
  FinishUpload(std::string hash, std::unique_ptr<ExecutableStore::Upload> upload, std::shared_ptr<OwnerLink> owner,
               ExecutableFetch::Fetched fetched)
      : hash_{std::move(hash)}, upload_{std::move(upload)}, owner_{std::move(owner)}, fetched_{std::move(fetched)} {}

  Progress step() noexcept override {
    auto executable = upload_->finish(hash_);
    upload_.reset();
    owner_->post(
        [fetched = std::move(fetched_), executable = std::move(executable)]() mutable { fetched(std::move(executable)); });
    return Progress::kDone;
  }

 private:
  const std::string hash_;
  std::unique_ptr<ExecutableStore::Upload> upload_;
  const std::shared_ptr<OwnerLink> owner_;
  ExecutableFetch::Fetched fetched_;
};

}  // namespace

Result<ExecutableFetch> ExecutableFetch::begin(ExecutableStore& store, std::string hash) {
  TIDEMARK_ASSIGN(upload, store.begin("job"));
  return ExecutableFetch{std::move(hash), std::move(upload)};
}

Result<> ExecutableFetch::take(const ExecutablePart& part) {
  if (part.bytes.empty()) {
    return fail(ErrorCode::kNotFound, fmt::format("the JobManager has the executable {} no longer: upload it again", hash_));
  }
  const bool is_first = offset_ == 0;
  if (part.offset != offset_ || part.bytes.size() > kLargestPart || part.bytes.size() > part.size - offset_ ||
      (!is_first && part.size != size_)) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("a part of the executable {} came that is not the one that was asked for", hash_));
  }
  size_ = part.size;
  TIDEMARK_TRY(upload_->append(part.bytes));
  offset_ += part.bytes.size();
  return {};
}

void ExecutableFetch::finish(BlockingPool& pool, std::shared_ptr<OwnerLink> owner, Fetched fetched) {
  pool.submit(std::make_unique<FinishUpload>(hash_, std::move(upload_), std::move(owner), std::move(fetched)));
}

}  // namespace tidemark
