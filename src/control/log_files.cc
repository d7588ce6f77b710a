#include "control/log_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/log.h"
#include "control/http_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestPart = 1u << 20;

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::uint64_t begin_of(std::uint64_t size, std::uint64_t offset, bool from_end) {
  return from_end ? size - std::min(size, kLargestPart) : std::min(offset, size);
}

}  // namespace

HttpResponse LogFiles::list() const {
  Json logs = Json::array();
  logs.push_back({{"name", own_}, {"size", recent_log().size()}, {"mtime", 0}});
  const auto entries = folder_.empty() ? std::vector<DirectoryEntry>{} : files_.list(folder_).value_or(std::vector<DirectoryEntry>{});
  for (const DirectoryEntry& entry : entries) {
    const auto info = files_.stat(join_path(folder_, entry.name));
    if (entry.is_directory || !info || entry.name == own_) continue;
    logs.push_back({{"name", entry.name}, {"size", info->size}, {"mtime", info->modified_ms}});
  }
  return answer_with(200, Json{{"logs", std::move(logs)}});
}

HttpResponse LogFiles::read(const std::string& name, const HttpRequest& request) const {
  const auto given = request.query.find("offset");
  const bool from_end = given == request.query.end();
  const auto offset = from_end ? 0 : number_in(given->second);
  if (!offset) return refuse(400, fmt::format("offset '{}' must be a number of bytes", given->second));
  auto bytes = bytes_of(name, *offset, from_end);
  if (!bytes) return refuse_for(bytes.error());
  return {.status = 200, .body = *std::move(bytes), .content_type = "text/plain; charset=utf-8"};
}

// A name is looked for among those that there are, and so leads nowhere else.
Result<std::string> LogFiles::bytes_of(const std::string& name, std::uint64_t offset, bool from_end) const {
  if (name == own_) {
    const std::string all = recent_log();
    return all.substr(begin_of(all.size(), offset, from_end), kLargestPart);
  }
  const auto entries = folder_.empty() ? std::vector<DirectoryEntry>{} : files_.list(folder_).value_or(std::vector<DirectoryEntry>{});
  const auto found = std::ranges::find(entries, name, &DirectoryEntry::name);
  if (found == entries.end() || found->is_directory) return fail(ErrorCode::kNotFound, fmt::format("there is no log '{}' here", name));
  TIDEMARK_ASSIGN(file, files_.open(join_path(folder_, found->name)));
  TIDEMARK_ASSIGN(size, file->size());
  std::string bytes(kLargestPart, '\0');
  TIDEMARK_ASSIGN(count, file->read(begin_of(size, offset, from_end), bytes));
  bytes.resize(count);
  return bytes;
}

HttpResponse LogFiles::refuse_stdout() const {
  return refuse(404, fmt::format("what this process prints goes to where it was started, and is not kept: its log is '{}'", own_));
}

}  // namespace tidemark
