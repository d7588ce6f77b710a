// What a stream can be written to: see files.h, print.h and collect.h for more.
#pragma once

#include <memory>

#include "tidemark/detail/connectors/discard.h"
#include "tidemark/detail/connectors/sink.h"
#include "tidemark/format.h"

namespace tidemark {

/// A sink that takes everything and keeps nothing: to measure what comes before it.
class DiscardSink {
 public:
  template <class T>
  operator SinkDescription<T>() const {
    return SinkDescription<T>{std::make_shared<detail::DiscardSinkImplementation>()};
  }
};
inline DiscardSink discard() { return {}; }

}  // namespace tidemark
