// The task that hands out a source's splits: it answers the readers' requests, in order, with one split each, and when
// there is none left, or none yet, tells so to every reader that asks. Splits that are read side by side go to the readers in
// turn, without being asked for.
//
// Splits that are not yet handed out are its state; those that are travel as records and belong to the reader. Requests
// are in no snapshot: after a restore the readers ask again. Nor is a search, which runs beside the task: what it
// finds belongs to the state when the enumerator has adopted it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tidemark/detail/channel/exchange.h"
#include "tidemark/detail/connectors/split.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"

namespace tidemark::detail {

using MakeSplitEnumerator = std::function<std::unique_ptr<SplitEnumerator>(const OperatorContext&)>;

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
  std::int64_t retry_after_ns() const override;
  PendingInput pending() override { return splits_->pending(); }

 private:
  struct Searched;

  bool search_if_due();
  void adopt(const Searched& searched);
  void take_requests();
  bool hand_out_one();
  void tell_waiting();
  void send(std::uint32_t reader, SplitRecord::Kind kind, std::string split = {});
  std::int64_t now_ns() const;

  std::shared_ptr<SplitRequests> requests_;
  MakeSplitEnumerator make_;
  std::unique_ptr<SplitEnumerator> splits_;
  OperatorContext* context_ = nullptr;
  Out<SplitRecord> out_;
  std::deque<std::uint32_t> waiting_;                        // readers that have asked
  std::map<std::uint32_t, SplitRecord::Kind> told_to_wait_;  // of these
  std::set<std::uint32_t> told_no_more_;
  std::uint32_t next_reader_ = 0;  // of splits that are read side by side
  std::optional<std::int64_t> search_at_ns_;
  bool is_searching_ = false;
  bool notified_ = false;
};

/// Each split to the reader that it is for.
class SplitWriter final : public TypedEdgeWriter<SplitRecord> {
 public:
  using TypedEdgeWriter<SplitRecord>::TypedEdgeWriter;
  void receive(Batch& in) override;
};

}  // namespace tidemark::detail
