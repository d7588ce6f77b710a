// A source of the user's behind the seam of sources: finding and reading run off the task's thread, and what they come to is
// handed on by the task.
//
// A read works on a copy of the split's position, which becomes the position when the records are handed on: a barrier waits for no
// read, and what was read and not handed on is read again after a restore. While the task works on what one read gave, the next one
// runs.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/connectors/described.h"
#include "tidemark/detail/connectors/event_times.h"
#include "tidemark/detail/connectors/json_text.h"
#include "tidemark/detail/connectors/source.h"
#include "tidemark/detail/connectors/source_out.h"
#include "tidemark/detail/model/kept_values.h"

namespace tidemark::detail {

template <class S>
using MakeOwnSource = std::function<std::unique_ptr<S>()>;

struct OwnSourceOptions {
  std::string name;
  bool side_by_side = false;
  bool makes_watermarks = false;             ///< and none is made from the records
  std::optional<Duration> find_again_after;  ///< nothing: splits are found once
  Duration poll_every{50};                   ///< after a read that came to nothing
};

/// In checkpoints, with its schema: a verdict knows the first field by its name (kUnassignedSplits).
template <class Split>
struct FoundSplits {
  std::vector<Split> unassigned;
  std::vector<Split> known;  ///< all that the last search gave
  bool searched = false;
};

template <class S>
class OwnSplitSearch final : public SplitSearch {
 public:
  explicit OwnSplitSearch(std::shared_ptr<S> source) : source_{std::move(source)} {}
  void run() override { found = source_->find_splits(); }

  std::vector<typename S::Split> found;

 private:
  std::shared_ptr<S> source_;
};

template <class S>
class OwnSplitEnumerator final : public SplitEnumerator {
  using Split = typename S::Split;

 public:
  OwnSplitEnumerator(OwnSourceOptions options, std::shared_ptr<S> source, OperatorName name)
      : options_{std::move(options)}, source_{std::move(source)}, name_{std::move(name)} {}

  std::optional<std::string> next() override {
    if (state_.unassigned.empty()) return std::nullopt;
    std::string split = encode_described(state_.unassigned.front());
    state_.unassigned.erase(state_.unassigned.begin());
    return split;
  }
  bool may_have_more() const override { return !state_.searched || options_.find_again_after; }
  bool side_by_side() const override { return options_.side_by_side; }

  std::shared_ptr<SplitSearch> search() override { return may_have_more() ? std::make_shared<OwnSplitSearch<S>>(source_) : nullptr; }
  std::optional<std::int64_t> search_again_ns() const override {
    if (!options_.find_again_after) return std::nullopt;
    return std::chrono::nanoseconds{*options_.find_again_after}.count();
  }
  void adopt(SplitSearch& search) override {
    std::set<std::string> known = encoded(state_.known);
    known.merge(encoded(state_.unassigned));
    std::set<std::string> found;
    for (const Split& split : static_cast<OwnSplitSearch<S>&>(search).found) {
      std::string bytes = encode_item(split);
      if (!found.insert(bytes).second) {
        throw Error{ErrorCode::kUserCode, "find_splits() of the source '" + name_.uid + "' gave the split " + json_of(split) + " twice: each is read once"};
      }
      if (!known.contains(bytes)) state_.unassigned.push_back(split);
    }
    state_.known = std::move(static_cast<OwnSplitSearch<S>&>(search).found);
    state_.searched = true;
  }

  std::string snapshot() const override { return encode_described(state_); }
  void restore(const std::string& snapshot) override { state_ = decode_described<FoundSplits<Split>>(snapshot, name_, kEnumeratorList); }

 private:
  static std::set<std::string> encoded(const std::vector<Split>& splits) {
    std::set<std::string> result;
    for (const Split& split : splits) result.insert(encode_item(split));
    return result;
  }

  OwnSourceOptions options_;
  std::shared_ptr<S> source_;
  OperatorName name_;
  FoundSplits<Split> state_;
};

template <class S>
class OwnSplitReader final : public SplitReader<typename S::Record> {
  using T = typename S::Record;
  using Outcome = typename SplitReader<T>::Outcome;
  using Read = typename SplitReader<T>::Read;

