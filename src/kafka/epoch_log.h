// The messages of an epoch as they stand in a checkpoint: blocks of whole messages, each compressed by zstd. A byte with the version; for
// each block its size before and behind the compression, and the frame. Pure; one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/kafka/kafka_sink.h"

namespace tidemark::detail {

class EpochLog {
 public:
  void append(const OutgoingMessage& message);
  std::uint64_t messages() const { return messages_; }
  /// Of what is compressed so far, and of what is not yet.
  std::uint64_t bytes() const { return content_.size() + block_.size(); }
  /// All of it; the log is empty then.
  std::string take();

 private:
  void end_block();

  ByteWriter content_;
  ByteWriter block_;
  std::uint64_t messages_ = 0;
};

/// Hands on the messages in their order. Throws Error for what EpochLog did not make.
void read_epoch(std::string_view content, const std::function<void(const OutgoingMessage&)>& on_message);

}  // namespace tidemark::detail
