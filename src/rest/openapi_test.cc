// Holds docs/openapi.yaml to what the server answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "control/plan_answer.h"
#include "rest/cluster_endpoints.h"
#include "rest/fake_cluster_test.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

/// The description, and what was seen of it.
class Description {
 public:
  Description() : root_{YAML::LoadFile(TIDEMARK_SOURCE_DIR "/docs/openapi.yaml")} {}

  YAML::Node paths() const { return root_["paths"]; }

  YAML::Node resolve(const YAML::Node& node) const {
    if (!node.IsMap() || !node["$ref"]) return node;
    const std::string name = node["$ref"].as<std::string>();
    YAML::Node found = YAML::Clone(root_);
    std::size_t at = 2;
    while (at < name.size()) {
      const std::size_t end = std::min(name.find('/', at), name.size());
      found.reset(found[name.substr(at, end - at)]);
      at = end + 1;
    }
    EXPECT_TRUE(found.IsMap()) << name;
    return found;
  }

  YAML::Node content_of(const YAML::Node& operation, int status) const {
    const YAML::Node response = operation["responses"][std::to_string(status)];
    EXPECT_TRUE(response) << status;
    return response ? resolve(response)["content"] : YAML::Node{};
  }
  YAML::Node schema_of(const YAML::Node& operation, int status) const {
    const YAML::Node json = content_of(operation, status)["application/json"];
    return json ? json["schema"] : YAML::Node{};
  }

  /// Every field of the answer is described, with its type. `where`: for messages. Fields that were there go into `seen`.
  void check(const Json& value, const YAML::Node& described, const std::string& where, std::set<std::string>& seen) const {
    const YAML::Node schema = resolve(described);
    if (value.is_null()) {
      EXPECT_TRUE(schema["nullable"]) << where << " is null";
      return;
    }
    if (schema["enum"]) {
      EXPECT_TRUE(is_one_of(value, schema["enum"])) << where << ": " << value;
    } else if (schema["type"]) {
      EXPECT_TRUE(has_type(value, schema["type"].as<std::string>())) << where << " is " << value;
    }
    if (value.is_array()) {
      for (const Json& item : value) check(item, schema["items"], where + "[]", seen);
    }
    if (!value.is_object()) return;
    for (const auto& [name, field] : value.items()) {
      const std::string inner = where + "." + name;
      seen.insert(inner);
      if (schema["properties"] && schema["properties"][name]) {
        check(field, schema["properties"][name], inner, seen);
      } else {
        EXPECT_TRUE(schema["additionalProperties"]) << inner << " is not described";
      }
    }
  }

  /// Every field that is described was seen.
  void check_seen(const YAML::Node& described, const std::string& where, const std::set<std::string>& seen) const {
    const YAML::Node schema = resolve(described);
    if (schema["items"]) check_seen(schema["items"], where + "[]", seen);
    if (!schema["properties"]) return;
    for (const auto& property : schema["properties"]) {
      const std::string inner = where + "." + property.first.as<std::string>();
      EXPECT_TRUE(seen.contains(inner)) << inner << " is described, and was in no answer";
      check_seen(property.second, inner, seen);
    }
  }

 private:
  static bool is_one_of(const Json& value, const YAML::Node& all) {
    for (const YAML::Node& each : all) {
      if (value == each.as<std::string>()) return true;
    }
    return false;
  }
  static bool has_type(const Json& value, const std::string& type) {
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (type == "string") return value.is_string();
    if (type == "array") return value.is_array();
    return type == "object" && value.is_object();
  }

  const YAML::Node root_;
};

class OpenApiTest : public testing::Test {
 protected:
  /// What has to be asked so that each field is in some answer.
  struct Question {
    std::string method;
    std::string path;  // as it is described
    std::string body;
    std::map<std::string, std::string> query;
    int status = 200;
  };

