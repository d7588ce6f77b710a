// What every source can be told: how late records may come, and what becomes of input that is no record.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "tidemark/error.h"
#include "tidemark/time.h"

namespace tidemark {

/// How far behind the newest record of its split a record may lie and still be in time.
struct OutOfOrderness {
  Duration delay{0};
};

/// A delay of zero or more.
inline OutOfOrderness out_of_order_by(Duration delay) { return {delay}; }

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
