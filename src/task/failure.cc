#include "tidemark/detail/task/failure.h"

#include <fmt/format.h>

namespace tidemark::detail {

std::string current_exception_text() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

void throw_user_code_failure(const OperatorName& op, const std::string& where) {
  const std::string text = current_exception_text();
  const std::string uid = op.uid.empty() ? "" : fmt::format(" (uid {})", op.uid);
  throw TaskFailure{Error{ErrorCode::kUserCode, fmt::format("operator '{}'{}, subtask {}, {}: {}", op.name, uid, op.subtask, where, text)}, true};
}

void hand_on(BatchReceiver& receiver, Batch& batch) {
  try {
    receiver.receive(batch);
  } catch (const TaskFailure&) {
    throw;
  } catch (const Error& error) {
    throw TaskFailure{error, false};
  } catch (...) {
    throw TaskFailure{Error{ErrorCode::kInternal, current_exception_text()}, false};
  }
}

}  // namespace tidemark::detail
