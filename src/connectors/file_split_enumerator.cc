#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "connectors/file_content.h"
#include "connectors/file_split.h"
#include "connectors/list_state.h"
#include "env/env.h"
#include "env/glob.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/connectors/file_records.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

/// The files that match, in the order of their paths; folders are left out. One that was removed meanwhile, too, if `some_may_go`.
class FileSearch final : public SplitSearch {
 public:
  struct Found {
    std::string path;
    std::uint64_t size = 0;
  };

  FileSearch(FileSystem& files, std::string pattern, bool some_may_go)
      : files_{files}, pattern_{std::move(pattern)}, some_may_go_{some_may_go} {}

  void run() override {
    auto paths = glob(files_, pattern_);
    if (!paths) {
      if (!some_may_go_ || paths.error().code() != ErrorCode::kNotFound) throw paths.error();
      folder_is_away = !files_.stat(fixed_folder(pattern_));
      return;
    }
    for (std::string& path : *paths) {
      const auto info = files_.stat(path);
      if (!info && some_may_go_ && info.error().code() == ErrorCode::kNotFound) continue;
      if (!value_or_throw(info).is_directory) found.push_back({std::move(path), info->size});
    }
  }

  std::vector<Found> found;
  bool folder_is_away = false;  ///< so what is found says nothing about the files that were in it

 private:
  FileSystem& files_;
  std::string pattern_;
  bool some_may_go_;
};

class FileSplits final : public SplitEnumerator {
 public:
  FileSplits(FileSourceOptions options, const OperatorContext& context) : options_{std::move(options)}, context_{context} {}

  std::optional<std::string> next() override {
    if (!listed_ && !watches()) list();
    if (unassigned_.empty()) return std::nullopt;
    UnassignedFile& file = unassigned_.front();
    const bool is_packed = compression_of(file.path, options_.compression) != Compression::kNone;
    const std::uint64_t left = file.size - file.begin;
    const std::uint64_t end = file.begin + (is_packed ? left : std::min(options_.split_bytes, left));
    const FileSplit split{.path = file.path, .begin = file.begin, .end = end, .file_size = file.size};
    file.begin = end;
    if (end == file.size) unassigned_.pop_front();
    return encode_item(split);
  }
  bool may_have_more() const override { return watches(); }

  std::shared_ptr<SplitSearch> search() override {
    return watches() ? std::make_shared<FileSearch>(*context_.env->files, options_.pattern, true) : nullptr;
  }
  std::optional<std::int64_t> search_again_ns() const override { return std::chrono::nanoseconds{options_.watch_every}.count(); }
  void adopt(SplitSearch& search) override {
    auto& look = static_cast<FileSearch&>(search);
    listed_ = true;
    if (look.folder_is_away) return;
    std::map<std::string_view, UnassignedFile*> queued;
    for (UnassignedFile& file : unassigned_) queued.emplace(file.path, &file);
    std::vector<std::string> known;
    for (FileSearch::Found& file : look.found) {
      if (file.size == 0) continue;  // somebody has only just made it: look again
      known.push_back(file.path);
      if (std::ranges::binary_search(known_, file.path)) continue;
      if (const auto at = queued.find(file.path); at == queued.end()) {
        add(std::move(file));
      } else if (at->second->begin == 0) {
        at->second->size = file.size;  // it was away, and nobody has begun to read it
      }
    }
    std::ranges::sort(known);
    known_ = std::move(known);
  }

  PendingInput pending() const override {
    if (!listed_) return {};
    std::uint64_t bytes = 0;
    for (const UnassignedFile& file : unassigned_) bytes += file.size - file.begin;
    return {.records = std::nullopt, .bytes = bytes};
  }

  std::string snapshot() const override {
    if (!listed_) return {};
    const std::vector<UnassignedFile> files{unassigned_.begin(), unassigned_.end()};
    return watches() ? encode_item(WatchedFiles{.files = files, .known = known_}) : encode_item(UnassignedFiles{.files = files});
  }

  void restore(const std::string& snapshot) override {
    if (snapshot.empty()) return;
    if (WatchedFiles state; decode_versioned(snapshot, state)) {
      known_ = std::move(state.known);
      unassigned_.assign(state.files.begin(), state.files.end());
    } else if (UnassignedFiles once; decode_versioned(snapshot, once)) {
      if (watches()) refuse_to_watch();
      unassigned_.assign(once.files.begin(), once.files.end());
    } else {
      throw Error{ErrorCode::kDataLoss, fmt::format("the list of files of '{}' in the checkpoint can't be decoded; resume from "
                                                    "an older checkpoint with --resume=PATH",
                                                    options_.pattern)};
    }
    listed_ = true;
  }

 private:
  bool watches() const { return options_.watch_every > Duration{0}; }

  void list() {
    FileSearch search{*context_.env->files, options_.pattern, false};
    search.run();
    if (search.found.empty()) {
      throw Error{ErrorCode::kNotFound, fmt::format("'{0}' matches only folders; to read the files in them, write '{0}/*'",
                                                    options_.pattern)};
    }
    for (FileSearch::Found& file : search.found) add(std::move(file));
    listed_ = true;
  }

  void add(FileSearch::Found file) {
    if (file.size > 0) unassigned_.push_back({std::move(file.path), 0, file.size});
  }

  [[noreturn]] void refuse_to_watch() const {
    throw Error{ErrorCode::kFailedPrecondition,
                fmt::format("source '{}' watches '{}' now, but its checkpoint is of a run that did not and so does not say which files "
                            "were read. Let that run read its files to the end, and give the source that watches another uid",
                            context_.name.uid, options_.pattern)};
  }

  FileSourceOptions options_;
  const OperatorContext& context_;
  std::deque<UnassignedFile> unassigned_;
  std::vector<std::string> known_;  // at the last look, sorted; only where a folder is watched
  bool listed_ = false;
};

[[noreturn]] void refuse(const std::string& message) { throw Error{ErrorCode::kInvalidArgument, message}; }

}  // namespace

void check_options(const FileSourceOptions& options) {
  if (options.pattern.empty()) refuse("read_files() needs the path of a file, or a pattern such as bids/*.ndjson");
  if (options.split_bytes == 0) refuse(fmt::format("read_files(\"{}\"): a split has at least 1 byte", options.pattern));
  if (options.on_error.action == OnError::Action::kSideOutput && options.on_error.output.empty()) {
    refuse(fmt::format("read_files(\"{}\"): the side output of bad records needs a name", options.pattern));
  }
  const char delimiter = options.csv.delimiter;
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r') {
    refuse(fmt::format("read_files(\"{}\"): a quote or a line's end can't be the delimiter of CSV", options.pattern));
  }
}

MakeSplitEnumerator file_split_enumerator(FileSourceOptions options) {
  return [options = std::move(options)](const OperatorContext& context) -> std::unique_ptr<SplitEnumerator> {
    return std::make_unique<FileSplits>(options, context);
  };
}

}  // namespace tidemark::detail
