// The part that every in-memory table shares: extendible hashing over segments of 2048 entries, and snapshots of them.
//
// The top bits of the hash choose a segment through the directory, so segments stand in the order of hashes and a key group
// is a run of them. A full segment splits into two new ones; there is no rehash of the whole. The frozen segment is left to
// the snapshots that see it. A Layout says what lies in a segment and what one unit of copy on write is:
//
//   struct Segment { SegmentHeader head; ... }   the memory
//   reset(segment, epoch)            makes an empty segment of any bytes, its units written in that epoch
//   kUnits, kUnitWords               units of copy on write in a segment, and 64-bit words of content in each
//   kGroupUnits, segment.newest      so many units share an epoch, which none of them has passed
//   state(segment, unit)             the unit's state word: epoch << kEpochShift | flags of the layout
//   words(segment, unit)             the unit's content
//   for_each(state, words, f)        f(entry) for each live entry of a unit's content, copied or in place
//   hash(entry), encode(entry, ...)  of an entry
//   seen_flags(state)                of a unit whose content running snapshots have, from its next change on
//   move_entry(segment, hash, entry, epoch, flags)  puts an entry of a segment that goes, written in that epoch, into a new one
//   for_each_owned(segment, domain)  retires what lies outside of the segment
//   kOwns                            values lie outside of the segment
//   kDestroys                        and hold what is in none of the domain's pages
//   is_full(head)                    true before an entry is put in means split() first
//   worth_splitting(head)            false where a full segment is so for the traces of erased entries
//   kMostMerged                      of two neighbours with so few live entries together one is made
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/state/cow_domain.h"
#include "tidemark/detail/state/cow_word.h"
#include "tidemark/detail/state/erased_keys.h"
#include "tidemark/detail/state/hash_order.h"
#include "tidemark/detail/state/hash_part.h"
#include "tidemark/detail/state/table.h"

namespace tidemark::detail {

// A segment's logged units hang in this many chains, so that a reader can wait for the memory of several at once.
constexpr std::uint32_t kLogChains = 8;

struct SegmentHeader {
  std::uint64_t logs[kLogChains];  // LogRef of the newest logged unit of each chain; unit u is in chain u % kLogChains
  std::uint32_t depth;  // how many top bits of the hash its entries share
  std::uint32_t used;   // entries that take up room: live ones, and in some layouts tombstones
  std::uint32_t live;
  std::uint32_t passed;  // lines that were full when an entry sought room in them; 0 in other layouts
  std::uint32_t born;    // the epoch in which it became the table's: older snapshots do not see it
};

template <class Layout>
class SegmentedTable : public Table {
 public:
  using Segment = typename Layout::Segment;

  /// How far a walk around the whole table has come. Stays good while the table changes; where segments are merged it may
  /// pass entries by that it was to come to, or come to others again.
  struct Hand {
    std::uint64_t hash = 0;
    std::uint32_t unit = 0;
  };

  explicit SegmentedTable(CowDomain& domain)
      : domain_{domain}, segments_{domain.blocks(sizeof(Segment))}, erased_{domain} {
    for (int half = 0; half < 2; ++half) directory_.push_back(new_segment(1));
    places_ = Layout::places();
    places_.epoch_shift = Layout::kEpochShift;
    places_.group_shift = std::countr_zero(Layout::kGroupUnits);
    places_.logs_offset = offsetof(Segment, head.logs);
    places_.newest_offset = offsetof(Segment, newest);
    publish_directory();
  }

  std::unique_ptr<TableView> view(std::uint32_t bound) override {
    return view_of_all(bound);
  }
  std::unique_ptr<TableView> view_of_all(std::uint32_t bound) override {
    return std::make_unique<View>(domain_, distinct_segments(), erased_, bound);
  }
  std::size_t memory_bytes() const override {
    return segment_count_ * sizeof(Segment) + directory_.size() * sizeof(void*);
  }

