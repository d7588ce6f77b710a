// The rows of a key in the order of a `by`, and which of them a table of the key shows: policies of RowChanges.
//
// Of records that are only ever added, no more are kept than can be shown; rows that may be taken away again are all kept,
// since the next one may be needed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/detail/operators/same_content.h"
#include "tidemark/error.h"
#include "tidemark/schema.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// In place of a `by`.
struct ByEventTime {};

template <class By, class T>
decltype(auto) order_of(const By& by, const Timed<T>& row) {
  if constexpr (std::is_same_v<By, ByEventTime>) {
    return row.at;
  } else {
    return std::invoke(by, row.value);
  }
}

template <class By, class T>
consteval void check_order() {
  if constexpr (!std::is_same_v<By, ByEventTime>) {
    static_assert(requires(const By& by, const T& row) { std::invoke(by, row) < std::invoke(by, row); },
                  "rows are ordered by what gives a value with operator< for one: &Bid::price, or a callable. It may be a std::tuple");
  }
}

/// A row that is not there stays away.
template <class T>
void take_row(std::vector<Timed<T>>& rows, const T& row) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const Timed<T>& each) { return same_content(each.value, row); });
  if (at != rows.end()) rows.erase(at);
}

/// The first n.
template <class In, class By>
struct TopRows {
  using T = RowOf<In>;
  using Row = Ranked<T>;
  struct Content {
    std::vector<Timed<T>> rows;
  };
  By by;
  std::size_t n;

  void check() const {
    check_order<By, T>();
    if (n == 0) throw Error{ErrorCode::kInvalidArgument, "top(0, ...) shows nothing: it takes a number of one or more"};
  }
  void add(Content& content, const T& row, Timestamp at) const {
    const auto goes_before = [this](const T& a, const Timed<T>& b) { return std::invoke(by, b.value) < std::invoke(by, a); };
    auto& rows = content.rows;
    const auto place = static_cast<std::size_t>(std::upper_bound(rows.begin(), rows.end(), row, goes_before) - rows.begin());
    if constexpr (!is_change_v<In>) {
      if (place >= n) return;
      if (rows.size() >= n) {
        rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(n) - 1, rows.end());
      } else if (rows.size() == rows.capacity()) {
        // Not to twice as many, as most lists never get full and none gets longer.
        rows.reserve(std::min(n, rows.size() + std::max<std::size_t>(2, rows.size() / 2)));
      }
    }
    rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(place), Timed<T>{at, row});
  }
  void take(Content& content, const T& row) const { take_row(content.rows, row); }
  bool is_empty(const Content& content) const { return content.rows.empty(); }
  template <class Key>
  void show(const Content& content, const Key&, std::vector<Row>& to) const {
    for (std::size_t i = 0; i < std::min(n, content.rows.size()); ++i) to.push_back({static_cast<std::int64_t>(i + 1), content.rows[i].value});
  }
};

template <class T>
struct OneRow {
  Timed<T> row{};  // before the flag, so that others fit beside that: see WaitingContent
  bool is_there = false;
  static constexpr auto state_schema = schema(member("is_there", &OneRow::is_there), member("row", &OneRow::row));
};

/// The last of the order, or the first.
template <class In, class By, bool kLast>
struct KeptRow {
  using T = RowOf<In>;
  using Row = T;
  struct AllRows {
    std::vector<Timed<T>> rows;
  };
  using Content = std::conditional_t<is_change_v<In>, AllRows, OneRow<T>>;
  By by;

  void check() const { check_order<By, T>(); }
  void add(Content& content, const T& row, Timestamp at) const {
    Timed<T> added{at, row};
    if constexpr (is_change_v<In>) {
      insert_sorted(content.rows, std::move(added));
    } else if (!content.is_there || replaces(added, content.row)) {
      content.row = std::move(added);
      content.is_there = true;
    }
  }
  void take(Content& content, const T& row) const {
    if constexpr (is_change_v<In>) take_row(content.rows, row);
  }
  bool is_empty(const Content& content) const {
    if constexpr (is_change_v<In>) {
      return content.rows.empty();
    } else {
      return !content.is_there;
    }
  }
  template <class Key>
  void show(const Content& content, const Key&, std::vector<Row>& to) const {
    if (is_empty(content)) return;
    if constexpr (is_change_v<In>) {
      to.push_back(content.rows.front().value);
    } else {
      to.push_back(content.row.value);
    }
  }

 private:
  // Whether a row that comes later takes the place of one that is there.
  bool replaces(const Timed<T>& later, const Timed<T>& there) const {
    const auto& x = order_of(by, later);
    const auto& y = order_of(by, there);
    if constexpr (!kLast) return x < y;
    return y < x || (std::is_same_v<By, ByEventTime> && !(x < y));
  }
  void insert_sorted(std::vector<Timed<T>>& rows, Timed<T> added) const {
    const auto at = std::find_if(rows.begin(), rows.end(), [&](const Timed<T>& there) { return replaces(added, there); });
    rows.insert(at, std::move(added));
  }
};

}  // namespace tidemark::detail
