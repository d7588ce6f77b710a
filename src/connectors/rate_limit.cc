#include "tidemark/detail/connectors/rate_limit.h"

#include <algorithm>
#include <limits>

namespace tidemark::detail {

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

}  // namespace tidemark::detail
