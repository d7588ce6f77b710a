#include "kafka/partition_consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "base/log.h"
#include "env/env.h"
#include "kafka/partition_finder.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

// What a reader lets its client fetch ahead, and the least and the most of it for one partition.
constexpr std::uint64_t kAheadKiB = 256 * 1024;
constexpr std::uint64_t kLeastAheadKiB = 1024;
constexpr std::uint64_t kMostAheadKiB = 64 * 1024;

constexpr int kLastQuestionMs = 5'000;

std::uint64_t ahead_kib(const KafkaSplit& split, std::uint32_t readers) {
  const std::uint64_t partitions = std::max<std::uint64_t>((split.found_with + readers - 1) / readers, 1);
  return std::clamp(kAheadKiB / partitions, kLeastAheadKiB, kMostAheadKiB);
}

KafkaPartitionList list_of(const KafkaSplit& split, std::int64_t offset) {
  KafkaPartitionList list = make_partition_list(1);
  rd_kafka_topic_partition_list_add(list.get(), split.topic.c_str(), split.partition)->offset = offset;
  return list;
}

// What a broker says that has not heard of a new partition or topic yet, and one whose topic is gone: a restart finds out.
bool is_unknown_place(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

void end_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*, void* in_flight) {
  --*static_cast<std::size_t*>(in_flight);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  log_warning(kafka_error(error, "telling the group the offsets of a checkpoint").message() + ". The job does not need that, and goes on");
}

}  // namespace

// Posts mail once, until it was read.
struct PartitionConsumer::Wake : std::enable_shared_from_this<Wake> {
  explicit Wake(std::function<void(std::function<void()>)> post) : post_mail{std::move(post)} {}

  static void call(rd_kafka_t*, void* opaque) {
    auto& self = *static_cast<Wake*>(opaque);
    if (!self.is_posted.exchange(true)) self.post_mail([wake = self.shared_from_this()] { wake->is_posted = false; });
  }

  std::function<void(std::function<void()>)> post_mail;
  std::atomic<bool> is_posted = false;
};

PartitionConsumer::PartitionConsumer(KafkaSourceOptions options, const OperatorContext& context)
    : options_{std::move(options)}, context_{context}, wake_{std::make_shared<Wake>(context.post_mail)} {}

PartitionConsumer::~PartitionConsumer() {
  if (main_queue_) rd_kafka_queue_cb_event_enable(main_queue_.get(), nullptr, nullptr);
}

void PartitionConsumer::connect(const KafkaSplit& split) {
  KafkaProperties own = consumer_properties(options_);
  const auto unless_given = [&](const std::string& name, std::string value) {
    if (!options_.connection.properties.contains(name)) own.emplace_back(name, std::move(value));
  };
  unless_given("client.id", fmt::format("{}-{}-{}", context_.job, context_.name.uid, context_.name.subtask));
  unless_given("queued.max.messages.kbytes", std::to_string(ahead_kib(split, context_.parallelism)));
  unless_given("queued.min.messages", "1000000");  // the limit are the bytes
  unless_given("fetch.message.max.bytes", std::to_string(4 << 20));
  client_.emplace(KafkaClient::Kind::kConsumer, make_conf(options_.connection, own, *context_.env->files));
  rd_kafka_poll_set_consumer(client_->get());
  main_queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  wake_by(*main_queue_);
}

void PartitionConsumer::wake_by(rd_kafka_queue_t& queue) { rd_kafka_queue_cb_event_enable(&queue, Wake::call, wake_.get()); }

std::unique_ptr<PartitionConsumer::Partition> PartitionConsumer::open(KafkaSplit split, std::int64_t position) {
  if (!client_) connect(split);
  auto partition = std::make_unique<Partition>(std::move(split), position);
  if (partition->is_read()) return partition;
  const KafkaSplit& its = partition->split;
  partition->queue.reset(rd_kafka_queue_get_partition(client_->get(), its.topic.c_str(), its.partition));
  rd_kafka_queue_forward(partition->queue.get(), nullptr);
  wake_by(*partition->queue);
  if (rd_kafka_error_t* error = rd_kafka_incremental_assign(client_->get(), list_of(its, position).get())) {
    throw kafka_error(error, fmt::format("beginning to read {}", partition_name(its.topic, its.partition)));
  }
  return partition;
}

void PartitionConsumer::close(Partition& partition) {
  if (!partition.queue) return;
  rd_kafka_queue_cb_event_enable(partition.queue.get(), nullptr, nullptr);
  if (rd_kafka_error_t* error = rd_kafka_incremental_unassign(client_->get(), list_of(partition.split, RD_KAFKA_OFFSET_INVALID).get())) {
    rd_kafka_error_destroy(error);  // it is not assigned then
  }
  partition.queue.reset();
}

