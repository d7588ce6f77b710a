// A test that drives a job by hand: records, watermarks and time, snapshots and restores. One thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tidemark/detail/testing/test_verbs.h"

namespace tidemark {

struct RestoreOptions {
  std::uint32_t parallelism = 0;  ///< 0: as it was
};

namespace detail {

/// The verbs return the test itself, which is a Derived, so that they can be strung together.
template <class Derived, class In, class OutT>
class HandDrivenTest : public TestVerbs {
 public:
  using Location = std::source_location;

  /// Puts a record in. Without a time it comes before all others, as from a source that was given none.
  Derived& in(In record, Timestamp event_time = Timestamp::min()) {
    feed(input_, std::move(record), event_time);
    return self();
  }
  /// Into a further input.
  template <class T>
  Derived& in(const TestInput<T>& input, std::type_identity_t<T> record, Timestamp event_time = Timestamp::min()) {
    feed(input, std::move(record), event_time);
    return self();
  }

  /// On all inputs: no record with an event time up to this one is expected any more. A watermark below the one before
  /// changes nothing.
  Derived& watermark(Timestamp watermark) {
    bed().add_watermark(watermark);
    return self();
  }

  /// On one further input alone: time goes on at operators only as it does on all of their inputs.
  template <class T>
  Derived& watermark(const TestInput<T>& input, Timestamp watermark) {
    add_watermark(input, watermark);
    return self();
  }

  /// Moves the wall clock, which begins in 1970 and stands still otherwise.
  Derived& processing_time(Timestamp now) {
    bed().set_time(now);
    return self();
  }

  /// Takes a checkpoint.
  Derived& snapshot() {
    bed().snapshot();
    return self();
  }
  /// Destroys all operators, as if the process had died, and makes new ones from the last snapshot. What was put in since is
  /// put in again, and what comes out then must be what had come out before.
  Derived& restore(RestoreOptions options = {}) {
    bed().restore(options.parallelism);
    return self();
  }

  /// No record will come from this further input any more; the others go on.
  template <class T>
  Derived& end(const TestInput<T>& input) {
    end_input(input);
    return self();
  }
  /// No record will come any more. The job ends, and its sinks commit.
  Derived& end() {
    bed().end();
    return self();
  }

  using TestVerbs::expect_out;
  /// See expect_out() of a TestOutput.
  Derived& expect_out(const std::vector<OutT>& expected, Location where = Location::current()) {
    TestVerbs::expect_out(output_, expected, where);
    return self();
  }
  Derived& expect_out(const std::vector<OutT>& expected, InAnyOrder order, Location where = Location::current()) {
    TestVerbs::expect_out(output_, expected, order, where);
    return self();
  }
  template <class KeyFn>
  Derived& expect_out(const std::vector<OutT>& expected, const InOrderOf<KeyFn>& order, Location where = Location::current()) {
    TestVerbs::expect_out(output_, expected, order, where);
    return self();
  }

  using TestVerbs::take_out;
  std::vector<Emitted<OutT>> take_out() { return TestVerbs::take_out(output_); }

 protected:
  using TestVerbs::TestVerbs;
  ~HandDrivenTest() = default;

  /// `build` makes the stream that comes out of the one that is put in.
  template <class Build>
  void start(Build&& build) {
    TestPorts ports = this->ports();
    const Stream<OutT> result = build(ports.input(input_), ports);
    ports.output(output_, result);
    bed().start();
  }

 private:
  Derived& self() { return static_cast<Derived&>(*this); }
  void rest() override { bed().settle(); }

  TestInput<In> input_{"in"};
  TestOutput<OutT> output_{"out"};
};

}  // namespace detail
}  // namespace tidemark