  std::string filled(std::string path) const {
    const std::map<std::string, std::string> names = {{"{jobid}", kFakeJob},        {"{taskmanagerid}", "tm-1"}, {"{jarid}", jar_},
                                                      {"{vertexid}", vertex_name(1)}, {"{subtask}", "0"},          {"{checkpointid}", checkpoint_},
                                                      {"{triggerid}", trigger_},      {"{log}", log_}};
    for (const auto& [name, value] : names) {
      if (const std::size_t at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
    }
    return path;
  }

  void ask(const Question& question) {
    const std::string name = question.method + " " + question.path;
    std::string method = question.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const YAML::Node operation = description_.paths()[question.path][method];
    ASSERT_TRUE(operation) << name << " is not described";
    const HttpResponse response = endpoints_.handle({question.method, filled(question.path), question.query, question.body});
    ASSERT_EQ(response.status, question.status) << name << ": " << response.body;
    EXPECT_FALSE(response.body.contains(kSecretOfFake)) << name << " shows a secret: " << response.body;
    asked_[name] = response.status;
    if (response.content_type != "application/json") {
      const std::string type = response.content_type.substr(0, response.content_type.find(';'));
      EXPECT_TRUE(description_.content_of(operation, response.status)[type]) << name << ": " << type;
      return;
    }
    description_.check(Json::parse(response.body), description_.schema_of(operation, response.status), name, seen_);
  }

  void put(const std::string& path, const std::string& text) {
    value_or_throw(cluster_.files.make_directories(parent_path(path)));
    value_or_throw(value_or_throw(cluster_.files.create(path, CreateMode::kTruncate))->append(text));
  }

  void upload() {
    auto upload = value_or_throw(endpoints_.begin_upload("jarfile", "orders"));
    value_or_throw(upload->append(program_of_fake("a job")));
    const HttpResponse response = upload->finish();
    const YAML::Node operation = description_.paths()["/jars/upload"]["post"];
    description_.check(Json::parse(response.body), description_.schema_of(operation, 200), "POST /jars/upload", seen_);
    asked_["POST /jars/upload"] = response.status;
    jar_ = Json::parse(response.body)["filename"].get<std::string>();
  }

  const Description description_;
  FakeCluster cluster_;
  ClusterEndpoints endpoints_{cluster_};
  std::string jar_;
  std::string trigger_ = "done";
  std::string checkpoint_ = "7";
  std::string log_ = "orders-1-w1.log";
  std::set<std::string> seen_;
  std::map<std::string, int> asked_;
};

TEST_F(OpenApiTest, EveryPathIsServedAndEveryFieldOfItsAnswersIsDescribed) {
  upload();
  put("/logs/" + log_, "a line\n");
  put("/proc/self/task/7/comm", "tasks-0\n");
  const std::string vertex = "/jobs/{jobid}/vertices/{vertexid}";
  const std::string run = R"({"programArgsList":["x"]})";
  std::vector<Question> questions = {{"POST", "/jobs/{jobid}/savepoints", R"({"triggerId":"done"})", {}, 202},
                                     {"GET", "/jobs/{jobid}/savepoints/{triggerid}"},
                                     {"POST", "/jobs/{jobid}/stop", "{}", {}, 202},
                                     {"POST", "/jobs/{jobid}/checkpoints", R"({"triggerId":"done"})", {}, 202},
                                     {"GET", "/jobs/{jobid}/checkpoints/{triggerid}"},
                                     {"POST", "/savepoint-disposal", R"({"savepoint-path":"/sp","triggerId":"done"})", {}, 202},
                                     {"GET", "/savepoint-disposal/{triggerid}"},
                                     {"PATCH", "/jobs/{jobid}", "", {}, 202},
                                     {"POST", "/jars/{jarid}/plan", run},
                                     {"POST", "/jars/{jarid}/run", run},
                                     {"GET", vertex + "/backpressure"},
                                     {"GET", "/jobs/{jobid}/metrics", "", {{"get", "numRestarts"}}},
                                     {"GET", "/jobs/metrics", "", {{"get", "numRestarts"}}},
                                     {"GET", "/jobmanager/metrics", "", {{"get", "taskSlotsTotal"}}},
                                     {"GET", "/taskmanagers/metrics", "", {{"get", "Status.Process.Threads.Count"}}},
                                     {"GET", "/taskmanagers/{taskmanagerid}/metrics", "", {{"get", "Status.Process.Threads.Count"}}},
                                     {"GET", vertex + "/metrics", "", {{"get", "0.numRecordsIn"}}},
                                     {"GET", vertex + "/subtasks/metrics", "", {{"get", "numRecordsIn"}}},
                                     {"GET", vertex + "/subtasks/{subtask}/metrics", "", {{"get", "numRecordsIn"}}}};
  for (const auto& path : description_.paths()) {
    if (path.second["get"] && !path.first.as<std::string>().contains("{triggerid}")) questions.push_back({"GET", path.first.as<std::string>()});
  }
  questions.push_back({"POST", "/jobs/{jobid}/upgrade", R"({"triggerId":"done","jarId":")" + jar_ + R"("})", {}, 202});
  questions.push_back({"GET", "/jobs/{jobid}/upgrade/{triggerid}"});
  for (const Question& question : questions) ask(question);
  checkpoint_ = "5";
  ask({"GET", "/jobs/{jobid}/checkpoints/details/{checkpointid}"});
  cluster_.pass_ms(2'000);
  ask({"GET", vertex + "/backpressure"});
  // What fails has fields of its own.
  trigger_ = "failed";
  cluster_.snapshot_answer = fail(ErrorCode::kIo, "the disk burns");
  cluster_.dispose_answer = fail(ErrorCode::kIo, "the disk burns");
  ask({"POST", "/jobs/{jobid}/savepoints", R"({"triggerId":"failed"})", {}, 202});
  ask({"GET", "/jobs/{jobid}/savepoints/{triggerid}"});
  ask({"POST", "/jobs/{jobid}/checkpoints", R"({"triggerId":"failed"})", {}, 202});
  ask({"GET", "/jobs/{jobid}/checkpoints/{triggerid}"});
  cluster_.upgrade_answer = fail(ErrorCode::kIo, "the disk burns");
  ask({"POST", "/jobs/{jobid}/upgrade", R"({"triggerId":"failed","jarId":")" + jar_ + R"("})", {}, 202});
  ask({"GET", "/jobs/{jobid}/upgrade/{triggerid}"});
  ask({"POST", "/savepoint-disposal", R"({"savepoint-path":"/sp","triggerId":"failed"})", {}, 202});
  ask({"GET", "/savepoint-disposal/{triggerid}"});
  cluster_.end("FAILED");
  ask({"GET", "/jobs/{jobid}/execution-result"});
  ask({"DELETE", "/jars/{jarid}"});

  for (const auto& path : description_.paths()) {
    for (const auto& operation : path.second) {
      std::string method = operation.first.as<std::string>();
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      const std::string name = method + " " + path.first.as<std::string>();
      ASSERT_TRUE(asked_.contains(name)) << name << " is described, and nobody asks for it";
      description_.check_seen(description_.schema_of(operation.second, asked_[name]), name, seen_);
    }
  }
}

}  // namespace
}  // namespace tidemark
