#include "tidemark/detail/connectors/generator_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "env/env.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

// No source makes records faster: above it a limit means nothing, and its arithmetic would overflow.
constexpr std::uint64_t kFastestRate = 1'000'000'000;

constexpr std::uint64_t kBlock = 65536;

std::uint64_t parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) {
    throw Error{ErrorCode::kDataLoss, fmt::format("the state of a generator source holds '{}' where a number belongs; resume "
                                                  "from an older checkpoint with --resume=PATH",
                                                  text)};
  }
  return value;
}

// Small enough that readers share a short or slow run, so that event times advance together.
std::uint64_t block_size(const GeneratorOptions& options) {
  std::uint64_t size = kBlock;
  if (options.count) size = std::min(size, *options.count / 64 + 1);
  if (options.per_second > 0) size = std::min(size, options.per_second / 16 + 1);
  return size;
}

class GeneratorSplits final : public SplitEnumerator {
 public:
  explicit GeneratorSplits(const GeneratorOptions& options)
      : end_{options.count.value_or(std::numeric_limits<std::uint64_t>::max())}, block_{block_size(options)} {}

  std::optional<std::string> next() override {
    if (next_ >= end_) return std::nullopt;
    const std::uint64_t begin = next_;
    next_ = begin + std::min(block_, end_ - begin);
    return fmt::format("{}-{}", begin, next_);
  }
  std::string snapshot() const override { return fmt::format("{}", next_); }
  void restore(const std::string& snapshot) override { next_ = parse_number(snapshot); }

 private:
  std::uint64_t end_;
  std::uint64_t block_;
  std::uint64_t next_ = 0;
};

}  // namespace

MakeSplitEnumerator generator_split_enumerator(const GeneratorOptions& options) {
  return [options](const Env&) { return std::make_unique<GeneratorSplits>(options); };
}

std::uint64_t RateLimit::allowed(std::int64_t now_ns) {
  if (per_second_ == 0) return std::numeric_limits<std::uint64_t>::max();
  saved_ += static_cast<double>(now_ns - since_ns_) * 1e-9 * per_second_;
  saved_ = std::min(saved_, std::max(per_second_, 1.0));
  since_ns_ = now_ns;
  return saved_ < 1 ? 0 : static_cast<std::uint64_t>(saved_);
}

std::int64_t RateLimit::wait_ns() const {
  if (per_second_ == 0) return 0;
  const double ns = (1 - saved_) / per_second_ * 1e9;
  return std::max<std::int64_t>(1'000'000, static_cast<std::int64_t>(ns) + 1);
}

GeneratorBlock::GeneratorBlock(const GeneratorOptions& options, const OperatorContext& context)
    : env_{context.env},
      limit_{options.per_second > kFastestRate ? 0 : static_cast<double>(options.per_second) / context.parallelism, context.env->clock->steady_ns()} {}

void GeneratorBlock::open(std::string_view split, std::string_view position) {
  const std::size_t dash = split.find('-');
  next_ = parse_number(split.substr(0, dash));
  end_ = parse_number(dash == std::string_view::npos ? "" : split.substr(dash + 1));
  if (!position.empty()) next_ = parse_number(position) + (planted(PlantedBug::kReplaySkipsRecord) ? 1 : 0);
  end_ = std::max(next_, end_);
}

std::string GeneratorBlock::position() const { return fmt::format("{}", next_); }

std::uint32_t GeneratorBlock::allowed(std::uint32_t capacity) {
  const std::uint64_t most = std::min<std::uint64_t>(capacity, left());
  return static_cast<std::uint32_t>(std::min(most, limit_.allowed(env_->clock->steady_ns())));
}

void GeneratorBlock::take(std::uint32_t records) {
  next_ += records;
  limit_.take(records);
}

}  // namespace tidemark::detail