  /// Read in parts of so many bits, few of its entries are come by for more than one part.
  unsigned part_bits() const {
    std::array<std::size_t, kMostDepth + 1> live{};  // by depth
    for_each_segment({}, [&](const Segment& segment, std::uint64_t) { live[segment.head.depth] += segment.head.live; });
    // A segment in which the table's hashes begin or end may be much wider than the others, and hold little.
    unsigned bits = 0;
    for (std::size_t in_wider = 0; bits < 64 - shift_ && (in_wider += live[bits]) <= size_ / 8;) ++bits;
    return bits;
  }
  /// From the first entry's hash to the last one's, or somewhat wider: by less than a part of so many bits at each end.
  HashSpan span(unsigned bits) const {
    // The first and the last segment with entries, and where they begin.
    std::array<std::pair<Segment*, std::uint64_t>, 2> ends{};
    for_each_segment({}, [&](Segment& segment, std::uint64_t first_hash) {
      if (segment.head.live == 0) return;
      if (ends[0].first == nullptr) ends[0] = {&segment, first_hash};
      ends[1] = {&segment, first_hash};
    });
    HashSpan span;
    if (size_ == 0) return span;
    for (const auto& [segment, first_hash] : ends) {
      if (segment->head.depth >= bits) {
        span.add({first_hash, first_hash + (width_of(*segment) - 1)});
      } else {  // it may hold little, and that anywhere
        for_each_entry(*segment, [&](std::uint32_t, const auto&, std::uint64_t hash) { span.add({hash, hash}); });
      }
    }
    return span;
  }

  /// How often segments were.
  std::uint64_t merges() const { return merges_; }
  void merge_thin(HashSpan span) override {
    for (std::uint64_t hash = span.first;;) {
      while (merge(hash)) {
      }
      const std::uint64_t end = end_of(segment_of(hash), hash);
      if (end == 0 || end > span.last) return;
      hash = end;
    }
  }

  /// Removes every entry and keeps the room, for content like this one's. The keys are not remembered as erased.
  void clear() {
    erased_.restart();
    for_each_segment({}, [&](Segment& segment, std::uint64_t first_hash) {
      const std::uint32_t depth = segment.head.depth;
      // Taken before anything is given back: where there is no memory for it the segment stays as it was.
      Segment* const fresh = domain_.needed(segment.head.born) ? new_segment(depth) : nullptr;
      Layout::for_each_owned(segment, domain_);
      if (fresh == nullptr) return reset(segment, depth);
      replace(first_hash, depth, fresh, fresh);
      retire(&segment);
    });
    size_ = 0;
  }

 protected:
  ~SegmentedTable() override {
    if (domain_.is_going() && !Layout::kDestroys && domain_.owned_bytes() == 0) return;
    for (Segment* segment : distinct_segments()) {
      Layout::for_each_owned(*segment, domain_);
      retire(segment);
    }
  }

  Segment& segment_of(std::uint64_t hash) { return *static_cast<Segment*>(directory_[hash >> shift_]); }
  CowDomain& domain() { return domain_; }

  /// Before the first change of a unit in this epoch; afterwards its epoch is the current one.
  void touch(Segment& segment, std::uint32_t unit) {
    const std::uint32_t state = Layout::state(segment, unit);
    if ((state >> Layout::kEpochShift) != domain_.epoch()) [[unlikely]] touch_slowly(segment, unit, state);
  }

  /// True if load_entry() may say when an entry was written.
  bool can_date_back() const { return domain_.remembers_changes() && !domain_.any_active(); }
  /// Instead of touch(), where that is true: an entry of an older epoch comes into the unit.
  void date_back(Segment& segment, std::uint32_t unit, bool is_empty, std::uint32_t written_in) {
    std::uint32_t& state = Layout::state(segment, unit);
    const std::uint32_t epoch = is_empty ? written_in : std::max(written_in, state >> Layout::kEpochShift);
    store_state(state, epoch << Layout::kEpochShift | (state & Layout::kFlagMask));
    std::uint32_t& newest = segment.newest[unit / Layout::kGroupUnits];
    store_state(newest, std::max(newest, written_in));
  }

