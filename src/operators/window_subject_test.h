// A subtask of the general window operator under test, behind an interface without its types, so that what drives it is
// compiled once. Records are named as the model (window_model_test.h) names them, and rows and late records are texts.
//
// One thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <any>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/operator_harness.h"
#include "operators/window_model_test.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/detail/operators/window_content.h"
#include "tidemark/detail/operators/window_function.h"

namespace tidemark::detail {

inline constexpr std::uint32_t kPropertyMaxParallelism = 128;

template <class K>
struct PropertyRecord {
  K key{};
  std::int64_t value = 0;
};

/// A key of bool stands for a whole stream.
template <class K>
struct PropertyKey {
  using Row = KeyedRow;
  K operator()(const PropertyRecord<K>& record) const { return record.key; }
  static K of(const std::string& name) { return std::stoll(name); }
};
template <>
struct PropertyKey<std::string_view> {
  using Row = KeyedRow;
  std::string_view operator()(const PropertyRecord<std::string_view>& record) const { return record.key; }
  static std::string_view of(const std::string& name) { return name; }
};
template <>
struct PropertyKey<bool> {
  using Row = WholeRow;
  bool operator()(const PropertyRecord<bool>&) const { return false; }
  static bool of(const std::string&) { return false; }
};

inline std::string show_key(std::int64_t key) { return std::to_string(key); }
inline std::string show_key(std::string_view key) { return std::string{key}; }
inline std::string show_key(bool) { return "0"; }

template <class K, class Row>
std::string show_window_row(const Row& row) {
  std::string text = "0";
  if constexpr (requires { row.key; }) text = show_key(row.key);
  text += " [" + std::to_string(row.start.ms()) + "," + std::to_string(row.end.ms()) + ")";
  for (const PropertyRecord<K>& record : row.value) text += " " + std::to_string(record.value);
  if constexpr (requires { row.of_window; }) text += " " + std::to_string(row.of_window);
  return text;
}
template <class K>
std::string show_late_record(const PropertyRecord<K>& record, std::int64_t time) {
  return show_key(record.key) + ":" + std::to_string(record.value) + "@" + std::to_string(time);
}

/// A subtask of the operator, whatever its types are.
class AnyWindowSubject {
 public:
  virtual ~AnyWindowSubject() = default;
  virtual void receive(const std::vector<ModelRecord>& records) = 0;
  virtual void advance(std::int64_t watermark) = 0;
  virtual void advance_clock(std::int64_t now) = 0;
  virtual void end() = 0;
  virtual StartedSnapshot start() = 0;
  virtual OperatorSnapshot finish(StartedSnapshot started) = 0;
  virtual std::size_t timers() const = 0;

  std::vector<std::string> rows;
  std::vector<std::string> late;
};

struct SubtaskPlace {
  std::uint32_t subtask = 0;
  std::uint32_t parallelism = 1;
};

/// What is the same for all operators of windows. What derives from it connects the outputs, then opens it.
template <class K, class Op>
class OperatorSubject : public AnyWindowSubject {
 public:
  OperatorSubject(TestWorld& world, std::unique_ptr<Op> op, SubtaskPlace at)
      : world_{world},
        context_{std::make_unique<TestContext>(world, at.subtask, at.parallelism, kPropertyMaxParallelism)},
        op_{std::move(op)} {}
  ~OperatorSubject() override {
    op_.reset();
    context_->run_mail();
  }

  /// The records' text lies in the batch, which is overwritten after the call.
  void receive(const std::vector<ModelRecord>& records) override {
    using Key = PropertyKey<K>;
    TypedBatch<PropertyRecord<K>> batch;
    for (const ModelRecord& record : records) batch.append(PropertyRecord<K>{Key::of(record.key), record.value}, record.time);
    hash_keys(batch, Key{});
    op_->receive(batch);
    batch.clear();
    if constexpr (contains_views_v<K>) std::fill_n(batch.arena().allocate(1 << 15), 1 << 15, '#');
  }
  void advance(std::int64_t watermark) final {
    while (!op_->advance(Timestamp{watermark})) {
    }
  }
  void advance_clock(std::int64_t now) final {
    for (auto next = op_->next_processing_time(); next && *next <= Timestamp{now}; next = op_->next_processing_time()) {
      while (!op_->advance_processing_time(Timestamp{now})) {
      }
    }
  }
  void end() final {
    advance(INT64_MAX);
    op_->end_of_data();
  }
  StartedSnapshot start() final { return start_snapshot(world_, *op_, context_->context); }
  OperatorSnapshot finish(StartedSnapshot started) final {
    OperatorSnapshot result = finish_snapshot(std::move(started));
    context_->run_mail();
    return result;
  }
  std::size_t timers() const final { return op_->timers(); }

