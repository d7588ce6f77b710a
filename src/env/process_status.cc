#include "env/process_status.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace tidemark {
namespace {

constexpr std::string_view kSelf = "/proc/self";

// A thread may end at any time, and its files with it.
std::string text_of(FileSystem& files, const std::string& path) {
  constexpr std::uint64_t kLargest = 1u << 20;
  auto text = read_file(files, path, kLargest);
  return text ? *std::move(text) : std::string{};
}

std::uint64_t number_at(std::string_view text, int base = 10) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

std::string_view behind(std::string_view name, std::string_view status) {
  const std::size_t at = status.find(name);
  return at == std::string_view::npos ? std::string_view{} : status.substr(at + name.size());
}

/// Of a line "VmRSS:     123 kB".
std::uint64_t kib_in(std::string_view status, std::string_view name) { return number_at(behind(name, status)) * 1024; }

/// The fields of a stat file behind the name, which may have anything in it: [0] is the state.
std::vector<std::string_view> fields_of(std::string_view stat) {
  std::vector<std::string_view> fields;
  const std::size_t end_of_name = stat.rfind(')');
  if (end_of_name == std::string_view::npos) return fields;
  std::string_view rest = stat.substr(end_of_name + 1);
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
    if (rest.empty()) return fields;
    const std::size_t length = std::min(rest.find_first_of(" \n"), rest.size());
    fields.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
}

std::int64_t cpu_ms_of(const std::vector<std::string_view>& fields) {
  constexpr std::size_t kUser = 11;
  constexpr std::size_t kSystem = 12;
  if (fields.size() <= kSystem) return 0;
  const auto ticks = number_at(fields[kUser]) + number_at(fields[kSystem]);
  return static_cast<std::int64_t>(ticks * 1'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

std::size_t entries_in(FileSystem& files, const std::string& folder) {
  const auto entries = files.list(folder);
  return entries ? entries->size() : 0;
}

ThreadStatus thread_in(FileSystem& files, const std::string& folder, std::string_view id) {
  ThreadStatus thread{.id = static_cast<std::uint32_t>(number_at(id)),
                      .name = text_of(files, folder + "/comm"),
                      .waits_in = text_of(files, folder + "/wchan")};
  while (thread.name.ends_with('\n')) thread.name.pop_back();
  if (thread.waits_in == "0") thread.waits_in.clear();
  const std::string stat = text_of(files, folder + "/stat");
  const auto fields = fields_of(stat);
  if (!fields.empty()) thread.state = fields.front().front();
  thread.cpu_ms = cpu_ms_of(fields);
  thread.blocked_signals = number_at(behind("\nSigBlk:", text_of(files, folder + "/status")), 16);
  return thread;
}

}  // namespace

ProcessStatus status_of_this_process(FileSystem& files) {
  const std::string self{kSelf};
  const std::string status = text_of(files, self + "/status");
  const std::string stat = text_of(files, self + "/stat");
  return {.resident_bytes = kib_in(status, "\nVmRSS:"),
          .file_bytes = kib_in(status, "\nRssFile:"),
          .shared_bytes = kib_in(status, "\nRssShmem:"),
          .cpu_ms = cpu_ms_of(fields_of(stat)),
          .threads = entries_in(files, self + "/task"),
          .open_files = entries_in(files, self + "/fd")};
}

std::uint64_t unreclaimable_bytes_of(FileSystem& files, std::uint32_t pid) {
  const std::string status = text_of(files, "/proc/" + std::to_string(pid) + "/status");
  return kib_in(status, "\nRssAnon:") + kib_in(status, "\nRssShmem:");
}

std::uint64_t free_allocator_bytes() { return ::mallinfo2().fordblks; }

std::vector<ThreadStatus> threads_of_this_process(FileSystem& files) {
  std::vector<ThreadStatus> threads;
  const std::string folder = std::string{kSelf} + "/task";
  const auto entries = files.list(folder);
  if (!entries) return threads;
  for (const DirectoryEntry& entry : *entries) {
    ThreadStatus thread = thread_in(files, folder + "/" + entry.name, entry.name);
    if (!thread.name.empty()) threads.push_back(std::move(thread));
  }
  std::ranges::sort(threads, {}, &ThreadStatus::id);
  return threads;
}

}  // namespace tidemark
