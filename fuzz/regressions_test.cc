// Every target on the files that it was seeded with and on those that once broke it, without a fuzzer.
#include <gtest/gtest.h>

#include "env/posix_file_system.h"
#include "fuzz/target.h"

namespace tidemark {
namespace {

class FuzzRegressions : public testing::TestWithParam<std::string> {};

std::vector<std::string> inputs_of(FileSystem& files, const std::string& target) {
  std::vector<std::string> paths;
  for (const char* kind : {"corpus", "regressions"}) {
    const std::string folder = join_path(join_path(TIDEMARK_FUZZ_DIR, kind), target);
    const auto entries = files.list(folder);
    if (!entries) continue;
    for (const DirectoryEntry& entry : *entries) paths.push_back(join_path(folder, entry.name));
  }
  return paths;
}

TEST_P(FuzzRegressions, TheTargetsPropertiesHoldOnEachKeptInput) {
  FileSystem& files = posix_file_system();
  const fuzz::Target target = fuzz::targets().at(GetParam());
  const auto paths = inputs_of(files, GetParam());
  ASSERT_FALSE(paths.empty()) << "the target has no inputs in fuzz/corpus/" << GetParam();
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    target(value_or_throw(read_file(files, path)));
  }
}

std::vector<std::string> target_names() {
  std::vector<std::string> names;
  for (const auto& [name, target] : fuzz::targets()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzRegressions, testing::ValuesIn(target_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tidemark
