#include "kafka/producer.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "env/posix_file_system.h"

namespace tidemark::detail {
namespace {

constexpr int kPollMs = 100;
constexpr std::uint32_t kPollEvery = 64;  // messages: delivery reports must be taken off their queue

// What differs from librdkafka's defaults, for who says nothing.
constexpr std::array<std::pair<const char*, const char*>, 2> kDefaults{{
    {"partitioner", "murmur2_random"},        // Java's
    {"queue.buffering.max.kbytes", "65536"},  // 1 GiB else
}};

struct DestroyHeaders {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, DestroyHeaders>;

Headers headers_of(const OutgoingMessage& message) {
  if (message.headers.empty()) return nullptr;
  Headers headers{rd_kafka_headers_new(message.headers.size())};
  for (const KafkaHeader& header : message.headers) {
    const char* value = header.value ? header.value->data() : nullptr;
    const auto size = header.value ? static_cast<ssize_t>(header.value->size()) : 0;
    rd_kafka_header_add(headers.get(), header.key.data(), static_cast<ssize_t>(header.key.size()), value, size);
  }
  return headers;
}

/// The arguments of rd_kafka_produceva().
class Arguments {
 public:
  rd_kafka_vu_t& add(rd_kafka_vtype_t type) {
    rd_kafka_vu_t& argument = list_[size_++];
    argument.vtype = type;
    return argument;
  }
  void add_bytes(rd_kafka_vtype_t type, const std::optional<std::string>& bytes) {
    rd_kafka_vu_t& argument = add(type);
    argument.u.mem.ptr = bytes ? const_cast<char*>(bytes->data()) : nullptr;
    argument.u.mem.size = bytes ? bytes->size() : 0;
  }
  rd_kafka_error_t* produce(rd_kafka_t* client) const { return rd_kafka_produceva(client, list_.data(), size_); }

 private:
  std::array<rd_kafka_vu_t, 8> list_{};
  std::size_t size_ = 0;
};

KafkaConf producer_conf(const KafkaConnection& connection, const KafkaProperties& own) {
  KafkaProperties all;
  for (const auto& [name, value] : kDefaults) {
    if (!connection.properties.contains(name)) all.emplace_back(name, value);
  }
  all.insert(all.end(), own.begin(), own.end());
  return make_conf(connection, all, posix_file_system());
}

std::string place_of(const rd_kafka_message_t& message) {
  const char* topic = rd_kafka_topic_name(message.rkt);
  return message.partition >= 0 ? partition_name(topic, message.partition) : topic;
}

}  // namespace

KafkaProducer::KafkaProducer(const KafkaConnection& connection, const KafkaProperties& own) : failure_{std::make_unique<std::optional<Error>>()} {
  KafkaConf conf = producer_conf(connection, own);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  client_.emplace(KafkaClient::Kind::kProducer, std::move(conf));
}

void KafkaProducer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto& failure = *static_cast<std::optional<Error>*>(message->_private);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || failure) return;
  failure = kafka_error(message->err, fmt::format("writing a message to {}", place_of(*message)), rd_kafka_message_errstr(message));
}

void KafkaProducer::produce(const OutgoingMessage& message, const std::string& topic) {
  const std::string& name = message.topic.empty() ? topic : message.topic;
  Headers headers = headers_of(message);
  Arguments arguments;
  arguments.add(RD_KAFKA_VTYPE_RKT).u.rkt = topic_of(name);
  arguments.add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  arguments.add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = failure_.get();
  arguments.add_bytes(RD_KAFKA_VTYPE_KEY, message.key);
  arguments.add_bytes(RD_KAFKA_VTYPE_VALUE, message.value);
  if (message.partition) arguments.add(RD_KAFKA_VTYPE_PARTITION).u.i32 = *message.partition;
  if (message.timestamp_ms > 0) arguments.add(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = message.timestamp_ms;
  if (headers) arguments.add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers.get();
  if (++unpolled_ % kPollEvery == 0) rd_kafka_poll(get(), 0);
  throw_failure();
  while (rd_kafka_error_t* error = arguments.produce(get())) {
    const auto code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR__FATAL) fail_for_good(error, name);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) throw kafka_error(error, fmt::format("writing a message to {}", name));
    rd_kafka_error_destroy(error);
    rd_kafka_poll(get(), kPollMs);
    throw_failure();
  }
  static_cast<void>(headers.release());  // the message's now
}

// The call itself only says that something has happened.
void KafkaProducer::fail_for_good(rd_kafka_error_t* error, const std::string& topic) {
  rd_kafka_error_destroy(error);
  char why[512];
  const auto code = rd_kafka_fatal_error(get(), why, sizeof why);
  throw kafka_error(code, fmt::format("writing a message to {}", topic), why);
}

void KafkaProducer::flush() {
  while (rd_kafka_flush(get(), kPollMs) == RD_KAFKA_RESP_ERR__TIMED_OUT) throw_failure();
  throw_failure();
}

std::optional<Error> KafkaProducer::take_failure() { return std::exchange(*failure_, std::nullopt); }

void KafkaProducer::throw_failure() {
  if (auto failure = take_failure()) throw *std::move(failure);
}

rd_kafka_topic_t* KafkaProducer::topic_of(const std::string& name) {
  KafkaTopic& topic = topics_[name];
  if (topic == nullptr) topic.reset(rd_kafka_topic_new(get(), name.c_str(), nullptr));
  if (topic == nullptr) throw kafka_error(rd_kafka_last_error(), fmt::format("opening the topic '{}'", name));
  return topic.get();
}

std::uint64_t most_message_bytes(const KafkaConnection& connection) {
  constexpr std::uint64_t kDefault = 1'000'000;
  const auto found = connection.properties.find("message.max.bytes");
  return found == connection.properties.end() ? kDefault : std::stoull(found->second);
}

std::uint64_t message_bytes(const OutgoingMessage& message) {
  constexpr std::uint64_t kBatchAndRecord = 128;  // 61 and at most 36, and what counts headers
  constexpr std::uint64_t kHeader = 10;           // two lengths
  const auto size = [](const std::optional<std::string>& bytes) { return bytes ? bytes->size() : 0; };
  std::uint64_t bytes = kBatchAndRecord + size(message.key) + size(message.value);
  for (const KafkaHeader& header : message.headers) bytes += kHeader + header.key.size() + size(header.value);
  return bytes;
}

void check_size(const OutgoingMessage& message, const std::string& topic, std::uint64_t most) {
  const std::uint64_t bytes = message_bytes(message);
  if (bytes <= most) return;
  throw Error{ErrorCode::kInvalidArgument,
              fmt::format("Kafka: a message to {} has {} bytes with what Kafka adds, and {} is the most. Raise the sink's property message.max.bytes and the topic's "
                          "max.message.bytes, or write less",
                          message.topic.empty() ? topic : message.topic, bytes, most)};
}

}  // namespace tidemark::detail
