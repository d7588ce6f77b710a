// What somebody prints without end, in a few files of bounded size: "x.log", and before it "x.log.1", "x.log.2".
//
// It never fails, as nobody may end for a log: what the disk does not take is dropped, and the log says so where it goes on.
// One thread, which waits for the disk. Ownership: files and clock outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "env/env.h"

namespace tidemark {

struct RollingLogLimits {
  std::uint64_t file_bytes = 10u << 20;
  int files = 3;
};

class RollingLog {
 public:
  /// What has the name already is kept as the one before.
  RollingLog(FileSystem& files, const Clock& clock, std::string path, RollingLogLimits limits = {});

  void append(std::string_view bytes);

 private:
  bool begin_file();
  Result<> try_to_begin();
  Result<> make_room();
  std::string name_of(int age) const;
  void lose(std::uint64_t bytes, const Error& why);

  FileSystem& files_;
  const Clock& clock_;
  const std::string path_;
  const RollingLogLimits limits_;
  std::unique_ptr<WritableFile> file_;
  bool is_kept_ = true;           // the newest file has something that came whole, or is an earlier log's
  std::uint64_t lost_bytes_ = 0;  // since something was last written
  std::string lost_why_;
  std::int64_t try_again_at_ns_ = 0;
};

}  // namespace tidemark
