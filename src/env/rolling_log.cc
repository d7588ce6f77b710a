#include "env/rolling_log.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark {
namespace {

constexpr std::int64_t kPauseNs = 1'000'000'000;  // before a disk that took nothing is tried again

}  // namespace

RollingLog::RollingLog(FileSystem& files, const Clock& clock, std::string path, RollingLogLimits limits)
    : files_{files}, clock_{clock}, path_{std::move(path)}, limits_{limits} {}

void RollingLog::append(std::string_view bytes) {
  const bool is_full = file_ && file_->size() > 0 && file_->size() + bytes.size() > limits_.file_bytes;
  if ((!file_ || is_full) && !begin_file()) {
    lost_bytes_ += bytes.size();
    return;
  }
  if (const auto appended = file_->append(bytes); !appended) return lose(bytes.size(), appended.error());
  is_kept_ = true;
}

bool RollingLog::begin_file() {
  file_.reset();
  if (clock_.steady_ns() < try_again_at_ns_) return false;
  const auto begun = try_to_begin();
  if (!begun) lose(0, begun.error());
  return begun.has_value();
}

// A file that could not be written to is left for good, so each try takes a new one.
Result<> RollingLog::try_to_begin() {
  TIDEMARK_TRY(make_room());
  TIDEMARK_ASSIGN(file, files_.create(path_, CreateMode::kTruncate));
  is_kept_ = false;
  if (lost_bytes_ > 0) TIDEMARK_TRY(file->append(fmt::format("[{} bytes of output were lost: {}]\n", lost_bytes_, lost_why_)));
  file_ = std::move(file);
  lost_bytes_ = 0;
  return {};
}

// One that has nothing whole does not push older ones out.
Result<> RollingLog::make_room() {
  const auto present = files_.stat(path_);
  if (!present || present->size == 0 || !is_kept_) return {};
  for (int age = limits_.files - 1; age > 0; --age) {
    const auto moved = files_.rename(name_of(age - 1), name_of(age));
    if (!moved && moved.error().code() != ErrorCode::kNotFound) return moved;
  }
  return {};
}

std::string RollingLog::name_of(int age) const { return age == 0 ? path_ : fmt::format("{}.{}", path_, age); }

void RollingLog::lose(std::uint64_t bytes, const Error& why) {
  file_.reset();
  lost_bytes_ += bytes;
  lost_why_ = why.message();
  try_again_at_ns_ = clock_.steady_ns() + kPauseNs;
}

}  // namespace tidemark
