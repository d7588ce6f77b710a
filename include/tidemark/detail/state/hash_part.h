// Parts of the hashes, for whoever goes through entries in the order of their hashes without having all of them in memory.
//
// A part is the hashes that begin with the same bits. A subtask has the hashes of its key groups only, so it is the parts of
// the span between its first and its last hash that count.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tidemark::detail {

/// Hashes that begin with the `bits` bits of `number`; by default all.
struct HashPart {
  unsigned bits = 0;
  std::uint64_t number = 0;

  static std::uint64_t number_of(std::uint64_t hash, unsigned bits) { return bits == 0 ? 0 : hash >> (64 - bits); }
  std::uint64_t first() const { return bits == 0 ? 0 : number << (64 - bits); }
  bool holds(std::uint64_t hash) const { return number_of(hash, bits) == number; }
};

/// From the first to the last hash, both included; by default none.
struct HashSpan {
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;

  bool is_empty() const { return first > last; }
  void add(HashSpan other) {
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
  /// The least number of bits by which it lies in so many parts, if any number does.
  unsigned bits_for(std::uint64_t parts) const {
    const auto count = [&](unsigned bits) { return HashPart::number_of(last, bits) - HashPart::number_of(first, bits) + 1; };
    unsigned bits = 0;
    while (!is_empty() && bits < kMostBits && count(bits) < parts) ++bits;
    return bits;
  }

 private:
  static constexpr unsigned kMostBits = 40;
};

/// The parts that a loop still has to go through, in their order: so it may stop after each.
class HashParts {
 public:
  HashParts() = default;
  /// Those that a span lies in.
  HashParts(HashSpan span, unsigned bits) {
    if (span.is_empty()) return;
    next_ = {bits, HashPart::number_of(span.first, bits)};
    left_ = HashPart::number_of(span.last, bits) - next_.number + 1;
  }
  /// Those of `bits` bits, or one if it has more, that a part consists of.
  HashParts(HashPart whole, unsigned bits) {
    const unsigned more = std::max(bits, whole.bits) - whole.bits;
    next_ = {whole.bits + more, whole.number << more};
    left_ = std::uint64_t{1} << more;
  }

  bool done() const { return left_ == 0; }
  /// Unless it is done.
  HashPart next() const { return next_; }
  void advance() {
    ++next_.number;
    --left_;
  }

 private:
  HashPart next_;
  std::uint64_t left_ = 0;
};

}  // namespace tidemark::detail
