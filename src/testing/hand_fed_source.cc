#include "tidemark/detail/testing/hand_fed_source.h"

#include "tidemark/detail/base/bytes.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::string_view kWholeFeed = "feed";

class FeedEnumerator final : public SplitEnumerator {
 public:
  std::optional<std::string> next() override {
    if (std::exchange(handed_out_, true)) return std::nullopt;
    return std::string{kWholeFeed};
  }
  std::string snapshot() const override { return handed_out_ ? "handed out" : ""; }
  void restore(const std::string& snapshot) override { handed_out_ = !snapshot.empty(); }

 private:
  bool handed_out_ = false;
};

}  // namespace

void Feed::set_limit(FeedLimit limit) {
  limit_ = limit;
  if (wake_) wake_();
}

std::string encode_feed_position(std::uint64_t position) {
  ByteWriter out;
  out.put_varint(position);
  return out.take();
}

std::uint64_t decode_feed_position(std::string_view position) {
  ByteReader in{position};
  const std::uint64_t decoded = in.get_varint();
  if (!in.ok() || in.remaining() != 0) throw Error{ErrorCode::kDataLoss, "the position of a hand-fed source can't be decoded"};
  return decoded;
}

MakeSplitEnumerator feed_enumerator() {
  return [](const OperatorContext&) { return std::make_unique<FeedEnumerator>(); };
}

}  // namespace tidemark::detail
