// What all tests of the kit have in common: files, failures, and looking at what came out. One thread.
#pragma once

#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/testing/output_rows.h"
#include "tidemark/detail/testing/test_bed.h"
#include "tidemark/detail/testing/test_ports.h"
#include "tidemark/error.h"

namespace tidemark {

/// What a test expected has not come. what() says where, and shows both sides.
class TestFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A record that came out, with its event time.
template <class T>
struct Emitted {
  T value;
  Timestamp at;
};

/// Records are expected in any order.
struct InAnyOrder {};
inline constexpr InAnyOrder in_any_order{};

/// Records with the same key are expected in the order given, those of different keys in any.
template <class KeyFn>
struct InOrderOf {
  KeyFn key;
};
/// `key` is a member pointer or a callable for what comes out.
template <class KeyFn>
InOrderOf<KeyFn> in_order_of(KeyFn key) {
  return {std::move(key)};
}

namespace detail {

class TestVerbs {
 public:
  TestVerbs(const TestVerbs&) = delete;
  TestVerbs& operator=(const TestVerbs&) = delete;

  /// A file for a source to read. Files of a test lie in memory; paths are as the job gives them.
  void file(const std::string& path, const std::string& content) { bed_->write_file(path, content); }
  /// The lines of all files below the folder that are committed, in the order of their paths.
  std::vector<std::string> lines(const std::string& folder) { return bed_->read_lines(folder); }

  /// What has come out since the test last looked is exactly this: in this order as long as one subtask does all the work,
  /// in any order when there are more.
  template <class T>
  void expect_out(const TestOutput<T>& output, const std::vector<std::type_identity_t<T>>& expected,
                  std::source_location where = std::source_location::current()) {
    RowComparison comparison = compare<T>(*output.rows_, expected);
    if (bed_->was_parallel()) sort_by_content(comparison);
    check(comparison, where);
  }
  template <class T>
  void expect_out(const TestOutput<T>& output, const std::vector<std::type_identity_t<T>>& expected, InAnyOrder,
                  std::source_location where = std::source_location::current()) {
    RowComparison comparison = compare<T>(*output.rows_, expected);
    sort_by_content(comparison);
    check(comparison, where);
  }
  template <class T, class KeyFn>
  void expect_out(const TestOutput<T>& output, const std::vector<std::type_identity_t<T>>& expected, const InOrderOf<KeyFn>& order,
                  std::source_location where = std::source_location::current()) {
    RowComparison comparison = compare<T>(*output.rows_, expected);
    comparison.expected_keys = keys_of<T>(comparison.expected, order.key);
    comparison.got_keys = keys_of<T>(comparison.got, order.key);
    check(comparison, where);
  }

  /// What has come out since the test last looked. Text in it lives as long as the test.
  template <class T>
  std::vector<Emitted<T>> take_out(const TestOutput<T>& output) {
    rest();
    std::vector<Emitted<T>> records;
    for (const OutputRow& row : output.rows_->take_new()) {
      records.push_back({decode_row<T>(row), row.at});
      taken_.push_back(row.bytes);
    }
    return records;
  }

  /// `call` makes the job fail, with a message that holds `text`. Only restore() makes it go on.
  void expect_failure(std::string_view text, const std::function<void()>& call,
                      std::source_location where = std::source_location::current());

 protected:
  explicit TestVerbs(const TestOptions& options) : bed_{std::make_unique<TestBed>(options)} {}
  ~TestVerbs() = default;

  TestBed& bed() { return *bed_; }
  const TestBed& bed() const { return *bed_; }
  TestPorts ports() { return TestPorts{*bed_}; }

  template <class T>
  void feed(const TestInput<T>& input, T record, Timestamp event_time) {
    bed_->require_open(*input.feed_);
    input.feed_->add(std::move(record), event_time);
    bed_->fed(*input.feed_);
  }
  template <class T>
  void add_watermark(const TestInput<T>& input, Timestamp watermark) {
    bed_->add_watermark(*input.feed_, watermark);
  }
  template <class T>
  void end_input(const TestInput<T>& input) {
    bed_->end(*input.feed_);
  }

 private:
  /// Before the test looks at anything.
  virtual void rest() {}

  template <class T>
  RowComparison compare(OutputRows& rows, const std::vector<T>& expected) {
    rest();
    RowComparison comparison{.subject = "output '" + rows.name() + "'", .got = rows.take_new()};
    for (const T& record : expected) comparison.expected.push_back(make_row(record, Timestamp{}));
    return comparison;
  }
  template <class T>
  static T decode_row(const OutputRow& row) {
    T record{};
    ByteReader in{*row.bytes};
    decode(in, record);
    return record;
  }
  template <class T, class KeyFn>
  static std::vector<std::string> keys_of(const std::vector<OutputRow>& rows, const KeyFn& key) {
    std::vector<std::string> keys;
    for (const OutputRow& row : rows) {
      const T record = decode_row<T>(row);
      ByteWriter out;
      encode(std::invoke(key, record), out);
      keys.push_back(out.take());
    }
    return keys;
  }
  static void check(const RowComparison& comparison, const std::source_location& where);

  std::unique_ptr<TestBed> bed_;
  std::vector<std::shared_ptr<const std::string>> taken_;  // what records that the test has may view
};

}  // namespace detail
}  // namespace tidemark
