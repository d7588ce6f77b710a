// What a line of input has wrong with it.
#pragma once

#include <cstddef>
#include <string>

namespace tidemark {

struct DecodeError {
  std::size_t column = 1;  ///< of the byte, from 1
  std::string message;     ///< such as: "price" is a string, Bid::price is int64
};

}  // namespace tidemark
