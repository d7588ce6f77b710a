#include "broker.h"

#include <chrono>
#include <thread>

#include "env/memory_file_system.h"
#include "tests/integration/free_port.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using detail::KafkaClient;
using detail::make_conf;

constexpr int kPatienceMs = 60'000;

const std::string kTestbed = std::string{TIDEMARK_SOURCE_DIR} + "/tools/testbed";

// Nobody says when it is ready, so it is asked.
bool answers(const std::string& address) {
  MemoryFileSystem files;
  const KafkaClient client{KafkaClient::Kind::kProducer, make_conf({.brokers = address}, {{"log_level", "0"}}, files)};
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client.get(), 1, nullptr, &metadata, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const bool has_broker = metadata->broker_cnt > 0;
  rd_kafka_metadata_destroy(metadata);
  return has_broker;
}

void expect_ok(rd_kafka_resp_err_t error, const std::string& what) { EXPECT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << what << ": " << rd_kafka_err2str(error); }

void expect_ok(rd_kafka_error_t* error, const std::string& what) {
  if (error == nullptr) return;
  ADD_FAILURE() << what << ": " << rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
}

void produce(const KafkaClient& producer, const std::string& topic, const std::vector<SentMessage>& messages) {
  for (const SentMessage& message : messages) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
    for (const auto& [name, value] : message.headers) rd_kafka_header_add(headers, name.data(), -1, value.data(), static_cast<ssize_t>(value.size()));
    const std::string* value = message.value ? &*message.value : nullptr;
    const std::string* key = message.key ? &*message.key : nullptr;
    expect_ok(rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(message.partition),
                                RD_KAFKA_V_VALUE(value ? const_cast<char*>(value->data()) : nullptr, value ? value->size() : 0),
                                RD_KAFKA_V_KEY(key ? key->data() : nullptr, key ? key->size() : 0), RD_KAFKA_V_TIMESTAMP(message.timestamp_ms),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_END),
              "sending to " + topic);
  }
  expect_ok(rd_kafka_flush(producer.get(), kPatienceMs), "sending to " + topic);
}

detail::KafkaPartitionList list_of(const std::string& topic, std::int32_t partition, std::int64_t offset = RD_KAFKA_OFFSET_INVALID) {
  auto list = detail::make_partition_list(1);
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  return list;
}

}  // namespace

KafkaBroker::KafkaBroker() {
  std::string name = (fs::temp_directory_path() / "tidemark-kafka-XXXXXX").string();
  folder_ = ::mkdtemp(name.data());
  port_ = std::stoi(free_port());
  do controller_port_ = std::stoi(free_port());
  while (controller_port_ == port_);
  do sasl_port_ = std::stoi(free_port());
  while (sasl_port_ == port_ || sasl_port_ == controller_port_);
}

KafkaBroker::~KafkaBroker() {
  process_.reset();
  fs::remove_all(folder_);
}

Words KafkaBroker::words(Words more) const {
  more.insert(more.begin(), "kafka");
  return more;
}

void KafkaBroker::start() {
  process_ = std::make_unique<ChildProcess>(
      kTestbed,
      words({"--port", std::to_string(port_), "--controller-port", std::to_string(controller_port_), "--sasl-port", std::to_string(sasl_port_), "--folder",
             folder_ / "broker"}),
      folder_, "log");
  const auto give_up = std::chrono::steady_clock::now() + 2min;
  while (!answers(address())) {
    ASSERT_TRUE(process_->runs()) << process_->output();
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << process_->output();
  }
}

KafkaBroker::Fetched KafkaBroker::fetch() {
  ChildProcess fetching{kTestbed, words({"--fetch"}), folder_, "fetch"};
  const int status = fetching.wait();
  return {status, fetching.output()};
}

KafkaBroker& KafkaBroker::shared() {
  static KafkaBroker broker;
  return broker;
}

KafkaUser::KafkaUser(const std::string& address) : address_{address}, client_{make(KafkaClient::Kind::kProducer, {})} {}

KafkaClient KafkaUser::make(KafkaClient::Kind kind, const detail::KafkaProperties& properties) const {
  MemoryFileSystem files;
  return {kind, make_conf({.brokers = address_}, properties, files)};
}

void KafkaUser::run_admin(rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue, const std::string& what) {
  rd_kafka_AdminOptions_destroy(options);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kPatienceMs);
  rd_kafka_queue_destroy(queue);
  ASSERT_NE(event, nullptr) << what;
  EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR) << what << ": " << rd_kafka_event_error_string(event);
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results = nullptr;
  if (const auto* made = rd_kafka_event_CreateTopics_result(event)) results = rd_kafka_CreateTopics_result_topics(made, &count);
  if (const auto* grown = rd_kafka_event_CreatePartitions_result(event)) results = rd_kafka_CreatePartitions_result_topics(grown, &count);
  if (const auto* gone = rd_kafka_event_DeleteTopics_result(event)) results = rd_kafka_DeleteTopics_result_topics(gone, &count);
  for (std::size_t i = 0; i < count; ++i) expect_ok(rd_kafka_topic_result_error(results[i]), what);
  rd_kafka_event_destroy(event);
}