 public:
  OwnSplitReader(OwnSourceOptions options, MakeOwnSource<S> make, std::unique_ptr<EventTimes<T>> event_times)
      : options_{std::move(options)}, make_{std::move(make)}, event_times_{std::move(event_times)} {}

  void start(const OperatorContext& context) override { context_ = &context; }

  void open(std::string_view split, std::string_view position) override {
    std::shared_ptr<Reading>& reading = readings_[std::string{split}];
    if (reading == nullptr) {
      reading = std::make_shared<Reading>();
      reading->split = decode_described<typename S::Split>(split, context_->name, kKeptSplit);
      if (!position.empty()) reading->position = decode_described<typename S::Position>(position, context_->name, kKeptPosition);
    }
    current_ = reading;
    current_bytes_ = split;
  }

  Read read(Out<T>& out, Out<BadRecord>&, std::uint32_t most) override {
    retry_after_ns_ = 0;
    Reading& reading = *current_;
    if (!reading.has_read) return {begin_if_due(most), Timestamp::min()};
    reading.has_read = false;
    if (reading.error) fail(reading);
    std::swap(reading.done, reading.filling);
    reading.position = reading.next_position;
    reading.pending = reading.next_pending;
    const ReadOutcome outcome = reading.outcome;
    const std::int64_t asked_ns = reading.asked_ns;
    if (outcome == ReadOutcome::kNothingNow) reading.not_before_ns = steady_time_ns(*context_->env) + std::chrono::nanoseconds{options_.poll_every}.count();
    if (outcome == ReadOutcome::kMore && most >= Batch::kCapacity) begin_read(most);
    const Timestamp newest = hand_on(reading, out);
    const Outcome in_vain = outcome == ReadOutcome::kNothingNow ? Outcome::kNothing : Outcome::kNothingYet;
    const Read got{reading.done.is_empty() ? in_vain : Outcome::kRecords, newest, reading.done.promised(), reading.done.is_idle(), asked_ns};
    if (outcome == ReadOutcome::kEnd) {
      readings_.erase(current_bytes_);
      current_.reset();
      return {Outcome::kEnd, got.newest, got.watermark};
    }
    if (got.outcome == Outcome::kNothing) retry_after_ns_ = std::chrono::nanoseconds{options_.poll_every}.count();
    return got;
  }

  bool side_by_side() const override { return options_.side_by_side; }
  std::string position() const override { return encode_described(current_->position); }

  void at_barrier(CheckpointId id) override {
    auto& positions = barriers_[id];
    for (const auto& [split, reading] : readings_) positions.emplace(split, reading->position);
  }
  void checkpoint_completed(CheckpointId id) override {
    for (auto& [split, position] : barriers_[id]) {
      if (const auto reading = readings_.find(split); reading != readings_.end()) reading->second->complete = std::move(position);
    }
    barriers_.erase(barriers_.begin(), barriers_.upper_bound(id));
  }
  void checkpoint_aborted(CheckpointId id) override { barriers_.erase(id); }
  std::int64_t retry_after_ns() const override { return retry_after_ns_; }
  PendingInput pending_in(std::string_view split, std::string_view) const override {
    const auto reading = readings_.find(std::string{split});
    return {.records = reading == readings_.end() ? std::nullopt : reading->second->pending, .bytes = std::nullopt};
  }

 private:
  // A split that is open. Between begin_read() and its mail, the call has all but `position`, `done`, `pending`, `complete`, the flags and the times.
  struct Reading {
    typename S::Split split{};
    typename S::Position position{};  // behind what was handed on
    SourceOut<T> done;                // what is handed on
    std::optional<std::uint64_t> pending;  // behind `position`, as the source says
    bool is_reading = false;
    bool has_read = false;
    std::int64_t not_before_ns = 0;
    std::int64_t asked_ns = 0;  // when the newest read was begun
    std::optional<typename S::Position> complete;  // of a checkpoint that the next read is to tell of

    std::unique_ptr<S> source;
    std::optional<typename S::Position> tell_complete;
    typename S::Position next_position{};
    std::optional<std::uint64_t> next_pending;
    SourceOut<T> filling;
    ReadOutcome outcome = ReadOutcome::kMore;
    std::exception_ptr error;
  };

