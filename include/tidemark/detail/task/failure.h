// How a task fails: TaskFailure carries an Error through the operators upstream of the place that it happened at.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/model/operator_name.h"
#include "tidemark/error.h"

namespace tidemark::detail {

class TaskFailure : public std::exception {
 public:
  explicit TaskFailure(Error error, bool names_operator = true) : error_{std::move(error)}, names_operator_{names_operator} {}
  const Error& error() const { return error_; }
  /// False if the message does not say yet where it happened.
  bool names_operator() const { return names_operator_; }
  const char* what() const noexcept override { return error_.what(); }

 private:
  Error error_;
  bool names_operator_;
};

/// receiver.receive(batch), with whatever it throws turned into a TaskFailure, so that the operator upstream does not take
/// the failure of one downstream for its own.
void hand_on(BatchReceiver& receiver, Batch& batch);

/// What the exception being handled says, in words: an Error's or std::exception's text, else that it was of no known type.
std::string current_exception_text();

/// The exception being handled as a TaskFailure; one that is already a TaskFailure goes on as it is. `where` says at which
/// record or call: it is called only for a new failure.
template <class Where>
[[noreturn]] void fail_user_code(const OperatorName& op, Where&& where);

[[noreturn]] void throw_user_code_failure(const OperatorName& op, const std::string& where);

template <class Where>
void fail_user_code(const OperatorName& op, Where&& where) {
  try {
    throw;
  } catch (const TaskFailure&) {
    throw;
  } catch (...) {
    throw_user_code_failure(op, where());
  }
}

}  // namespace tidemark::detail
