#include "tidemark/detail/state/erased_keys.h"

#include <algorithm>

#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/state/cow_domain.h"

namespace tidemark::detail {
namespace {

// An erased key takes less room in a file than an entry does, and both sorts are read at a restore: from half as many on
// writing all entries is the better bargain. A few are always worth keeping.
constexpr std::size_t kAlwaysKept = 1024;
std::size_t most_kept(std::size_t live) { return std::max(kAlwaysKept, live / 2); }

}  // namespace

void ErasedKeys::add(std::string_view key, std::size_t live) {
  if (known_since_ == domain_.epoch() || planted(PlantedBug::kDeltaForgetsErased)) return;
  if (chunks_.empty() || chunks_.back()->epoch != domain_.epoch()) begin_chunk();
  if (count_ >= most_kept(live)) {
    TIDEMARK_PROBE("state: more keys erased than are worth remembering");
    drop_all();
    known_since_ = domain_.epoch();
    return;
  }
  ByteWriter& keys = chunks_.back()->keys;
  const std::size_t size_before = keys.size();
  keys.put_string(key);
  ++counts_.back();
  ++count_;
  domain_.count_owned(keys.size() - size_before);
  counted_bytes_ += keys.size() - size_before;
}

void ErasedKeys::restart() {
  drop_all();
  known_since_ = 0;
}

void ErasedKeys::begin_chunk() {
  while (!chunks_.empty() && chunks_.front()->epoch <= domain_.changes_needed_since()) drop_first();
  chunks_.push_back(std::make_shared<Chunk>(Chunk{.epoch = domain_.epoch(), .keys = {}}));
  counts_.push_back(0);
}

void ErasedKeys::drop_first() {
  const std::size_t bytes = chunks_.front()->keys.size();
  known_since_ = std::max(known_since_, chunks_.front()->epoch);
  domain_.count_owned(0, bytes);
  counted_bytes_ -= bytes;
  count_ -= counts_.front();
  chunks_.erase(chunks_.begin());
  counts_.erase(counts_.begin());
}

void ErasedKeys::drop_all() {
  domain_.count_owned(0, counted_bytes_);
  chunks_.clear();
  counts_.clear();
  counted_bytes_ = 0;
  count_ = 0;
}

}  // namespace tidemark::detail
