// Kafka as a sink.
//
//   alerts.to(kafka_sink<Alert>(kafka, "alerts")
//                 .key(&Alert::account)
//                 .delivery_guarantee(DeliveryGuarantee::kExactlyOnce))
//       .uid("alerts");
//
// A record becomes a message: its value is the record as JSON unless format() or value() says otherwise, its timestamp the record's event
// time (when it is sent, where there is none). Messages of a key go to one partition, which is the one that Java's clients take, and keep
// their order as long as one subtask writes them. An Upsert<T> is written as its row, and as null where it deletes: that needs a key().
//
// At least once, a message is sent as it is written, and a checkpoint waits for all of them. Exactly once, the messages of an epoch, which is
// what comes between two checkpoints, are kept until the checkpoint is complete, stand in it, and are then written in one transaction. Who
// reads with isolation.level=read_committed sees each once. See docs/kafka.md for what the brokers must be set to, and for the limits.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/file_sink.h"
#include "tidemark/detail/kafka/kafka_sink.h"
#include "tidemark/format.h"
#include "tidemark/kafka_connection.h"
#include "tidemark/sink.h"
#include "tidemark/source.h"

namespace tidemark {

/// What is wrong with the arguments, or with what follows, run() reports.
template <class T>
class KafkaSink {
 public:
  KafkaSink(KafkaConnection connection, std::string topic) {
    options_.connection = std::move(connection);
    options_.topic = std::move(topic);
    format(as_json());
    check();
  }

  /// How a record becomes the value.
  template <class Format>
  KafkaSink& format(Format format) {
    if constexpr (detail::is_upsert_v<T>) {
      encoding_.value = [format](const T& upsert) -> std::optional<std::string> {
        if (upsert.op == UpsertKind::kDelete) return std::nullopt;
        return text_of(upsert.row, format);
      };
    } else {
      encoding_.value = [format](const T& record) { return text_of(record, format); };
    }
    return *this;
  }

  /// `f`, a callable or a pointer to a member, gives key or value of a record. Text and bytes are written as they are, all else as JSON;
  /// a std::nullopt as null.
  template <class F>
  KafkaSink& key(F f) {
    encoding_.key = [f](const T& record) { return bytes_of(std::invoke(f, record)); };
    return *this;
  }
  template <class F>
  KafkaSink& value(F f) {
    encoding_.value = [f](const T& record) { return bytes_of(std::invoke(f, record)); };
    return *this;
  }
  /// Each record's topic, in place of the sink's, which must exist nevertheless.
  KafkaSink& topic(std::function<std::string(const T&)> f) {
    encoding_.topic = std::move(f);
    return *this;
  }
  /// Each record's partition, in place of what the partitioner says.
  KafkaSink& partition(std::function<std::optional<std::int32_t>(const T&)> f) {
    encoding_.partition = std::move(f);
    return *this;
  }
  KafkaSink& headers(std::function<std::vector<KafkaHeader>(const T&)> f) {
    encoding_.headers = std::move(f);
    return *this;
  }

  /// The default is kAtLeastOnce. kExactlyOnce needs a uid().
  KafkaSink& delivery_guarantee(DeliveryGuarantee guarantee) {
    options_.guarantee = guarantee;
    return *this;
  }
  /// What the sink's transactional ids and consumer groups begin with, which must be no other sink's in the cluster. The default is
  /// "<job>~<uid>".
  KafkaSink& transactional_id_prefix(std::string prefix) {
    options_.transactional_id_prefix = std::move(prefix);
    return *this;
  }
  /// How long writing an epoch may take, and readers wait for what a crash has left open; at most the brokers' transaction.max.timeout.ms.
  /// The default is a minute.
  KafkaSink& transaction_timeout(Duration timeout) {
    options_.transaction_timeout = timeout;
    return check();
  }
  /// How large an epoch of one subtask may be, compressed: checkpoints hold it until it is committed. The default is 64 MiB, the most 192.
  KafkaSink& max_epoch_bytes(std::uint64_t bytes) {
    options_.max_epoch_bytes = bytes;
    return check();
  }
  /// What to do with a restored epoch of which the brokers don't know any more whether it was committed.
  KafkaSink& on_lost_marker(LostMarker choice) {
    options_.on_lost_marker = choice;
    return *this;
  }
  /// A property of librdkafka's producer, by its name, for this sink: {"compression.type", "zstd"}.
  KafkaSink& property(std::string name, std::string value) {
    options_.connection.properties.insert_or_assign(std::move(name), std::move(value));
    return check();
  }

  operator SinkDescription<T>() const {
    if (options_.guarantee == DeliveryGuarantee::kExactlyOnce) {
      return description<detail::KafkaTransactionalSink<T>, detail::OwnTwoPhaseImplementation<detail::KafkaTransactionalSink<T>>>();
    }
    return description<detail::KafkaPlainSink<T>, detail::OwnSinkImplementation<detail::KafkaPlainSink<T>>>();
  }

 private:
  template <class S, class Implementation>
  SinkDescription<T> description() const {
    const auto make = [options = options_, encoding = encoding_] { return std::make_unique<S>(options, encoding); };
    return SinkDescription<T>{std::make_shared<Implementation>(std::string{detail::kKafkaSinkKind}, make), checks_.problem()};
  }

  template <class Record, class Format>
  static std::string text_of(const Record& record, const Format& format) {
    std::string text;
    detail::append_line(record, format, text);
    return text;
  }
  template <class Value>
  static std::optional<std::string> bytes_of(const Value& value) {
    if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      return std::string{std::string_view{value}};
    } else if constexpr (requires { { value.has_value() } -> std::same_as<bool>; *value; }) {
      return value.has_value() ? bytes_of(*value) : std::nullopt;
    } else {
      return text_of(value, as_json());
    }
  }

  KafkaSink& check() {
    checks_.run([this] { detail::check_options(options_); });
    return *this;
  }

  detail::KafkaSinkOptions options_;
  detail::KafkaEncoding<T> encoding_;
  detail::ArgumentChecks checks_;
};

/// `topic` must exist.
template <class T>
KafkaSink<T> kafka_sink(KafkaConnection connection, std::string topic) {
  return {std::move(connection), std::move(topic)};
}

/// A topic for what a source could not read: a side output of its on_error(side_output("...")). The value is the text as it was; headers
/// say where it stood and what was wrong: "tidemark.source", of Kafka "orders[3]", "tidemark.position", the offset or the line,
/// "tidemark.column" and "tidemark.reason".
inline KafkaSink<BadRecord> kafka_dead_letters(KafkaConnection connection, std::string topic) {
  KafkaSink<BadRecord> sink{std::move(connection), std::move(topic)};
  sink.value(&BadRecord::text).headers([](const BadRecord& bad) {
    return std::vector<KafkaHeader>{{"tidemark.source", bad.file},
                                    {"tidemark.position", std::to_string(bad.line)},
                                    {"tidemark.column", std::to_string(bad.column)},
                                    {"tidemark.reason", bad.reason}};
  });
  return sink;
}

}  // namespace tidemark
