#include "state/store_link.h"

#include "tidemark/error.h"

namespace tidemark {

void StoreLink::settle() noexcept {
  std::call_once(once_, [this] {
    try {
      files_ = store_.files();
    } catch (...) {
      error_ = std::current_exception();
    }
    settled_.store(true, std::memory_order_release);
  });
}

void StoreLink::abandon() noexcept {
  std::call_once(once_, [this] { settled_.store(true, std::memory_order_release); });
}

const std::vector<StateStoreFile>& StoreLink::files() {
  settle();
  if (error_ != nullptr) std::rethrow_exception(error_);
  if (files_ == nullptr) {
    throw Error{ErrorCode::kFailedPrecondition,
                "a state store gave no files, though its StateStores name a format of them: files() returned null"};
  }
  return files_->files();
}

}  // namespace tidemark
