#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "env/crash_point.h"
#include "env/posix_file_system.h"
#include "kafka/admin.h"
#include "kafka/client.h"
#include "kafka/epoch_log.h"
#include "kafka/transaction_names.h"
#include "kafka/transactional_producer.h"
#include "tidemark/detail/kafka/kafka_sink.h"

namespace tidemark::detail {
namespace {

std::string prefix_of(const KafkaSinkOptions& options, const SinkContext& context) {
  return options.transactional_id_prefix.empty() ? fmt::format("{}~{}", context.job, context.uid) : options.transactional_id_prefix;
}

[[noreturn]] void fail_lost_marker(const KafkaEpoch& epoch) {
  throw Error{ErrorCode::kDataLoss,
              fmt::format("Kafka: whether epoch {} of '{}', {} messages, was committed can't be told: the group '{}' has no mark of it any more. The "
                          "brokers forget it offsets.retention.minutes after the last commit of its run, and with the topic '{}'. Look whether the messages are "
                          "there, and give the sink on_lost_marker(LostMarker::kSkip) if they are, else LostMarker::kCommit, for one start",
                          epoch.number, epoch.transactional_id, epoch.messages, epoch.marker_group, epoch.topic)};
}

void check_message_limit(rd_kafka_t* client, const std::string& topic, std::uint64_t most) {
  const auto setting = topic_setting(client, topic, "max.message.bytes");
  if (!setting || std::stoull(*setting) >= most) return;
  throw Error{ErrorCode::kInvalidArgument,
              fmt::format("Kafka: the topic '{}' takes messages of {} bytes, and the sink would write such of {}: raise the topic's max.message.bytes, or "
                          "lower the sink's property message.max.bytes",
                          topic, *setting, most)};
}

bool is_topic_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." && std::ranges::all_of(name, is_allowed);
}

[[noreturn]] void fail_topic_name(const std::string& name) {
  throw Error{ErrorCode::kInvalidArgument,
              fmt::format("Kafka: '{}' can't be the name of a topic, which has at most 249 letters, digits, '.', '_' and '-'. Correct topic() of the sink", name)};
}

[[noreturn]] void fail_partition(const std::string& topic, std::int32_t partition, std::int32_t count) {
  throw Error{ErrorCode::kInvalidArgument, fmt::format("Kafka: the topic '{}' has {} partitions, and partition() of the sink says {} for a record, where 0 "
                                                       "is the first. Correct the function, or give the topic more partitions",
                                                       topic, count, partition)};
}

// Brokers that were just started, or rights that are being changed, say for a while what is no reason for a running job to end.
template <class Call>
auto while_running(Call call) {
  try {
    return call();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound && error.code() != ErrorCode::kPermissionDenied) throw;
    throw Error{error.code(), error.domain(), Retry::kBackoff, error.message()};
  }
}

}  // namespace

// One object either keeps messages or commits them: see own_sink.h.
class KafkaTransactions::Impl {
 public:
  Impl(const KafkaSinkOptions& options, const SinkContext& context)
      : options_{options}, context_{context}, names_{prefix_of(options, context)}, most_bytes_{most_message_bytes(options.connection)} {}

  void begin(const std::string& transaction) {
    if (group_.empty() || Clock::now() - used_at_ >= options_.run_ends_after) begin_run(transaction);
    ++number_;
  }

  void write(const OutgoingMessage& message) {
    check_size(message, options_.topic, most_bytes_);
    check_place(message);
    log_.append(message);
    if (log_.bytes() > options_.max_epoch_bytes) fail_full();
  }

  KafkaEpoch pre_commit() {
    KafkaEpoch epoch{.transactional_id = names_.transactional_id(context_.subtask), .marker_group = group_, .topic = options_.topic, .number = number_};
    epoch.messages = log_.messages();
    epoch.content = log_.take();
    used_at_ = Clock::now();
    crash_point(CrashPoint::kSinkPrepared);
    return epoch;
  }

  void commit(const KafkaEpoch& epoch) {
    try {
      while_running([&] {
        take_over(epoch.transactional_id);
        if (is_due(epoch)) write_transaction(epoch);
      });
    } catch (...) {
      drop_producer();
      throw;
    }
  }

  void abort_leftovers() {
    crash_point(CrashPoint::kRecoveryCommitted);
    drop_producer();
    TransactionalProducer first{options_.connection, names_.transactional_id(0), options_.transaction_timeout};
    first.take_over();
    require_topic(first.get(), options_.topic);
    check_message_limit(first.get(), options_.topic, most_bytes_);
    std::set<std::uint32_t> subtasks;
    for (const std::string& group : group_names(first.get())) {
      if (const auto subtask = names_.subtask_of_group(group)) subtasks.insert(*subtask);
    }
    subtasks.erase(0);
    fence({subtasks.begin(), subtasks.end()});
  }

 private:
  using Clock = std::chrono::steady_clock;

  // The marker is there from the first message on, so that one that is missing was lost. It ages with its run: one that is not used for an
  // hour has a successor, or the brokers might forget it before the next epoch.
  void begin_run(const std::string& transaction) {
    const std::string run = transaction.substr(std::min(context_.transaction_prefix.size(), transaction.size()));
    const std::string group = names_.marker_group(context_.subtask, run);
    if (!client_) client_.emplace(KafkaClient::Kind::kProducer, make_conf(options_.connection, {}, posix_file_system()));
    while_running([&] { commit_offset(client_->get(), group, options_.topic, 0); });
    group_ = group;
    number_ = 0;
  }