  /// Before an entry goes for good. encode(ByteWriter&) writes its key.
  template <class Encode>
  void remember_erased(Encode&& encode) {
    if (!domain_.remembers_changes()) [[likely]] return;
    erased_key_.clear();
    encode(erased_key_);
    erased_.add(erased_key_.view(), size_);
  }

  void count_insert(Segment& segment) {
    ++segment.head.live;
    ++size_;
  }
  void count_erase(Segment& segment) {
    --segment.head.live;
    --size_;
  }

  /// Makes room in the segment of `hash`: two segments of half its hashes each, or a new one without the traces of erased
  /// entries.
  [[gnu::noinline]] void split(std::uint64_t hash) {
    Segment* old = &segment_of(hash);
    const std::uint32_t depth = old->head.depth;
    if (!Layout::worth_splitting(old->head)) {
      Segment* fresh = new_segment(depth);
      move_entries(*old, [&](std::uint64_t) { return fresh; });
      replace(hash, depth, fresh, fresh);
    } else {
      TIDEMARK_CHECK(depth < kMostDepth, "so many entries never share 40 bits of their hash");
      if (shift_ == 64 - depth) grow_directory();
      Segment* low = new_segment(depth + 1);
      Segment* high = new_segment(depth + 1);
      move_entries(*old, [&](std::uint64_t h) { return (h >> (63 - depth)) & 1 ? high : low; });
      replace(hash, depth, low, high);
    }
    if (planted(PlantedBug::kCopyOnWriteMissedInSplit)) Layout::reset(*old, 0);
    retire(old);
  }

  // Makes one segment of that of `hash` and its other half, if both hold little. False if they stay, as where a running
  // snapshot sees them: then they would take memory beside the new one.
  bool merge(std::uint64_t hash) {
    const std::uint32_t depth = segment_of(hash).head.depth;
    if (depth == 1) return false;
    Segment* const halves[] = {&segment_of(hash), &segment_of(hash ^ std::uint64_t{1} << (64 - depth))};
    if (halves[1]->head.depth != depth || halves[0]->head.live + halves[1]->head.live > Layout::kMostMerged) return false;
    if (domain_.needed(halves[0]->head.born) || domain_.needed(halves[1]->head.born)) return false;
    Segment* const whole = new_segment(depth - 1);
    for (Segment* half : halves) move_entries(*half, [&](std::uint64_t) { return whole; });
    replace(hash, depth - 1, whole, whole);
    for (Segment* half : halves) retire(half);
    ++merges_;
    return true;
  }

  /// f(segment, unit) of the next `units` units; f may erase entries in them.
  template <class F>
  void for_next_units(Hand& hand, std::uint32_t units, F&& f) {
    for (; units > 0; --units) {
      Segment& segment = segment_of(hand.hash);
      f(segment, hand.unit);
      if (++hand.unit < Layout::kUnits) continue;
      hand.unit = 0;
      hand.hash = end_of(segment, hand.hash);
    }
  }

  /// f(state, words, is_of_part) of each unit of each segment that lies in that part of the hashes, and perhaps in others, too:
  /// of an entry is_of_part(hash) tells, where hash() gives its own. By the writer itself.
  template <class F>
  void for_each_unit(HashPart part, F&& f) {
    for_each_segment(part, [&](Segment& segment, std::uint64_t) {
      if (segment.head.live == 0) return;
      const bool is_wider = segment.head.depth < part.bits;
      const auto is_of_part = [&](auto&& hash) { return !is_wider || part.holds(hash()); };
      for (std::uint32_t unit = 0; unit < Layout::kUnits; ++unit) {
        f(Layout::state(segment, unit), Layout::words(segment, unit), is_of_part);
      }
    });
  }

 private:
  static constexpr std::uint32_t kMostDepth = 40;

