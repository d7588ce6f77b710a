#include "kafka/client.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace tidemark::detail {
namespace {

constexpr int kSyslogWarning = 4;

void log_line(const rd_kafka_t*, int level, const char* facility, const char* text) {
  const auto line = [&] { return fmt::format("librdkafka: {}: {}", facility, text); };
  if (level <= kSyslogWarning) {
    log_warning(line());
  } else if (log_enabled(LogLevel::kDebug)) {
    log_debug(line());
  }
}

// What to do about an error, and whether doing nothing and trying again can help.
struct Advice {
  ErrorCode code = ErrorCode::kIo;
  std::string_view text;
};

Advice advice_on(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__RESOLVE: return {ErrorCode::kIo, "Check the names in KafkaConnection::brokers"};
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
      return {ErrorCode::kIo, "Check that the brokers run, that KafkaConnection::brokers and the addresses that they advertise can be reached from here, "
                              "and whether they want TLS or SASL"};
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return {ErrorCode::kIo, "Check that the brokers run. Where there is more to write than they take in that time, raise message.timeout.ms, or "
                              "transaction_timeout() of a sink that writes exactly once"};
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return {ErrorCode::kPermissionDenied, "Check sasl, user and password of KafkaSecurity"};
    case RD_KAFKA_RESP_ERR__SSL: return {ErrorCode::kPermissionDenied, "Check tls, ca_file and the certificate of KafkaSecurity"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return {ErrorCode::kPermissionDenied, "Give the user the right to the topic (Describe, and Read or Write)"};
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return {ErrorCode::kPermissionDenied, "Give the user the right to the group (Read)"};
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {ErrorCode::kPermissionDenied, "Give the user the right to the transactional ids (Describe and Write)"};
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return {ErrorCode::kPermissionDenied, "Give the user the right to the cluster"};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {ErrorCode::kNotFound, "Create the topic, or correct its name"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {ErrorCode::kInvalidArgument, "Raise message.max.bytes of the properties and max.message.bytes of the topic"};
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return {ErrorCode::kInvalidArgument, "The sink's transaction_timeout() is longer than the brokers' transaction.max.timeout.ms: shorten it, or raise that"};
    default: return {};
  }
}

std::string sentence_of(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail, std::string_view advice) {
  std::string text = fmt::format("Kafka: {} failed: {} ({})", what, detail.empty() ? rd_kafka_err2str(code) : detail, rd_kafka_err2name(code));
  if (!advice.empty()) text += fmt::format(". {}", advice);
  return text;
}

}  // namespace

// What the client has run into last. Callbacks come on the thread that polls.
struct KafkaClient::Trouble {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text;

  // That no broker is there says less than what was said of one of them before.
  static void note(rd_kafka_t*, int code, const char* text, void* trouble) {
    auto& self = *static_cast<Trouble*>(trouble);
    const auto error = static_cast<rd_kafka_resp_err_t>(code);
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && self.code != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    self.code = error;
    self.text = text;
  }
};

KafkaClient::KafkaClient(Kind kind, KafkaConf conf) : trouble_{std::make_shared<Trouble>()} {
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  rd_kafka_conf_set_error_cb(conf.get(), Trouble::note);
  rd_kafka_conf_set_opaque(conf.get(), trouble_.get());
  char why[512];
  rd_kafka_t* handle = rd_kafka_new(kind == Kind::kConsumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf.get(), why, sizeof why);
  if (handle == nullptr) throw Error{ErrorCode::kInvalidArgument, fmt::format("Kafka: librdkafka can't make a client: {}", why)};
  static_cast<void>(conf.release());  // the handle's now
  handle_.reset(handle);
}

// Offsets and group membership are the engine's business, so nothing is to be left in order.
void KafkaClient::Destroy::operator()(rd_kafka_t* handle) const { rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); }

Error KafkaClient::explained(rd_kafka_resp_err_t code, std::string_view what) const {
  const bool waited = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  while (waited && rd_kafka_poll(handle_.get(), 0) > 0) {
  }
  if (!waited || trouble_->code == RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, what);
  return kafka_error(trouble_->code, what, trouble_->text);
}

bool may_pass(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND: return true;
    default: return false;
  }
}

std::string partition_name(std::string_view topic, std::int32_t partition) { return fmt::format("{}[{}]", topic, partition); }

Error kafka_error(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail) {
  const Advice advice = advice_on(code);
  return {advice.code, sentence_of(code, what, detail, advice.text)};
}

Error kafka_error(rd_kafka_error_t* error, std::string_view what) {
  const Error result = kafka_error(rd_kafka_error_code(error), what, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return result;
}

}  // namespace tidemark::detail
