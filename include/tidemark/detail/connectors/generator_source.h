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

/// The numbers of the open block that are still to come.
class GeneratorBlock {
 public:
  void open(std::string_view split, std::string_view position);
  std::uint64_t next() const { return next_; }
  std::uint64_t left() const { return end_ - next_; }
  std::string position() const;
  void take(std::uint32_t records) { next_ += records; }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
};

template <class T, class F>
class GeneratorSplitReader final : public SplitReader<T> {
 public:
  GeneratorSplitReader(F f, std::unique_ptr<EventTimes<T>> event_times) : f_{std::move(f)}, event_times_{std::move(event_times)} {}

  void start(const OperatorContext& context) override { name_ = context.name; }
  void open(std::string_view split, std::string_view position) override { block_.open(split, position); }

  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>&, std::uint32_t most) override {
    using Outcome = typename SplitReader<T>::Outcome;
    const auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::min(out.batch().capacity(), most), block_.left()));
    make(out, size);
    const Timestamp newest = stamp_batch(event_times_.get(), out.batch(), size, name_, [&](std::uint32_t at) { return "record " + std::to_string(block_.next() + at); });
    block_.take(size);
    out.flush();
    return {block_.left() == 0 ? Outcome::kEnd : Outcome::kRecords, newest};
  }

  std::string position() const override { return block_.position(); }
  PendingInput pending_in(std::string_view split, std::string_view position) const override {
    GeneratorBlock block;
    block.open(split, position);
    return {.records = block.left(), .bytes = std::nullopt};
  }

 private:
  void make(Out<T>& out, std::uint32_t size) {
    TypedBatch<T>& batch = out.batch();
    out.set_stable_text({});
    const std::uint64_t first = block_.next();
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

  F f_;
  std::unique_ptr<EventTimes<T>> event_times_;
  GeneratorBlock block_;
  OperatorName name_;
};

template <class T, class F>
class GeneratorSourceImplementation final : public SourceImplementation<T> {
 public:
  GeneratorSourceImplementation(const GeneratorOptions& options, F f, std::shared_ptr<const EventTimes<T>> event_times, SourceTiming timing)
      : options_{options}, f_{std::move(f)}, event_times_{std::move(event_times)}, timing_{std::move(timing)} {}

  std::string name() const override { return "generate"; }
  MakeSplitEnumerator split_enumerator() const override { return generator_split_enumerator(options_); }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<GeneratorSplitReader<T, F>>(f_, event_times_ ? event_times_->clone() : nullptr);
  }
  SourceTiming timing() const override { return timing_; }
  bool bounded() const override { return options_.count.has_value(); }

 private:
  GeneratorOptions options_;
  F f_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  SourceTiming timing_;
};

}  // namespace tidemark::detail