  class View final : public TableView {
   public:
    View(CowDomain& domain, std::vector<Segment*> segments, const ErasedKeys& erased, std::uint32_t bound)
        : domain_{domain}, segments_{std::move(segments)}, bound_{bound} {
      if (!domain.remembers_changes()) return;
      changes_known_since_ = erased.known_since();
      erased_ = erased.share();
    }

    std::size_t segment_count() const override { return segments_.size(); }
    std::optional<std::uint32_t> changes_known_since() const override { return changes_known_since_; }
    void show_changes(std::shared_ptr<const ChangedSince> since) override { changed_since_ = std::move(since); }

    void read_segment(std::size_t index, EntrySink& sink) override {
      if (changed_since_ != nullptr) find_bounds(index);
      find_entries(*segments_[index]);
      for (const auto [hash, at] : order_.sorted(segments_[index]->head.depth)) {
        key_.clear();
        value_.clear();
        Layout::encode(entries_[at], key_, value_);
        sink.entry(hash, key_.view(), value_.view());
      }
    }

    void read_erased(ErasedSink& sink) override {
      if (changed_since_ == nullptr) return;
      for (const auto& chunk : erased_) {
        ByteReader keys{chunk->keys.view()};
        while (keys.remaining() > 0) {
          const std::string_view key = keys.get_string();
          const std::uint64_t hash = hash_of_encoded(key);
          const std::uint32_t since = changed_since_->at(hash);
          if (since != ChangedSince::kAlways && chunk->epoch > since) sink.erased(hash, key);
        }
      }
    }

   private:
    // Of the stripes that the segment lies in; segments come in the order of their hashes.
    void find_bounds(std::size_t index) {
      TIDEMARK_CHECK(index == next_index_, "segments of what changed are read once and in their order");
      ++next_index_;
      const std::uint64_t last = first_hash_ + (width_of(*segments_[index]) - 1);
      since_ = changed_since_->within(first_hash_, last);
      first_hash_ = last + 1;
    }
    void find_entries(Segment& segment) {
      order_.clear();
      entries_.clear();
      std::bitset<Layout::kUnits> taken;
      for (std::uint32_t unit = 0; unit < Layout::kUnits; unit += Layout::kGroupUnits) {
        // What has not changed since then was not logged since then either.
        if (is_unchanged(load_state(segment.newest[unit / Layout::kGroupUnits]))) continue;
        find_entries(segment, unit, taken);
      }
      collect_logged(segment, taken);
    }
    void find_entries(Segment& segment, std::uint32_t first_unit, std::bitset<Layout::kUnits>& taken) {
      std::array<std::uint64_t, Layout::kUnitWords> words;
      for (std::uint32_t unit = first_unit; unit < first_unit + Layout::kGroupUnits; ++unit) {
        if (is_unchanged(load_state(Layout::state(segment, unit)) >> Layout::kEpochShift)) continue;
        load_words<Layout::kUnitWords>(Layout::words(segment, unit), words.data());
        const std::uint32_t state = load_state(Layout::state(segment, unit));
        if ((state >> Layout::kEpochShift) > bound_) continue;
        taken.set(unit);
        collect(state, words.data());
      }
    }
    // What the scan found too new was logged before it changed.
    void collect_logged(const Segment& segment, std::bitset<Layout::kUnits>& taken) {
      std::array<LogRef, kLogChains> refs;
      for (std::uint32_t chain = 0; chain < kLogChains; ++chain) {
        refs[chain] = load_word(segment.head.logs[chain]);
        prefetch_logged(refs[chain]);
      }
      for (bool more = true; more;) {
        more = false;
        for (LogRef& ref : refs) {
          if (!logged_later(ref)) continue;
          const LogEntry& entry = domain_.at(ref);
          if ((entry.state >> Layout::kEpochShift) <= bound_ && !taken.test(entry.unit)) {
            taken.set(entry.unit);
            collect(entry.state, entry.words);
          }
          ref = entry.next;
          prefetch_logged(ref);
          more = true;
        }
      }
    }
    bool logged_later(LogRef ref) const { return log_until(ref) > bound_; }
    [[gnu::always_inline]] void prefetch_logged(LogRef ref) const {
      if (!logged_later(ref)) return;
      const LogEntry& entry = domain_.at(ref);
      __builtin_prefetch(&entry);
      __builtin_prefetch(entry.words + Layout::kUnitWords - 1);
    }
    void collect(std::uint32_t state, const std::uint64_t* words) {
      const std::uint32_t epoch = state >> Layout::kEpochShift;
      if (is_unchanged(epoch)) return;
      Layout::for_each(state, words, [&](const typename Layout::Entry& entry) {
        const std::uint64_t hash = Layout::hash(entry);
        if (epoch <= since_.highest && !has_changed(epoch, hash)) return;
        order_.add(hash, static_cast<std::uint32_t>(entries_.size()));
        entries_.push_back(entry);
      });
    }
    // Whatever stripe an entry is in.
    bool is_unchanged(std::uint32_t epoch) const { return epoch <= since_.lowest && since_.lowest != ChangedSince::kAlways; }
    bool has_changed(std::uint32_t epoch, std::uint64_t hash) const {
      if (changed_since_ == nullptr) return true;
      const std::uint32_t since = changed_since_->at(hash);
      return since == ChangedSince::kAlways || epoch > since;
    }

