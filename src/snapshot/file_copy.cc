#include "snapshot/file_copy.h"

#include <fmt/format.h>

#include <utility>

#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

}  // namespace

struct FileCopy::Hasher {
  Hasher() { XXH3_64bits_reset(&state); }
  XXH3_state_t state;
};

Result<FileCopy> FileCopy::begin(FileSystem& from, const std::string& path, FileSystem& to, const std::string& to_path) {
  TIDEMARK_ASSIGN(source, from.open(path));
  TIDEMARK_ASSIGN(target, to.create(to_path, CreateMode::kExclusive));
  return FileCopy{std::move(source), std::move(target)};
}

FileCopy::FileCopy(std::unique_ptr<ReadableFile> from, std::unique_ptr<WritableFile> to)
    : from_{std::move(from)}, to_{std::move(to)}, hasher_{std::make_unique<Hasher>()}, buffer_(kPieceBytes, '\0') {}

FileCopy::FileCopy(FileCopy&&) noexcept = default;
FileCopy::~FileCopy() = default;

Result<bool> FileCopy::step() {
  TIDEMARK_ASSIGN(read, from_->read(size_, {buffer_.data(), buffer_.size()}));
  if (read == 0) return true;
  const std::string_view piece = std::string_view{buffer_}.substr(0, read);
  XXH3_64bits_update(&hasher_->state, piece.data(), piece.size());
  TIDEMARK_TRY(to_->append(piece));
  size_ += read;
  return read < buffer_.size();
}

Result<> FileCopy::finish(bool sync) {
  if (sync) TIDEMARK_TRY(to_->sync());
  return to_->close();
}

std::uint64_t FileCopy::checksum() const { return XXH3_64bits_digest(&hasher_->state); }

Result<> copy_file(FileSystem& from, const SnapshotFile& file, FileSystem& to, const std::string& path) {
  for (;;) {
    TIDEMARK_ASSIGN(copy, FileCopy::begin(from, file.path, to, path));
    for (bool is_copied = false; !is_copied;) {
      TIDEMARK_ASSIGN(copied, copy.step());
      is_copied = copied;
    }
    TIDEMARK_TRY(copy.finish(false));
    if (copy.size() == file.size && copy.checksum() == file.checksum) return {};
    if (!copy.use_other_source()) break;
    TIDEMARK_TRY(to.remove(path));
  }
  return fail(ErrorCode::kDataLoss,
              fmt::format("snapshot file '{}' is damaged: its size or its checksum does not match; bring back an intact copy of "
                          "it or resume from another checkpoint with --resume=PATH",
                          file.path));
}

Result<> fetch_file(FileSystem& from, const SnapshotFile& file, FileSystem& to, const std::string& path) {
  const std::string local = from.local_path(file.path);
  if (!local.empty() && to.link(local, path)) {
    TIDEMARK_ASSIGN(linked, to.stat(path));
    if (linked.size == file.size) return {};
    TIDEMARK_TRY(to.remove(path));  // a copy of it may be intact, or is an error that says so
  }
  return copy_file(from, file, to, path);
}

}  // namespace tidemark
