// The snapshot of an operator that has nothing to write: complete at the barrier.
#pragma once

#include <memory>
#include <utility>

#include "tidemark/detail/state/operator_context.h"

namespace tidemark::detail {

class FinishedSnapshot final : public SnapshotWork {
 public:
  explicit FinishedSnapshot(OperatorSnapshot result) : result_{std::move(result)} {}
  bool step() override { return true; }
  OperatorSnapshot take_result() override { return std::move(result_); }

 private:
  OperatorSnapshot result_;
};

}  // namespace tidemark::detail
