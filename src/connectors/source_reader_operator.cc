#include "tidemark/detail/connectors/source_reader_operator.h"

namespace tidemark::detail {
namespace {

// No source makes records faster: above it a limit means nothing, and its arithmetic would overflow.
constexpr std::uint64_t kFastestRate = 1'000'000'000;

}  // namespace

RateLimit rate_of_reader(std::uint64_t per_second, const OperatorContext& context) {
  const double share = per_second > kFastestRate ? 0 : static_cast<double>(per_second) / context.parallelism;
  return {share, steady_time_ns(*context.env)};
}

}  // namespace tidemark::detail
