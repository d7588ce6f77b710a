// A source's reader: asks for a split when it has none, reads it batch by batch, and makes the watermark.
//
// Its input are the splits (SplitRecord), its outputs the records and what was none. It ends when it was told that there
// are no more splits and has read those that it has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "tidemark/detail/connectors/assigned_splits.h"
#include "tidemark/detail/connectors/split.h"
#include "tidemark/detail/connectors/split_reader.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"
#include "tidemark/source.h"

namespace tidemark::detail {

template <class T>
class SourceReaderOperator final : public SourceOperator {
 public:
  SourceReaderOperator(std::shared_ptr<SplitRequests> requests, std::unique_ptr<SplitReader<T>> reader, Duration delay,
                       std::optional<std::int64_t> idle_after_ns)
      : requests_{std::move(requests)}, reader_{std::move(reader)}, delay_{delay}, idle_after_ns_{idle_after_ns} {}

  Out<T>& out() { return out_; }
  Out<BadRecord>& bad_records() { return bad_records_; }

  void open(OperatorContext& context) override {
    context_ = &context;
    requests_->set_readers(context.parallelism);
    splits_.emplace(delay_, idle_after_ns_, context);
    reader_->start(context);
    ask_if_empty();
  }

  void receive(Batch& in) override {
    const SplitRecord* records = static_cast<TypedBatch<SplitRecord>&>(in).values();
    for (std::uint32_t i = 0; i < in.size(); ++i) splits_->assign(records[i]);
    asked_ = false;
    ask_if_empty();
  }

  Poll poll() override {
    retry_after_ns_ = 0;
    const Poll result = read();
    if (splits_->update_watermark() && result == Poll::kNothing) return Poll::kEmitted;
    if (result == Poll::kNothing) wait_at_most(splits_->idle_in_ns());
    return result;
  }

  Timestamp watermark() const override { return splits_->watermark(); }
  bool idle() const override { return splits_->idle(); }
  std::int64_t retry_after_ns() const override { return retry_after_ns_; }
  std::uint64_t records_out() const override { return out_.emitted(); }
  /// Records left out by on_error(skip()).
  std::uint64_t skipped() const override { return reader_->skipped(); }
  std::uint64_t bytes_read() const override { return reader_->bytes_read(); }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest&) override {
    return splits_->snapshot(splits_->current() != nullptr ? reader_->position() : "");
  }

 private:
  void ask_if_empty() {
    if (asked_ || splits_->no_more() || !splits_->empty()) return;
    asked_ = true;
    requests_->ask(context_->name.subtask);
  }

  Poll read() {
    if (splits_->current() == nullptr && !begin_split()) return splits_->done() ? Poll::kFinished : Poll::kNothing;
    const auto [outcome, newest] = reader_->read(out_, bad_records_);
    bad_records_.flush();
    if (outcome == SplitReader<T>::Outcome::kNothing) {
      wait_at_most(reader_->retry_after_ns());
      return Poll::kNothing;
    }
    splits_->observe(newest);
    if (outcome == SplitReader<T>::Outcome::kEnd) {
      splits_->finish_current();
      ask_if_empty();
    }
    return Poll::kEmitted;
  }

  bool begin_split() {
    if (!splits_->begin_next()) return false;
    reader_->open(splits_->current()->split, splits_->current()->position);
    return true;
  }

  void wait_at_most(std::int64_t ns) {
    if (ns > 0 && (retry_after_ns_ == 0 || ns < retry_after_ns_)) retry_after_ns_ = ns;
  }

  std::shared_ptr<SplitRequests> requests_;
  std::unique_ptr<SplitReader<T>> reader_;
  Duration delay_;
  std::optional<std::int64_t> idle_after_ns_;
  OperatorContext* context_ = nullptr;
  std::optional<AssignedSplits> splits_;
  Out<T> out_;
  Out<BadRecord> bad_records_;
  std::int64_t retry_after_ns_ = 0;
  bool asked_ = false;
};

}  // namespace tidemark::detail
