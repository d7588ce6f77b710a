// The two Kafka sinks behind own_sink.h: one sends messages as they are written, the other keeps those of an epoch in the checkpoint and
// commits them in one transaction. All but the encoding of records is in src/kafka.
//
// How exactly once works, and why, is decision 0017. Threads: as own_sink.h says.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/own_sink.h"
#include "tidemark/kafka_connection.h"
#include "tidemark/time.h"

namespace tidemark {

/// What a restart or a broken connection does to what a sink writes.
enum class DeliveryGuarantee : std::uint8_t {
  kNone,         ///< messages may be lost, and may come twice: no checkpoint waits for them, and no failure to deliver fails the job
  kAtLeastOnce,  ///< none is lost; those behind the last checkpoint come again after a restart
  kExactlyOnce,  ///< each is there once for who reads what is committed, when a checkpoint is complete
};

/// What becomes of an epoch that a job is restored with, where the mark of whether it was committed is gone from the brokers: they forget
/// it offsets.retention.minutes after the last commit of its run, and when the topic is deleted. While a job runs it is always kFail.
enum class LostMarker : std::uint8_t {
  kFail,    ///< the job does not start
  kCommit,  ///< it is written, maybe for the second time
  kSkip,    ///< it is taken as written
};

struct KafkaHeader {
  std::string key;
  std::optional<std::string> value;
};

namespace detail {

inline constexpr std::string_view kKafkaSinkKind = "write to Kafka";

struct KafkaSinkOptions {
  static constexpr std::uint64_t kMostEpochBytes = std::uint64_t{192} << 20;  // a message of the transport has 256 MiB

  KafkaConnection connection;
  std::string topic;
  DeliveryGuarantee guarantee = DeliveryGuarantee::kAtLeastOnce;
  std::string transactional_id_prefix;  ///< empty: of the job and the uid
  Duration transaction_timeout = std::chrono::minutes{1};
  std::uint64_t max_epoch_bytes = std::uint64_t{64} << 20;
  LostMarker on_lost_marker = LostMarker::kFail;
  Duration run_ends_after = std::chrono::hours{1};  ///< without an epoch; the next one is of a new run, whose mark is fresh
};

/// Throws Error for options that can never work.
void check_options(const KafkaSinkOptions& options);

struct OutgoingMessage {
  std::string topic;                      ///< empty: the sink's
  std::optional<std::int32_t> partition;  ///< none: as the partitioner says
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<KafkaHeader> headers;
  std::int64_t timestamp_ms = 0;  ///< 0: when it is sent
};

/// How a record becomes a message. Null functions add nothing; value is none.
template <class T>
struct KafkaEncoding {
  std::function<std::optional<std::string>(const T&)> key;
  std::function<std::optional<std::string>(const T&)> value;
  std::function<std::string(const T&)> topic;
  std::function<std::optional<std::int32_t>(const T&)> partition;
  std::function<std::vector<KafkaHeader>(const T&)> headers;

  OutgoingMessage message(const T& record, Timestamp time) const {
    OutgoingMessage message{.value = value(record), .timestamp_ms = time.ms() > 0 ? time.ms() : 0};
    if (key) message.key = key(record);
    if (topic) message.topic = topic(record);
    if (partition) message.partition = partition(record);
    if (headers) message.headers = headers(record);
    return message;
  }
};

/// Sends messages at once.
class KafkaWriter {
 public:
  explicit KafkaWriter(KafkaSinkOptions options);
  ~KafkaWriter();

  void open();
  /// Waits while librdkafka's queue is full. Throws what a delivery has failed with, of this message or of an earlier one.
  void write(const OutgoingMessage& message);
  /// Until the brokers have all that was written; throws if they won't.
  void flush();

 private:
  class Impl;
  KafkaSinkOptions options_;
  std::unique_ptr<Impl> impl_;
};

template <class T>
class KafkaPlainSink final : public Sink<T> {
 public:
  KafkaPlainSink(KafkaSinkOptions options, KafkaEncoding<T> encoding) : writer_{std::move(options)}, encoding_{std::move(encoding)} {}
  std::string name() const override { return std::string{kKafkaSinkKind}; }
  void open(const SinkContext&) override { writer_.open(); }
  void write(const T& record, Timestamp time) override { writer_.write(encoding_.message(record, time)); }
  void flush() override { writer_.flush(); }

 private:
  KafkaWriter writer_;
  KafkaEncoding<T> encoding_;
};

/// The committable: what a subtask wrote between two barriers, and under which names it is committed.
struct KafkaEpoch {
  std::string transactional_id;
  std::string marker_group;  ///< the consumer group whose offset is the number of the last epoch that is committed
  std::string topic;         ///< of messages that say none, and of the marker
  std::uint64_t number = 0;  ///< from 1 on in a marker group
  std::uint64_t messages = 0;
  std::string content;  ///< see epoch_log.h
};

/// Keeps the messages of epochs, and commits epochs.
class KafkaTransactions {
 public:
  explicit KafkaTransactions(KafkaSinkOptions options);
  ~KafkaTransactions();

  void open(const SinkContext& context);
  void begin(const std::string& transaction);
  void write(const OutgoingMessage& message);
  KafkaEpoch pre_commit();
  void commit(const KafkaEpoch& epoch);
  void abort_leftovers(const SinkContext& context);

 private:
  class Impl;
  KafkaSinkOptions options_;
  std::unique_ptr<Impl> impl_;
};

template <class T>
class KafkaTransactionalSink final : public TwoPhaseSink<T, KafkaEpoch> {
 public:
  KafkaTransactionalSink(KafkaSinkOptions options, KafkaEncoding<T> encoding) : transactions_{std::move(options)}, encoding_{std::move(encoding)} {}
  std::string name() const override { return std::string{kKafkaSinkKind}; }
  void open(const SinkContext& context) override { transactions_.open(context); }
  void begin(const std::string& transaction) override { transactions_.begin(transaction); }
  void write(const T& record, Timestamp time) override { transactions_.write(encoding_.message(record, time)); }
  KafkaEpoch pre_commit() override { return transactions_.pre_commit(); }
  void commit(const KafkaEpoch& epoch) override { transactions_.commit(epoch); }
  void abort_leftovers(const SinkContext& context) override { transactions_.abort_leftovers(context); }

 private:
  KafkaTransactions transactions_;
  KafkaEncoding<T> encoding_;
};

}  // namespace detail
}  // namespace tidemark
