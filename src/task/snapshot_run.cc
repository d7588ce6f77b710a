#include "task/snapshot_run.h"

#include <string>

namespace tidemark {

bool SnapshotRun::step() noexcept {
  if (next_ == works_.size()) return true;
  if (given_up_.load(std::memory_order_relaxed)) {
    error_ = Error{ErrorCode::kCancelled, "given up"};
    return true;
  }
  detail::SnapshotWork& work = *works_[next_];
  try {
    if (!work.step()) return false;
    snapshot_.bytes += work.bytes_written();
    snapshot_.operators.push_back(work.take_result());
    return ++next_ == works_.size();
  } catch (const Error& error) {
    error_ = error;
  } catch (const detail::TaskFailure& failure) {  // of the user's code that a state needs to be read
    error_ = failure.error();
  } catch (...) {
    error_ = Error{ErrorCode::kInternal, detail::current_exception_text()};
  }
  return true;
}

}  // namespace tidemark
