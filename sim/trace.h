// What happened in a simulation, as lines: a digest to compare two runs by, and on demand the lines themselves.
//
// One thread. Only what is the same in every run of a seed may be noted: no addresses, no real time.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "tidemark/detail/base/hash.h"

namespace tidemark {

class Trace {
 public:
  using Echo = std::function<void(std::string_view line)>;

  /// Gets every line from now on; an empty function ends that.
  void set_echo(Echo echo) { echo_ = std::move(echo); }

  void note(std::string_view line) {
    digest_ = (digest_ ^ detail::hash_bytes(line)) * 0x9e3779b97f4a7c15;
    ++lines_;
    if (echo_) echo_(line);
  }

  /// Of all lines in their order.
  std::uint64_t digest() const { return digest_; }
  std::uint64_t lines() const { return lines_; }

 private:
  std::uint64_t digest_ = 0;
  std::uint64_t lines_ = 0;
  Echo echo_;
};

}  // namespace tidemark
