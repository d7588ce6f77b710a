// The guard around user functions: it knows which record was being handled.
#pragma once

#include <cstdint>
#include <string>

#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/task/failure.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// Text that outlives the pass of this batch through the chain.
inline TextRange stable_text_of(const Batch& batch) { return batch.borrowed_text(); }

/// The first 200 bytes and, if it is longer, "...": of a record's content, for a message.
std::string beginning_of(std::string content);

/// "record 118203 (event time 2015-07-15 00:03:02.000, {"auction":17,...})", with the beginning of the content.
std::string describe_record(std::uint64_t number, std::int64_t timestamp, std::string content);

/// Counts the records of one operator subtask, so that a failure names the one that it happened at.
class RecordGuard {
 public:
  void count(std::uint32_t handled) { before_ += handled; }

  /// From a catch block: fails the task for record `index` of the batch at hand.
  template <class T>
  [[noreturn, gnu::noinline, gnu::cold]] void fail(const OperatorName& op, const T& record, std::int64_t timestamp, std::uint32_t index) {
    fail_user_code(op, [&] {
      std::string content;
      append_json(record, content);
      return describe_record(before_ + index + 1, timestamp, std::move(content));
    });
  }

 private:
  std::uint64_t before_ = 0;
};

}  // namespace tidemark::detail
