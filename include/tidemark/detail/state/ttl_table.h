// A table whose entries expire. What has expired is in no view and is not restored; from memory a clock hand removes it, bit
// by bit. Threads: as SegmentedTable.
//
// V is a Stamped, a StampedList or a StampedMap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/stamped.h"
#include "tidemark/detail/state/ttl_clock.h"
#include "tidemark/ttl.h"

namespace tidemark::detail {

/// Passes on what lives of the entries of a table.
template <class V>
class LivingEntries final : public EntrySink {
 public:
  struct Over {
    std::uint64_t hash;
    std::string key;
  };
  /// Entries of which nothing lives go to `over` where only changes are shown, so that older content does not come back.
  LivingEntries(EntrySink& to, Expiry expiry, const ChangedSince* since, std::vector<Over>& over)
      : to_{to}, expiry_{expiry}, since_{since}, over_{over} {}

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    if (take_living(value)) {
      to_.entry(hash, key, value);
    } else if (since_ != nullptr && since_->at(hash) != ChangedSince::kAlways) {
      over_.push_back({hash, std::string{key}});
    }
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                            std::string_view value) override {
    if (take_living(value)) to_.entry_with_namespace(hash, key, namespace_bytes, value);
  }

 private:
  bool take_living(std::string_view& value) {
    const Life life = StoredValue<V>::life(value, expiry_);
    if (life != Life::kPartly) return life == Life::kWhole;
    V entry{};
    if (!StoredValue<V>::decode(value, entry)) return true;
    remove_expired(entry, expiry_);
    living_.clear();
    StoredValue<V>::encode(entry, living_);
    value = living_.view();
    return true;
  }

  EntrySink& to_;
  Expiry expiry_;
  const ChangedSince* since_;  // null: everything is shown
  std::vector<Over>& over_;
  ByteWriter living_;
};

template <class V>
class LivingView final : public TableView {
 public:
  LivingView(std::unique_ptr<TableView> all, Expiry expiry) : all_{std::move(all)}, expiry_{expiry} {}
  std::size_t segment_count() const override { return all_->segment_count(); }
  void read_segment(std::size_t index, EntrySink& sink) override {
    LivingEntries<V> living{sink, expiry_, changed_since_.get(), over_};
    all_->read_segment(index, living);
  }
  std::optional<std::uint32_t> changes_known_since() const override { return all_->changes_known_since(); }
  void show_changes(std::shared_ptr<const ChangedSince> since) override {
    changed_since_ = since;
    all_->show_changes(std::move(since));
  }
  void read_erased(ErasedSink& sink) override {
    all_->read_erased(sink);
    for (const auto& [hash, key] : over_) sink.erased(hash, key);
  }

 private:
  std::unique_ptr<TableView> all_;
  Expiry expiry_;
  std::shared_ptr<const ChangedSince> changed_since_;
  std::vector<typename LivingEntries<V>::Over> over_;  // changed, and expired since
};

template <class K, class V>
class TtlTable final : public StateTable<K, V>, public ExpiringTable {
  using Base = StateTable<K, V>;

 public:
  using Base::Base;

  /// Before its first entry.
  void start(Ttl ttl, TtlClock& clock) {
    life_s_ = ttl.seconds();
    clock_ = &clock;
    clock.add(*this);
  }

  Expiry expiry() const { return {.life_s = life_s_, .now_s = clock_->now_s(), .living_since_s = living_since_s_}; }
  std::uint32_t written_s() const { return clock_->written_s(); }

  std::unique_ptr<TableView> view(std::uint32_t bound) override {
    return living(Base::view_of_all(bound));
  }
  std::unique_ptr<TableView> living(std::unique_ptr<TableView> all) override {
    return std::make_unique<LivingView<V>>(std::move(all), expiry());
  }
  bool is_over(std::string_view value, std::uint32_t now_s) const override {
    return StoredValue<V>::life(value, {.life_s = life_s_, .now_s = now_s, .living_since_s = living_since_s_}) == Life::kOver;
  }
  std::uint32_t living_since_s() const override {
    const std::uint32_t now_s = clock_->now_s();
    return std::max(living_since_s_, now_s < life_s_ ? 0 : now_s - life_s_ + 1);
  }
  void set_living_since(std::uint32_t second) override { living_since_s_ = second; }

  bool restore_entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    const std::size_t before = this->size();
    const bool restored = restore_living(hash, key, value);
    size_after_sweep_ += this->size() - before;  // none of these is a new one that the hand has to keep up with
    return restored;
  }
  bool load_entry(std::uint64_t hash, std::string_view key, std::string_view value, std::uint32_t written_in) override {
    if (!this->can_date_back()) return restore_entry(hash, key, value);
    // With what has expired; see restore_living().
    ++size_after_sweep_;
    return Base::load_entry(hash, key, value, written_in);
  }

  void sweep() override {
    const std::size_t grown_by = this->size() - std::min(this->size(), size_after_sweep_);
    for (std::size_t left = kUnitsAtOnce * (1 + grown_by / kGrowthAtOnce); left > 0; left -= kUnitsAtOnce) sweep_some();
    size_after_sweep_ = this->size();
  }

 private:
  static constexpr std::uint32_t kUnitsAtOnce = 16;
  // Four units a new entry keep up with any rate of new ones: of four places in a table one or more are taken, and where
  // half of those have expired, what is removed equals what came.
  static constexpr std::uint32_t kGrowthAtOnce = 4;

  bool restore_living(std::uint64_t hash, std::string_view key, std::string_view value) {
    const Life life = StoredValue<V>::life(value, expiry());
    // What has expired goes by the sweep where changes are remembered: so the next snapshot of them says so.
    if (life == Life::kWhole || this->domain().remembers_changes()) return Base::restore_entry(hash, key, value);
    V entry{};
    if (!StoredValue<V>::decode(value, entry)) return false;
    if (life == Life::kOver) {
      Base::take_entry(hash, key, nullptr);  // an older file may have put one in
      return true;
    }
    remove_expired(entry, expiry());
    ByteWriter living;
    StoredValue<V>::encode(entry, living);
    return Base::restore_entry(hash, key, living.view());
  }

  void sweep_some() {
    // Where values lie outside of the table, their memory is waited for at once.
    typename Base::Hand ahead = hand_;
    this->for_next_rows(ahead, kUnitsAtOnce, [&](auto row) { __builtin_prefetch(&this->value_ref(row)); });
    this->for_next_rows(hand_, kUnitsAtOnce, [&](auto row) { sweep_row(row); });
  }
  void sweep_row(typename Base::Row row) {
    switch (life_of(this->value_ref(row), expiry())) {
      case Life::kWhole: return;
      case Life::kPartly: return this->mutate(row, [&](V& entry) { remove_expired(entry, expiry()); });
      case Life::kOver: return this->erase(row);
    }
  }

  std::uint32_t life_s_ = 0;
  std::uint32_t living_since_s_ = 0;
  TtlClock* clock_ = nullptr;
  typename Base::Hand hand_;
  std::size_t size_after_sweep_ = 0;
};

}  // namespace tidemark::detail
