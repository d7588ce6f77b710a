#include "tidemark/detail/connectors/file_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/log.h"
#include "connectors/file_lines.h"
#include "connectors/file_split.h"
#include "connectors/line_decoder.h"
#include "connectors/list_state.h"
#include "env/env.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::size_t kMaxBadRecords = 1024;  // of one read

constexpr std::string_view kAdvice =
    "Fail is the default; skip and count with on_error(skip()), keep with on_error(side_output(\"bad\"))";

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

}  // namespace

class FileRecords::Reader {
 public:
  Reader(FileSourceOptions options, const RecordLayout& layout)
      : options_{std::move(options)},
        lines_{options_.block_bytes, options_.max_line_bytes},
        decoder_{options_.format, options_.csv, layout} {}

  void start(const OperatorContext& context) {
    files_ = context.env->files;
    name_ = context.name;
  }

  void open(std::string_view split, std::string_view position) {
    if (!decode_versioned(split, split_)) fail_damaged_state(name_, "splits");
    if (options_.watch_every > Duration{0}) lines_.forget();
    compression_ = compression_of(split_.path, options_.compression);
    end_ = compression_ == Compression::kNone ? std::min(split_.end, split_.file_size) : std::numeric_limits<std::uint64_t>::max();
    if (options_.format == LineFormat::kCsv) read_header();
    if (!position.empty()) {
      open_at(parse_position(position));
      if (planted(PlantedBug::kReplaySkipsRecord)) lines_.skip_partial_line(end_);
    } else if (split_.begin > 0) {
      open_at(split_.begin - 1);
      lines_.skip_partial_line(end_);
    } else {
      open_at(header_end_);
    }
  }

  Filled read(void* values, std::size_t stride, std::uint32_t capacity, Arena& arena, std::vector<BadRecord>& bad) {
    offsets_.resize(std::max<std::size_t>(offsets_.size(), capacity));
    const std::uint64_t start = lines_.offset();
    Filled filled;
    bool may_fill = true;  // once a call, so that views stay and a call takes bounded time
    while (filled.count < capacity && bad.size() < kMaxBadRecords && !at_end()) {
      const std::uint64_t offset = lines_.offset();
      std::string_view line;
      if (!lines_.next(line)) {
        if (!may_fill) break;
        may_fill = false;
        if (!lines_.fill()) break;
        continue;
      }
      may_fill = false;
      if (is_left_out(line)) continue;
      offsets_[filled.count] = offset;
      void* record = static_cast<char*>(values) + filled.count * stride;
      if (auto error = decoder_.decode(line, record, arena)) [[unlikely]] {
        reject(offset, line, std::move(*error), bad);
      } else {
        ++filled.count;
      }
    }
    filled.end = at_end();
    bytes_read_ += lines_.offset() - start;
    return filled;
  }

  TextRange text_range() const { return lines_.text_range(); }
  std::string position() const { return fmt::format("{}", lines_.offset()); }
  std::string place_of(std::uint32_t index) {
    return fmt::format("{}:{}", split_.path, lines_.line_number(offsets_[index]));
  }
  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

  PendingInput pending_in(std::string_view encoded, std::string_view position) const {
    FileSplit split;
    if (!decode_versioned(encoded, split)) fail_damaged_state(name_, "splits");
    const std::uint64_t end = std::min(split.end, split.file_size);
    if (position.empty()) return {.records = std::nullopt, .bytes = end - std::min(end, split.begin)};
    if (compression_of(split.path, options_.compression) != Compression::kNone) return {};
    return {.records = std::nullopt, .bytes = end - std::min(end, parse_position(position))};
  }

 private:
  void open_at(std::uint64_t offset) { lines_.open(*files_, split_.path, split_.file_size, compression_, offset); }

  // Of CSV whose columns end at blanks, a line of blanks is a record.
  bool is_left_out(std::string_view line) const {
    if (options_.format == LineFormat::kText) return false;
    const bool blanks_delimit = options_.format == LineFormat::kCsv && is_blank({&options_.csv.delimiter, 1});
    return blanks_delimit ? line.empty() : is_blank(line);
  }

  bool at_end() const { return lines_.offset() >= std::min(end_, lines_.size()); }

  std::uint64_t parse_position(std::string_view text) const {
    std::uint64_t position = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), position);
    if (error != std::errc{} || rest != text.data() + text.size()) fail_damaged_state(name_, "splits");
    return position;
  }

  // The columns' names stand at the beginning of the file, wherever the split is.
  void read_header() {
    header_end_ = 0;
    decoder_.forget_header();
    if (!options_.csv.header) return;
    open_at(0);
    std::string_view line;
    while (!lines_.next(line)) {
      if (!lines_.fill()) return;
    }
    header_end_ = lines_.offset();
    if (const auto error = decoder_.read_header(line)) {
      throw Error{ErrorCode::kParse,
                  fmt::format("{}:1:{}: {}. The first line names the columns; if it does not, read the file with "
                              "as_csv({{.header = false}})",
                              split_.path, error->column, error->message)};
    }
  }

  [[gnu::noinline]] void reject(std::uint64_t offset, std::string_view line, DecodeError error,
                                std::vector<BadRecord>& bad) {
    const auto place = [&] { return fmt::format("{}:{}:{}", split_.path, lines_.line_number(offset), error.column); };
    switch (options_.on_error.action) {
      case OnError::Action::kFail:
        throw Error{ErrorCode::kParse, fmt::format("{}: {}. {}", place(), error.message, kAdvice)};
      case OnError::Action::kSkip:
        if (skipped_++ == 0) {
          log_warning(fmt::format("operator '{}' (uid {}), subtask {}: skipped {}: {}. Further ones are only counted",
                                  name_.name, name_.uid, name_.subtask, place(), error.message));
        }
        return;
      case OnError::Action::kSideOutput:
        bad.push_back({split_.path, lines_.line_number(offset), error.column, std::move(error.message), std::string{line}});
        return;
    }
  }

  FileSourceOptions options_;
  FileSystem* files_ = nullptr;
  OperatorName name_;
  FileLines lines_;
  LineDecoder decoder_;
  FileSplit split_;
  Compression compression_ = Compression::kNone;
  std::uint64_t end_ = 0;  // of the content: no line of the split begins there or behind
  std::uint64_t header_end_ = 0;
  std::vector<std::uint64_t> offsets_;  // of the records of the last read
  std::uint64_t skipped_ = 0;
  std::uint64_t bytes_read_ = 0;
};

FileRecords::FileRecords(FileSourceOptions options, const RecordLayout& layout)
    : reader_{std::make_unique<Reader>(std::move(options), layout)} {}

FileRecords::~FileRecords() = default;

void FileRecords::start(const OperatorContext& context) { reader_->start(context); }

void FileRecords::open(std::string_view split, std::string_view position) { reader_->open(split, position); }

FileRecords::Filled FileRecords::read(void* values, std::size_t stride, std::uint32_t capacity, Arena& arena,
                                      std::vector<BadRecord>& bad) {
  return reader_->read(values, stride, capacity, arena, bad);
}

TextRange FileRecords::text_range() const { return reader_->text_range(); }

std::string FileRecords::position() const { return reader_->position(); }

std::string FileRecords::place_of(std::uint32_t index) { return reader_->place_of(index); }

std::uint64_t FileRecords::skipped() const { return reader_->skipped(); }

std::uint64_t FileRecords::bytes_read() const { return reader_->bytes_read(); }

PendingInput FileRecords::pending_in(std::string_view split, std::string_view position) const { return reader_->pending_in(split, position); }

}  // namespace tidemark::detail