  // What could never be committed is refused before it stands in a checkpoint.
  void check_place(const OutgoingMessage& message) {
    const std::string& topic = message.topic.empty() ? options_.topic : message.topic;
    const std::int32_t partition = message.partition.value_or(0);
    const auto known = partitions_.find(topic);
    if (known != partitions_.end() && partition >= 0 && partition < known->second) return;
    if (!is_topic_name(topic)) fail_topic_name(topic);
    const std::int32_t count = while_running([&] { return require_topic(client_->get(), topic); });
    if (partition < 0 || partition >= count) fail_partition(topic, partition, count);
    check_message_limit(client_->get(), topic, most_bytes_);
    partitions_.insert_or_assign(topic, count);
  }

  [[noreturn]] void fail_full() const {
    throw Error{ErrorCode::kResourceExhausted, ErrorDomain::kUser, Retry::kRestart,
                fmt::format("Kafka: the messages to '{}' since the last checkpoint take more than {} bytes, compressed, {} of them. Take checkpoints more "
                            "often, raise max_epoch_bytes() of the sink, or its parallelism",
                            options_.topic, options_.max_epoch_bytes, log_.messages())};
  }

  // Each has threads of its own, and each waits.
  void fence(const std::vector<std::uint32_t>& subtasks) {
    constexpr std::size_t kAtOnce = 16;
    for (std::size_t from = 0; from < subtasks.size(); from += kAtOnce) {
      std::list<TransactionalProducer> fences;
      for (std::size_t i = from; i < std::min(from + kAtOnce, subtasks.size()); ++i) {
        fences.emplace_back(options_.connection, names_.transactional_id(subtasks[i]), options_.transaction_timeout);
      }
      for (TransactionalProducer& producer : fences) producer.take_over();
    }
  }

  void take_over(const std::string& id) {
    if (producer_ && producer_->id() == id) return;
    drop_producer();
    producer_.emplace(options_.connection, id, options_.transaction_timeout);
    producer_->take_over();
  }

  void drop_producer() {
    producer_.reset();
    committed_.clear();  // another may have committed since
  }

  // Only behind take_over(): nobody who had the id before can change it any more.
  std::uint64_t marker_of(const KafkaEpoch& epoch) {
    const auto known = committed_.find(epoch.marker_group);
    if (known != committed_.end()) return known->second;
    const auto offset = committed_offset(producer_->get(), epoch.marker_group, epoch.topic);
    const std::uint64_t marker = offset ? static_cast<std::uint64_t>(*offset) : kLost;
    if (offset) committed_[epoch.marker_group] = marker;
    return marker;
  }

  bool is_due(const KafkaEpoch& epoch) {
    const std::uint64_t marker = marker_of(epoch);
    if (marker != kLost && marker >= epoch.number) return false;
    if (marker != kLost && marker + 1 == epoch.number) return true;
    if (!recovers() || options_.on_lost_marker == LostMarker::kFail) fail_lost_marker(epoch);
    log_warning(fmt::format("Kafka: the mark of epoch {} of '{}' is lost; it is {}", epoch.number, epoch.transactional_id,
                         options_.on_lost_marker == LostMarker::kCommit ? "written, maybe again" : "taken as written"));
    return options_.on_lost_marker == LostMarker::kCommit;
  }

  void write_transaction(const KafkaEpoch& epoch) {
    producer_->begin();
    read_epoch(epoch.content, [&](const OutgoingMessage& message) { producer_->produce(message, epoch.topic); });
    producer_->end_with_offset(epoch.marker_group, epoch.topic, static_cast<std::int64_t>(epoch.number));
    crash_point(CrashPoint::kSinkCommitting);
    producer_->commit();
    committed_[epoch.marker_group] = epoch.number;
    crash_point(CrashPoint::kSinkCommitted);
  }

  /// As the object of a start, which commits what was restored. The user's word on lost marks is about that only.
  bool recovers() const { return context_.parallelism == 0; }

  static constexpr std::uint64_t kLost = ~std::uint64_t{0};

  const KafkaSinkOptions& options_;
  SinkContext context_;
  TransactionNames names_;
  std::uint64_t most_bytes_;

  std::optional<KafkaClient> client_;                          // the writer's, for questions
  std::unordered_map<std::string, std::int32_t> partitions_;  // of the topics that it has seen
  std::string group_;                                          // from the first transaction on
  std::uint64_t number_ = 0;
  Clock::time_point used_at_;  // the run, by its last epoch
  EpochLog log_;

  std::optional<TransactionalProducer> producer_;
  std::map<std::string, std::uint64_t> committed_;  // marker groups, as the brokers said
};

KafkaTransactions::KafkaTransactions(KafkaSinkOptions options) : options_{std::move(options)} {}
KafkaTransactions::~KafkaTransactions() = default;

void KafkaTransactions::open(const SinkContext& context) { impl_ = std::make_unique<Impl>(options_, context); }
void KafkaTransactions::begin(const std::string& transaction) { impl_->begin(transaction); }
void KafkaTransactions::write(const OutgoingMessage& message) { impl_->write(message); }
KafkaEpoch KafkaTransactions::pre_commit() { return impl_->pre_commit(); }
void KafkaTransactions::commit(const KafkaEpoch& epoch) { impl_->commit(epoch); }
void KafkaTransactions::abort_leftovers(const SinkContext&) { impl_->abort_leftovers(); }

}  // namespace tidemark::detail
