#include "kafka/partition_finder.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <utility>

#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr int kTimeoutMs = 10'000;

struct DestroyMetadata {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, DestroyMetadata>;

struct DestroyTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};

void add_partitions(const rd_kafka_metadata_topic_t& topic, std::vector<KafkaPartition>& found) {
  for (int i = 0; i < topic.partition_cnt; ++i) found.push_back({topic.topic, topic.partitions[i].id});
}

KafkaPartitionList list_of(const std::vector<KafkaPartition>& partitions, std::int64_t offset) {
  KafkaPartitionList list = make_partition_list(static_cast<int>(partitions.size()));
  for (const KafkaPartition& partition : partitions) rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)->offset = offset;
  return list;
}

[[noreturn]] void refuse(std::string message) { throw Error{ErrorCode::kInvalidArgument, std::move(message)}; }

}  // namespace

void check_options(const KafkaSourceOptions& options) {
  check_connection(options.connection);
  const int ways = !options.topics.empty() + !options.pattern.empty() + !options.partitions.empty();
  if (ways != 1) refuse("read_kafka() needs its topics: the name of one, topics(), topic_pattern() or partitions(), and only one of these");
  if (std::ranges::find(options.topics, "") != options.topics.end()) refuse("read_kafka() has a topic without a name");
  try {
    std::regex{options.pattern};
  } catch (const std::regex_error&) {
    refuse(fmt::format("read_kafka(): topic_pattern() takes a regular expression (ECMAScript), and '{}' is none", options.pattern));
  }
  const bool needs_group = options.start.at == KafkaOffsets::At::kCommitted || (options.stop && options.stop->at == KafkaOffsets::At::kCommitted);
  if (needs_group && options.group.empty()) refuse("read_kafka(): KafkaOffsets::committed() needs group(): whose offsets?");
  if (options.find_every < Duration{0}) refuse("read_kafka(): find_partitions_every() takes a pause: more than zero, or zero for never");
  if (options.on_error.action == OnError::Action::kSideOutput && options.on_error.output.empty()) {
    refuse("read_kafka(): the side output of bad records needs a name");
  }
}

KafkaProperties consumer_properties(const KafkaSourceOptions& options) {
  // librdkafka wants a group even where it is neither joined nor told.
  return {{"group.id", options.group.empty() ? "tidemark" : options.group},
          {"enable.auto.commit", "false"},
          {"enable.auto.offset.store", "false"},
          {"auto.offset.reset", "error"},
          {"enable.partition.eof", "true"},
          {"isolation.level", options.read_uncommitted ? "read_uncommitted" : "read_committed"}};
}

rd_kafka_t* PartitionFinder::client() {
  if (!client_) client_.emplace(KafkaClient::Kind::kConsumer, make_conf(options_.connection, consumer_properties(options_), files_));
  return client_->get();
}

// What the client has found out meanwhile says more than that time is up.
void PartitionFinder::fail(rd_kafka_resp_err_t error, const std::string& what) {
  throw client_->explained(error, fmt::format("{} of {}", what, options_.connection.brokers));
}

std::vector<KafkaPartition> PartitionFinder::find() {
  std::vector<KafkaPartition> found;
  if (!options_.pattern.empty()) found = matching_topics();
  std::set<std::string> topics{options_.topics.begin(), options_.topics.end()};
  for (const KafkaPartition& partition : options_.partitions) topics.insert(partition.topic);
  for (const std::string& topic : topics) add_topic(topic, found);
  std::ranges::sort(found);
  if (options_.partitions.empty()) return found;

  for (const KafkaPartition& wanted : options_.partitions) {
    if (std::ranges::binary_search(found, wanted)) continue;
    throw Error{ErrorCode::kNotFound, fmt::format("Kafka: there is no {}: create the partition, or correct partitions()", partition_name(wanted.topic, wanted.number))};
  }
  const std::set<KafkaPartition> wanted{options_.partitions.begin(), options_.partitions.end()};
  return {wanted.begin(), wanted.end()};
}

void PartitionFinder::add_topic(const std::string& topic, std::vector<KafkaPartition>& found) {
  const std::unique_ptr<rd_kafka_topic_t, DestroyTopic> handle{rd_kafka_topic_new(client(), topic.c_str(), nullptr)};
  const rd_kafka_metadata_t* raw = nullptr;
  const std::string what = fmt::format("looking for the partitions of '{}'", topic);
  if (const auto error = rd_kafka_metadata(client(), 0, handle.get(), &raw, kTimeoutMs)) fail(error, what);
  const Metadata metadata{raw};
  if (metadata->topic_cnt != 1) fail(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, what);
  if (metadata->topics[0].err) fail(metadata->topics[0].err, what);
  add_partitions(metadata->topics[0], found);
}

