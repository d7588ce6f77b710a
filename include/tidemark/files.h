// Files as source and as sink.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidemark/detail/codec/csv_encode.h"
#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/file_sink.h"
#include "tidemark/detail/connectors/file_source.h"
#include "tidemark/detail/connectors/source_timing.h"
#include "tidemark/format.h"
#include "tidemark/sink.h"
#include "tidemark/source.h"

namespace tidemark {

/// A line of a text file, without its end.
struct TextLine {
  std::string_view text;
};

/// Reads all files that match a pattern when the job starts: in the order of their paths and as long as they are then, in
/// splits that readers take in turn. They must not change while the job, or one that resumes it, reads them. See
/// detail::TimedSource for what it can be told about time; without event_time() the watermark comes at the end.
///
/// A file whose name ends in .gz or .zst is unpacked as it is read, as one split.
template <class T>
class FileSource : public detail::TimedSource<FileSource<T>, T> {
 public:
  /// See glob() for what a pattern may hold: * and ? and [..], ** for any depth. What is wrong
  /// with it, or with what follows, run() reports.
  explicit FileSource(std::string pattern) {
    options_.pattern = std::move(pattern);
    if constexpr (std::is_same_v<T, TextLine>) options_.format = detail::LineFormat::kText;
    check();
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

  /// How the files are packed, where their names don't say so.
  FileSource& compressed(Compression compression) {
    options_.compression = compression;
    return *this;
  }

  /// Looks for further files each time that so long has passed, and never ends. A file is read once, as long as it is when it is found: let files
  /// appear whole, by renaming them into place from a name that does not match, such as one with a leading dot. Checkpoints
  /// hold the paths of what was found and is still there.
  FileSource& watch(Duration every) {
    this->checks_.require(every > Duration{0}, "watch() takes how long to wait before looking for files again: more than zero");
    options_.watch_every = every;
    return *this;
  }

  /// fail(), which is the default, skip() or side_output("name").
  FileSource& on_error(OnError policy) {
    options_.on_error = std::move(policy);
    return check();
  }

  /// How many bytes of a file a reader takes at a time.
  FileSource& split_size(std::uint64_t bytes) {
    options_.split_bytes = bytes;
    return check();
  }

  operator SourceDescription<T>() const {
    return SourceDescription<T>{std::make_shared<detail::FileSourceImplementation<T>>(options_, this->event_times_, this->timing_),
                                this->problem()};
  }

 private:
  FileSource& set_format(detail::LineFormat format) {
    options_.format = format;
    return check();
  }
  FileSource& check() {
    this->checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  detail::FileSourceOptions options_;
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
