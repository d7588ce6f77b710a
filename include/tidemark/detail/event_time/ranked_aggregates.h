// The aggregates with records in a row: the best n, and all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "tidemark/detail/event_time/basic_aggregates.h"

namespace tidemark::detail {

/// The n records whose By is the best, best first; ties as BestByAggregate breaks them.
template <class By, bool kLargest>
struct TopAggregate {
  template <class T>
  using AccumulatorFor = std::vector<T>;
  std::size_t most;
  BestByAggregate<By, kLargest> order;

  template <class T>
  void add(std::vector<T>& top, const T& record) const {
    const auto better = [this](const T& a, const T& b) { return order.better(a, b); };
    if (most == 0 || (top.size() >= most && !better(record, top.back()))) return;
    top.insert(std::upper_bound(top.begin(), top.end(), record, better), record);
    if (top.size() > most) top.pop_back();
  }
  template <class T>
  void merge(std::vector<T>& into, const std::vector<T>& from) const {
    for (const T& record : from) add(into, record);
  }
  template <class T>
  std::vector<T> result(const std::vector<T>& top) const {
    return top;
  }
};

/// Everything, by event time and then by value.
template <class By>
struct ListAggregate {
  template <class T>
  using AccumulatorFor = std::vector<Timed<ValueBy<By, T>>>;
  By by;

  template <class T>
  void add(std::vector<Timed<ValueBy<By, T>>>& list, const T& record, Timestamp at) const {
    list.push_back({at, std::invoke(by, record)});
  }
  template <class V>
  void merge(std::vector<Timed<V>>& into, const std::vector<Timed<V>>& from) const {
    into.insert(into.end(), from.begin(), from.end());
  }
  template <class V>
  std::vector<V> result(const std::vector<Timed<V>>& list) const {
    std::vector<const Timed<V>*> in_order;
    in_order.reserve(list.size());
    for (const Timed<V>& timed : list) in_order.push_back(&timed);
    std::sort(in_order.begin(), in_order.end(), [](const Timed<V>* a, const Timed<V>* b) { return record_less(*a, *b); });
    std::vector<V> values;
    values.reserve(list.size());
    for (const Timed<V>* timed : in_order) values.push_back(timed->value);
    return values;
  }
};

}  // namespace tidemark::detail
