// Kafka as a source; link tidemark::kafka besides tidemark::tidemark.
//
//   const KafkaConnection kafka{.brokers = "localhost:9092"};
//   const auto bids = job.from(read_kafka<Bid>(kafka, "bids").event_time(&Bid::at, out_of_order_by(2s)).group("auctions")).uid("bids");
//
// Each partition is a split. Its offset is in checkpoints, so each message has its effect exactly once; the group is only told. Partitions
// are dealt out to the readers by the engine, and watermarks are made for each: with more partitions than readers a reader reads
// several, in turn.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/csv_encode.h"
#include "tidemark/detail/connectors/source_timing.h"
#include "tidemark/detail/kafka/kafka_source.h"
#include "tidemark/format.h"
#include "tidemark/kafka_connection.h"
#include "tidemark/kafka_message.h"
#include "tidemark/kafka_offsets.h"
#include "tidemark/source.h"

namespace tidemark {

/// See detail::TimedSource for what it can be told about time. What is wrong with its arguments, run() reports.
template <class T>
class KafkaSource : public detail::TimedSource<KafkaSource<T>, T> {
 public:
  explicit KafkaSource(KafkaConnection connection) : decoding_{std::make_shared<detail::KafkaDecodingOfText<T>>()} {
    options_.connection = std::move(connection);
  }

  /// What is read: all partitions of these topics,
  KafkaSource& topics(std::vector<std::string> names) {
    options_.topics = std::move(names);
    return *this;
  }
  /// or of those whose whole name matches a regular expression (ECMAScript): "orders-.*",
  KafkaSource& topic_pattern(std::string expression) {
    options_.pattern = std::move(expression);
    return *this;
  }
  /// or these partitions.
  KafkaSource& partitions(std::vector<KafkaPartition> partitions) {
    options_.partitions = std::move(partitions);
    return *this;
  }

  /// Where the partitions start that are there when the job starts: KafkaOffsets::earliest(), if not given. Those that are found later start at their
  /// first message. A job that resumes goes on where its checkpoint stood.
  KafkaSource& start_at(KafkaOffsets offsets) {
    options_.start = std::move(offsets);
    return *this;
  }
  /// The source ends: when each of the partitions that are there when the job starts was read up to here, as it is then.
  KafkaSource& stop_at(KafkaOffsets offsets) {
    options_.stop = std::move(offsets);
    return *this;
  }
  /// How often to look for new partitions and topics: five minutes, if not given; zero for never.
  KafkaSource& find_partitions_every(Duration pause) {
    options_.find_every = pause;
    return *this;
  }

  /// The consumer group that is told of the offsets of each checkpoint that is complete, for others to see; and whose offsets
  /// KafkaOffsets::committed() are. Without it nobody is told.
  KafkaSource& group(std::string name) {
    options_.group = std::move(name);
    return *this;
  }
  /// Messages of transactions that are open or aborted, too.
  KafkaSource& read_uncommitted() {
    options_.read_uncommitted = true;
    return *this;
  }

  /// How a message's value holds the record: JSON, if not given. Text fields point into the message, so nothing is copied.
  KafkaSource& format(JsonFormat) { return set_format(detail::LineFormat::kJson); }
  /// Columns are the record's fields in their order: messages have no header.
  KafkaSource& format(CsvFormat csv) {
    static_assert(detail::CsvRow<T>, "a line of CSV is an aggregate of plain values: no lists, maps, variants or nested aggregates");
    options_.csv = csv.options;
    return set_format(detail::LineFormat::kCsv);
  }
  /// The value as it is, of any bytes.
  KafkaSource& format(TextFormat) {
    static_assert(detail::field_count_v<T> == 1 && (std::is_same_v<detail::FieldType<T, 0>, std::string_view> || std::is_same_v<detail::FieldType<T, 0>, std::string>),
                  "as_text() reads records whose only field is a text");
    return set_format(detail::LineFormat::kText);
  }
  /// Any other: f(const KafkaMessage&) gives a T, or a std::optional<T> that is empty for a message to be left out. What it throws makes the
  /// message one that is no record. Each reader has a copy of f. The record may point into the message.
  template <class F>
    requires std::is_invocable_v<F&, const KafkaMessage&>
  KafkaSource& format(F f) {
    static_assert(std::is_convertible_v<std::invoke_result_t<F&, const KafkaMessage&>, std::optional<T>>,
                  "format() takes a function of a const KafkaMessage& that gives the source's record, or a std::optional of it");
    decoding_ = std::make_shared<detail::KafkaDecodingBy<T, F>>(std::move(f));
    return *this;
  }

  /// The event time of a record is that of its message, in place of event_time().
  KafkaSource& message_time(OutOfOrderness out_of_orderness = {}) {
    options_.times_of_messages = true;
    this->timing_.out_of_orderness = out_of_orderness.delay;
    this->checks_.check(out_of_orderness);
    return *this;
  }

  /// What becomes of a message that is no record: fail(), which is the default, skip() or side_output("name"). A BadRecord of it has the partition as
  /// its file, "orders[3]", and the offset as its line.
  KafkaSource& on_error(OnError policy) {
    options_.on_error = std::move(policy);
    return *this;
  }

  operator SourceDescription<T>() const {
    return SourceDescription<T>{std::make_shared<detail::KafkaSourceImplementation<T>>(options_, decoding_, this->event_times_, this->timing_), problem()};
  }

 private:
  KafkaSource& set_format(detail::LineFormat format) {
    options_.format = format;
    decoding_ = std::make_shared<detail::KafkaDecodingOfText<T>>();
    return *this;
  }

  std::optional<Error> problem() const {
    detail::ArgumentChecks checks = this->checks_;
    checks.run([this] { detail::check_options(options_); });
    checks.require(!options_.times_of_messages || this->event_times_ == nullptr, "a source has event_time() or message_time(), not both");
    if (checks.problem()) return checks.problem();
    return detail::TimedSource<KafkaSource<T>, T>::problem(false, options_.times_of_messages);
  }

  detail::KafkaSourceOptions options_;
  std::shared_ptr<const detail::KafkaDecoding<T>> decoding_;
};

/// Records from the messages of Kafka's topics: topics(), topic_pattern() or partitions() say of which.
template <class T>
KafkaSource<T> read_kafka(KafkaConnection connection) {
  return KafkaSource<T>{std::move(connection)};
}

/// Records from the messages of one topic.
template <class T>
KafkaSource<T> read_kafka(KafkaConnection connection, std::string topic) {
  KafkaSource<T> source{std::move(connection)};
  source.topics({std::move(topic)});
  return source;
}

}  // namespace tidemark
