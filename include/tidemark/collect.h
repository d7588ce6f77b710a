// A stream's records in memory: for tests and small results.
#pragma once

#include <memory>
#include <vector>

#include "tidemark/detail/connectors/collect_operator.h"
#include "tidemark/sink.h"

namespace tidemark {

/// auto results = collect<Alert>(); stream.to(results); job.run(); results.get();
/// Copies share the results. Each record is there once, however often the job restarts within the process, and from the
/// moment that its checkpoint is complete (without checkpoints: when all input was read). Another process that resumes the
/// job has only what it commits itself.
template <class T>
class Collector {
 public:
  /// The committed records; those of one subtask in their order. Text in them lives as long as the collector or a copy of
  /// it, and until the job starts anew. Any thread.
  std::vector<T> get() const { return store_->committed(); }

  operator SinkDescription<T>() const {
    return SinkDescription<T>{std::make_shared<detail::CollectSinkImplementation<T>>(store_)};
  }

 private:
  std::shared_ptr<detail::TypedCollectStore<T>> store_ = std::make_shared<detail::TypedCollectStore<T>>();
};

template <class T>
Collector<T> collect() {
  return {};
}

}  // namespace tidemark
