// Errors of Tidemark: what went wrong, whose it is to mend, and whether trying again can help.
//
// The public API throws Error. Inside the library, I/O edges return Result<T> (src/base/result.h), which carries the same
// type. User functions may throw anything; the engine catches it, adds operator, subtask and record, and fails the job.
// An Error is a value: copying it is cheap and may be done by any thread.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace tidemark {

/// What kind of thing went wrong. The message says what, where, and what to do.
enum class ErrorCode {
  kInvalidArgument,     ///< an option, a graph or an argument that can never work
  kParse,               ///< input that does not have the shape it was declared to have
  kNotFound,            ///< a file, a checkpoint, a state that is not there
  kAlreadyExists,       ///< something is there that must not be
  kPermissionDenied,    ///< the operating system said no
  kResourceExhausted,   ///< disk full, memory budget spent, too many files
  kIo,                  ///< any other failure of the operating system or a device
  kDataLoss,            ///< a checksum or a length that does not fit: the data is damaged
  kUnsupportedVersion,  ///< written by a newer version of Tidemark
  kFailedPrecondition,  ///< the order of things is wrong: a used folder without --resume, a second process
  kUserCode,            ///< a user function threw
  kCancelled,           ///< stopped on request
  kTimeout,             ///< a deadline passed
  kInternal,            ///< a fault of Tidemark itself
};

/// Whose it is to mend.
enum class ErrorDomain {
  kUser,      ///< the job's author: code, options, data
  kExternal,  ///< the world around: disks, networks, other systems
  kInternal,  ///< Tidemark
};

/// Whether trying again can help.
enum class Retry {
  kNone,     ///< it will fail again
  kRestart,  ///< restarting the job from its last checkpoint may help
  kBackoff,  ///< the same call may succeed after a while
};

class Error : public std::exception {
 public:
  /// Domain and retry follow from the code; override them with the second form where the general rule is wrong.
  Error(ErrorCode code, std::string message);
  Error(ErrorCode code, ErrorDomain domain, Retry retry, std::string message);

  ErrorCode code() const noexcept { return code_; }
  ErrorDomain domain() const noexcept { return domain_; }
  Retry retry() const noexcept { return retry_; }
  const std::string& message() const noexcept { return *message_; }
  const char* what() const noexcept override { return message_->c_str(); }

  /// The same error with `context` and ": " before its message.
  [[nodiscard]] Error within(std::string_view context) const;

 private:
  std::shared_ptr<const std::string> message_;  // shared, so that copying cannot throw
  ErrorCode code_;
  ErrorDomain domain_;
  Retry retry_;
};

/// The enumerator's name without its k, in words: "data loss".
std::string_view to_string(ErrorCode code) noexcept;

}  // namespace tidemark
