// Where a pipeline under test is tied to its test: further inputs that the test feeds, and streams that it looks at.
//
// One thread. An input or an output belongs to one test.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tidemark/detail/testing/hand_fed_source.h"
#include "tidemark/detail/testing/output_rows.h"
#include "tidemark/detail/testing/test_bed.h"
#include "tidemark/sink.h"
#include "tidemark/stream.h"

namespace tidemark {

namespace detail {
class TestVerbs;
}

/// An input of a pipeline under test. The name is for messages: letters, digits and . _ -
template <class T>
class TestInput {
 public:
  TestInput(std::string name) : feed_{std::make_shared<detail::TypedFeed<T>>(std::move(name))} {}
  TestInput(const char* name) : TestInput{std::string{name}} {}

 private:
  friend class TestPorts;
  friend class detail::TestVerbs;
  std::shared_ptr<detail::TypedFeed<T>> feed_;
};

/// An output of a pipeline under test. The name is for messages.
template <class T>
class TestOutput {
 public:
  TestOutput(std::string name) : rows_{std::make_shared<detail::OutputRows>(std::move(name))} {}
  TestOutput(const char* name) : TestOutput{std::string{name}} {}

 private:
  friend class TestPorts;
  friend class detail::TestVerbs;
  std::shared_ptr<detail::OutputRows> rows_;
};

class TestPorts {
 public:
  /// The records that the test puts in.
  template <class T>
  Stream<T> input(const TestInput<T>& input) {
    bed_.add_feed(input.feed_);
    const SourceDescription<T> source{std::make_shared<detail::FeedSource<T>>(input.feed_)};
    return bed_.job().from(source).uid("test-input-" + input.feed_->name()).parallelism(1);
  }
  /// Shows a stream to the test.
  template <class T>
  void output(const TestOutput<T>& output, const Stream<T>& stream) {
    stream.to(SinkDescription<T>{std::make_shared<detail::OutputSink<T>>(output.rows_)});
    bed_.add_output(output.rows_);
  }

 private:
  friend class detail::TestVerbs;
  explicit TestPorts(detail::TestBed& bed) : bed_{bed} {}
  detail::TestBed& bed_;
};

}  // namespace tidemark
