#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "connectors/file_split.h"
#include "connectors/list_state.h"
#include "env/env.h"
#include "tidemark/detail/connectors/file_records.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

class FileSplits final : public SplitEnumerator {
 public:
  FileSplits(FileSourceOptions options, FileSystem& files) : options_{std::move(options)}, files_{files} {}

  std::optional<std::string> next() override {
    list_once();
    if (unassigned_.empty()) return std::nullopt;
    UnassignedFile& file = unassigned_.front();
    const std::uint64_t end = file.begin + std::min(options_.split_bytes, file.size - file.begin);
    const FileSplit split{.path = file.path, .begin = file.begin, .end = end, .file_size = file.size};
    file.begin = end;
    if (end == file.size) unassigned_.pop_front();
    return encode_item(split);
  }

  std::string snapshot() const override {
    if (!listed_) return {};
    return encode_item(UnassignedFiles{.files = {unassigned_.begin(), unassigned_.end()}});
  }

  void restore(const std::string& snapshot) override {
    if (snapshot.empty()) return;
    UnassignedFiles state;
    if (!decode_versioned(snapshot, state)) {
      throw Error{ErrorCode::kDataLoss, fmt::format("the list of files of '{}' in the checkpoint can't be decoded; resume from "
                                                    "an older checkpoint with --resume=PATH",
                                                    options_.pattern)};
    }
    unassigned_.assign(state.files.begin(), state.files.end());
    listed_ = true;
  }

 private:
  void list_once() {
    if (listed_) return;
    bool any = false;
    for (std::string& path : value_or_throw(glob(files_, options_.pattern))) {
      const FileInfo info = value_or_throw(files_.stat(path));
      if (info.is_directory) continue;
      any = true;
      if (info.size > 0) unassigned_.push_back({std::move(path), 0, info.size});
    }
    if (!any) {
      throw Error{ErrorCode::kNotFound, fmt::format("'{0}' matches only folders; to read the files in them, write '{0}/*'",
                                                    options_.pattern)};
    }
    listed_ = true;
  }

  FileSourceOptions options_;
  FileSystem& files_;
  std::deque<UnassignedFile> unassigned_;
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
  return [options = std::move(options)](const Env& env) -> std::unique_ptr<SplitEnumerator> {
    return std::make_unique<FileSplits>(options, *env.files);
  };
}

}  // namespace tidemark::detail
