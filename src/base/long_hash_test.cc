#include "base/long_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

TEST(LongHashTest, ItIsTheOneHash) {
  std::string bytes;
  for (const std::size_t size : {0u, 1u, 16u, 17u, 128u, 129u, 240u, 241u, 1024u, 1025u, 100'000u}) {
    while (bytes.size() < size) bytes.push_back(static_cast<char>(bytes.size() * 31 + bytes.size() / 7));
    EXPECT_EQ(hash_long(bytes), detail::hash_bytes(bytes)) << size;
  }
}

}  // namespace
}  // namespace tidemark