    CowDomain& domain_;
    std::vector<Segment*> segments_;
    std::uint32_t bound_;
    std::optional<std::uint32_t> changes_known_since_;
    ErasedKeys::Chunks erased_;
    std::shared_ptr<const ChangedSince> changed_since_;  // null: everything is shown
    std::size_t next_index_ = 0;    // from here on only where changes are shown
    std::uint64_t first_hash_ = 0;  // of the next segment
    ChangedSince::Bounds since_;    // of the current one
    std::vector<typename Layout::Entry> entries_;
    HashOrder order_;
    ByteWriter key_;
    ByteWriter value_;
  };

  [[gnu::noinline]] void touch_slowly(Segment& segment, std::uint32_t unit, std::uint32_t state) {
    std::uint32_t flags = state & Layout::kFlagMask;
    if (domain_.needed(state >> Layout::kEpochShift)) {
      flags = Layout::seen_flags(state);
      const auto [entry, ref] = domain_.append(Layout::kUnitWords);
      std::uint64_t& newest = segment.head.logs[unit % kLogChains];
      entry->next = newest;
      entry->state = state;
      entry->unit = unit;
      std::memcpy(entry->words, Layout::words(segment, unit), Layout::kUnitWords * sizeof(std::uint64_t));
      store_word(newest, ref);
    }
    store_state(segment.newest[unit / Layout::kGroupUnits], domain_.epoch());
    store_state(Layout::state(segment, unit), domain_.epoch() << Layout::kEpochShift | flags);
  }

  // The first hash behind those of the segment, which `hash` is one of; 0 behind the last.
  static std::uint64_t end_of(const Segment& segment, std::uint64_t hash) {
    return (hash & ~(width_of(segment) - 1)) + width_of(segment);
  }
  // How many hashes it is for, and how many places of the directory it has.
  static std::uint64_t width_of(const Segment& segment) { return std::uint64_t{1} << (64 - segment.head.depth); }
  std::size_t span_of(const Segment& segment) const { return std::size_t{1} << (64 - shift_ - segment.head.depth); }

  /// f(state, entry, hash) of each live entry, with its unit's state.
  template <class F>
  static void for_each_entry(Segment& segment, F&& f) {
    for (std::uint32_t unit = 0; unit < Layout::kUnits; ++unit) {
      const std::uint32_t state = Layout::state(segment, unit);
      Layout::for_each(state, Layout::words(segment, unit),
                       [&](const typename Layout::Entry& entry) { f(state, entry, Layout::hash(entry)); });
    }
  }
  /// f(segment, first_hash) of each segment that lies in that part of the hashes; f may replace it by another one.
  template <class F>
  void for_each_segment(HashPart part, F&& f) const {
    const std::size_t places = std::max<std::size_t>(directory_.size() >> std::min(part.bits, 64 - shift_), 1);
    for (std::size_t i = part.first() >> shift_, end = i + places; i < end;) {
      Segment& segment = *at(i);
      const std::size_t span = span_of(segment);
      const std::size_t first = i & ~(span - 1);  // it may begin before the part
      f(segment, std::uint64_t{first} << shift_);
      i = first + span;
    }
  }

