#include "kafka/transactional_producer.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark::detail {
namespace {

constexpr int kNoWaitMs = 1;
constexpr int kInitTimeoutMs = 60'000;
constexpr const char* kTakingOver = "taking over";

struct DestroyGroupMetadata {
  void operator()(rd_kafka_consumer_group_metadata_t* group) const { rd_kafka_consumer_group_metadata_destroy(group); }
};

KafkaProperties properties_of(const std::string& id, Duration timeout) {
  const std::string timeout_ms = std::to_string(timeout.count());
  // A message that is not delivered when the transaction has timed out never is.
  return {{"transactional.id", id}, {"transaction.timeout.ms", timeout_ms}, {"message.timeout.ms", timeout_ms}};
}

}  // namespace

TransactionalProducer::TransactionalProducer(const KafkaConnection& connection, std::string id, Duration timeout)
    : id_{std::move(id)}, timeout_ms_{static_cast<int>(timeout.count())}, producer_{connection, properties_of(id_, timeout)} {
  rd_kafka_error_t* error = rd_kafka_init_transactions(get(), kNoWaitMs);
  is_ours_ = error == nullptr;
  if (is_ours_) return;
  if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT) check(error, kTakingOver);
  rd_kafka_error_destroy(error);  // librdkafka goes on with a call that has timed out
}

void TransactionalProducer::take_over() {
  if (is_ours_) return;
  check(rd_kafka_init_transactions(get(), kInitTimeoutMs), kTakingOver);
  is_ours_ = true;
}

void TransactionalProducer::begin() { check(rd_kafka_begin_transaction(get()), "beginning a transaction of"); }

void TransactionalProducer::end_with_offset(const std::string& group, const std::string& topic, std::int64_t offset) {
  producer_.flush();
  const KafkaPartitionList partitions = make_partition_list(1);
  rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), 0)->offset = offset;
  const std::unique_ptr<rd_kafka_consumer_group_metadata_t, DestroyGroupMetadata> metadata{rd_kafka_consumer_group_metadata_new(group.c_str())};
  check(rd_kafka_send_offsets_to_transaction(get(), partitions.get(), metadata.get(), timeout_ms_), "marking a transaction of");
}

void TransactionalProducer::commit() { check(rd_kafka_commit_transaction(get(), timeout_ms_), "committing a transaction of"); }

void TransactionalProducer::check(rd_kafka_error_t* error, const char* doing) const {
  if (error == nullptr) return;
  const bool is_late = is_ours_ && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT;
  const std::string within = is_late ? fmt::format(" within {} ms, the sink's transaction_timeout(),", timeout_ms_) : "";
  throw kafka_error(error, fmt::format("{} the transactional id '{}'{}", doing, id_, within));
}

}  // namespace tidemark::detail
