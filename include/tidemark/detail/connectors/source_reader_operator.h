// A source's reader: asks for a split when it has none, reads what it has batch by batch, and makes the watermark.
//
// Its input are the splits (SplitRecord), its outputs the records and what was none. It ends when it was told that there
// are no more splits and has read those that it has. Splits are read one after the other, or by turns, as the SplitReader
// wants. It waits where the rate or the group of aligned sources says so.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "tidemark/detail/connectors/assigned_splits.h"
#include "tidemark/detail/connectors/rate_limit.h"
#include "tidemark/detail/connectors/source_timing.h"
#include "tidemark/detail/connectors/split.h"
#include "tidemark/detail/connectors/split_reader.h"
#include "tidemark/detail/task/watermark_group.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"
#include "tidemark/source.h"

namespace tidemark::detail {

/// The share of one of the readers. `per_second` is that of all together.
RateLimit rate_of_reader(std::uint64_t per_second, const OperatorContext& context);

template <class T>
class SourceReaderOperator final : public SourceOperator {
 public:
  SourceReaderOperator(std::shared_ptr<SplitRequests> requests, std::unique_ptr<SplitReader<T>> reader, SourceTiming timing)
      : requests_{std::move(requests)}, reader_{std::move(reader)}, timing_{std::move(timing)} {}

  Out<T>& out() { return out_; }
  Out<BadRecord>& bad_records() { return bad_records_; }

  void open(OperatorContext& context) override {
    context_ = &context;
    std::optional<std::int64_t> idle_after_ns;
    if (timing_.idle_after) idle_after_ns = std::chrono::nanoseconds{*timing_.idle_after}.count();
    splits_.emplace(timing_.out_of_orderness, idle_after_ns, context);
    limit_.emplace(rate_of_reader(timing_.per_second, context));
    if (timing_.group) member_.emplace(timing_.group);
    requests_->set_readers(context.parallelism);
    reader_->start(context);
    ask_if_empty();
  }

  void receive(Batch& in) override {
    const SplitRecord* records = static_cast<TypedBatch<SplitRecord>&>(in).values();
    for (std::uint32_t i = 0; i < in.size(); ++i) {
      splits_->assign(records[i]);
      if (records[i].kind == SplitRecord::Kind::kSplit) asked_ = false;
    }
  }

