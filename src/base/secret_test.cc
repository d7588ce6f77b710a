#include "base/secret.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(SecretTest, OnlyTheWholeSecretIsTheSecret) {
  EXPECT_TRUE(is_same_secret("s3cret", "s3cret"));
  for (const char* const wrong : {"", "s", "s3cre", "s3cret ", "S3cret", "s3crex", "s3crets3cret"}) {
    EXPECT_FALSE(is_same_secret(wrong, "s3cret")) << wrong;
  }
}

TEST(SecretTest, AnEmptySecretIsNobodys) { EXPECT_FALSE(is_same_secret("", "")); }

}  // namespace
}  // namespace tidemark
