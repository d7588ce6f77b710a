#include "cli/job_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tidemark {
namespace {

constexpr std::size_t kLongestName = 64;

// Targets that CMake and its generators make themselves.
constexpr auto kTakenTargets = std::to_array<std::string_view>(
    {"all", "clean", "depend", "edit_cache", "help", "install", "list_install_components", "package", "package_source",
     "preinstall", "rebuild_cache", "test"});

constexpr std::string_view kNamePlace = "@NAME@";

constexpr std::string_view kCMakeLists = R"(cmake_minimum_required(VERSION 3.25)
project(@NAME@ LANGUAGES CXX)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_package(tidemark REQUIRED)
add_executable(@NAME@ main.cc)
target_link_libraries(@NAME@ PRIVATE tidemark::tidemark)
)";

// The include is no line of its own here: it is no include of this file.
constexpr std::string_view kMain =
    "// Clicks per page and minute.\n#include <tidemark/tidemark.h>\n"
    R"(
using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user;
  std::string page;
  Timestamp at;
};

// Stands for your input: read_files<Click>("clicks/*.ndjson").event_time(&Click::at, out_of_order_by(5s))
Click click(std::uint64_t n) {
  const char* const pages[] = {"/", "/search", "/cart"};
  const auto number = static_cast<std::int64_t>(n);
  return {number % 7, pages[n % 5 % 3], Timestamp{1'704'103'200'000} + number * 1s};
}

int main(int argc, char** argv) {
  Job job{"@NAME@", argc, argv};
  const auto clicks = job.arg("clicks", 300, "how many clicks to make, one a second");

  job.from(generate<Click>(clicks, click).event_time(&Click::at))
      .uid("clicks")
      .key_by(&Click::page)
      .window(tumbling(1min))
      .aggregate(count())
      .uid("clicks-per-page")
      .to(print());

  return job.run();
}
)";

constexpr std::string_view kReadme = R"(# @NAME@

A job on Tidemark. It needs a C++20 compiler, CMake and an installed Tidemark.

```
cmake -B build && cmake --build build
build/@NAME@
```

Where Tidemark is installed in a folder of its own, the first command needs `-D CMAKE_PREFIX_PATH=/that/folder`.

`build/@NAME@ --help` lists the job's options. With `--checkpoint-dir state` it keeps checkpoints, and with `--resume`
it goes on from the newest; `tidemark list state` says whether it runs.
)";

constexpr std::string_view kGitignore = "/build/\n/state/\n";

std::string with_name(std::string_view text, std::string_view name) {
  std::string result{text};
  for (std::size_t at = 0; (at = result.find(kNamePlace, at)) != std::string::npos; at += name.size()) {
    result.replace(at, kNamePlace.size(), name);
  }
  return result;
}

}  // namespace

Result<> check_project_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto may_stand = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  if (name.empty() || name.size() > kLongestName || !is_letter(name.front()) || !std::ranges::all_of(name, may_stand)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' can't be the name of a project: it names a folder here, a program and a job, and is made of "
                    "1 to {} of a-z 0-9 - _, a letter first",
                    name, kLongestName));
  }
  if (std::ranges::find(kTakenTargets, name) != kTakenTargets.end()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' can't be the name of a project: CMake has a target of that name; choose another", name));
  }
  return {};
}

std::vector<TemplateFile> job_template(std::string_view name) {
  return {{"CMakeLists.txt", with_name(kCMakeLists, name)},
          {"main.cc", with_name(kMain, name)},
          {"README.md", with_name(kReadme, name)},
          {".gitignore", std::string{kGitignore}}};
}

}  // namespace tidemark