  std::vector<Segment*> distinct_segments() const {
    std::vector<Segment*> result;
    result.reserve(segment_count_);
    // A segment's places in the directory are neighbours. The segments themselves are not touched: this is the pause.
    for (void* segment : directory_) {
      if (result.empty() || result.back() != segment) result.push_back(static_cast<Segment*>(segment));
    }
    return result;
  }

  Segment* new_segment(std::uint32_t depth) {
    auto* segment = static_cast<Segment*>(segments_.take());
    reset(*segment, depth);
    ++segment_count_;
    return segment;
  }
  // In the current epoch: no snapshot sees the segment yet, so that what is put in need not be logged.
  void reset(Segment& segment, std::uint32_t depth) {
    Layout::reset(segment, domain_.epoch());
    std::ranges::fill(segment.newest, domain_.epoch());
    segment.head = {.logs = {}, .depth = depth, .used = 0, .live = 0, .passed = 0, .born = domain_.epoch()};
  }
  void retire(Segment* segment) {
    --segment_count_;
    const auto free = [](void* object, std::size_t, void* pool) { static_cast<BlockPool*>(pool)->give_back(object); };
    domain_.retire(segment, segment->head.born, sizeof(Segment), free, &segments_);
  }

  template <class Target>
  void move_entries(Segment& from, Target&& target) {
    for_each_entry(from, [&](std::uint32_t state, const auto& entry, std::uint64_t hash) {
      const std::uint32_t written_in = state >> Layout::kEpochShift;
      const std::uint32_t flags = domain_.needed(written_in) ? Layout::seen_flags(state) : state & Layout::kFlagMask;
      Segment* to = target(hash);
      Layout::move_entry(*to, hash, entry, epoch_of_moved(written_in), flags);
      ++to->head.live;
    });
  }

  // Where the frozen segment still shows a value outside of it to a snapshot, the writer must not change that in place, and
  // where changes are remembered a moved entry has not changed. Else the epoch of the new segment spares logging.
  std::uint32_t epoch_of_moved(std::uint32_t written_in) const {
    if (planted(PlantedBug::kDeltaMissesSplit)) return std::min(written_in, domain_.changes_needed_since());
    return Layout::kOwns || domain_.remembers_changes() ? written_in : domain_.epoch();
  }

  void replace(std::uint64_t hash, std::uint32_t depth, Segment* low, Segment* high) {
    const std::size_t span = std::size_t{1} << (64 - shift_ - depth);
    const std::size_t first = (hash >> shift_) & ~(span - 1);
    if (low == high) {
      std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first), span, low);
      return;
    }
    std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first), span / 2, low);
    std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first + span / 2), span / 2, high);
  }

  void grow_directory() {
    std::vector<void*> larger(directory_.size() * 2);
    for (std::size_t i = 0; i < larger.size(); ++i) larger[i] = directory_[i / 2];
    directory_ = std::move(larger);
    --shift_;
    publish_directory();
  }
  void publish_directory() {
    places_.directory = directory_.data();
    places_.shift = shift_;
  }

  Segment* at(std::size_t index) const { return static_cast<Segment*>(directory_[index]); }

  CowDomain& domain_;
  BlockPool& segments_;
  std::size_t segment_count_ = 0;
  std::vector<void*> directory_;  // Segment*, erased for Table::prefetch
  unsigned shift_ = 63;
  std::uint64_t merges_ = 0;
  ErasedKeys erased_;
  ByteWriter erased_key_;
};

}  // namespace tidemark::detail
