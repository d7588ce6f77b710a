#include "env/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemark {
namespace {

std::string hash_of(std::string_view bytes) {
  Sha256 hash;
  hash.append(bytes);
  return hash.finish_hex();
}

// The examples of FIPS 180-4.
TEST(Sha256, IsWhatTheStandardSays) {
  EXPECT_EQ(hash_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheBytesAreCut) {
  const std::string text = "of any length, cut anywhere";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Sha256 hash;
    hash.append(std::string_view{text}.substr(0, cut));
    Sha256 moved = std::move(hash);
    moved.append(std::string_view{text}.substr(cut));
    EXPECT_EQ(moved.finish_hex(), hash_of(text));
  }
}

}  // namespace
}  // namespace tidemark
