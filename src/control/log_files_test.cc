#include "control/log_files.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/log.h"
#include "env/memory_file_system.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using Json = nlohmann::json;

class LogFilesTest : public testing::Test {
 protected:
  LogFilesTest() {
    value_or_throw(files_.make_directories("/tm/logs/folder"));
    put("/tm/secret", "a token");
    put("/tm/logs/orders-1-w1.log", "line\n");
  }
  void put(const std::string& path, const std::string& text) {
    value_or_throw(value_or_throw(files_.create(path, CreateMode::kTruncate))->append(text));
  }
  HttpResponse read(const std::string& name, std::map<std::string, std::string> query = {}) { return logs_.read(name, {.query = std::move(query)}); }

  MemoryFileSystem files_;
  LogFiles logs_{files_, "/tm/logs", "taskmanager.log"};
};

TEST_F(LogFilesTest, AllAreListedAndWhatIsListedCanBeRead) {
  log_warning("a line of this process");
  const Json list = Json::parse(logs_.list().body)["logs"];
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["name"], "taskmanager.log");
  EXPECT_EQ(list[1]["name"], "orders-1-w1.log");
  EXPECT_EQ(list[1]["size"], 5);
  EXPECT_THAT(read("taskmanager.log").body, EndsWith("WARN a line of this process\n"));
  const HttpResponse worker = read("orders-1-w1.log");
  EXPECT_EQ(worker.body, "line\n");
  EXPECT_EQ(worker.content_type, "text/plain; charset=utf-8");
}

TEST_F(LogFilesTest, NoNameLeadsOutOfTheFolder) {
  for (const char* name : {"../secret", "/tm/secret", "..", ".", "", "folder", "folder/../../secret", "orders-1-w1.log/", "no.log"}) {
    EXPECT_EQ(read(name).status, 404) << name;
  }
}

TEST_F(LogFilesTest, OfALongOneComeTheLastBytesOrThoseThatAreAskedFor) {
  put("/tm/logs/long.log", std::string(3u << 20, 'a') + "the end");
  const HttpResponse tail = read("long.log");
  EXPECT_EQ(tail.body.size(), 1u << 20);
  EXPECT_THAT(tail.body, EndsWith("aathe end"));
  EXPECT_EQ(read("long.log", {{"offset", "0"}}).body, std::string(1u << 20, 'a'));
  EXPECT_EQ(read("long.log", {{"offset", std::to_string(3u << 20)}}).body, "the end");
  EXPECT_EQ(read("long.log", {{"offset", "99999999999"}}).body, "");
  EXPECT_EQ(read("long.log", {{"offset", "-1"}}).status, 400);
}

}  // namespace
}  // namespace tidemark
