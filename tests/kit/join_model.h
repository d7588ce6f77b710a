// The records and rows of the joins under test, and what a join must give, by brute force: every pair of records is looked at.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark::join_model {

struct Left {
  std::int64_t key = 0;
  std::int64_t id = 0;
};
struct Right {
  std::int64_t key = 0;
  std::string text;
};
struct Pair {
  std::int64_t key = 0;
  std::int64_t id = 0;  ///< 0: there is none
  std::string text;     ///< empty: there is none
  friend bool operator==(const Pair&, const Pair&) = default;
  friend auto operator<=>(const Pair&, const Pair&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Pair& pair) {
    return out << pair.key << ": " << pair.id << " '" << pair.text << "'";
  }
};

inline Pair pair_of(const Left* left, const Right* right) {
  return {left != nullptr ? left->key : right->key, left != nullptr ? left->id : 0, right != nullptr ? right->text : ""};
}

enum class Kind { kInner, kLeft, kRight, kFull, kSemi, kAnti };
inline constexpr Kind kKinds[] = {Kind::kInner, Kind::kLeft, Kind::kRight, Kind::kFull, Kind::kSemi, Kind::kAnti};
inline bool has_pairs(Kind kind) { return kind != Kind::kSemi && kind != Kind::kAnti; }

// Plain rows of whatever a join gives: a change counts once up or once down.
struct Counted {
  Pair row;
  std::int64_t times = 0;
};
inline const auto kOfRow = [](const Pair& pair) { return Counted{pair, 1}; };
inline const auto kOfLeft = [](const Left& left) { return Counted{{left.key, left.id, ""}, 1}; };
template <class T, class F>
Stream<Counted> counted(Stream<T> rows, F of) {
  return rows.map(of);
}
template <class T, class F>
Stream<Counted> counted(Stream<Change<T>> changes, F of) {
  return changes.map([of](const Change<T>& change) {
    Counted row = of(change.row);
    if (!adds(change.kind)) row.times = -1;
    return row;
  });
}

template <class Joined>
Stream<Counted> join_as(Kind kind, const Joined& joined) {
  switch (kind) {
    case Kind::kInner:
      return counted(joined.inner([](const Left& l, const Right& r) { return pair_of(&l, &r); }).uid("join"), kOfRow);
    case Kind::kLeft:
      return counted(joined.left([](const Left& l, const Right* r) { return pair_of(&l, r); }).uid("join"), kOfRow);
    case Kind::kRight:
      return counted(joined.right([](const Left* l, const Right& r) { return pair_of(l, &r); }).uid("join"), kOfRow);
    case Kind::kFull:
      return counted(joined.full([](const Left* l, const Right* r) { return pair_of(l, r); }).uid("join"), kOfRow);
    case Kind::kSemi:
      return counted(joined.semi().uid("join"), kOfLeft);
    case Kind::kAnti:
      return counted(joined.anti().uid("join"), kOfLeft);
  }
  std::abort();
}

template <class T>
struct TimedRow {
  T record;
  Timestamp time;
};
using Lefts = std::vector<TimedRow<Left>>;
using Rights = std::vector<TimedRow<Right>>;
using Meets = std::function<bool(Timestamp, Timestamp)>;

/// Of records of one key or of several.
inline std::vector<Pair> brute_force(Kind kind, const Lefts& lefts, const Rights& rights, const Meets& meets) {
  std::vector<Pair> rows;
  const auto met = [&](const TimedRow<Left>& l, const TimedRow<Right>& r) {
    return l.record.key == r.record.key && meets(l.time, r.time);
  };
  for (const auto& l : lefts) {
    const bool any = std::ranges::any_of(rights, [&](const auto& r) { return met(l, r); });
    if (has_pairs(kind)) {
      for (const auto& r : rights) {
        if (met(l, r)) rows.push_back(pair_of(&l.record, &r.record));
      }
    }
    const bool alone = !any && (kind == Kind::kLeft || kind == Kind::kFull || kind == Kind::kAnti);
    if (alone || (any && kind == Kind::kSemi)) rows.push_back(pair_of(&l.record, nullptr));
  }
  if (kind == Kind::kRight || kind == Kind::kFull) {
    for (const auto& r : rights) {
      if (std::ranges::none_of(lefts, [&](const auto& l) { return met(l, r); })) rows.push_back(pair_of(nullptr, &r.record));
    }
  }
  return rows;
}

inline std::vector<Pair> table_of(const std::vector<Emitted<Counted>>& changes) {
  std::map<Pair, std::int64_t> times;
  for (const auto& change : changes) {
    times[change.value.row] += change.value.times;
  }
  std::vector<Pair> rows;
  for (const auto& [row, count] : times) {
    EXPECT_GE(count, 0) << "a row was taken away that was not there";
    for (std::int64_t i = 0; i < count; ++i) rows.push_back(row);
  }
  return rows;
}

