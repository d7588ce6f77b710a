#include "env/network_address.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(NetworkAddressTest, EveryKindReadsBackAsItIsWritten) {
  for (const char* text :
       {"localhost:6123", "10.1.2.3:0", "[::1]:65535", "tm-1.cluster.local:80", "unix:/tmp/a b/tidemark.sock"}) {
    const auto address = parse_network_address(text);
    ASSERT_TRUE(address.has_value()) << address.error().message();
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(*parse_network_address("[::1]:7"), (NetworkAddress{.host = "::1", .port = 7, .path = {}}));
  EXPECT_EQ(*parse_network_address("unix:/a"), (NetworkAddress{.host = {}, .port = 0, .path = "/a"}));
}

TEST(NetworkAddressTest, OnlyThisMachineReachesALoopbackAddress) {
  for (const char* const host : {"localhost", "127.0.0.1", "127.8.9.10", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* const host : {"", "0.0.0.0", "::", "10.0.0.1", "127.evil.example", "127.", "localhost.evil.example"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(NetworkAddressTest, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {"localhost", "the port is missing"},       {"localhost:", "its port is ''"},
      {"localhost:65536", "its port is '65536'"}, {"localhost:-1", "its port is '-1'"},
      {"localhost:8x", "its port is '8x'"},       {":80", "the host is missing"},
      {"[]:80", "the host is missing"},           {"::1:80", "stands in brackets"},
      {"[::1:80", "the bracket is not closed"},   {"unix:", "the name of the socket"},
      {"unix:/tmp/", "the name of the socket"},   {"", "the port is missing"},
  };
  for (const auto& [text, reason] : wrong) {
    const auto address = parse_network_address(text);
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_EQ(address.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(address.error().message().find(reason), std::string::npos) << address.error().message();
  }
}

}  // namespace
}  // namespace tidemark
