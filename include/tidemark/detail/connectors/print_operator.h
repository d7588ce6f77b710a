// The print sink: a batch becomes one write.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/connectors/sink.h"

namespace tidemark::detail {

/// Writes and flushes. Lines of different subtasks don't mix within `lines`. Throws Error.
void print_lines(std::string_view lines);

template <class T>
class PrintOperator final : public Operator {
 public:
  explicit PrintOperator(std::string label) : label_{std::move(label)} {}

  void open(OperatorContext&) override {}
  void receive(Batch& in) override {
    const T* values = static_cast<TypedBatch<T>&>(in).values();
    for (std::uint32_t i = 0; i < in.size(); ++i) {
      if (!label_.empty()) lines_.append(label_).append("> ");
      append_json(values[i], lines_);
      lines_ += '\n';
    }
    print_lines(lines_);
    lines_.clear();
    written_ += in.size();
  }
  std::uint64_t records_out() const override { return written_; }

 private:
  std::string label_;
  std::string lines_;
  std::uint64_t written_ = 0;
};

template <class T>
class PrintSinkImplementation final : public SinkImplementation {
 public:
  explicit PrintSinkImplementation(std::string label) : label_{std::move(label)} {}
  std::string name() const override { return "print"; }
  bool takes_changes() const override { return true; }
  std::unique_ptr<Operator> make_writer() const override { return std::make_unique<PrintOperator<T>>(label_); }

 private:
  std::string label_;
};

}  // namespace tidemark::detail
