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

  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>& bad, std::uint32_t most) override {
    using Outcome = typename SplitReader<T>::Outcome;
    TypedBatch<T>& batch = out.batch();
    const FileRecords::Filled filled = fill(batch, std::min(batch.capacity(), most));
    out.adopt_size(filled.count);
    out.set_stable_text(records_.text_range());
    const Timestamp newest = stamp_batch(event_times_.get(), batch, filled.count, name_, [&](std::uint32_t at) { return records_.place_of(at); });
    out.flush();
    if (filled.count == 0) batch.clear();  // text of what was no record
    for (BadRecord& record : bad_) bad.emit(Timestamp::min(), std::move(record));
    bad_.clear();
    return {filled.end ? Outcome::kEnd : Outcome::kRecords, newest};
  }

  std::string position() const override { return records_.position(); }
  std::uint64_t skipped() const override { return records_.skipped(); }
  std::uint64_t bytes_read() const override { return records_.bytes_read(); }
  PendingInput pending_in(std::string_view split, std::string_view position) const override { return records_.pending_in(split, position); }

 private:
  FileRecords::Filled fill(TypedBatch<T>& batch, std::uint32_t capacity) {
    T* values = batch.values();
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

  FileRecords records_;
  std::unique_ptr<EventTimes<T>> event_times_;
  OperatorName name_;
  std::vector<BadRecord> bad_;
};

template <class T>
class FileSourceImplementation final : public SourceImplementation<T> {
 public:
  FileSourceImplementation(FileSourceOptions options, std::shared_ptr<const EventTimes<T>> event_times, SourceTiming timing)
      : options_{std::move(options)}, event_times_{std::move(event_times)}, timing_{std::move(timing)} {}

  std::string name() const override { return "read files"; }
  MakeSplitEnumerator split_enumerator() const override { return file_split_enumerator(options_); }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<FileSplitReader<T>>(options_, event_times_ ? event_times_->clone() : nullptr);
  }
  SourceTiming timing() const override { return timing_; }
  OnError on_error() const override { return options_.on_error; }
  bool bounded() const override { return options_.watch_every == Duration{0}; }

 private:
  FileSourceOptions options_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  SourceTiming timing_;
};

}  // namespace tidemark::detail
