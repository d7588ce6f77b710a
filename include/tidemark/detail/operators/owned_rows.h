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
#include "tidemark/detail/state/owned_bytes.h"

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
  /// What they take beside this object, about.
  std::size_t memory_bytes() const {
    if (rows_.empty()) return 0;
    std::size_t bytes = block_bytes(rows_.capacity() * sizeof(T));
    for (const T& row : rows_) bytes += owned_bytes(row);
    if constexpr (contains_views_v<T>) bytes += block_bytes(text_size());
    return bytes;
  }

 private:
  std::size_t text_size() const {
    std::size_t size = 0;
    for (const T& row : rows_) for_each_view(row, [&](std::string_view view) { size += view.size(); });
    return size;
  }
  void own_text() {
    text_ = std::make_unique_for_overwrite<char[]>(text_size());
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
