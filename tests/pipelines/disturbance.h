// What the tests of resumed pipelines share: a map function that fails once behind a checkpoint, and the rows that are left.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tidemark {

/// Whether a complete checkpoint lies anywhere in `folder`.
inline bool has_checkpoint(const std::string& folder) {
  std::error_code gone;
  for (std::filesystem::recursive_directory_iterator at{folder, gone}, end; !gone && at != end; at.increment(gone)) {
    if (at->path().filename() == "_metadata") return true;
  }
  return false;
}

/// Hands records on as they are. Once, behind the event time `after_ms` and as soon as a checkpoint is there, it throws
/// "once"; until then it is slow, so that there will be one. Copies fail once together.
template <class Record>
class FailOnce {
 public:
  FailOnce(std::string checkpoints, std::int64_t after_ms) : checkpoints_{std::move(checkpoints)}, after_ms_{after_ms} {}
  bool has_failed() const { return *failed_; }

  Record operator()(const Record& record) const {
    if (record.at.ms() > after_ms_ && !*failed_) {
      const bool looks = record.at.ms() % 64 == 0;
      if (looks && has_checkpoint(checkpoints_) && !failed_->exchange(true)) throw std::runtime_error{"once"};
      // On a slow machine the input would be over before the first checkpoint is.
      std::this_thread::sleep_for(looks ? std::chrono::microseconds{20'000} : std::chrono::microseconds{10});
    }
    return record;
  }

 private:
  std::string checkpoints_;
  std::int64_t after_ms_;
  std::shared_ptr<std::atomic<bool>> failed_ = std::make_shared<std::atomic<bool>>(false);
};

/// The committed lines of a file sink's folder, sorted.
inline std::vector<std::string> rows(const std::string& folder) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (!entry.path().filename().string().starts_with("part-")) continue;
    std::ifstream file{entry.path()};
    for (std::string line; std::getline(file, line);) lines.push_back(line);
  }
  std::ranges::sort(lines);
  return lines;
}

}  // namespace tidemark
