#include "env/local_host.h"

#include <gmock/gmock.h>

namespace tidemark {
namespace {

using testing::HasSubstr;

TEST(LocalHost, HasAName) { EXPECT_FALSE(host_name().empty()); }

TEST(LocalHost, IsReachedByItselfOverLoopback) {
  EXPECT_EQ(value_or_throw(host_towards("127.0.0.1:6123")), "127.0.0.1");
  EXPECT_EQ(value_or_throw(host_towards("unix:/tmp/socket")), "127.0.0.1");
}

TEST(LocalHost, AWrongAddressIsSaid) {
  EXPECT_EQ(host_towards("no port").error().code(), ErrorCode::kInvalidArgument);
  const auto unknown = host_towards("no-such-host.invalid:1");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().message(), HasSubstr("'no-such-host.invalid'"));
}

}  // namespace
}  // namespace tidemark