  Poll poll() override {
    retry_after_ns_ = 0;
    has_begun_ = false;
    const Poll result = read();
    const bool changed = splits_->update_watermark() || has_begun_;
    if (member_) member_->tell(splits_->watermark(), splits_->idle() || splits_->after_others());
    if (changed && result == Poll::kNothing) return Poll::kEmitted;
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
  /// Not before all have an event time.
  std::optional<Duration> alignment_drift() const override {
    if (!member_) return std::nullopt;
    const Timestamp slowest = member_->slowest();
    if (slowest == Timestamp::min() || slowest == Timestamp::max()) return std::nullopt;
    return std::max(splits_->watermark() - slowest, Duration{0});
  }
  /// Where it was known of a split, a reader without splits has nothing.
  PendingInput pending() override {
    PendingInput all = none_pending_;
    splits_->for_each([&](const SplitState& split) {
      all += reader_->pending_in(split.split, &split == splits_->current() ? reader_->position() : split.position);
    });
    return all;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    reader_->at_barrier(request.barrier.id);
    return splits_->snapshot(splits_->current() != nullptr ? reader_->position() : "");
  }
  void checkpoint_completed(CheckpointId id) override { reader_->checkpoint_completed(id); }
  void checkpoint_aborted(CheckpointId id) override { reader_->checkpoint_aborted(id); }
  bool settled() const override { return reader_->settled(); }

 private:
  void ask_if_empty() {
    if (asked_ || splits_->no_more() || !splits_->empty()) return;
    asked_ = true;
    requests_->ask(context_->name.subtask);
  }

  // Each of the splits, if they are read side by side, until one gives something.
  Poll read() {
    const std::size_t splits = std::max<std::size_t>(splits_->size(), 1);
    for (std::size_t tried = 0; tried < splits; ++tried) {
      if (splits_->current() == nullptr && !begin_split()) return splits_->done() ? Poll::kFinished : Poll::kNothing;
      const bool side_by_side = reader_->side_by_side();
      if (read_current(side_by_side)) return Poll::kEmitted;
      if (!side_by_side) return Poll::kNothing;
      splits_->park_current(reader_->position());
    }
    return Poll::kNothing;
  }

  // Whether anything was read.
  bool read_current(bool side_by_side) {
    using Outcome = typename SplitReader<T>::Outcome;
    if (is_ahead(side_by_side)) {
      splits_->held_back();
      wait_at_most(std::chrono::nanoseconds{member_->update()}.count());
      return false;
    }
    const std::uint64_t allowed = limit_->allowed(steady_time_ns(*context_->env));
    if (allowed == 0) {
      splits_->not_asked();
      wait_at_most(limit_->wait_ns());
      return false;
    }
    const std::uint64_t before = out_.emitted();
    const auto got =
        reader_->read(out_, bad_records_, static_cast<std::uint32_t>(std::min<std::uint64_t>(allowed, std::numeric_limits<std::uint32_t>::max())));
    const Outcome outcome = got.outcome;
    limit_->take(out_.emitted() - before);
    bad_records_.flush();
    if (outcome == Outcome::kBegun) has_begun_ = true;
    if (outcome == Outcome::kBegun || outcome == Outcome::kPending || outcome == Outcome::kNotDue) {
      splits_->not_asked();
      if (outcome == Outcome::kNotDue) wait_at_most(reader_->retry_after_ns());
      return false;
    }
    if (outcome == Outcome::kNothing || outcome == Outcome::kNothingYet) {
      splits_->found_nothing(got.asked_ns.value_or(steady_time_ns(*context_->env)));
    } else {
      splits_->observe(got.newest);
      splits_->promise(got.watermark);
    }
    if (got.is_idle) splits_->declare_idle();
    if (outcome == Outcome::kNothing) {
      wait_at_most(reader_->retry_after_ns());
      return false;
    }
    if (outcome == Outcome::kEnd) {
      splits_->finish_current();
      ask_if_empty();
    } else if (side_by_side) {
      splits_->park_current(reader_->position());
    }
    return true;
  }

  // A reader that reads one split after the other never waits for those that wait for their turn.
  bool is_ahead(bool side_by_side) const {
    return member_ && (side_by_side ? splits_->current_watermark() : splits_->watermark()) > member_->limit();
  }

  bool begin_split() {
    if (!splits_->begin_next()) return false;
    const SplitState& split = *splits_->current();
    reader_->open(split.split, split.position);
    if (!none_pending_.records && !none_pending_.bytes) learn_of(reader_->pending_in(split.split, split.position));
    return true;
  }

  void learn_of(const PendingInput& pending) {
    if (pending.records) none_pending_.records = 0;
    if (pending.bytes) none_pending_.bytes = 0;
  }

  void wait_at_most(std::int64_t ns) {
    if (ns > 0 && (retry_after_ns_ == 0 || ns < retry_after_ns_)) retry_after_ns_ = ns;
  }

  std::shared_ptr<SplitRequests> requests_;
  std::unique_ptr<SplitReader<T>> reader_;
  SourceTiming timing_;
  OperatorContext* context_ = nullptr;
  std::optional<AssignedSplits> splits_;
  std::optional<RateLimit> limit_;
  std::optional<WatermarkGroup::Membership> member_;
  Out<T> out_;
  Out<BadRecord> bad_records_;
  PendingInput none_pending_;
  std::int64_t retry_after_ns_ = 0;
  bool asked_ = false;
  bool has_begun_ = false;  // to read, in this poll
};

}  // namespace tidemark::detail