void PartitionConsumer::fetch(Partition& partition, std::uint32_t most, KafkaMessages& messages) {
  messages.clear();
  serve_client();
  if (!partition.queue) return;
  raw_.resize(most);
  ssize_t count = 0;
  // Until messages come or the queue is empty: it calls when it gets its first entry, and not for those behind an end that was all it gave.
  do {
    count = rd_kafka_consume_batch_queue(partition.queue.get(), 0, raw_.data(), most);
    for (ssize_t i = 0; i < count; ++i) messages.emplace_back(raw_[static_cast<std::size_t>(i)]);
    std::erase_if(messages, [&](const auto& message) {
      take(partition, *message);
      const bool is_wanted = partition.split.stop == KafkaSplit::kNoStop || message->offset < partition.split.stop;
      return message->err != RD_KAFKA_RESP_ERR_NO_ERROR || !is_wanted;
    });
  } while (messages.empty() && count == static_cast<ssize_t>(most) && !partition.is_read());
}

void PartitionConsumer::take(Partition& partition, const rd_kafka_message_t& message) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      partition.position = message.offset + 1;
      partition.at_end = false;
      return;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:  // its offset lies behind the ends of transactions, too, which are no messages
      partition.position = std::max(partition.position, message.offset);
      partition.at_end = true;
      return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: fail_out_of_range(partition);
    default: fail_unless_it_passes(message, partition_name(partition.split.topic, partition.split.partition));
  }
}

OwnedKafkaMessage PartitionConsumer::next_of_client() { return OwnedKafkaMessage{rd_kafka_consumer_poll(client_->get(), 0)}; }

// Errors that are of no partition, and calls of callbacks.
void PartitionConsumer::serve_client() {
  while (const auto message = next_of_client()) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail_unless_it_passes(*message, options_.connection.brokers);
  }
}

void PartitionConsumer::fail_unless_it_passes(const rd_kafka_message_t& message, const std::string& where) const {
  const Error error = kafka_error(message.err, fmt::format("reading {}", where), rd_kafka_message_errstr(&message));
  // What concerns the group is no more than a word to others.
  if (is_unknown_place(message.err)) throw Error{error.code(), error.domain(), Retry::kRestart, error.message()};
  if (!may_pass(message.err) && message.err != RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) throw error;
  log_warning(error.message());
}

// Waits for an answer, as nothing is read here any more.
void PartitionConsumer::fail_out_of_range(const Partition& partition) const {
  const KafkaSplit& split = partition.split;
  std::int64_t low = 0, high = 0;
  const bool known =
      rd_kafka_query_watermark_offsets(client_->get(), split.topic.c_str(), split.partition, &low, &high, kLastQuestionMs) == RD_KAFKA_RESP_ERR_NO_ERROR;
  throw Error{ErrorCode::kDataLoss,
              fmt::format("Kafka: offset {} of {} is not there{}. Either its messages were deleted before they were read, or the topic was removed and made "
                          "anew. Resume from a newer checkpoint, if there is one. Else start the job without --resume, or give the source another uid: it "
                          "then begins as start_at() says, and what is gone is left out. Let topics keep their messages for longer than the job may be away",
                          partition.position, partition_name(split.topic, split.partition), known ? fmt::format(": the partition has {} to {}", low, high) : "")};
}

std::optional<std::uint64_t> PartitionConsumer::pending(const Partition& partition) const {
  if (partition.split.stop != KafkaSplit::kNoStop) return static_cast<std::uint64_t>(std::max<std::int64_t>(partition.split.stop - partition.position, 0));
  if (partition.at_end) return 0;
  std::int64_t low = 0, high = 0;
  const auto error = rd_kafka_get_watermark_offsets(client_->get(), partition.split.topic.c_str(), partition.split.partition, &low, &high);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(high - partition.position, 0));
}

void PartitionConsumer::commit(const std::map<KafkaPartition, std::int64_t>& positions) {
  if (options_.group.empty() || positions.empty()) return;
  const KafkaPartitionList list = make_partition_list(static_cast<int>(positions.size()));
  for (const auto& [partition, offset] : positions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)->offset = offset;
  }
  ++commits_in_flight_;
  if (const auto error = rd_kafka_commit_queue(client_->get(), list.get(), main_queue_.get(), end_commit, &commits_in_flight_)) {
    end_commit(client_->get(), error, nullptr, &commits_in_flight_);
  }
}

// Nothing is read any more, so errors of that are nobody's.
bool PartitionConsumer::settled() {
  if (commits_in_flight_ == 0) return true;
  while (const auto message = next_of_client()) {
  }
  return commits_in_flight_ == 0;
}

}  // namespace tidemark::detail
