#include "tidemark/detail/base/scratch_files.h"

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::size_t kHeaderBytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);

[[noreturn]] void fail_damaged(const ScratchFile& file, std::string_view problem) {
  throw Error{ErrorCode::kDataLoss, ErrorDomain::kExternal, Retry::kRestart,
              file.path() + ": " + std::string{problem} + ": see to the disk; the job goes on from its last checkpoint"};
}

}  // namespace

void append_block(ScratchFile& file, std::string_view content) {
  ByteWriter header;
  header.put_u32(static_cast<std::uint32_t>(content.size()));
  header.put_u64(hash_bytes(content));
  file.append(header.view());
  file.append(content);
}

std::uint64_t read_block(const ScratchFile& file, std::uint64_t offset, std::string& content, std::string_view problem) {
  content.clear();
  if (offset == file.size()) return offset;
  char header_bytes[kHeaderBytes];
  file.read(offset, header_bytes);
  ByteReader header{{header_bytes, sizeof header_bytes}};
  const std::uint32_t size = header.get_u32();
  const std::uint64_t hash = header.get_u64();
  if (size > file.size() - offset - kHeaderBytes) fail_damaged(file, problem);
  content.resize(size);
  file.read(offset + kHeaderBytes, content);
  if (hash_bytes(content) != hash) fail_damaged(file, problem);
  return offset + kHeaderBytes + size;
}

}  // namespace tidemark::detail
