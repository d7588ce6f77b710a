#include "tidemark/detail/operators/window_slices.h"

#include <fmt/format.h>

#include "tidemark/detail/codec/key.h"
#include "tidemark/time.h"

namespace tidemark::detail {

std::string encode_slice(std::int64_t start) {
  ByteWriter encoded;
  KeyCodec<Timestamp>::encode(Timestamp{start}, encoded);
  return encoded.take();
}

bool decode_slice(std::string_view bytes, std::int64_t& start) {
  if (bytes.size() != sizeof(std::int64_t)) return false;
  start = KeyCodec<Timestamp>::decode(bytes).ms();
  return true;
}

void fail_on_disk(const OperatorName& op, const Error& error) {
  throw TaskFailure{error.within(fmt::format("operator '{}' (uid {}), subtask {}", op.name, op.uid, op.subtask))};
}

}  // namespace tidemark::detail
