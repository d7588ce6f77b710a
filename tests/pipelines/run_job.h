// Runs a job as a user's main() does, with the words of a command line.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/tidemark.h"

namespace tidemark {

using Words = std::vector<std::string>;
using Build = std::function<void(Job&)>;

inline std::vector<const char*> argv_of(const Words& words) {
  std::vector<const char*> argv{"program"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return argv;
}

inline void run_job(const Words& words, const Build& build) {
  const auto argv = argv_of(words);
  Job job{"test", static_cast<int>(argv.size()), argv.data()};
  build(job);
  job.run_or_throw();
}

/// What main() would return.
inline int main_of(const Words& words, const Build& build) {
  const auto argv = argv_of(words);
  Job job{"test", static_cast<int>(argv.size()), argv.data()};
  build(job);
  return job.run();
}

/// The message of the Error that the job ends with; empty if it ends well.
inline std::string failure_of(const Words& words, const Build& build) {
  try {
    run_job(words, build);
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

/// A folder of its own, gone with this.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tidemark-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tidemark
