// What is wrong with the arguments of a source or a sink, kept until Job::from() or Stream::to() takes it: main() needs no
// try, and --help and --plan get their say.
#pragma once

#include <optional>
#include <utility>

#include "tidemark/error.h"
#include "tidemark/source.h"

namespace tidemark::detail {

class ArgumentChecks {
 public:
  /// The first Error that a check throws is kept.
  template <class F>
  void run(F&& check) {
    try {
      check();
    } catch (const Error& error) {
      refuse(error);
    }
  }
  void refuse(Error error) {
    if (!problem_) problem_ = std::move(error);
  }
  void require(bool holds, const char* otherwise) {
    if (!holds) refuse({ErrorCode::kInvalidArgument, otherwise});
  }
  void check(OutOfOrderness out_of_orderness) {
    require(out_of_orderness.delay >= Duration{0}, "out_of_order_by() takes how far records may lag behind the newest one: zero or more");
  }
  void check_idle_after(Duration duration) {
    require(duration > Duration{0}, "idle_after() takes after how much silence nobody waits any more: more than zero");
  }

  const std::optional<Error>& problem() const { return problem_; }

 private:
  std::optional<Error> problem_;
};

}  // namespace tidemark::detail
