// A real Kafka broker for the tests of one program, which main.cc starts before the first of them, and what tests do to it.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/client.h"
#include "tests/integration/process.h"
#include "tidemark/kafka_connection.h"

namespace tidemark {

class KafkaBroker {
 public:
  /// That of the program.
  static KafkaBroker& shared();
  ~KafkaBroker();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  KafkaConnection connection() const { return {.brokers = address()}; }
  /// Where the user tester, whose password is tester, is asked for it (SASL PLAIN).
  std::string sasl_address() const { return "127.0.0.1:" + std::to_string(sasl_port_); }

  struct Fetched {
    int status;          ///< of tools/testbed; kUnavailable: there is no Java, or no way to fetch it
    std::string output;  ///< says why
  };
  static constexpr int kUnavailable = 69;
  /// What it needs to run; at most five minutes.
  Fetched fetch();

  /// kill -9.
  void kill() { process_->kill(); }
  /// On the same data and ports; returns when it answers.
  void start();

 private:
  KafkaBroker();
  Words words(Words more) const;

  fs::path folder_;
  int port_ = 0;
  int controller_port_ = 0;
  int sasl_port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

struct SentMessage {
  std::int32_t partition = 0;
  std::optional<std::string> value;
  std::optional<std::string> key = std::nullopt;
  std::int64_t timestamp_ms = 0;  ///< 0: now
  std::map<std::string, std::string> headers = {};
};

/// What another program does to the cluster. Each call returns when it is done, and fails the test if it can't be.
class KafkaUser {
 public:
  explicit KafkaUser(const std::string& address);

  void create_topic(const std::string& topic, int partitions, const std::map<std::string, std::string>& config = {});
  void delete_topic(const std::string& topic);
  /// As many in all.
  void create_partitions(const std::string& topic, int partitions);
  /// Those before `offset` are gone.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset);

  void send(const std::string& topic, const std::vector<SentMessage>& messages);
  /// In a transaction of its own that is committed or aborted.
  void send_in_transaction(const std::string& topic, const std::vector<SentMessage>& messages, bool commit);

  /// One more than the last one's.
  std::int64_t end_offset(const std::string& topic, std::int32_t partition);
  /// What the group has committed; nothing if that is nothing.
  std::optional<std::int64_t> committed(const std::string& group, const std::string& topic, std::int32_t partition);
  void commit(const std::string& group, const std::string& topic, std::int32_t partition, std::int64_t offset);
  /// The values of all that is committed, partition by partition, up to where each ends now.
  std::vector<std::string> read_committed(const std::string& topic, int partitions);

 private:
  detail::KafkaClient make(detail::KafkaClient::Kind kind, const detail::KafkaProperties& properties) const;
  void run_admin(rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue, const std::string& what);

  std::string address_;
  detail::KafkaClient client_;
};

/// A test with the broker, which has topics of its own.
class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override;
  KafkaBroker& broker() { return KafkaBroker::shared(); }
  KafkaUser& user() { return *user_; }
  /// A name that no other test has.
  std::string topic_name(const std::string& name = "topic") const;
  std::string create_topic(int partitions, const std::string& name = "topic", const std::map<std::string, std::string>& config = {});

 private:
  std::unique_ptr<KafkaUser> user_;
};

}  // namespace tidemark
