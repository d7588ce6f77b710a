// Rows that hold the text that their views point to, so that they may be kept and moved to another thread. A value.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/reflect.h"

namespace tidemark::detail {

template <class T>
class OwnedRows {
 public:
  OwnedRows() = default;
  explicit OwnedRows(std::vector<T> rows) : rows_{std::move(rows)} {
    if constexpr (contains_views_v<T>) own_text();
  }
  explicit OwnedRows(const T& row) : OwnedRows{std::vector<T>{row}} {}

  const std::vector<T>& rows() const { return rows_; }
  const T& row() const { return rows_.front(); }

 private:
  void own_text() {
    std::size_t size = 0;
    for (const T& row : rows_) for_each_view(row, [&](std::string_view view) { size += view.size(); });
    text_ = std::make_unique_for_overwrite<char[]>(size);
    char* at = text_.get();
    for (T& row : rows_) {
      for_each_view(row, [&](std::string_view& view) {
        if (view.empty()) return;
        std::memcpy(at, view.data(), view.size());
        view = {at, view.size()};
        at += view.size();
      });
    }
  }

  struct Nothing {};
  std::vector<T> rows_;
  [[no_unique_address]] std::conditional_t<contains_views_v<T>, std::unique_ptr<char[]>, Nothing> text_;
};

}  // namespace tidemark::detail
