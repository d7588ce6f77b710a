#include "control/worker_order.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(WorkerOrderTest, WhatIsToldIsWhatIsRead) {
  WorkerOrder order{.name = "worker 2 of \"orders\"", .master = "jm:6123", .token = "secret", .data_host = "10.0.0.2", .memory_bytes = 1u << 30, .threads = 3};
  order.tls = Tls{.certificate = "/a.crt", .key = "/a.key", .authority = "/ca.crt", .peer_name = "tidemark"};
  order.copies_of = "/shared/orders";
  order.copies_in = "/tm/copies/77";
  order.heartbeat = {.interval_ms = 500, .timeout_ms = 3'000};
  const WorkerOrder read = value_or_throw(parse_worker_order(to_text(order)));
  EXPECT_EQ(read.heartbeat, order.heartbeat);
  EXPECT_EQ(read.copies_of, order.copies_of);
  EXPECT_EQ(read.copies_in, order.copies_in);
  EXPECT_EQ(read.name, order.name);
  EXPECT_EQ(read.memory_bytes, order.memory_bytes);
  EXPECT_EQ(read.threads, 3u);
  ASSERT_TRUE(read.tls.has_value());
  EXPECT_EQ(read.tls->key, "/a.key");
  EXPECT_EQ(read.tls->peer_name, "tidemark");
  order.tls.reset();
  EXPECT_FALSE(value_or_throw(parse_worker_order(to_text(order))).tls.has_value());
}

TEST(WorkerOrderTest, WhatIsNoneIsRefused) {
  for (const char* const text : {"", "{}", "null", "[1]", R"({"name":1})"}) EXPECT_EQ(parse_worker_order(text).error().code(), ErrorCode::kParse) << text;
}

}  // namespace
}  // namespace tidemark
