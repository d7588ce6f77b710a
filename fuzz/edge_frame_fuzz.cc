// What another worker says about edges: any bytes are refused or mean something that survives being said again.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/edge_frame.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/channel/batch_codec.h"

namespace tidemark::fuzz {
namespace {

using detail::Batch;
using detail::ByteReader;
using detail::ByteWriter;
using detail::Element;

struct Numbers {
  std::int64_t id = 0;
  double price = 0;
  std::int32_t count = 0;
};
struct Texts {
  std::int64_t id = 0;
  std::string_view name;
  std::string_view city;
};
struct Owner {
  std::string name;
  std::vector<std::string_view> tags;
  std::optional<std::int64_t> limit;
};

void check_messages(std::string_view bytes) {
  if (const auto hello = decode_hello(bytes)) TIDEMARK_CHECK(encode_hello(*hello) == bytes, "a greeting has one spelling");
  if (const auto credits = decode_credits(bytes)) TIDEMARK_CHECK(encode_credits(*credits) == bytes, "credits have one spelling");
  TIDEMARK_CHECK(decode_turned_away(bytes).message().find('\n') == std::string::npos, "a reason is one line");
  std::string payload{bytes};
  std::string folder;
  const auto arrived = decode_element(payload, folder);
  TIDEMARK_CHECK(arrived || payload == bytes, "what is no element is left as it was");
  if (!arrived) return;
  if (arrived->element.kind == Element::Kind::kBatch) {
    TIDEMARK_CHECK(arrived->batch_bytes() == bytes.substr(ArrivedElement::kBatchAt), "a batch's bytes are those behind its header");
  } else {
    TIDEMARK_CHECK(encode_control(*channel_of(bytes), arrived->element, folder) == bytes, "a control element has one spelling");
  }
}

std::string encode_whole(const detail::BatchCodec& codec, const Batch& batch) {
  ByteWriter out;
  TIDEMARK_CHECK(codec.encode(batch, 0, std::size_t{1} << 30, out) == batch.size(), "it is one part");
  return out.take();
}

template <class T>
void check_batch(std::string_view bytes) {
  const detail::BatchCodec& codec = *detail::batch_codec<T>();
  const std::unique_ptr<Batch> batch = codec.make_batch(Batch::kCapacity);
  ByteReader in{bytes};
  if (!codec.decode(in, *batch)) {
    TIDEMARK_CHECK(batch->empty(), "what is no batch leaves none");
    return;
  }
  if (batch->empty()) return;  // nobody sends one
  const std::string once = encode_whole(codec, *batch);
  const std::unique_ptr<Batch> again = codec.make_batch(Batch::kCapacity);
  ByteReader back{once};
  TIDEMARK_CHECK(codec.decode(back, *again), "a batch that was written can be read");
  TIDEMARK_CHECK(again->size() == batch->size() && again->has_hashes() == batch->has_hashes(), "and has as many records");
  TIDEMARK_CHECK(encode_whole(codec, *again).size() == once.size(), "of the same size");
}

void check(std::string_view input) {
  check_messages(input);
  check_batch<Numbers>(input);
  check_batch<Texts>(input);
  check_batch<Owner>(input);
}

const Registration kTarget{"edge_frame", check};

}  // namespace
}  // namespace tidemark::fuzz
