// The seam of a sink: what Stream::to() takes. A SinkDescription<T> is a value; builders (write_files(), print(), ...)
// convert to it for the T of the stream. Immutable; any thread.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/model/kept_values.h"
#include "tidemark/detail/task/factories.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/error.h"

namespace tidemark {

namespace detail {

class SinkImplementation {
 public:
  virtual ~SinkImplementation() = default;
  /// For plans and messages: "write files". What a sink of another name has prepared it does not commit.
  virtual std::string name() const = 0;
  /// A writer for a subtask: an operator without output.
  virtual std::unique_ptr<Operator> make_writer() const = 0;
  /// Whether checkpoints hold committables of it, so that it needs a uid.
  virtual bool keeps_state() const { return false; }
  /// The types of users' values in them.
  virtual std::vector<KeptType> kept() const { return {}; }
  /// Whether it keeps apart what a row of changes (change.h) adds and what it takes away. One that doesn't gets rows that are
  /// only added.
  virtual bool takes_changes() const { return false; }
  /// Whether it keeps one row a key, which Upsert<T> records replace and delete, or writes those records as they are.
  virtual bool takes_upserts() const { return takes_changes(); }
  /// See NodeFactory::recover.
  virtual void recover(const SinkRecovery& recovery) const { static_cast<void>(recovery); }
};

}  // namespace detail

template <class T>
class SinkDescription {
 public:
  /// `problem`: what is wrong with the arguments of the sink, for whoever takes it to report.
  explicit SinkDescription(std::shared_ptr<const detail::SinkImplementation> sink, std::optional<Error> problem = std::nullopt)
      : sink_{std::move(sink)}, problem_{std::move(problem)} {}

  const std::optional<Error>& problem() const { return problem_; }

  std::string name() const { return sink_->name(); }
  bool keeps_state() const { return sink_->keeps_state(); }
  std::vector<KeptType> kept() const { return sink_->kept(); }
  bool takes_changes() const { return sink_->takes_changes(); }
  bool takes_upserts() const { return sink_->takes_upserts(); }
  std::unique_ptr<detail::Operator> make_writer() const { return sink_->make_writer(); }
  void recover(const detail::SinkRecovery& recovery) const { sink_->recover(recovery); }

 private:
  std::shared_ptr<const detail::SinkImplementation> sink_;
  std::optional<Error> problem_;
};

namespace detail {
template <class Sink, class T>
concept SinkOf = std::convertible_to<const Sink&, SinkDescription<T>>;
}  // namespace detail

}  // namespace tidemark
