// Keys as people use them: few often, most seldom.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bench/measure.h"

namespace bench {

// Keys by Zipf's law, drawn in advance: a draw costs more than a count. Frequent keys do not lie beside each other.
inline std::vector<std::uint32_t> zipf_keys(std::uint64_t keys, std::size_t draws) {
  constexpr double kTheta = 0.99;
  double zeta = 0;
  for (std::uint64_t rank = 1; rank <= keys; ++rank) zeta += std::pow(1 / static_cast<double>(rank), kTheta);
  const double zeta2 = 1 + std::pow(0.5, kTheta);
  const double alpha = 1 / (1 - kTheta);
  const double eta = (1 - std::pow(2 / static_cast<double>(keys), 1 - kTheta)) / (1 - zeta2 / zeta);
  std::vector<std::uint32_t> drawn(draws);
  for (std::size_t i = 0; i < draws; ++i) {
    const double u = static_cast<double>(mix(i) >> 11) * 0x1p-53;
    const double uz = u * zeta;
    std::uint64_t rank = uz < 1 ? 0 : uz < zeta2 ? 1 : static_cast<std::uint64_t>(static_cast<double>(keys) * std::pow(eta * u - eta + 1, alpha));
    rank = std::min(rank, keys - 1);
    drawn[i] = static_cast<std::uint32_t>(rank * 7'919'999 % keys);
  }
  return drawn;
}

}  // namespace bench
