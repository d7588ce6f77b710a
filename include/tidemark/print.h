// Records to the standard output.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tidemark/detail/connectors/print_operator.h"
#include "tidemark/sink.h"

namespace tidemark {

/// Prints each record as a line of JSON, with `label> ` before it if one is given. At least once: what a restart replays is
/// printed again.
class PrintSink {
 public:
  explicit PrintSink(std::string label) : label_{std::move(label)} {}

  template <class T>
  operator SinkDescription<T>() const {
    return SinkDescription<T>{std::make_shared<detail::PrintSinkImplementation<T>>(label_)};
  }

 private:
  std::string label_;
};

inline PrintSink print(std::string label = {}) { return PrintSink{std::move(label)}; }

}  // namespace tidemark
