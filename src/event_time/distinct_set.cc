#include "tidemark/detail/event_time/distinct_set.h"

#include <array>
#include <limits>

namespace tidemark::detail {
namespace {

constexpr std::uint64_t kGroups = std::uint64_t{1} << 58;  // of all words
constexpr std::uint64_t kMostGroupsAWord = 4;  // as many as slots that were just made twice as many take

struct Span {
  std::uint64_t first;
  std::uint64_t last;

  std::uint64_t size() const { return last - first + 1; }
  bool is_near(std::uint64_t group, std::uint64_t distance) const {
    return group < first ? first - group <= distance : group <= last || group - last <= distance;
  }
};

// Where words come in the order of their hashes, the first ones are a sample of all.
std::uint64_t median_group(const std::vector<std::uint64_t>& slots) {
  std::array<std::uint64_t, 9> sample;
  std::size_t size = 0;
  for (std::size_t i = 0; i < slots.size() && size < sample.size(); ++i) {
    if (slots[i] != 0) sample[size++] = slots[i] / 64;
  }
  std::nth_element(sample.begin(), sample.begin() + size / 2, sample.begin() + size);
  return sample[size / 2];
}

}  // namespace

bool DistinctRange::take(std::vector<std::uint64_t>& slots) {
  const std::uint64_t most_new = 2 * slots.size();
  if (first >= kGroups || groups.size() > kGroups - first) return false;  // of a damaged file
  Span now{first, first + groups.size() - 1};
  if (groups.empty()) now.first = now.last = median_group(slots);

  Span grown = now;
  std::size_t words = 0, near = 0;
  for (const std::uint64_t word : slots) {
    if (word == 0) continue;
    ++words;
    if (!now.is_near(word / 64, most_new)) continue;
    ++near;
    grown.first = std::min(grown.first, word / 64);
    grown.last = std::max(grown.last, word / 64);
  }
  const std::uint64_t most = kMostGroupsAWord * (static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)) + near);
  if (2 * near < words || grown.size() - groups.size() > most_new || grown.size() > most) return false;
  // Where it grows more will come.
  const std::uint64_t spare = std::min(grown.size() / 8, most - grown.size());
  if (grown.first < now.first) grown.first -= std::min(grown.first, spare);
  if (grown.last > now.last) grown.last = std::min(grown.last + spare, kGroups - 1);

  if (!groups.empty() && grown.first == first) {
    groups.resize(grown.size());
  } else {
    std::vector<std::uint64_t> moved(grown.size());
    if (!groups.empty()) std::ranges::copy(groups, moved.begin() + static_cast<std::ptrdiff_t>(first - grown.first));
    groups = std::move(moved);
    first = grown.first;
  }
  for (std::uint64_t& word : slots) {
    if (word == 0 || !covers(word)) continue;
    insert(word);
    word = 0;
  }
  return true;
}

void DistinctSet<std::uint64_t>::insert_apart(std::uint64_t key) {
  using Slots = DistinctSlots<std::uint64_t>;
  if (key == 0) {
    count += has_blank ? 0 : 1;
    has_blank = true;
    return;
  }
  if (Slots::is_full(slots, count)) {
    const bool any = std::ranges::any_of(slots, [](std::uint64_t slot) { return slot != 0; });
    if (any && dense.take(slots)) {
      if (has_blank && dense.covers(0)) {
        dense.insert(0);
        has_blank = false;
      }
      // What is left is apart from the range: few, or none.
      const std::vector<std::uint64_t> left = std::exchange(slots, {});
      const auto size = static_cast<std::size_t>(std::ranges::count_if(left, [](std::uint64_t slot) { return slot != 0; }));
      slots.resize(std::max<std::size_t>(8, std::bit_ceil(2 * size)));
      count = Slots::put_all(slots, left);
    } else {
      count = Slots::grow(slots);
    }
    count += has_blank ? 1 : 0;
    if (dense.covers(key)) return dense.insert(key);
  }
  if (Slots::put(slots, key)) ++count;
}

}  // namespace tidemark::detail
