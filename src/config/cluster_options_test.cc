#include "config/cluster_options.h"

#include <gmock/gmock.h>

#include <string>

namespace tidemark {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

Result<ClusterOptions> read(const std::string& text) { return read_cluster_options(text, "conf.yaml"); }
std::string error_of(const std::string& text) {
  const auto options = read(text);
  return options ? "no error" : options.error().message();
}

TEST(ClusterOptionsTest, AFileOfFlinksKeysSaysWhatEachProcessNeeds) {
  const ClusterOptions options = value_or_throw(read(R"(
jobmanager:
  rpc: {address: jm.example, port: 6124}
  bind-host: 0.0.0.0
high-availability.storageDir: /var/lib/tidemark
slot.request.timeout: 90s
heartbeat: {interval: 5s, timeout: 1min}
rest: {address: jm.example, bind-address: 127.0.0.1, port: 8082}
taskmanager:
  resource-id: tm-7
  host: 10.0.0.7
  numberOfTaskSlots: 4
  memory.process.size: 8gb
  memory: {managed.size: 4gb}
io.tmp.dirs: /data/tidemark
)"));
  EXPECT_EQ(options.job_manager.host, "jm.example");
  EXPECT_EQ(options.job_manager.port, 6124);
  EXPECT_EQ(options.job_manager.bind_host, "0.0.0.0");
  EXPECT_EQ(options.job_manager.folder, "/var/lib/tidemark");
  EXPECT_EQ(options.job_manager.slot_timeout, std::chrono::seconds{90});
  EXPECT_EQ(options.heartbeat.interval, std::chrono::seconds{5});
  EXPECT_EQ(options.heartbeat.timeout, std::chrono::minutes{1});
  EXPECT_EQ(options.rest.host, "jm.example");
  EXPECT_EQ(options.rest.bind_host, "127.0.0.1");
  EXPECT_EQ(options.rest.port, 8082);
  EXPECT_EQ(options.task_manager.id, "tm-7");
  EXPECT_EQ(options.task_manager.host, "10.0.0.7");
  EXPECT_EQ(options.task_manager.slots, 4u);
  EXPECT_EQ(options.task_manager.process_bytes, std::int64_t{8} << 30);
  EXPECT_EQ(options.task_manager.state_bytes, std::int64_t{4} << 30);
  EXPECT_EQ(options.task_manager.tmp_folder, "/data/tidemark");
}

TEST(ClusterOptionsTest, FilesOfTls) {
  const ClusterOptions options = value_or_throw(read(R"(
security.ssl:
  internal: {certificate: /etc/tidemark/node.crt, key: /etc/tidemark/node.key, authority: /etc/tidemark/ca.crt, peer-name: tidemark}
  rest: {certificate: /etc/tidemark/rest.crt, key: /etc/tidemark/rest.key}
)"));
  EXPECT_EQ(options.internal_tls, (ClusterOptions::Tls{"/etc/tidemark/node.crt", "/etc/tidemark/node.key", "/etc/tidemark/ca.crt", "tidemark"}));
  EXPECT_EQ(options.rest_tls.key, "/etc/tidemark/rest.key");
  EXPECT_FALSE(value_or_throw(read("# nothing\n")).internal_tls.is_set());
}

TEST(ClusterOptionsTest, APartOfTlsIsNoTls) {
  EXPECT_EQ(error_of("security.ssl.internal: {certificate: a.crt, authority: ca.crt}"),
            "conf.yaml: security.ssl.internal.key is missing beside other keys of security.ssl.internal.*");
  EXPECT_THAT(error_of("security.ssl.internal.peer-name: tidemark"), HasSubstr("security.ssl.internal.certificate is missing"));
  EXPECT_THAT(error_of("security.ssl.rest.key: a.key"), HasSubstr("security.ssl.rest.certificate is missing"));
}

TEST(ClusterOptionsTest, WhatIsNotThereIsNotSet) {
  const ClusterOptions options = value_or_throw(read("# nothing\n"));
  EXPECT_EQ(options.job_manager.host, "");
  EXPECT_EQ(options.rest.port, 0);
  EXPECT_TRUE(options.jobs.empty());
}

TEST(ClusterOptionsTest, OptionsOfJobsAreCheckedAndKeptInTheirOrder) {
  const ClusterOptions options =
      value_or_throw(read("state.backend.type: rocksdb\nexecution.checkpointing:\n  interval: 5s\n  dir: /chk\n"));
  EXPECT_THAT(options.jobs, ElementsAre(Pair("state.backend.type", "rocksdb"), Pair("execution.checkpointing.interval", "5s"),
                                        Pair("execution.checkpointing.dir", "/chk")));
  EXPECT_THAT(error_of("execution.checkpointing.interval: 5"),
              HasSubstr("conf.yaml:1: execution.checkpointing.interval: '5' is not a duration"));
}

TEST(ClusterOptionsTest, AnUnknownKeyNamesItsLineAndTheNearest) {
  EXPECT_EQ(error_of("\ntaskmanager.numberOfTaskSlot: 2\n"),
            "conf.yaml:2: there is no option 'taskmanager.numberOfTaskSlot'; did you mean 'taskmanager.numberOfTaskSlots'?");
  EXPECT_THAT(error_of("jobmanager:\n  rpc:\n    adress: x\n"),
              AllOf(StartsWith("conf.yaml:3: "), HasSubstr("'jobmanager.rpc.address'")));
  EXPECT_THAT(error_of("execution.checkpointing.intervall: 1s"), HasSubstr("did you mean 'execution.checkpointing.interval'"));
}

TEST(ClusterOptionsTest, AWrongValueNamesLineKeyValueAndTheExpectedForm) {
  EXPECT_EQ(error_of("rest.port: 70000"), "conf.yaml:1: rest.port: '70000' is not a whole number from 1 to 65535");
  EXPECT_THAT(error_of("taskmanager.numberOfTaskSlots: 0"), HasSubstr("'0' is not a whole number from 1 to 32768"));
  EXPECT_THAT(error_of("taskmanager.memory.process.size: 8"), HasSubstr("'8' is not a size such as"));
  EXPECT_THAT(error_of("io.tmp.dirs: /a,/b"), HasSubstr("'/a,/b' is not the path of one folder"));
  EXPECT_THAT(error_of("slot.request.timeout: 0"), HasSubstr("'0' is not a duration such as"));
  EXPECT_THAT(error_of("jobmanager.rpc.address: ''"), HasSubstr("'' is not a host's name or number"));
}

}  // namespace
}  // namespace tidemark
