// Words that one thread writes while another may read them for a snapshot.
//
// The rule of copy on write (shared by every table layout): the writer appends the old content to the side log, stores the
// unit's epoch with release, then the new content with release. The snapshotter loads the content with acquire, then the
// epoch: an epoch of its snapshot or older means that the content is the snapshot's, a newer one that the log has it. On
// x86 all of these are plain loads and stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tidemark::detail {

// Values are read in place as the user's type, so the words under them may alias anything.
using CowWord = std::uint64_t __attribute__((may_alias));

inline void store_word(std::uint64_t& word, std::uint64_t value) {
  __atomic_store_n(reinterpret_cast<CowWord*>(&word), value, __ATOMIC_RELEASE);
}
inline std::uint64_t load_word(const std::uint64_t& word) {
  return __atomic_load_n(reinterpret_cast<const CowWord*>(&word), __ATOMIC_ACQUIRE);
}
inline void store_state(std::uint32_t& word, std::uint32_t value) { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }
inline std::uint32_t load_state(const std::uint32_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

template <std::size_t Words>
void load_words(const std::uint64_t* from, std::uint64_t* to) {
  for (std::size_t i = 0; i < Words; ++i) to[i] = load_word(from[i]);
}
template <std::size_t Words>
void store_words(std::uint64_t* to, const std::uint64_t* from) {
  for (std::size_t i = 0; i < Words; ++i) store_word(to[i], from[i]);
}

}  // namespace tidemark::detail
