// The part of the Kafka source that knows the record's type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/connectors/event_times.h"
#include "tidemark/detail/connectors/source.h"
#include "tidemark/detail/kafka/kafka_records.h"
#include "tidemark/detail/task/failure.h"

namespace tidemark::detail {

/// Makes records of the messages that were fetched: one erased call a batch.
template <class T>
class KafkaDecoding {
 public:
  virtual ~KafkaDecoding() = default;
  /// Into `batch`, which is empty; returns how many, without setting its size.
  virtual std::uint32_t decode(KafkaRecords& messages, std::uint32_t count, TypedBatch<T>& batch, std::vector<BadRecord>& bad) = 0;
  /// For another subtask.
  virtual std::unique_ptr<KafkaDecoding> clone() const = 0;
};

/// By the record's layout.
template <class T>
class KafkaDecodingOfText final : public KafkaDecoding<T> {
 public:
  std::uint32_t decode(KafkaRecords& messages, std::uint32_t count, TypedBatch<T>& batch, std::vector<BadRecord>& bad) override {
    T* values = batch.values();
    std::uninitialized_value_construct_n(values, count);
    std::uint32_t records = 0;
    try {
      records = messages.decode(layout_of<T>(), values, sizeof(T), batch.arena(), bad);
    } catch (...) {
      std::destroy_n(values, count);
      throw;
    }
    std::destroy(values + records, values + count);
    return records;
  }
  std::unique_ptr<KafkaDecoding<T>> clone() const override { return std::make_unique<KafkaDecodingOfText>(); }
};

/// By a callable of the user's.
template <class T, class F>
class KafkaDecodingBy final : public KafkaDecoding<T> {
 public:
  explicit KafkaDecodingBy(F f) : f_{std::move(f)} {}

  std::uint32_t decode(KafkaRecords& messages, std::uint32_t count, TypedBatch<T>& batch, std::vector<BadRecord>& bad) override {
    std::uint32_t records = 0;
    try {
      for (std::uint32_t i = 0; i < count; ++i) {
        std::optional<T> record = made_of(messages, i, bad);
        if (!record) continue;
        new (batch.values() + records) T(std::move(*record));
        ++records;
        messages.accept(i);
      }
    } catch (...) {
      std::destroy_n(batch.values(), records);
      throw;
    }
    return records;
  }
  std::unique_ptr<KafkaDecoding<T>> clone() const override { return std::make_unique<KafkaDecodingBy>(f_); }

 private:
  std::optional<T> made_of(KafkaRecords& messages, std::uint32_t i, std::vector<BadRecord>& bad) {
    try {
      return std::invoke(f_, std::as_const(message_ = messages.message(i)));
    } catch (...) {
      reason_ = current_exception_text();
    }
    messages.reject(i, 0, std::move(reason_), bad);
    return std::nullopt;
  }

  F f_;
  KafkaMessage message_;
  std::string reason_;
};

template <class T>
class KafkaSplitReader final : public SplitReader<T> {
 public:
  /// Without `event_times` records have those of their messages, or none, as the options say.
  KafkaSplitReader(KafkaSourceOptions options, std::unique_ptr<KafkaDecoding<T>> decoding, std::unique_ptr<EventTimes<T>> event_times)
      : records_{std::move(options)}, decoding_{std::move(decoding)}, event_times_{std::move(event_times)} {}

  void start(const OperatorContext& context) override {
    name_ = context.name;
    records_.start(context);
  }
  void open(std::string_view split, std::string_view position) override { records_.open(split, position); }

  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>& bad, std::uint32_t most) override {
    using Outcome = typename SplitReader<T>::Outcome;
    TypedBatch<T>& batch = out.batch();
    const KafkaRecords::Fetched fetched = records_.fetch(std::min(batch.capacity(), most));
    Timestamp newest = Timestamp::min();
    if (fetched.count > 0) {
      const std::uint32_t records = decoding_->decode(records_, fetched.count, batch, bad_);
      out.adopt_size(records);
      newest = stamp(batch, records);
      out.set_stable_text({});
      out.flush();
      if (records == 0) batch.clear();  // text of what was no record
      for (BadRecord& record : bad_) bad.emit(Timestamp::min(), std::move(record));
      bad_.clear();
    }
    if (fetched.stopped) return {.outcome = Outcome::kEnd, .newest = newest};
    if (fetched.count > 0) return {.outcome = Outcome::kRecords, .newest = newest};
    // Without a word from the broker nobody knows whether there is more.
    return {.outcome = fetched.at_end ? Outcome::kNothing : Outcome::kPending};
  }

  bool side_by_side() const override { return true; }
  std::string position() const override { return records_.position(); }
  void at_barrier(CheckpointId id) override { records_.at_barrier(id); }
  void checkpoint_completed(CheckpointId id) override { records_.checkpoint_completed(id); }
  void checkpoint_aborted(CheckpointId id) override { records_.checkpoint_aborted(id); }
  bool settled() override { return records_.settled(); }
  std::uint64_t skipped() const override { return records_.skipped(); }
  std::uint64_t bytes_read() const override { return records_.bytes_read(); }
  PendingInput pending_in(std::string_view split, std::string_view) const override { return records_.pending_in(split); }

 private:
  Timestamp stamp(TypedBatch<T>& batch, std::uint32_t size) {
    if (event_times_ == nullptr) return records_.stamp(batch.timestamps());
    return stamp_batch(event_times_.get(), batch, size, name_, [&](std::uint32_t at) { return records_.place_of(at); });
  }

  KafkaRecords records_;
  std::unique_ptr<KafkaDecoding<T>> decoding_;
  std::unique_ptr<EventTimes<T>> event_times_;
  OperatorName name_;
  std::vector<BadRecord> bad_;
};

template <class T>
class KafkaSourceImplementation final : public SourceImplementation<T> {
 public:
  KafkaSourceImplementation(KafkaSourceOptions options, std::shared_ptr<const KafkaDecoding<T>> decoding, std::shared_ptr<const EventTimes<T>> event_times,
                            SourceTiming timing)
      : options_{std::move(options)}, decoding_{std::move(decoding)}, event_times_{std::move(event_times)}, timing_{std::move(timing)} {}

  std::string name() const override { return "read kafka"; }
  MakeSplitEnumerator split_enumerator() const override { return kafka_split_enumerator(options_); }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<KafkaSplitReader<T>>(options_, decoding_->clone(), event_times_ ? event_times_->clone() : nullptr);
  }
  SourceTiming timing() const override { return timing_; }
  OnError on_error() const override { return options_.on_error; }
  bool bounded() const override { return options_.stop.has_value(); }

 private:
  KafkaSourceOptions options_;
  std::shared_ptr<const KafkaDecoding<T>> decoding_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  SourceTiming timing_;
};

}  // namespace tidemark::detail
