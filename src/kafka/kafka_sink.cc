#include "tidemark/detail/kafka/kafka_sink.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "kafka/client_config.h"
#include "kafka/producer.h"

namespace tidemark::detail {
namespace {

[[noreturn]] void refuse(std::string message) { throw Error{ErrorCode::kInvalidArgument, std::move(message)}; }

KafkaProperties properties_of(const KafkaSinkOptions& options) {
  KafkaProperties properties;
  if (options.guarantee == DeliveryGuarantee::kNone) {
    properties.emplace_back("acks", "1");
  } else {
    properties.emplace_back("enable.idempotence", "true");  // acks=all, and messages keep their order
  }
  const char* timeout = "message.timeout.ms";
  if (!options.connection.properties.contains(timeout)) properties.emplace_back(timeout, "120000");  // as Java's delivery.timeout.ms
  return properties;
}

}  // namespace

void check_options(const KafkaSinkOptions& options) {
  check_connection(options.connection);
  if (options.topic.empty()) refuse("kafka_sink() needs a topic");
  if (options.transaction_timeout < std::chrono::seconds{1} || options.transaction_timeout > std::chrono::days{24}) {
    refuse(fmt::format("kafka_sink(\"{}\"): transaction_timeout() is between a second and 24 days", options.topic));
  }
  if (options.max_epoch_bytes == 0 || options.max_epoch_bytes > KafkaSinkOptions::kMostEpochBytes) {
    refuse(fmt::format("kafka_sink(\"{}\"): max_epoch_bytes() is between 1 and {}, which a message between processes has room for", options.topic,
                       KafkaSinkOptions::kMostEpochBytes));
  }
}

class KafkaWriter::Impl {
 public:
  explicit Impl(const KafkaSinkOptions& options)
      : options_{options}, most_bytes_{most_message_bytes(options.connection)}, producer_{options.connection, properties_of(options)} {}

  void write(const OutgoingMessage& message) {
    check_size(message, options_.topic, most_bytes_);
    guarded([&] { producer_.produce(message, options_.topic); });
  }

  void flush() {
    if (!is_lossy()) producer_.flush();
  }

  // Nobody will wait for these any more, but most of them arrive if they are given a while.
  void end() {
    constexpr int kLastWaitMs = 10'000;
    if (is_lossy()) rd_kafka_flush(producer_.get(), kLastWaitMs);
  }

 private:
  bool is_lossy() const { return options_.guarantee == DeliveryGuarantee::kNone; }

  template <class Call>
  void guarded(Call call) {
    try {
      call();
    } catch (const Error& error) {
      if (!is_lossy()) throw;
      if (!std::exchange(has_lost_, true)) log_warning(fmt::format("{}; messages are lost, as the sink's delivery guarantee is none", error.message()));
    }
  }

  const KafkaSinkOptions& options_;
  std::uint64_t most_bytes_;
  bool has_lost_ = false;
  KafkaProducer producer_;
};

KafkaWriter::KafkaWriter(KafkaSinkOptions options) : options_{std::move(options)} {}
KafkaWriter::~KafkaWriter() {
  if (impl_) impl_->end();
}

void KafkaWriter::open() { impl_ = std::make_unique<Impl>(options_); }
void KafkaWriter::write(const OutgoingMessage& message) { impl_->write(message); }
void KafkaWriter::flush() { impl_->flush(); }

}  // namespace tidemark::detail
