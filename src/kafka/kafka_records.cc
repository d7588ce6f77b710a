#include "tidemark/detail/kafka/kafka_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/log.h"
#include "connectors/line_decoder.h"
#include "connectors/list_state.h"
#include "kafka/partition_consumer.h"
#include "tidemark/error.h"

namespace tidemark {
namespace {

std::string_view view_of(const void* bytes, std::size_t size) { return {static_cast<const char*>(bytes), size}; }

std::optional<std::string_view> optional_view(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return view_of(bytes, size);
}

const rd_kafka_headers_t* headers_of(const void* handle) {
  rd_kafka_headers_t* headers = nullptr;
  rd_kafka_message_headers(static_cast<const rd_kafka_message_t*>(handle), &headers);
  return headers;
}

}  // namespace

std::vector<KafkaHeaderView> KafkaMessage::headers() const {
  std::vector<KafkaHeaderView> result;
  const rd_kafka_headers_t* headers = headers_of(handle);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; headers != nullptr && rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    result.push_back({name, optional_view(value, size)});
  }
  return result;
}

std::optional<std::string_view> KafkaMessage::header(const char* name) const {
  const rd_kafka_headers_t* headers = headers_of(handle);
  const void* value = nullptr;
  std::size_t size = 0;
  if (headers == nullptr || rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return optional_view(value, size);
}

namespace detail {
namespace {

constexpr std::string_view kAdvice =
    "Fail is the default; skip and count with on_error(skip()), keep with on_error(side_output(\"bad\")), or read it with a format() of your own";

Timestamp time_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t ms = rd_kafka_message_timestamp(&message, &type);
  return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? Timestamp::min() : Timestamp{ms};
}

}  // namespace

class KafkaRecords::Reader {
 public:
  using Partition = PartitionConsumer::Partition;

  explicit Reader(KafkaSourceOptions options) : options_{std::move(options)} {}

  void start(const OperatorContext& context) {
    name_ = context.name;
    consumer_.emplace(options_, context);
  }

  void open(std::string_view bytes, std::string_view position) {
    auto at = partitions_.find(bytes);
    if (at == partitions_.end()) {
      KafkaSplit split;
      if (!decode_versioned(bytes, split)) fail_damaged_state(name_, kSplitsList);
      const std::int64_t from = position.empty() ? split.start : parse_position(position);
      at = partitions_.emplace(std::string{bytes}, consumer_->open(std::move(split), from)).first;
    }
    current_ = at;
  }

  Fetched fetch(std::uint32_t most) {
    accepted_.clear();
    Partition& partition = *current_->second;
    consumer_->fetch(partition, most, messages_);
    for (const auto& message : messages_) bytes_read_ += message->len + message->key_len;
    const Fetched fetched{static_cast<std::uint32_t>(messages_.size()), partition.at_end, partition.is_read()};
    if (fetched.stopped) {
      consumer_->close(partition);
      stopped_[partition.id()] = partition.position;
      partitions_.erase(current_);
    }
    return fetched;
  }

  KafkaMessage message(std::uint32_t index) const {
    const rd_kafka_message_t& message = *messages_[index];
    return {.topic = rd_kafka_topic_name(message.rkt),
            .partition = message.partition,
            .offset = message.offset,
            .time = time_of(message),
            .key = optional_view(message.key, message.key_len),
            .value = optional_view(message.payload, message.len),
            .handle = &message};
  }

  std::uint32_t decode(const RecordLayout& layout, void* values, std::size_t stride, Arena& arena, std::vector<BadRecord>& bad) {
    if (!decoder_) decoder_.emplace(options_.format, options_.csv, layout);
    for (std::uint32_t i = 0; i < messages_.size(); ++i) {
      const rd_kafka_message_t& message = *messages_[i];
      void* record = static_cast<char*>(values) + accepted_.size() * stride;
      if (message.payload == nullptr) [[unlikely]] {
        reject(i, 0, "the message has no value (a tombstone)", bad);
      } else if (auto error = decoder_->decode(view_of(message.payload, message.len), record, arena)) [[unlikely]] {
        reject(i, error->column, std::move(error->message), bad);
      } else {
        accepted_.push_back(i);
      }
    }
    return static_cast<std::uint32_t>(accepted_.size());
  }

  void accept(std::uint32_t index) { accepted_.push_back(index); }

  [[gnu::noinline]] void reject(std::uint32_t index, std::uint64_t column, std::string reason, std::vector<BadRecord>& bad) {
    const rd_kafka_message_t& message = *messages_[index];
    const std::string place = place_of_message(message) + (column > 0 ? fmt::format(":{}", column) : "");
    switch (options_.on_error.action) {
      case OnError::Action::kFail: throw Error{ErrorCode::kParse, fmt::format("{}: {}. {}", place, reason, kAdvice)};
      case OnError::Action::kSkip:
        if (skipped_++ == 0) {
          log_warning(fmt::format("operator '{}' (uid {}), subtask {}: skipped {}: {}. Further ones are only counted", name_.name, name_.uid, name_.subtask,
                                  place, reason));
        }
        return;
      case OnError::Action::kSideOutput:
        bad.push_back({partition_name(rd_kafka_topic_name(message.rkt), message.partition), static_cast<std::uint64_t>(message.offset), column,
                       std::move(reason), std::string{view_of(message.payload, message.len)}});
        return;
    }
  }

  Timestamp stamp(std::int64_t* timestamps) const {
    if (!options_.times_of_messages) {
      std::fill_n(timestamps, accepted_.size(), Timestamp::min().ms());
      return Timestamp::min();
    }
    Timestamp newest = Timestamp::min();
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      const Timestamp time = time_of(*messages_[accepted_[i]]);
      timestamps[i] = time.ms();
      newest = std::max(newest, time);
    }
    return newest;
  }

  std::string place_of(std::uint32_t record) const { return place_of_message(*messages_[accepted_[record]]); }
  std::string position() const { return fmt::format("{}", current_->second->position); }

  void at_barrier(CheckpointId id) {
    if (options_.group.empty()) return;
    Positions& positions = barriers_[id] = stopped_;
    for (const auto& [bytes, partition] : partitions_) positions[partition->id()] = partition->position;
  }
  void checkpoint_completed(CheckpointId id) {
    const auto at = barriers_.find(id);
    if (at != barriers_.end() && at->second != committed_) {
      committed_ = at->second;
      consumer_->commit(committed_);
    }
    barriers_.erase(barriers_.begin(), barriers_.upper_bound(id));
  }
  void checkpoint_aborted(CheckpointId id) { barriers_.erase(id); }
  bool settled() { return consumer_->settled(); }

  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  PendingInput pending_in(std::string_view split) const {
    const auto at = partitions_.find(split);
    return {.records = at == partitions_.end() ? std::nullopt : consumer_->pending(*at->second), .bytes = std::nullopt};
  }

 private:
  using Partitions = std::map<std::string, std::unique_ptr<Partition>, std::less<>>;
  using Positions = std::map<KafkaPartition, std::int64_t>;

  std::int64_t parse_position(std::string_view text) const {
    std::int64_t position = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), position);
    if (error != std::errc{} || rest != text.data() + text.size()) fail_damaged_state(name_, kSplitsList);
    return position;
  }

  static std::string place_of_message(const rd_kafka_message_t& message) {
    return fmt::format("{} offset {}", partition_name(rd_kafka_topic_name(message.rkt), message.partition), message.offset);
  }

  KafkaSourceOptions options_;
  OperatorName name_;
  std::optional<LineDecoder> decoder_;
  std::optional<PartitionConsumer> consumer_;  // behind it, all that is the client's
  Partitions partitions_;                      // that are open, by the split's bytes
  Partitions::iterator current_ = partitions_.end();
  KafkaMessages messages_;                     // of the last fetch
  std::vector<std::uint32_t> accepted_;        // which of them are records
  std::uint64_t skipped_ = 0;
  std::uint64_t bytes_read_ = 0;
  Positions stopped_;  // those that were read
  std::map<CheckpointId, Positions> barriers_;
  Positions committed_;
};