void KafkaUser::create_topic(const std::string& topic, int partitions, const std::map<std::string, std::string>& config) {
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client_.get());
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_NewTopic_t* created = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, nullptr, 0);
  for (const auto& [name, value] : config) rd_kafka_NewTopic_set_config(created, name.c_str(), value.c_str());
  rd_kafka_CreateTopics(client_.get(), &created, 1, options, queue);
  rd_kafka_NewTopic_destroy(created);
  run_admin(options, queue, "creating " + topic);
  // The answer comes before the leaders know that they are that.
  for (int partition = 0; partition < partitions; ++partition) {
    std::int64_t low = 0, high = 0;
    for (int tries = 0; tries < 300; ++tries) {
      if (rd_kafka_query_watermark_offsets(client_.get(), topic.c_str(), partition, &low, &high, kPatienceMs) == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
  }
}

void KafkaUser::delete_topic(const std::string& topic) {
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client_.get());
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client_.get(), RD_KAFKA_ADMIN_OP_DELETETOPICS);
  rd_kafka_DeleteTopic_t* gone = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_DeleteTopics(client_.get(), &gone, 1, options, queue);
  rd_kafka_DeleteTopic_destroy(gone);
  run_admin(options, queue, "deleting " + topic);
}

void KafkaUser::create_partitions(const std::string& topic, int partitions) {
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client_.get());
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client_.get(), RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
  char why[256];
  rd_kafka_NewPartitions_t* grown = rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(partitions), why, sizeof why);
  rd_kafka_CreatePartitions(client_.get(), &grown, 1, options, queue);
  rd_kafka_NewPartitions_destroy(grown);
  run_admin(options, queue, "more partitions for " + topic);
}

void KafkaUser::delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client_.get());
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client_.get(), RD_KAFKA_ADMIN_OP_DELETERECORDS);
  const auto before = list_of(topic, partition, offset);
  rd_kafka_DeleteRecords_t* gone = rd_kafka_DeleteRecords_new(before.get());
  rd_kafka_DeleteRecords(client_.get(), &gone, 1, options, queue);
  rd_kafka_DeleteRecords_destroy(gone);
  run_admin(options, queue, "deleting records of " + topic);
}

// By a client that knows of no topic yet, and so not of one with fewer partitions.
void KafkaUser::send(const std::string& topic, const std::vector<SentMessage>& messages) {
  produce(make(KafkaClient::Kind::kProducer, {{"linger.ms", "0"}}), topic, messages);
}

void KafkaUser::send_in_transaction(const std::string& topic, const std::vector<SentMessage>& messages, bool commit) {
  const KafkaClient producer = make(KafkaClient::Kind::kProducer, {{"transactional.id", "test-" + topic}, {"linger.ms", "0"}});
  expect_ok(rd_kafka_init_transactions(producer.get(), kPatienceMs), "init_transactions");
  expect_ok(rd_kafka_begin_transaction(producer.get()), "begin_transaction");
  produce(producer, topic, messages);
  expect_ok(commit ? rd_kafka_commit_transaction(producer.get(), kPatienceMs) : rd_kafka_abort_transaction(producer.get(), kPatienceMs), "end of the transaction");
}

std::int64_t KafkaUser::end_offset(const std::string& topic, std::int32_t partition) {
  std::int64_t low = 0, high = 0;
  expect_ok(rd_kafka_query_watermark_offsets(client_.get(), topic.c_str(), partition, &low, &high, kPatienceMs), "end of " + topic);
  return high;
}

std::optional<std::int64_t> KafkaUser::committed(const std::string& group, const std::string& topic, std::int32_t partition) {
  const KafkaClient consumer = make(KafkaClient::Kind::kConsumer, {{"group.id", group}});
  const auto list = list_of(topic, partition);
  expect_ok(rd_kafka_committed(consumer.get(), list.get(), kPatienceMs), "committed offsets of " + group);
  if (list->elems[0].offset < 0) return std::nullopt;
  return list->elems[0].offset;
}

void KafkaUser::commit(const std::string& group, const std::string& topic, std::int32_t partition, std::int64_t offset) {
  const KafkaClient consumer = make(KafkaClient::Kind::kConsumer, {{"group.id", group}});
  expect_ok(rd_kafka_commit(consumer.get(), list_of(topic, partition, offset).get(), 0), "committing for " + group);
}

std::vector<std::string> KafkaUser::read_committed(const std::string& topic, int partitions) {
  const KafkaClient consumer = make(KafkaClient::Kind::kConsumer, {{"group.id", "reader"}, {"enable.auto.commit", "false"}, {"enable.partition.eof", "true"}});
  std::vector<std::string> values;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    expect_ok(rd_kafka_assign(consumer.get(), list_of(topic, partition, RD_KAFKA_OFFSET_BEGINNING).get()), "reading " + topic);
    while (true) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), kPatienceMs);
      if (message == nullptr) {
        ADD_FAILURE() << topic << " has no end";
        return values;
      }
      const auto error = message->err;
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) values.emplace_back(static_cast<const char*>(message->payload), message->len);
      rd_kafka_message_destroy(message);
      if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
    }
  }
  expect_ok(rd_kafka_assign(consumer.get(), nullptr), "reading " + topic);
  return values;
}

void KafkaTest::SetUp() { user_ = std::make_unique<KafkaUser>(broker().address()); }

std::string KafkaTest::topic_name(const std::string& name) const { return std::string{::testing::UnitTest::GetInstance()->current_test_info()->name()} + "-" + name; }

std::string KafkaTest::create_topic(int partitions, const std::string& name, const std::map<std::string, std::string>& config) {
  const std::string topic = topic_name(name);
  user().create_topic(topic, partitions, config);
  return topic;
}

}  // namespace tidemark
