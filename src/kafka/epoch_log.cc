#include "kafka/epoch_log.h"

#include <zstd.h>

#include <utility>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kMostBlockBytes = std::size_t{2} << 30;  // a block and the one message that goes beyond it
constexpr int kLevel = 1;

[[noreturn]] void fail_damaged() {
  throw Error{ErrorCode::kDataLoss, "Kafka: the messages of an epoch in the checkpoint are damaged, or of a newer version. Go back to an older checkpoint"};
}

std::string decompressed(std::string_view frame, std::uint64_t size) {
  if (size > kMostBlockBytes) fail_damaged();
  std::string block(size, '\0');
  const std::size_t made = ZSTD_decompress(block.data(), block.size(), frame.data(), frame.size());
  if (ZSTD_isError(made) || made != size) fail_damaged();
  return block;
}

}  // namespace

void EpochLog::append(const OutgoingMessage& message) {
  encode(message, block_);
  ++messages_;
  if (block_.size() >= kBlockBytes) end_block();
}

std::string EpochLog::take() {
  end_block();
  messages_ = 0;
  return content_.take();
}

void EpochLog::end_block() {
  if (content_.empty()) content_.put_u8(kVersion);
  if (block_.empty()) return;
  std::string frame(ZSTD_compressBound(block_.size()), '\0');
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), block_.data(), block_.size(), kLevel);
  TIDEMARK_CHECK(!ZSTD_isError(size), "zstd can't compress a block");
  content_.put_varint(block_.size());
  content_.put_string({frame.data(), size});
  block_.clear();
}

void read_epoch(std::string_view content, const std::function<void(const OutgoingMessage&)>& on_message) {
  ByteReader in{content};
  if (in.get_u8() != kVersion || !in.ok()) fail_damaged();
  while (in.remaining() > 0) {
    const std::uint64_t size = in.get_varint();
    const std::string_view frame = in.get_string();
    if (!in.ok()) fail_damaged();
    const std::string block = decompressed(frame, size);
    ByteReader messages{block};
    while (messages.remaining() > 0) {
      OutgoingMessage message;
      decode(messages, message);
      if (!messages.ok()) fail_damaged();
      on_message(message);
    }
  }
}

}  // namespace tidemark::detail
