// One operation on files that meets trouble, for tests that let each operation of a life meet it in turn.
//
// One thread. The files outlive it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "env/memory_file_system.h"
#include "env/split_mix_random.h"

namespace tidemark {

enum class Trouble {
  kMachineCrash,
  kProcessCrash,
  kRefusal,       ///< one operation that changes files fails, as on a full disk; the process goes on
  kReadRefusal,   ///< one look at files fails; the process goes on
  kReadsRefused,  ///< likewise, and so do all that follow
};

class FileTrouble {
 public:
  FileTrouble(MemoryFileSystem& files, Trouble trouble, std::uint64_t seed) : files_{files}, random_{seed}, trouble_{trouble} {}

  /// Until disarm() operation `at`, of those that the trouble is about, meets it. May be called again.
  void arm(int at) {
    files_.set_hook([this, at](FileOperation operation, const std::string& path) -> std::optional<Error> {
      if (dead_) return Error{ErrorCode::kIo, "the process is dead"};
      if (!is_about(operation)) return std::nullopt;
      const int number = seen_++;
      if (number != at && (number < at || trouble_ != Trouble::kReadsRefused)) return std::nullopt;
      met_ = path;
      operation_ = operation;
      if (trouble_ == Trouble::kRefusal) return Error{ErrorCode::kResourceExhausted, path + ": no space left on device"};
      if (is_of_reads()) return Error{ErrorCode::kIo, path + ": input/output error"};
      dead_ = true;
      trouble_ == Trouble::kMachineCrash ? files_.crash_machine(random_) : files_.crash_process();
      return Error{ErrorCode::kIo, "the process is dead"};
    });
  }
  void disarm() { files_.set_hook(nullptr); }
  /// The power fails in the end: what was reported as done must be durable.
  void power_failure() {
    if (trouble_ != Trouble::kProcessCrash) files_.crash_machine(random_);
  }

  bool is_dead() const { return dead_; }
  /// Whether there was an operation of that number.
  bool reached(int at) const { return seen_ > at; }
  /// What it met, in words.
  std::string met() const { return std::string{to_string(operation_)} + " " + met_; }
  /// An error of a process that goes on names the file that it is about.
  void expect_named(const Error& error) const {
    if (dead_) return;
    const std::string name = met_.substr(met_.rfind('/') + 1);
    EXPECT_NE(error.message().find(name), std::string::npos) << error.message() << "\nhides " << met_;
  }

 private:
  bool is_of_reads() const { return trouble_ == Trouble::kReadRefusal || trouble_ == Trouble::kReadsRefused; }
  bool is_about(FileOperation operation) const {
    if (!is_of_reads()) return changes_files(operation);
    return !changes_files(operation) && operation != FileOperation::kClose;
  }

  MemoryFileSystem& files_;
  SplitMixRandom random_;
  const Trouble trouble_;
  bool dead_ = false;
  int seen_ = 0;
  FileOperation operation_ = FileOperation::kStat;
  std::string met_;
};

}  // namespace tidemark
