#include "state/store_link.h"

#include "tidemark/detail/base/check.h"

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
  TIDEMARK_CHECK(files_ != nullptr, "a store whose StateStores name a format of files gives them");
  return files_->files();
}

}  // namespace tidemark
