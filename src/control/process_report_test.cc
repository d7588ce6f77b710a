#include "control/process_report.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "env/posix_file_system.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

double value_of(const std::vector<Metric>& metrics, const std::string& name) {
  for (const Metric& metric : metrics) {
    if (metric.name == name) return metric.value;
  }
  ADD_FAILURE() << name;
  return -1;
}

TEST(ProcessMetricsTest, ThePartsOfTheMemoryAreAllOfIt) {
  for (const std::uint64_t state_bytes : {std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{1} << 50}) {
    const auto metrics = metrics_of_this_process(posix_file_system(), StateMemoryUse{state_bytes, 1u << 20});
    double parts = 0;
    for (const char* const part : {"MappedFiles", "Shared", "State", "AllocatorFree", "Other"}) {
      parts += value_of(metrics, std::string{"Status.Process.Memory."} + part);
    }
    EXPECT_GT(parts, 0);
    EXPECT_DOUBLE_EQ(parts, value_of(metrics, "Status.Process.Memory.Used")) << "with " << state_bytes << " bytes of state, more than are there perhaps";
    EXPECT_DOUBLE_EQ(value_of(metrics, "Status.Flink.Memory.Managed.Used"), static_cast<double>(state_bytes));
    EXPECT_DOUBLE_EQ(value_of(metrics, "Status.Flink.Memory.Managed.Total"), 1u << 20);
  }
}

class ProcessEndpointsTest : public testing::Test {
 protected:
  ProcessEndpointsTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-process-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ProcessEndpointsTest() override { fs::remove_all(folder_); }
  UnixSocketName socket() const { return value_or_throw(UnixSocketName::in(folder_, "orders-1-w1")); }
  std::optional<HttpResponse> get(const std::string& path) const { return endpoints_.handle({.path = path}); }

  std::string folder_;
  const ProcessEndpoints endpoints_{posix_file_system(), [] {
                                      return std::vector<MetricGroup>{{.scope = "taskmanager_job_task",
                                                                       .labels = {{"job_name", "orders"}},
                                                                       .metrics = {{"numRecordsIn", 0.5, MetricKind::kCounter}}}};
                                    }};
};

TEST_F(ProcessEndpointsTest, PeopleAndPrometheusGetText) {
  const auto metrics = get("/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_THAT(metrics->body, HasSubstr("flink_taskmanager_job_task_numRecordsIn{job_name=\"orders\"} 0.5\n"));
  EXPECT_THAT(metrics->content_type, HasSubstr("version=0.0.4"));
  const auto threads = nlohmann::json::parse(get("/v1/thread-dump")->body)["threadInfos"];
  ASSERT_FALSE(threads.empty());
  EXPECT_THAT(threads[0]["stringifiedThreadInfo"].get<std::string>(), HasSubstr("cpu="));
  EXPECT_THAT(threads.dump(), HasSubstr("thread_reports_of_this_process")) << "of the thread that looks";
  for (const char* const other : {"/", "/metrics/x", "/thread-dump/described/x", "/jobs"}) EXPECT_FALSE(get(other)) << other;
  EXPECT_FALSE(endpoints_.handle({.method = "POST", .path = "/metrics"}));
}

TEST_F(ProcessEndpointsTest, ATaskManagerGetsTheSameAtTheSocket) {
  EXPECT_EQ(ask_process(socket(), ProcessPart::kMetrics).error().code(), ErrorCode::kNotFound) << "nobody listens";
  const auto server = value_or_throw(HttpServer::start(socket(), [&](const HttpRequest& request) { return *endpoints_.handle(request); }));
  const ProcessReport metrics = value_or_throw(ask_process(socket(), ProcessPart::kMetrics));
  ASSERT_EQ(metrics.metrics.size(), 1u);
  EXPECT_EQ(metrics.metrics[0].scope, "taskmanager_job_task");
  EXPECT_EQ(metrics.metrics[0].labels[0].value, "orders");
  EXPECT_EQ(metrics.metrics[0].metrics[0].name, "numRecordsIn");
  EXPECT_EQ(metrics.metrics[0].metrics[0].value, 0.5);
  EXPECT_EQ(metrics.metrics[0].metrics[0].kind, MetricKind::kCounter);
  EXPECT_THAT(metrics.threads, IsEmpty());
  EXPECT_THAT(value_or_throw(ask_process(socket(), ProcessPart::kThreads)).threads, Not(IsEmpty()));
}

TEST_F(ProcessEndpointsTest, WhatIsNoReportIsRefused) {
  HttpResponse response{.status = 200, .body = "no report"};
  const auto server = value_or_throw(HttpServer::start(socket(), [&](const HttpRequest&) { return response; }));
  EXPECT_FALSE(ask_process(socket(), ProcessPart::kMetrics));
  response.status = 404;
  EXPECT_THAT(ask_process(socket(), ProcessPart::kMetrics).error().message(), HasSubstr("404"));
}

}  // namespace
}  // namespace tidemark
