#include "cli/print_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tidemark {
namespace {

TEST(PrintVerdict, WhatCannotBeToldIsNeitherTrueNorFalse) {
  std::string out, err;
  Cli cli{.env = {},
          .out = [&](std::string_view line) { out += line; },
          .err = [&](std::string_view line) { err += line; },
          .chosen = {}};
  const Error error{ErrorCode::kNotFound, "no 'chk-\xff'"};
  EXPECT_EQ(print_unknown(error, false, cli), ExitStatus::kUsage);
  EXPECT_EQ(err, "no 'chk-\xff'");
  EXPECT_EQ(out, "");
  EXPECT_EQ(print_unknown(error, true, cli), ExitStatus::kUsage);
  const auto json = nlohmann::json::parse(out);
  EXPECT_TRUE(json["fits"].is_null());
  EXPECT_THAT(json["error"].get<std::string>(), ::testing::StartsWith("no 'chk-"));
}

}  // namespace
}  // namespace tidemark