/// A join as it is told what comes.
class JoinModel {
 public:
  virtual ~JoinModel() = default;
  virtual void left(const TimedRow<Left>& row) = 0;
  virtual void right(const TimedRow<Right>& row) = 0;
  virtual void advance(Timestamp watermark) { watermark_ = watermark; }
  /// When all has come, in any order.
  virtual std::vector<Pair> rows() = 0;

 protected:
  bool is_late(Timestamp at) const { return watermark_ != Timestamp::min() && at <= watermark_; }

 private:
  Timestamp watermark_ = Timestamp::min();
};

/// Records meet by their times, and one that is late meets none.
class MeetingModel final : public JoinModel {
 public:
  MeetingModel(Kind kind, Meets meets, bool has_late = true) : kind_{kind}, meets_{std::move(meets)}, has_late_{has_late} {}
  void left(const TimedRow<Left>& row) override {
    if (!has_late_ || !is_late(row.time)) lefts_.push_back(row);
  }
  void right(const TimedRow<Right>& row) override {
    if (!has_late_ || !is_late(row.time)) rights_.push_back(row);
  }
  std::vector<Pair> rows() override { return brute_force(kind_, lefts_, rights_, meets_); }

 private:
  Kind kind_;
  Meets meets_;
  bool has_late_;
  Lefts lefts_;
  Rights rights_;
};

/// Records meet in windows, which the watermark closes one by one.
class WindowsModel final : public JoinModel {
 public:
  /// `merge`: a window becomes one with those that it touches.
  WindowsModel(Kind kind, bool merge, std::function<std::vector<Window>(Timestamp)> windows_of)
      : kind_{kind}, merge_{merge}, windows_of_{std::move(windows_of)} {}
  void left(const TimedRow<Left>& row) override {
    for (const Window& window : windows_of_(row.time)) add(row.record.key, {.window = window, .lefts = {row}});
  }
  void right(const TimedRow<Right>& row) override {
    for (const Window& window : windows_of_(row.time)) add(row.record.key, {.window = window, .rights = {row}});
  }
  void advance(Timestamp watermark) override {
    JoinModel::advance(watermark);
    for (auto& [key, open] : keys_) {
      std::erase_if(open, [&](const Open& each) {
        if (!is_late(each.window.last())) return false;
        for (const Pair& row : brute_force(kind_, each.lefts, each.rights, [](Timestamp, Timestamp) { return true; }))
          rows_.push_back(row);
        return true;
      });
    }
  }
  std::vector<Pair> rows() override {
    advance(Timestamp::max());
    return rows_;
  }

 private:
  struct Open {
    Window window;
    Lefts lefts = {};
    Rights rights = {};
  };

  void add(std::int64_t key, Open fresh) {
    std::vector<Open> others;
    for (const Open& open : keys_[key]) {
      const bool is_one =
          merge_ ? open.window.start <= fresh.window.end && fresh.window.start <= open.window.end : open.window == fresh.window;
      if (!is_one) {
        others.push_back(open);
        continue;
      }
      fresh.window = {std::min(fresh.window.start, open.window.start), std::max(fresh.window.end, open.window.end)};
      fresh.lefts.insert(fresh.lefts.end(), open.lefts.begin(), open.lefts.end());
      fresh.rights.insert(fresh.rights.end(), open.rights.begin(), open.rights.end());
    }
    if (is_late(fresh.window.last())) return;
    others.push_back(std::move(fresh));
    keys_[key] = std::move(others);
  }

  Kind kind_;
  bool merge_;
  std::function<std::vector<Window>(Timestamp)> windows_of_;
  std::map<std::int64_t, std::vector<Open>> keys_;
  std::vector<Pair> rows_;
};

/// Each record of the left stream meets the newest of the right that is not later, of those that were there when the
/// watermark passed it.
class VersionsModel final : public JoinModel {
 public:
  explicit VersionsModel(bool keeps_alone) : keeps_alone_{keeps_alone} {}
  void left(const TimedRow<Left>& row) override {
    if (!is_late(row.time)) waiting_.push_back(row);
  }
  void right(const TimedRow<Right>& row) override { versions_.push_back(row); }
  void advance(Timestamp watermark) override {
    JoinModel::advance(watermark);
    std::erase_if(waiting_, [&](const TimedRow<Left>& row) {
      if (!is_late(row.time)) return false;
      const Right* version = nullptr;
      Timestamp newest;
      for (const auto& [record, time] : versions_) {
        if (record.key != row.record.key || time > row.time || (version != nullptr && time < newest)) continue;
        version = &record;
        newest = time;
      }
      if (version != nullptr || keeps_alone_) rows_.push_back(pair_of(&row.record, version));
      return true;
    });
  }
  std::vector<Pair> rows() override {
    advance(Timestamp::max());
    return rows_;
  }

 private:
  bool keeps_alone_;
  Lefts waiting_;
  Rights versions_;
  std::vector<Pair> rows_;
};

}  // namespace tidemark::join_model
