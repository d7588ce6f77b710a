// The late records of a function, of which nothing comes any more: handed out where somebody reads them, else counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/side_output.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// Declared in the function's constructor, and used in its callbacks.
template <class T>
class LateRecords {
 public:
  /// Of the side output, if there is one.
  using Names = std::optional<std::string>;

  LateRecords(Declare& declare, const Names& name) {
    if (name) out_.emplace(declare, *name);
  }

  /// Whether somebody reads such a record.
  bool hands_out(const T&) const { return out_ && out_->is_read(); }
  [[gnu::noinline]] void take(const T& record, Timestamp at) {
    if (hands_out(record)) {
      out_->emit(at, record);
    } else {
      ++dropped_;
    }
  }
  /// How many nobody got.
  std::uint64_t dropped() const { return dropped_; }

 private:
  std::optional<SideOut<T>> out_;
  std::uint64_t dropped_ = 0;
};

/// Those of a function of two streams.
struct LateNames {
  std::optional<std::string> first;
  std::optional<std::string> second;
};

}  // namespace tidemark::detail
