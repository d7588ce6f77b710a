#include "cli/master_process.h"

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "env/posix_file_system.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(MasterProcessTest, ATokenThatOthersMayReadOnTheNetworkIsWarnedOf) {
  MasterSettings settings;
  settings.rest = {.host = "0.0.0.0", .port = 8081, .token = "s3cret"};
  EXPECT_THAT(warnings_of(settings), ElementsAre(HasSubstr("0.0.0.0:8081 are not encrypted")));
  EXPECT_FALSE(warnings_of(settings).front().contains("s3cret"));
  settings.rest.certificate = "/etc/rest.crt";
  EXPECT_THAT(warnings_of(settings), IsEmpty());
  settings.rest = {.host = "127.0.0.1", .port = 8081, .token = "s3cret"};
  EXPECT_THAT(warnings_of(settings), IsEmpty());
  settings.job_manager.address = "0.0.0.0:6123";
  EXPECT_THAT(warnings_of(settings), ElementsAre(HasSubstr("can take part in this cluster")));
}

TEST(MasterProcessTest, HeartbeatsAreAsConfiguredAndNoSilenceIsOneByThem) {
  ClusterOptions config;
  config.heartbeat = {.interval = std::chrono::seconds{3}, .timeout = std::chrono::seconds{30}};
  const auto settings = value_or_throw(master_settings({}, config, "/dir", "127.0.0.1:0"));
  EXPECT_EQ(settings.job_manager.heartbeat, (Heartbeat{.interval_ms = 3'000, .timeout_ms = 30'000}));
  EXPECT_EQ(value_or_throw(master_settings({}, {}, "/dir", "127.0.0.1:0")).job_manager.heartbeat, Heartbeat{});
  config.heartbeat.interval = std::chrono::seconds{20};
  EXPECT_THAT(master_settings({}, config, "/dir", "127.0.0.1:0").error().message(), HasSubstr("heartbeat.timeout is 30000 ms, and heartbeat.interval 20000 ms"));
}

TEST(MasterProcessTest, WhatItKeepsIsItsUsersAlone) {
  const std::string folder = testing::TempDir() + "tidemark_master_process";
  value_or_throw(remove_tree(posix_file_system(), folder));
  {
    const auto process = MasterProcess::start({.job_manager = {.folder = folder, .address = "127.0.0.1:0"}, .rest = {.port = 0}});
    ASSERT_TRUE(process) << process.error().message();
    for (const std::string part : {"jobs", "executables", "plans", "checkpoints"}) {
      EXPECT_EQ(std::filesystem::status(folder + "/" + part).permissions(), std::filesystem::perms::owner_all) << part;
    }
  }
  value_or_throw(remove_tree(posix_file_system(), folder));
}

}  // namespace
}  // namespace tidemark
