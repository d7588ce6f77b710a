#include "env/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

namespace tidemark {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::string_view kGroups = "/sys/fs/cgroup";

std::string text_of(FileSystem& files, const std::string& path) {
  constexpr std::uint64_t kLargest = 1u << 20;
  auto text = read_file(files, path, kLargest);
  return text ? std::move(*text) : std::string{};
}

// The number at the beginning of the text; "max" is none.
std::uint64_t leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? number : kUnlimited;
}

std::uint64_t machine_bytes(FileSystem& files) {
  constexpr std::string_view kTotal = "MemTotal:";
  const std::string text = text_of(files, "/proc/meminfo");
  const std::size_t at = text.find(kTotal);
  if (at == std::string::npos) return kUnlimited;
  const std::uint64_t kib = leading_number(std::string_view{text}.substr(at + kTotal.size()));
  return kib > kUnlimited / 1024 ? kUnlimited : kib * 1024;
}

// Of the group and of all above it.
std::uint64_t group_bytes(FileSystem& files, const std::string& root, std::string_view group, std::string_view file) {
  std::uint64_t lowest = kUnlimited;
  while (true) {
    const std::string_view below = group == "/" ? std::string_view{} : group;
    lowest = std::min(lowest, leading_number(text_of(files, root + std::string{below} + "/" + std::string{file})));
    if (below.empty()) return lowest;
    group = group.substr(0, group.rfind('/'));
  }
}

// A line of /proc/self/cgroup: "0::/path" of version 2, "4:memory:/path" of version 1.
std::uint64_t limit_of_line(FileSystem& files, std::string_view line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return kUnlimited;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const std::string_view group = line.substr(second + 1);
  if (!group.starts_with('/')) return kUnlimited;
  if (controllers.empty()) return group_bytes(files, std::string{kGroups}, group, "memory.max");
  if (("," + std::string{controllers} + ",").find(",memory,") == std::string::npos) return kUnlimited;
  return group_bytes(files, std::string{kGroups} + "/memory", group, "memory.limit_in_bytes");
}

}  // namespace

std::uint64_t memory_limit_bytes(FileSystem& files) {
  std::uint64_t lowest = machine_bytes(files);
  const std::string groups = text_of(files, "/proc/self/cgroup");
  for (std::string_view rest = groups; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lowest = std::min(lowest, limit_of_line(files, rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lowest;
}

}  // namespace tidemark
