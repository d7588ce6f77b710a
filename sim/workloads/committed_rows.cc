#include "sim/workloads/committed_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "codec/json_decoder.h"
#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "tidemark/detail/base/arena.h"

namespace tidemark {
namespace {

constexpr std::string_view kPrefix = "part";
constexpr std::string_view kExtension = ".json";

std::optional<OutputFile> parse_name(const std::string& directory, std::string_view name) {
  OutputFile file{.path = join_path(directory, name)};
  if (!name.starts_with(kPrefix) || !name.ends_with(kExtension)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kExtension.size());
  const auto take = [&name](auto& number) {
    if (!name.starts_with('-')) return false;
    const auto [rest, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    name.remove_prefix(static_cast<std::size_t>(rest - name.data()));
    return error == std::errc{};
  };
  const bool parsed = take(file.subtask) && take(file.attempt) && take(file.number) && name.empty();
  return parsed ? std::optional{file} : std::nullopt;
}

void sort_as_written(std::vector<OutputFile>& files) {
  std::ranges::sort(files, {}, [](const OutputFile& f) { return std::tuple{f.attempt, f.subtask, f.number}; });
}

Result<std::vector<DirectoryEntry>> list_if_there(FileSystem& files, const std::string& directory) {
  auto entries = files.list(directory);
  if (!entries && entries.error().code() == ErrorCode::kNotFound) return std::vector<DirectoryEntry>{};
  return entries;
}

}  // namespace

Result<std::vector<OutputFile>> committed_files(FileSystem& files, const std::string& directory) {
  std::vector<OutputFile> result;
  TIDEMARK_ASSIGN(entries, list_if_there(files, directory));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name.starts_with('.')) continue;
    const auto file = parse_name(directory, entry.name);
    if (!file) return fail(ErrorCode::kDataLoss, fmt::format("'{}' is no output of the job", entry.name));
    result.push_back(*file);
  }
  sort_as_written(result);
  return result;
}

Result<std::vector<OutputFile>> pending_files(FileSystem& files, const CheckpointMetadata& checkpoint,
                                              const std::string& uid) {
  std::vector<OutputFile> result;
  for (const CheckpointMetadata::Operator& op : checkpoint.operators) {
    if (op.uid != uid) continue;
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const std::string& bytes : subtask.committables) {
        detail::FileCommittable file;
        if (!detail::decode_versioned(bytes, file)) return fail(ErrorCode::kDataLoss, "a committable is damaged");
        const auto output = parse_name(file.directory, file.name);
        if (!output) return fail(ErrorCode::kDataLoss, fmt::format("a committable names '{}'", file.name));
        const std::string pending = join_path(file.directory, detail::pending_name(file.name));
        const auto found = files.stat(pending);
        const auto info = found ? found : files.stat(output->path);
        if (!info || info->size != file.size) {
          return fail(ErrorCode::kDataLoss,
                      fmt::format("'{}' of checkpoint {} has {} bytes, not {}", file.name, checkpoint.id,
                                  info ? std::to_string(info->size) : "no", file.size));
        }
        if (!found) continue;
        result.push_back(*output);
        result.back().path = pending;
      }
    }
  }
  sort_as_written(result);
  return result;
}

std::optional<std::string> find_leftover(FileSystem& files, const std::string& directory) {
  const auto entries = list_if_there(files, directory);
  if (!entries) return entries.error().message();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.starts_with('.') && entry.name != detail::owner_name(std::string{kPrefix})) {
      return fmt::format("'{}' is left over in '{}'", entry.name, directory);
    }
  }
  return std::nullopt;
}

Result<> read_lines_into(FileSystem& files, const OutputFile& file, const detail::RecordLayout& layout, void* row,
                         const std::function<void()>& take) {
  TIDEMARK_ASSIGN(content, read_file(files, file.path));
  JsonDecoder decoder{layout};
  detail::Arena text;
  for (std::string_view rest{content}; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (end == std::string_view::npos) {
      return fail(ErrorCode::kDataLoss, fmt::format("'{}' is cut off behind '{}'", file.path, line));
    }
    if (const auto error = decoder.decode(line, row, text)) {
      return fail(ErrorCode::kDataLoss, fmt::format("'{}' holds '{}': {}", file.path, line, error->message));
    }
    take();
    rest.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace tidemark
