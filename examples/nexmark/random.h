// The random numbers of the Nexmark generator: a stream of its own for every event, so that event n needs no other.
#pragma once

#include <cstdint>

namespace nexmark {

constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

class EventRandom {
 public:
  EventRandom(std::uint64_t seed, std::uint64_t n) : state_{mix(seed + kStep) ^ (n * 0xD1B54A32D192ED03)} {}

  std::uint64_t next() {
    state_ += kStep;
    return mix(state_);
  }
  /// Uniform in [0, bound); bound is at least 1.
  std::uint64_t below(std::uint64_t bound) { return (next() >> 1) % bound; }
  /// As if `draws` numbers had been drawn.
  void skip(std::uint64_t draws) { state_ += draws * kStep; }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15;
  std::uint64_t state_;
};

}  // namespace nexmark
