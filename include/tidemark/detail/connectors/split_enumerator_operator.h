// The task that hands out a source's splits: it answers the readers' requests, in order, with one split each, and when
// there is none left tells so to every reader that asks.
//
// Splits that are not yet handed out are its state; those that are travel as records and belong to the reader. Requests
// are in no snapshot: after a restore the readers ask again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "tidemark/detail/channel/exchange.h"
#include "tidemark/detail/connectors/split.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"

namespace tidemark::detail {

using MakeSplitEnumerator = std::function<std::unique_ptr<SplitEnumerator>(const Env&)>;

class SplitEnumeratorOperator final : public SourceOperator {
 public:
  SplitEnumeratorOperator(std::shared_ptr<SplitRequests> requests, MakeSplitEnumerator make);
  ~SplitEnumeratorOperator() override;

  Out<SplitRecord>& out() { return out_; }

  void open(OperatorContext& context) override;
  void receive(Batch& batch) override;
  /// kFinished once every reader was told that there is no more.
  Poll poll() override;
  Timestamp watermark() const override { return Timestamp::min(); }
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override;

 private:
  void answer(std::uint32_t reader);

  std::shared_ptr<SplitRequests> requests_;
  MakeSplitEnumerator make_;
  std::unique_ptr<SplitEnumerator> splits_;
  OperatorName name_;
  Out<SplitRecord> out_;
  std::set<std::uint32_t> told_no_more_;
  bool notified_ = false;
};

/// Each split to the reader that it is for.
class SplitWriter final : public TypedEdgeWriter<SplitRecord> {
 public:
  using TypedEdgeWriter<SplitRecord>::TypedEdgeWriter;
  void receive(Batch& in) override;
};

}  // namespace tidemark::detail
