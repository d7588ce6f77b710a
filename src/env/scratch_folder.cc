#include "env/scratch_folder.h"

#include <fmt/format.h>

#include <utility>

#include "tidemark/detail/base/probe.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

// A job may be restarted: its state is in its checkpoint, and the disk may have room again.
Error failed(const Error& cause, std::string_view advice) {
  return Error{cause.code(), ErrorDomain::kExternal, Retry::kRestart,
               fmt::format("keeping state that does not fit into memory failed: {}; {}", cause.message(), advice)};
}

class File final : public detail::ScratchFile {
 public:
  File(FileSystem& files, std::string path, const std::string& advice)
      : files_{files}, path_{std::move(path)}, advice_{advice}, writer_{checked(files.create(path_, CreateMode::kTruncate))} {}
  ~File() override {
    writer_.reset();
    static_cast<void>(files_.remove(path_));
  }

  void append(std::string_view bytes) override {
    checked(writer_->append(bytes));
    size_ += bytes.size();
  }
  void seal() override {
    TIDEMARK_PROBE("env: a file of what does not fit into memory");
    checked(writer_->close());
    writer_.reset();
  }
  void read(std::uint64_t offset, std::span<char> out) const override {
    TIDEMARK_PROBE("env: a file of what did not fit into memory is read");
    const auto file = checked(files_.open(path_));
    while (!out.empty()) {
      const std::size_t n = checked(file->read(offset, out));
      if (n == 0) throw failed(Error{ErrorCode::kDataLoss, fmt::format("{}: the file has become shorter", path_)}, advice_);
      offset += n;
      out = out.subspan(n);
    }
  }
  std::uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  template <class T>
  T checked(Result<T> result) const {
    if (!result) throw failed(result.error(), advice_);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }

  FileSystem& files_;
  const std::string path_;
  const std::string& advice_;
  std::unique_ptr<WritableFile> writer_;  // until it is sealed
  std::uint64_t size_ = 0;
};

}  // namespace

ScratchFolder::ScratchFolder(FileSystem& files, std::string folder, std::string advice)
    : files_{files}, folder_{std::move(folder)}, advice_{std::move(advice)} {}

std::unique_ptr<detail::ScratchFile> ScratchFolder::create() {
  if (const auto made = files_.make_directories(folder_); !made) throw failed(made.error(), advice_);
  const std::uint64_t number = created_.fetch_add(1, std::memory_order_relaxed);
  return std::make_unique<File>(files_, join_path(folder_, std::to_string(number)), advice_);
}

}  // namespace tidemark
