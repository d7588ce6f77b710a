// Memory for the text of one batch: allocate forwards, free all at once. One owner, no threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace tidemark::detail {

/// While it is not 0, arenas overwrite what they forget, so that a view kept too long is seen at once: for tests.
inline std::atomic<int> arenas_poisoned{0};

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  char* allocate(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - at_)) [[unlikely]] grow(size);
    char* result = at_;
    at_ += size;
    return result;
  }

  /// A copy of `text` that lives until reset().
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = allocate(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  /// Forgets everything and keeps the first, usual chunk for the next round.
  void reset() {
    if (chunks_.empty()) return;
    if (chunks_.size() > 1) chunks_.resize(1);
    if (arenas_poisoned.load(std::memory_order_relaxed) != 0) [[unlikely]] poison();
    at_ = chunks_.front().bytes.get();
    end_ = at_ + chunks_.front().size;
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  [[gnu::noinline, gnu::cold]] void poison() { std::memset(chunks_.front().bytes.get(), 0xdb, chunks_.front().size); }

  [[gnu::noinline]] void grow(std::size_t size) {
    const std::size_t usual = std::size_t{64} << 10;
    const std::size_t wanted = size > usual ? size : usual;
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(wanted), wanted});
    at_ = chunks_.back().bytes.get();
    end_ = at_ + wanted;
  }

  std::vector<Chunk> chunks_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace tidemark::detail
