// Files as source and as sink.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidemark/detail/codec/csv_encode.h"
#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/file_sink.h"
#include "tidemark/detail/connectors/file_source.h"
#include "tidemark/format.h"
#include "tidemark/sink.h"
#include "tidemark/source.h"

namespace tidemark {

/// A line of a text file, without its end.
struct TextLine {
  std::string_view text;
};

/// Reads all files that match a pattern when the job starts: in the order of their paths and as long as they are then, in
/// splits that readers take in turn. They must not change while the job, or one that resumes it, reads them.
template <class T>
class FileSource {
 public:
  using Record = T;

  /// See glob() for what a pattern may hold: * and ? and [..], ** for any depth. What is wrong
  /// with it, or with what follows, run() reports.
  explicit FileSource(std::string pattern) {
    options_.pattern = std::move(pattern);
    if constexpr (std::is_same_v<T, TextLine>) options_.format = detail::LineFormat::kText;
    checks_.run([this] { detail::check_options(options_); });
  }

  /// A member or a callable that gives a Timestamp, a std::int64_t (milliseconds since 1970 UTC) or a sys_time. Without
  /// one, records have no event time and the watermark comes at the end.
  template <class F>
  FileSource& event_time(F f, OutOfOrderness out_of_orderness = {}) {
    event_times_ = detail::make_event_times<T>(std::move(f));
    out_of_orderness_ = out_of_orderness;
    checks_.check(out_of_orderness);
    return *this;
  }

  FileSource& format(JsonFormat) { return set_format(detail::LineFormat::kJson); }
  FileSource& format(CsvFormat csv) {
    static_assert(detail::CsvRow<T>,
                  "a line of CSV is an aggregate of plain values: no lists, maps, variants or nested aggregates");
    options_.csv = csv.options;
    return set_format(detail::LineFormat::kCsv);
  }
  FileSource& format(TextFormat) {
    static_assert(detail::field_count_v<T> == 1 &&
                      (std::is_same_v<detail::FieldType<T, 0>, std::string_view> ||
                       std::is_same_v<detail::FieldType<T, 0>, std::string>),
                  "as_text() reads records whose only field is a text");
    return set_format(detail::LineFormat::kText);
  }

  /// A split without records for this long holds no watermark back any more; never, if not given.
  FileSource& idle_after(Duration duration) {
    idle_after_ = duration;
    checks_.check_idle_after(duration);
    return *this;
  }

  /// fail(), which is the default, skip() or side_output("name").
  FileSource& on_error(OnError policy) {
    options_.on_error = std::move(policy);
    checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  /// How many bytes of a file a reader takes at a time.
  FileSource& split_size(std::uint64_t bytes) {
    options_.split_bytes = bytes;
    checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  operator SourceDescription<T>() const {
    return SourceDescription<T>{std::make_shared<detail::FileSourceImplementation<T>>(
                                    options_, event_times_, out_of_orderness_.delay, idle_after_),
                                checks_.problem()};
  }

 private:
  FileSource& set_format(detail::LineFormat format) {
    options_.format = format;
    checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  detail::FileSourceOptions options_;
  detail::ArgumentChecks checks_;
  std::shared_ptr<const detail::EventTimes<T>> event_times_;
  OutOfOrderness out_of_orderness_;
  std::optional<Duration> idle_after_;
};

/// Records from files of JSON lines, or of what format() says.
template <class T>
FileSource<T> read_files(std::string pattern) {
  return FileSource<T>{std::move(pattern)};
}

/// The lines of text files.
inline FileSource<TextLine> read_lines(std::string pattern) { return FileSource<TextLine>{std::move(pattern)}; }

/// Writes each record exactly once into files `part-<subtask>-<attempt>-<n>.<ext>` of a folder. They appear when a
/// checkpoint is complete (without checkpoints, when all input was read); hidden files are what is not committed yet.
template <class Format>
class FileSink {
 public:
  /// What is wrong with the folder, or with what follows, run() reports.
  FileSink(std::string directory, Format format) : format_{std::move(format)} {
    options_.directory = std::move(directory);
    checks_.run([this] { detail::check_options(options_); });
  }

  /// A file is closed when it has this size, besides at each checkpoint.
  FileSink& roll_size(std::uint64_t bytes) {
    options_.roll_bytes = bytes;
    checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  /// In place of "part": several sinks may share a folder if their prefixes differ.
  FileSink& prefix(std::string prefix) {
    options_.prefix = std::move(prefix);
    checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  template <class T>
  operator SinkDescription<T>() const {
    return SinkDescription<T>{std::make_shared<detail::FileSinkImplementation<T, Format>>(options_, format_), checks_.problem()};
  }

 private:
  detail::FileSinkOptions options_;
  detail::ArgumentChecks checks_;
  Format format_;
};

/// Committed files alone have names without a leading dot; `.part.owner` says whose the folder is, so that no other job or sink
/// writes to it.
template <class Format>
FileSink<Format> write_files(std::string directory, Format format) {
  return {std::move(directory), std::move(format)};
}

}  // namespace tidemark
