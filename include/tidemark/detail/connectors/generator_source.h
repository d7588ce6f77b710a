// The generator source: splits are blocks of numbers, handed out on demand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tidemark/detail/connectors/event_times.h"
#include "tidemark/detail/connectors/source.h"

namespace tidemark::detail {

struct GeneratorOptions {
  std::optional<std::uint64_t> count;  ///< nothing: without end
  std::uint64_t per_second = 0;        ///< 0: unlimited
};

MakeSplitEnumerator generator_split_enumerator(const GeneratorOptions& options);

/// How many records may come now: a rate over the clock, at most a second's worth saved up.
class RateLimit {
 public:
  /// 0 per second: no limit.
  RateLimit(double per_second, std::int64_t now_ns) : per_second_{per_second}, since_ns_{now_ns} {}

  std::uint64_t allowed(std::int64_t now_ns);
  void take(std::uint64_t records) { saved_ -= static_cast<double>(records); }
  /// After allowed() was 0: until it is not, or a millisecond, so that a high rate comes in batches.
  std::int64_t wait_ns() const;

 private:
  double per_second_;
  std::int64_t since_ns_;
  double saved_ = 0;
};

/// The numbers of the open block that are still to come.
class GeneratorBlock {
 public:
  GeneratorBlock(const GeneratorOptions& options, const OperatorContext& context);

  void open(std::string_view split, std::string_view position);
  std::uint64_t next() const { return next_; }
  std::uint64_t left() const { return end_ - next_; }
  std::string position() const;
  /// Of those left, how many may be made now.
  std::uint32_t allowed(std::uint32_t capacity);
  void take(std::uint32_t records);
  std::int64_t wait_ns() const { return limit_.wait_ns(); }

 private:
  const Env* env_;
  RateLimit limit_;
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
};

template <class T, class F>
class GeneratorSplitReader final : public SplitReader<T> {
 public:
  GeneratorSplitReader(const GeneratorOptions& options, F f, std::unique_ptr<EventTimes<T>> event_times)
      : options_{options}, f_{std::move(f)}, event_times_{std::move(event_times)} {}

  void start(const OperatorContext& context) override {
    name_ = context.name;
    block_.emplace(options_, context);
  }
  void open(std::string_view split, std::string_view position) override { block_->open(split, position); }

  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>&) override {
    using Outcome = typename SplitReader<T>::Outcome;
    const std::uint32_t size = block_->allowed(out.batch().capacity());
    if (size == 0 && block_->left() > 0) return {Outcome::kNothing, Timestamp::min()};
    make(out, size);
    const Timestamp newest = stamp(out.batch(), size);
    block_->take(size);
    out.flush();
    return {block_->left() == 0 ? Outcome::kEnd : Outcome::kRecords, newest};
  }

  std::string position() const override { return block_->position(); }
  std::int64_t retry_after_ns() const override { return block_->wait_ns(); }

 private:
  void make(Out<T>& out, std::uint32_t size) {
    TypedBatch<T>& batch = out.batch();
    out.set_stable_text({});
    const std::uint64_t first = block_->next();
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        T* to = new (batch.values() + i) T(std::invoke(f_, first + i));
        batch.own_text(*to, {});
      }
    } catch (...) {
      out.adopt_size(i);
      fail_user_code(name_, [&] { return "record " + std::to_string(first + i); });
    }
    out.adopt_size(size);
  }

  Timestamp stamp(TypedBatch<T>& batch, std::uint32_t size) {
    if (!event_times_) {
      std::fill_n(batch.timestamps(), size, Timestamp::min().ms());
      return Timestamp::min();
    }
    std::uint32_t at = 0;
    try {
      return event_times_->stamp(batch.values(), batch.timestamps(), size, at);
    } catch (...) {
      fail_user_code(name_, [&] { return "event time of record " + std::to_string(block_->next() + at); });
    }
  }

  GeneratorOptions options_;
  F f_;
  std::unique_ptr<EventTimes<T>> event_times_;
  std::optional<GeneratorBlock> block_;
  OperatorName name_;
};

template <class T, class F>
class GeneratorSourceImplementation final : public SourceImplementation<T> {
 public:
  GeneratorSourceImplementation(const GeneratorOptions& options, F f, std::shared_ptr<const EventTimes<T>> event_times,
                                Duration delay, std::optional<Duration> idle_after)
      : options_{options},
        f_{std::move(f)},
        event_times_{std::move(event_times)},
        delay_{delay},
        idle_after_{idle_after} {}

  std::string name() const override { return "generate"; }
  MakeSplitEnumerator split_enumerator() const override { return generator_split_enumerator(options_); }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<GeneratorSplitReader<T, F>>(options_, f_, event_times_ ? event_times_->clone() : nullptr);
  }
  Duration out_of_orderness() const override { return delay_; }
  std::optional<Duration> idle_after() const override { return idle_after_; }

 private:
  GeneratorOptions options_;
  F f_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  Duration delay_;
  std::optional<Duration> idle_after_;
};

}  // namespace tidemark::detail