 protected:
  Op& op() { return *op_; }
  void open(OperatorRestore restore) {
    context_->context.restore = std::move(restore);
    op_->open(context_->context);
  }

 private:
  TestWorld& world_;
  std::unique_ptr<TestContext> context_;
  std::unique_ptr<Op> op_;
};

template <class K, class Windows, class Trigger, class Content, class Result>
using PropertyFunction = WithClock<WindowFunction<K, PropertyRecord<K>, Windows, Trigger, Content, Result>>;

template <class K, class Windows, class Trigger, class Content, class Result>
class WindowSubject final
    : public OperatorSubject<K, WindowOperator<PropertyFunction<K, Windows, Trigger, Content, Result>, PropertyKey<K>>> {
  using Rec = PropertyRecord<K>;
  using Function = PropertyFunction<K, Windows, Trigger, Content, Result>;
  using Op = WindowOperator<Function, PropertyKey<K>>;

 public:
  using Setup = typename Function::Setup;
  using MakeResult = std::function<Result(Declare&)>;

  WindowSubject(TestWorld& world, const Setup& setup, const MakeResult& result, OperatorRestore restore, SubtaskPlace at)
      : OperatorSubject<K, Op>{
            world,
            std::make_unique<Op>([&](Declare& declare) { return std::make_unique<Function>(declare, setup, result(declare)); },
                                 PropertyKey<K>{}),
            at} {
    this->op().out().add_receiver(end_);
    std::any_cast<const FindOutput<Rec>&>(this->op().side_outputs()->entries().front().find)(this->op()).add_receiver(late_);
    this->open(std::move(restore));
  }

 private:
  Receiving<typename Op::Output> end_{[this](const auto& row, std::int64_t) {
    this->rows.push_back(show_window_row<K>(row));
    // By itself, since windows of a key that end at one watermark may fire in any order.
    if constexpr (requires { row.of_key; }) this->rows.push_back("firing " + std::to_string(row.of_key));
  }};
  Receiving<Rec> late_{[this](const Rec& record, std::int64_t time) { this->late.push_back(show_late_record(record, time)); }};
};

/// What the property has to know of the operator.
struct TestedWindows {
  std::function<std::unique_ptr<AnyWindowSubject>(TestWorld&, Duration allowed_lateness, OperatorRestore, SubtaskPlace)> make;
  std::function<std::uint32_t(const std::string&)> key_group;
  bool has_text_keys = false;
  bool is_whole = false;
};

template <class K, class Result, class Windows, class Trigger, class Content>
TestedWindows tested_windows(Windows windows, Trigger trigger, Content content, std::function<Result(Declare&)> make_result) {
  using Subject = WindowSubject<K, Windows, Trigger, Content, Result>;
  TestedWindows tested;
  tested.make = [=](TestWorld& world, Duration allowed_lateness, OperatorRestore restore, SubtaskPlace at) {
    const typename Subject::Setup setup{windows, trigger, content, allowed_lateness, "late"};
    return std::make_unique<Subject>(world, setup, make_result, std::move(restore), at);
  };
  tested.key_group = [](const std::string& name) {
    return key_group_of(hash_key<K>(PropertyKey<K>::of(name)), kPropertyMaxParallelism);
  };
  tested.has_text_keys = std::same_as<K, std::string_view>;
  tested.is_whole = std::same_as<K, bool>;
  return tested;
}

}  // namespace tidemark::detail
