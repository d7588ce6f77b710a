// What every source can be told: how late records may come, with which others it keeps pace, and what becomes of input that is
// no record.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tidemark/detail/task/watermark_group.h"
#include "tidemark/error.h"
#include "tidemark/time.h"

namespace tidemark {

/// How far behind the newest record of its split a record may lie and still be in time.
struct OutOfOrderness {
  Duration delay{0};
};

/// A delay of zero or more.
inline OutOfOrderness out_of_order_by(Duration delay) { return {delay}; }

/// Sources of one job whose event times stay together, so that operators behind them need not keep what one of them is ahead:
///
///   const AlignmentGroup clocks{10s};
///   job.from(read_files<Bid>("bids/*").event_time(&Bid::at).align(clocks)).uid("bids")
///   job.from(read_files<Sale>("sales/*").event_time(&Sale::at).align(clocks)).uid("sales")
///
/// A split whose watermark is more than `max_drift` ahead of the slowest reader's waits; it looks again after `update`. Idle readers
/// and those that have ended hold nobody. Copies are the same group.
class AlignmentGroup {
 public:
  explicit AlignmentGroup(Duration max_drift, Duration update = std::chrono::milliseconds{200})
      : group_{std::make_shared<detail::WatermarkGroup>(max_drift, update)} {}

  // The rest is the engine's.

  const std::shared_ptr<detail::WatermarkGroup>& group() const { return group_; }

 private:
  std::shared_ptr<detail::WatermarkGroup> group_;
};

/// Input that is no record: of a source with on_error(side_output(...)).
struct BadRecord {
  std::string file;          ///< or whatever the source reads from
  std::uint64_t line = 0;    ///< from 1
  std::uint64_t column = 0;  ///< of the byte, from 1
  std::string reason;        ///< such as: "price" is a string, Bid::price is int64
  std::string text;          ///< the line itself
};

/// What a source does with input that is no record.
struct OnError {
  enum class Action : std::uint8_t {
    kFail,        ///< the job fails with file, line and column
    kSkip,        ///< it is left out and counted
    kSideOutput,  ///< it becomes a BadRecord of the side output `output`
  };
  Action action = Action::kFail;
  std::string output;
};

inline OnError fail() { return {}; }
inline OnError skip() { return {OnError::Action::kSkip, {}}; }
inline OnError side_output(std::string name) { return {OnError::Action::kSideOutput, std::move(name)}; }

}  // namespace tidemark
