// What reads the splits of one source, one after the other. Made for each subtask, used by its task's thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"
#include "tidemark/source.h"

namespace tidemark::detail {

template <class T>
class SplitReader {
 public:
  enum class Outcome {
    kRecords,  ///< some, or at least a part of the split, was read
    kNothing,  ///< nothing for now: see retry_after_ns()
    kEnd,      ///< the split is read; there may be records with it
  };
  struct Read {
    Outcome outcome = Outcome::kNothing;
    Timestamp newest = Timestamp::min();  ///< the largest event time of what was read
  };

  virtual ~SplitReader() = default;

  /// Once, before all else. `context` outlives the reader.
  virtual void start(const OperatorContext& context) = 0;
  /// The next split, at a position that position() gave, or an empty one for its beginning. Throws Error.
  virtual void open(std::string_view split, std::string_view position) = 0;
  /// At most one batch into `out`, flushed, and what was no record into `bad`, not flushed. Throws Error.
  virtual Read read(Out<T>& out, Out<BadRecord>& bad) = 0;
  /// How far the open split was read.
  virtual std::string position() const = 0;
  /// After kNothing.
  virtual std::int64_t retry_after_ns() const { return 0; }
  /// Records left out by on_error(skip()).
  virtual std::uint64_t skipped() const { return 0; }
  /// Of the input, since the reader was made; 0 where that means nothing.
  virtual std::uint64_t bytes_read() const { return 0; }
};

}  // namespace tidemark::detail
