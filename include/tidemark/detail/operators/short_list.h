// A list that mostly has one element at most, which then needs no block of its own: it lies in the list itself.
//
// The part of std::vector that its users call, and in snapshots a list like that. An insert or erase makes all iterators
// invalid.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/kind.h"

namespace tidemark::detail {

template <class T>
class ShortList {
 public:
  using value_type = T;

  T* begin() { return many_.empty() ? first() : many_.data(); }
  T* end() { return begin() + size(); }
  const T* begin() const { return const_cast<ShortList&>(*this).begin(); }
  const T* end() const { return begin() + size(); }
  std::size_t size() const { return many_.empty() ? std::size_t{only_.has_value()} : many_.size(); }
  bool empty() const { return size() == 0; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }
  const T& front() const { return *begin(); }
  const T& back() const { return *(end() - 1); }
  /// Of the block outside of it: 0 if there is none.
  std::size_t capacity() const { return many_.capacity(); }

  void reserve(std::size_t size) {
    if (size > 1) many_.reserve(size);
  }
  void clear() {
    only_.reset();
    many_.clear();
  }
  T& emplace_back() { return *insert(end(), T{}); }
  /// Gives where the element is.
  T* insert(const T* before, T element) {
    const auto at = before - begin();
    if (empty()) return &only_.emplace(std::move(element));
    if (many_.empty()) {
      many_.push_back(std::move(*only_));
      only_.reset();
    }
    return &*many_.insert(many_.begin() + at, std::move(element));
  }
  /// Gives where the element behind them is.
  T* erase(const T* from, const T* to) {
    const auto at = from - begin(), count = to - from;
    if (many_.empty()) {
      if (count != 0) only_.reset();
    } else {
      many_.erase(many_.begin() + at, many_.begin() + at + count);
    }
    return begin() + at;
  }
  template <class Predicate>
  void erase_if(Predicate&& is_to_go) {
    erase(std::remove_if(begin(), end(), is_to_go), end());
  }

 private:
  T* first() { return only_ ? &*only_ : nullptr; }

  // Not both.
  std::optional<T> only_;
  std::vector<T> many_;
};

template <class T>
inline constexpr bool is_vector_v<ShortList<T>> = true;

}  // namespace tidemark::detail
