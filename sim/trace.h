// What happened in a simulation: a digest to compare two runs by, and on demand lines to read.
//
// One thread. Only what is the same in every run of a seed may be noted: no addresses, no real time. A line is made only
// if somebody listens, so that a run that nobody watches pays for a few multiplications.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tidemark/detail/base/hash.h"

namespace tidemark {

class Trace {
 public:
  using Echo = std::function<void(std::string_view line)>;

  /// Gets every line from now on; an empty function ends that.
  void set_echo(Echo echo) { echo_ = std::move(echo); }
  bool heard() const { return static_cast<bool>(echo_); }

  void note(std::string_view line) {
    note(detail::hash_bytes(line), [line] { return line; });
  }
  /// `mark` tells this event from others; `line()` says it for people.
  template <class Line>
  void note(std::uint64_t mark, Line&& line) {
    mix(mark);
    if (!echo_) return;
    tell_header();
    echo_(line());
  }

  /// A step begins: what is noted until end() belongs to it.
  template <class Line>
  void begin(std::uint64_t mark, Line&& line) {
    mix(mark);
    if (echo_) header_ = line();
  }
  /// The line of a step that came to nothing is left out.
  void end(bool progress) {
    mix(progress ? 1 : 0);
    if (progress) tell_header();
    header_.reset();
  }

  /// Of all events in their order.
  std::uint64_t digest() const { return digest_; }

 private:
  void mix(std::uint64_t mark) { digest_ = (digest_ ^ mark) * 0x9e3779b97f4a7c15 + (digest_ >> 29); }
  void tell_header() {
    if (!header_) return;
    echo_(*header_);
    header_.reset();
  }

  std::uint64_t digest_ = 0;
  Echo echo_;
  std::optional<std::string> header_;  // of the step that runs, until it is told
};

}  // namespace tidemark
