// The file sink: exactly once by rename.
//
// A subtask writes `.part-<subtask>-<attempt>-<n>.json.inprogress`. At a barrier the file is closed; the checkpoint's work
// syncs it and renames it to `.part-....json.pending`, durably; when the checkpoint is complete, the pending file becomes
// `part-....json`. A committable names a pending file; the ledger keeps it in every snapshot until it is committed.
//
// A folder and prefix belong to one sink of one job: `.<prefix>.owner` in the folder names them, so hidden files with the
// prefix are leftovers of that sink and of no other. Recovery commits what the restored checkpoint holds and removes all
// other hidden files. It refuses to start anew where committed files lie, and to go on from a checkpoint older than what was
// committed, because rows would be there twice: each checkpoint holds how far every subtask had come in naming its files.
//
// A commit that fails is tried again after pauses, each file so many times; then the task fails, and the restart commits. A
// file that is neither pending nor committed is lost, and never passed over.
//
// If syncing fails, the checkpoint fails and the job goes on; the file is written again, from what the kernel still has of
// it and checked by hashes, with the next checkpoint's work. A failed write fails the task.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidemark/detail/codec/csv_encode.h"
#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/connectors/sink.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/format.h"

namespace tidemark::detail {

/// What the sink calls itself.
inline constexpr std::string_view kFileSinkKind = "write files";

struct FileSinkOptions {
  static constexpr std::uint64_t kRollBytes = std::uint64_t{128} << 20;

  std::string directory;
  std::string prefix = "part";
  std::string extension;  ///< "json"
  std::string header;     ///< what each file begins with
  std::uint64_t roll_bytes = kRollBytes;
};

/// Throws Error for options that can never work.
void check_options(const FileSinkOptions& options);

/// See NodeFactory::recover.
void recover_file_sink(const FileSinkOptions& options, const SinkRecovery& recovery);

/// All of a writer but the encoding of records.
class FileSinkOperator : public Operator {
 public:
  ~FileSinkOperator() override;

  void open(OperatorContext& context) override;
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override;
  void checkpoint_completed(CheckpointId id) override;
  /// False while a commit is in flight or waits to be tried again.
  bool settled() const override;
  /// A commit that failed and may succeed is tried again after a pause.
  std::optional<Timestamp> next_processing_time() const override;
  bool advance_processing_time(Timestamp now) override;

 protected:
  explicit FileSinkOperator(FileSinkOptions options);

  /// What is not in the file yet: whole lines.
  std::string& buffer() { return buffer_; }
  /// After each line.
  void end_line() {
    if (buffer_.size() >= kBufferBytes) write_buffer();
  }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
  class Files;

  void write_buffer();

  std::string buffer_;
  std::unique_ptr<Files> files_;
};

template <class T>
void append_line(const T& record, const JsonFormat&, std::string& out) {
  append_json(record, out);
}
template <class T>
void append_line(const T& record, const CsvFormat& format, std::string& out) {
  append_csv(record, out, format.options.delimiter);
}
template <class T>
void append_line(const T& record, const TextFormat&, std::string& out) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out += std::string_view{record};
  } else {
    static_assert(field_count_v<T> == 1 && std::is_convertible_v<FieldType<T, 0>, std::string_view>,
                  "as_text() writes texts, or records whose only field is a text");
    apply_fields(record, [&](const auto& text) { out += text; });
  }
}

template <class T, class Format>
class FormattedFileSink final : public FileSinkOperator {
 public:
  FormattedFileSink(FileSinkOptions options, Format format)
      : FileSinkOperator{std::move(options)}, format_{std::move(format)} {}

  void receive(Batch& in) override {
    const T* values = static_cast<TypedBatch<T>&>(in).values();
    const std::uint32_t size = in.size();
    for (std::uint32_t i = 0; i < size; ++i) {
      append_line(values[i], format_, buffer());
      buffer() += '\n';
      end_line();
    }
    written_ += size;
  }
  std::uint64_t records_out() const override { return written_; }

 private:
  Format format_;
  std::uint64_t written_ = 0;
};

inline std::string extension_of(const JsonFormat&) { return "json"; }
inline std::string extension_of(const CsvFormat&) { return "csv"; }
inline std::string extension_of(const TextFormat&) { return "txt"; }

template <class T, class Format>
class FileSinkImplementation final : public SinkImplementation {
 public:
  FileSinkImplementation(FileSinkOptions options, Format format)
      : options_{std::move(options)}, format_{std::move(format)} {
    options_.extension = extension_of(format_);
    if constexpr (std::is_same_v<Format, CsvFormat>) {
      if (format_.options.header) {
        append_csv_header<T>(options_.header, format_.options.delimiter);
        options_.header += '\n';
      }
    }
  }

  std::string name() const override { return std::string{kFileSinkKind}; }
  bool takes_changes() const override { return true; }
  bool keeps_state() const override { return true; }
  std::unique_ptr<Operator> make_writer() const override {
    return std::make_unique<FormattedFileSink<T, Format>>(options_, format_);
  }
  void recover(const SinkRecovery& recovery) const override { recover_file_sink(options_, recovery); }

 private:
  FileSinkOptions options_;
  Format format_;
};

}  // namespace tidemark::detail
