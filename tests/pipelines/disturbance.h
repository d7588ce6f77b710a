// What the tests of resumed pipelines share: a map function that fails once behind a checkpoint, and the rows that are left.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tidemark {

/// That the name of a checkpoint's folder has, "chk-7"; 0: of another folder.
inline long checkpoint_number(const std::string& name) { return name.starts_with("chk-") ? std::atol(name.c_str() + 4) : 0; }

/// The number of the newest complete checkpoint of the jobs in `folder`; 0: there is none.
inline long newest_checkpoint(const std::string& folder) {
  long newest = 0;
  std::error_code none;
  for (const auto& job : std::filesystem::directory_iterator{folder, none}) {
    for (const auto& entry : std::filesystem::directory_iterator{job, none}) {
      if (!std::filesystem::exists(entry.path() / "_metadata", none)) continue;
      newest = std::max(newest, checkpoint_number(entry.path().filename().string()));
    }
  }
  return newest;
}

/// Hands records on as they are. Once, behind the event time `after_ms` and as soon as there is a checkpoint with records before it, it
/// throws "once"; until then it is slow, so that there will be one. Copies fail once together.
template <class Record>
class FailOnce {
 public:
  using NewestCheckpoint = std::function<long()>;

  FailOnce(NewestCheckpoint newest, std::int64_t after_ms) : newest_{std::move(newest)}, after_ms_{after_ms} {}
  FailOnce(std::string checkpoints, std::int64_t after_ms)
      : FailOnce{[checkpoints = std::move(checkpoints)] { return newest_checkpoint(checkpoints); }, after_ms} {}
  bool has_failed() const { return *failed_; }

  Record operator()(const Record& record) const {
    if (long unknown = kUnknown; *at_first_record_ == unknown) at_first_record_->compare_exchange_strong(unknown, newest_());
    if (record.at.ms() > after_ms_ && !*failed_) {
      const bool looks = record.at.ms() % 64 == 0;
      if (looks && has_checkpoint_behind_a_record() && !failed_->exchange(true)) throw std::runtime_error{"once"};
      // On a slow machine the input would be over before the first checkpoint is.
      std::this_thread::sleep_for(looks ? std::chrono::microseconds{20'000} : std::chrono::microseconds{10});
    }
    return record;
  }

 private:
  static constexpr long kUnknown = -1;

  // The next one may have begun before the first record; the one after it begins when that is over.
  bool has_checkpoint_behind_a_record() const { return newest_() >= *at_first_record_ + 2; }

  NewestCheckpoint newest_;
  std::int64_t after_ms_;
  std::shared_ptr<std::atomic<long>> at_first_record_ = std::make_shared<std::atomic<long>>(kUnknown);
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