KafkaRecords::KafkaRecords(KafkaSourceOptions options) : reader_{std::make_unique<Reader>(std::move(options))} {}
KafkaRecords::~KafkaRecords() = default;

void KafkaRecords::start(const OperatorContext& context) { reader_->start(context); }
void KafkaRecords::open(std::string_view split, std::string_view position) { reader_->open(split, position); }
KafkaRecords::Fetched KafkaRecords::fetch(std::uint32_t most) { return reader_->fetch(most); }
KafkaMessage KafkaRecords::message(std::uint32_t index) const { return reader_->message(index); }
std::uint32_t KafkaRecords::decode(const RecordLayout& layout, void* values, std::size_t stride, Arena& arena, std::vector<BadRecord>& bad) {
  return reader_->decode(layout, values, stride, arena, bad);
}
void KafkaRecords::accept(std::uint32_t index) { reader_->accept(index); }
void KafkaRecords::reject(std::uint32_t index, std::uint64_t column, std::string reason, std::vector<BadRecord>& bad) {
  reader_->reject(index, column, std::move(reason), bad);
}
Timestamp KafkaRecords::stamp(std::int64_t* timestamps) const { return reader_->stamp(timestamps); }
std::string KafkaRecords::place_of(std::uint32_t record) const { return reader_->place_of(record); }
std::string KafkaRecords::position() const { return reader_->position(); }
void KafkaRecords::at_barrier(CheckpointId id) { reader_->at_barrier(id); }
void KafkaRecords::checkpoint_completed(CheckpointId id) { reader_->checkpoint_completed(id); }
void KafkaRecords::checkpoint_aborted(CheckpointId id) { reader_->checkpoint_aborted(id); }
bool KafkaRecords::settled() { return reader_->settled(); }
std::uint64_t KafkaRecords::skipped() const { return reader_->skipped(); }
std::uint64_t KafkaRecords::bytes_read() const { return reader_->bytes_read(); }
PendingInput KafkaRecords::pending_in(std::string_view split) const { return reader_->pending_in(split); }

}  // namespace detail
}  // namespace tidemark