std::vector<KafkaPartition> PartitionFinder::matching_topics() {
  const rd_kafka_metadata_t* raw = nullptr;
  if (const auto error = rd_kafka_metadata(client(), 1, nullptr, &raw, kTimeoutMs)) fail(error, "looking for topics");
  const Metadata metadata{raw};
  const std::regex pattern{options_.pattern};
  std::vector<KafkaPartition> found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && std::regex_match(topic.topic, pattern)) add_partitions(topic, found);
  }
  return found;
}

std::vector<std::int64_t> PartitionFinder::look_up(const std::vector<KafkaPartition>& partitions, const KafkaOffsets& offsets) {
  switch (offsets.at) {
    case KafkaOffsets::At::kEarliest: return at_time(partitions, RD_KAFKA_OFFSET_BEGINNING);
    case KafkaOffsets::At::kLatest: return at_time(partitions, RD_KAFKA_OFFSET_END);
    case KafkaOffsets::At::kTime: return at_time(partitions, offsets.time.ms());
    case KafkaOffsets::At::kCommitted: return or_otherwise(partitions, committed(partitions), offsets);
    case KafkaOffsets::At::kGiven: break;
  }
  std::vector<std::optional<std::int64_t>> given;
  for (const KafkaPartition& partition : partitions) {
    const auto at = offsets.given.find(partition);
    given.push_back(at == offsets.given.end() ? std::nullopt : std::optional{at->second});
  }
  return or_otherwise(partitions, given, offsets);
}

// The protocol has the first and the last offset as times of their own. Behind the last message there is none of any time.
std::vector<std::int64_t> PartitionFinder::at_time(const std::vector<KafkaPartition>& partitions, std::int64_t time_or_end) {
  const KafkaPartitionList list = list_of(partitions, time_or_end);
  if (const auto error = rd_kafka_offsets_for_times(client(), list.get(), kTimeoutMs)) fail(error, "looking for offsets");
  std::vector<std::int64_t> offsets;
  std::vector<KafkaPartition> ended;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const rd_kafka_topic_partition_t& found = list->elems[i];
    if (found.err) fail(found.err, fmt::format("looking for the offset in {}", partition_name(found.topic, found.partition)));
    offsets.push_back(found.offset);
    if (found.offset < 0) ended.push_back(partitions[i]);
  }
  if (ended.empty() || time_or_end == RD_KAFKA_OFFSET_END) return offsets;
  const std::vector<std::int64_t> ends = at_time(ended, RD_KAFKA_OFFSET_END);
  std::size_t next = 0;
  for (std::int64_t& offset : offsets) {
    if (offset < 0) offset = ends[next++];
  }
  return offsets;
}

std::vector<std::optional<std::int64_t>> PartitionFinder::committed(const std::vector<KafkaPartition>& partitions) {
  const KafkaPartitionList list = list_of(partitions, RD_KAFKA_OFFSET_INVALID);
  const std::string what = fmt::format("reading the offsets of the group '{}'", options_.group);
  if (const auto error = rd_kafka_committed(client(), list.get(), kTimeoutMs)) fail(error, what);
  std::vector<std::optional<std::int64_t>> offsets;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const rd_kafka_topic_partition_t& found = list->elems[i];
    if (found.err) fail(found.err, what);
    offsets.push_back(found.offset < 0 ? std::nullopt : std::optional{found.offset});
  }
  return offsets;
}

std::vector<std::int64_t> PartitionFinder::or_otherwise(const std::vector<KafkaPartition>& partitions, const std::vector<std::optional<std::int64_t>>& known,
                                                        const KafkaOffsets& offsets) {
  std::vector<KafkaPartition> unknown;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (!known[i]) unknown.push_back(partitions[i]);
  }
  if (!unknown.empty() && offsets.otherwise == KafkaOffsets::Otherwise::kFail) {
    const std::string name = partition_name(unknown.front().topic, unknown.front().number);
    const std::string why = offsets.at == KafkaOffsets::At::kCommitted ? fmt::format("the group '{}' has committed no offset of {}", options_.group, name)
                                                                       : fmt::format("no offset is given for {}", name);
    throw Error{ErrorCode::kNotFound, fmt::format("Kafka: {}. Say where such a partition starts: KafkaOffsets::Otherwise::kEarliest or kLatest", why)};
  }
  const bool from_first = offsets.otherwise == KafkaOffsets::Otherwise::kEarliest;
  const std::vector<std::int64_t> others = unknown.empty() ? std::vector<std::int64_t>{} : look_up(unknown, from_first ? KafkaOffsets::earliest() : KafkaOffsets::latest());
  std::vector<std::int64_t> result;
  std::size_t next = 0;
  for (const auto& offset : known) result.push_back(offset ? *offset : others[next++]);
  return result;
}

}  // namespace tidemark::detail
