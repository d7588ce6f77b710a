#include "tidemark/detail/connectors/generator_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

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
      : has_end_{options.count.has_value()}, end_{options.count.value_or(std::numeric_limits<std::uint64_t>::max())}, block_{block_size(options)} {}

  std::optional<std::string> next() override {
    if (next_ >= end_) return std::nullopt;
    const std::uint64_t begin = next_;
    next_ = begin + std::min(block_, end_ - begin);
    return fmt::format("{}-{}", begin, next_);
  }
  PendingInput pending() const override {
    if (!has_end_) return {};
    return {.records = end_ - std::min(end_, next_), .bytes = std::nullopt};
  }
  std::string snapshot() const override { return fmt::format("{}", next_); }
  void restore(const std::string& snapshot) override { next_ = parse_number(snapshot); }

 private:
  bool has_end_;
  std::uint64_t end_;
  std::uint64_t block_;
  std::uint64_t next_ = 0;
};

}  // namespace

MakeSplitEnumerator generator_split_enumerator(const GeneratorOptions& options) {
  return [options](const OperatorContext&) { return std::make_unique<GeneratorSplits>(options); };
}

void GeneratorBlock::open(std::string_view split, std::string_view position) {
  const std::size_t dash = split.find('-');
  next_ = parse_number(split.substr(0, dash));
  end_ = parse_number(dash == std::string_view::npos ? "" : split.substr(dash + 1));
  if (!position.empty()) next_ = parse_number(position) + (planted(PlantedBug::kReplaySkipsRecord) ? 1 : 0);
  end_ = std::max(next_, end_);
}

std::string GeneratorBlock::position() const { return fmt::format("{}", next_); }

}  // namespace tidemark::detail
