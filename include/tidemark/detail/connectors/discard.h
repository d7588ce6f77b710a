// The sink that keeps nothing.
#pragma once

#include <memory>
#include <string>

#include "tidemark/detail/connectors/sink.h"

namespace tidemark::detail {

class DiscardOperator final : public Operator {
 public:
  void open(OperatorContext&) override {}
  void receive(Batch&) override {}
};

class DiscardSinkImplementation final : public SinkImplementation {
 public:
  std::string name() const override { return "discard"; }
  bool takes_changes() const override { return true; }
  std::unique_ptr<Operator> make_writer() const override { return std::make_unique<DiscardOperator>(); }
};

}  // namespace tidemark::detail
