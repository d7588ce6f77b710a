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

TEST(SecretTest, WhatIsSetUnderTheNameOfASecretIsNotShown) {
  for (const char* const key : {"password", "db.PassWord", "s3.secret-key", "API-token", "my-apikey", "sasl.jaas.config"}) {
    EXPECT_EQ(shown_value(key, "hunter2"), "******") << key;
  }
  for (const char* const key : {"", "key", "security.ssl.rest.key", "pass", "user"}) EXPECT_EQ(shown_value(key, "x"), "x") << key;
}

TEST(SecretTest, AnEmptySecretIsNobodys) { EXPECT_FALSE(is_same_secret("", "")); }

}  // namespace
}  // namespace tidemark
