// The part of the file source that knows the record's type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/connectors/event_times.h"
#include "tidemark/detail/connectors/file_records.h"
#include "tidemark/detail/connectors/source.h"

namespace tidemark::detail {

template <class T>
class FileSplitReader final : public SplitReader<T> {
 public:
  /// Without `event_times` records have none.
  FileSplitReader(FileSourceOptions options, std::unique_ptr<EventTimes<T>> event_times)
      : records_{std::move(options), layout_of<T>()}, event_times_{std::move(event_times)} {}

  void start(const OperatorContext& context) override {
    name_ = context.name;
    records_.start(context);
  }
  void open(std::string_view split, std::string_view position) override { records_.open(split, position); }

  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>& bad) override {
    using Outcome = typename SplitReader<T>::Outcome;
    TypedBatch<T>& batch = out.batch();
    const FileRecords::Filled filled = fill(batch);
    out.adopt_size(filled.count);
    out.set_stable_text(records_.text_range());
    const Timestamp newest = stamp(batch, filled.count);
    out.flush();
    if (filled.count == 0) batch.clear();  // text of what was no record
    for (BadRecord& record : bad_) bad.emit(Timestamp::min(), std::move(record));
    bad_.clear();
    return {filled.end ? Outcome::kEnd : Outcome::kRecords, newest};
  }

  std::string position() const override { return records_.position(); }
  std::uint64_t skipped() const override { return records_.skipped(); }
  std::uint64_t bytes_read() const override { return records_.bytes_read(); }

 private:
  FileRecords::Filled fill(TypedBatch<T>& batch) {
    T* values = batch.values();
    const std::uint32_t capacity = batch.capacity();
    std::uninitialized_value_construct_n(values, capacity);
    FileRecords::Filled filled;
    try {
      filled = records_.read(values, sizeof(T), capacity, batch.arena(), bad_);
    } catch (...) {
      std::destroy_n(values, capacity);
      throw;
    }
    std::destroy(values + filled.count, values + capacity);
    return filled;
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
      fail_user_code(name_, [&] { return "event time of " + records_.place_of(at); });
    }
  }

  FileRecords records_;
  std::unique_ptr<EventTimes<T>> event_times_;
  OperatorName name_;
  std::vector<BadRecord> bad_;
};

template <class T>
class FileSourceImplementation final : public SourceImplementation<T> {
 public:
  FileSourceImplementation(FileSourceOptions options, std::shared_ptr<const EventTimes<T>> event_times, Duration delay,
                           std::optional<Duration> idle_after)
      : options_{std::move(options)}, event_times_{std::move(event_times)}, delay_{delay}, idle_after_{idle_after} {}

  std::string name() const override { return "read files"; }
  MakeSplitEnumerator split_enumerator() const override { return file_split_enumerator(options_); }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<FileSplitReader<T>>(options_, event_times_ ? event_times_->clone() : nullptr);
  }
  Duration out_of_orderness() const override { return delay_; }
  std::optional<Duration> idle_after() const override { return idle_after_; }
  OnError on_error() const override { return options_.on_error; }

 private:
  FileSourceOptions options_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  Duration delay_;
  std::optional<Duration> idle_after_;
};

}  // namespace tidemark::detail
