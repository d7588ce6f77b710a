// The seam of a source: what Job::from() takes. A SourceDescription<T> is a value; builders (read_files(), generate(), ...)
// convert to it. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/connectors/source_reader_operator.h"
#include "tidemark/detail/connectors/source_timing.h"
#include "tidemark/detail/connectors/split_enumerator_operator.h"
#include "tidemark/detail/model/kept_values.h"
#include "tidemark/error.h"
#include "tidemark/source.h"

namespace tidemark {

namespace detail {

template <class T>
class SourceImplementation {
 public:
  virtual ~SourceImplementation() = default;
  /// For plans and messages: "read files".
  virtual std::string name() const = 0;
  virtual MakeSplitEnumerator split_enumerator() const = 0;
  virtual std::unique_ptr<SplitReader<T>> make_split_reader() const = 0;
  virtual SourceTiming timing() const { return {}; }
  /// The types of users' values in what it keeps in checkpoints.
  virtual std::vector<KeptType> kept() const { return {}; }
  virtual OnError on_error() const { return {}; }
  /// Whether it comes to an end by itself.
  virtual bool bounded() const { return true; }
};

}  // namespace detail

template <class T>
class SourceDescription {
 public:
  using Record = T;

  /// `problem`: what is wrong with the arguments of the source, for whoever takes it to report.
  explicit SourceDescription(std::shared_ptr<const detail::SourceImplementation<T>> source, std::optional<Error> problem = std::nullopt)
      : source_{std::move(source)}, problem_{std::move(problem)} {}

  const std::optional<Error>& problem() const { return problem_; }

  std::string name() const { return source_->name(); }
  const detail::SourceImplementation<T>& implementation() const { return *source_; }

  /// The task of parallelism 1 upstream of the readers. The edge between is written by a detail::SplitWriter.
  std::unique_ptr<detail::SplitEnumeratorOperator> make_enumerator(
      std::shared_ptr<detail::SplitRequests> requests) const {
    return std::make_unique<detail::SplitEnumeratorOperator>(std::move(requests), source_->split_enumerator());
  }

  /// A reader for a subtask; `requests` are the enumerator's.
  std::shared_ptr<detail::WatermarkGroup> group() const { return source_->timing().group; }
  std::unique_ptr<detail::SourceReaderOperator<T>> make_reader(std::shared_ptr<detail::SplitRequests> requests) const {
    return std::make_unique<detail::SourceReaderOperator<T>>(std::move(requests), source_->make_split_reader(), source_->timing());
  }

  /// The name of the side output of BadRecords (bad_records() of the reader), if there is one.
  std::optional<std::string> bad_records_output() const {
    const OnError on_error = source_->on_error();
    if (on_error.action != OnError::Action::kSideOutput) return std::nullopt;
    return on_error.output;
  }

 private:
  std::shared_ptr<const detail::SourceImplementation<T>> source_;
  std::optional<Error> problem_;
};

}  // namespace tidemark