  Outcome begin_if_due(std::uint32_t most) {
    if (current_->is_reading) return Outcome::kPending;
    retry_after_ns_ = std::max<std::int64_t>(current_->not_before_ns - steady_time_ns(*context_->env), 0);
    if (retry_after_ns_ > 0) return Outcome::kNotDue;
    begin_read(most);
    return Outcome::kBegun;
  }

  void begin_read(std::uint32_t most) {
    current_->is_reading = true;
    current_->asked_ns = steady_time_ns(*context_->env);
    current_->next_position = current_->position;
    current_->tell_complete = std::exchange(current_->complete, std::nullopt);
    current_->filling.begin(std::min(most, Batch::kCapacity), options_.makes_watermarks);
    context_->run_call([reading = current_, make = make_, post_mail = context_->post_mail] {
      run_read(*reading, make);
      post_mail([reading] {
        reading->is_reading = false;
        reading->has_read = true;
      });
    });
  }

  static void run_read(Reading& reading, const MakeOwnSource<S>& make) {
    try {
      if (reading.source == nullptr) {
        reading.source = make();
        reading.source->open(reading.split, std::as_const(reading.next_position));
      }
      if (reading.tell_complete) reading.source->checkpoint_complete(std::as_const(*reading.tell_complete));
      reading.outcome = reading.source->read(reading.next_position, reading.filling);
      reading.next_pending = reading.source->pending_records(std::as_const(reading.next_position));
    } catch (...) {
      reading.error = std::current_exception();
    }
  }

  [[noreturn]] void fail(const Reading& reading) const {
    try {
      std::rethrow_exception(reading.error);
    } catch (...) {
      fail_user_code(context_->name, [&] { return "reading the split " + json_of(reading.split) + " from " + json_of(reading.position); });
    }
  }

  Timestamp hand_on(Reading& reading, Out<T>& out) {
    Timestamp newest = event_times_ ? Timestamp::min() : reading.done.newest();
    reading.done.for_each_batch([&](TypedBatch<T>& batch) {
      if (event_times_) {
        const auto place = [&](std::uint32_t at) { return json_of(batch.values()[at]) + " of the split " + json_of(reading.split); };
        newest = std::max(newest, stamp_batch(event_times_.get(), batch, batch.size(), context_->name, place));
      }
      out.forward(batch);
    });
    return options_.makes_watermarks ? Timestamp::min() : newest;
  }

  OwnSourceOptions options_;
  MakeOwnSource<S> make_;
  std::unique_ptr<EventTimes<T>> event_times_;
  const OperatorContext* context_ = nullptr;
  std::map<std::string, std::shared_ptr<Reading>> readings_;  // by the split's bytes
  std::shared_ptr<Reading> current_;
  std::string current_bytes_;
  std::map<CheckpointId, std::map<std::string, typename S::Position>> barriers_;  // that are not complete: by the splits' bytes
  std::int64_t retry_after_ns_ = 0;
};

template <class S>
class OwnSourceImplementation final : public SourceImplementation<typename S::Record> {
  using T = typename S::Record;

 public:
  OwnSourceImplementation(OwnSourceOptions options, MakeOwnSource<S> make, std::shared_ptr<const EventTimes<T>> event_times, SourceTiming timing)
      : options_{std::move(options)}, make_{std::move(make)}, event_times_{std::move(event_times)}, timing_{std::move(timing)} {}

  std::string name() const override { return options_.name; }
  MakeSplitEnumerator split_enumerator() const override {
    return [options = options_, make = make_](const OperatorContext& context) {
      return std::make_unique<OwnSplitEnumerator<S>>(options, std::shared_ptr<S>{make()}, context.name);
    };
  }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<OwnSplitReader<S>>(options_, make_, event_times_ ? event_times_->clone() : nullptr);
  }
  SourceTiming timing() const override { return timing_; }
  std::vector<KeptType> kept() const override {
    return {{std::string{kKeptSplit}, schema_json_of<typename S::Split>()}, {std::string{kKeptPosition}, schema_json_of<typename S::Position>()}};
  }
  bool bounded() const override { return !options_.find_again_after; }

 private:
  OwnSourceOptions options_;
  MakeOwnSource<S> make_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  SourceTiming timing_;
};

}  // namespace tidemark::detail
