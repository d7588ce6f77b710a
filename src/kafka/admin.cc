#include "kafka/admin.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

#include "kafka/client.h"

namespace tidemark::detail {
namespace {

constexpr int kTimeoutMs = 30'000;
constexpr int kUnstableTries = 50;
constexpr std::chrono::milliseconds kUnstablePause{100};
constexpr int kTopicTries = 20;
constexpr std::chrono::milliseconds kTopicPause{100};

template <auto destroy>
struct DestroyBy {
  void operator()(auto* thing) const { destroy(thing); }
};
template <class T, auto destroy>
using Owned = std::unique_ptr<T, DestroyBy<destroy>>;

using Options = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using Event = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;

Options make_options(rd_kafka_t* client, rd_kafka_admin_op_t op) {
  char why[256];
  Options options{rd_kafka_AdminOptions_new(client, op)};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, why, sizeof why);
  return options;
}

// `call` asks; the answer comes to the queue that it is given.
template <class Call>
Event answer(rd_kafka_t* client, std::string_view what, Call call) {
  const KafkaQueue queue{rd_kafka_queue_new(client)};
  call(queue.get());
  Event event{rd_kafka_queue_poll(queue.get(), 2 * kTimeoutMs)};
  if (event == nullptr) throw kafka_error(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (const auto code = rd_kafka_event_error(event.get())) throw kafka_error(code, what, rd_kafka_event_error_string(event.get()));
  return event;
}

const rd_kafka_topic_partition_t& only_partition(const rd_kafka_group_result_t* group, std::string_view what) {
  if (const rd_kafka_error_t* error = rd_kafka_group_result_error(group)) {
    throw kafka_error(rd_kafka_error_code(error), what, rd_kafka_error_string(error));
  }
  const rd_kafka_topic_partition_list_t* partitions = rd_kafka_group_result_partitions(group);
  if (partitions == nullptr || partitions->cnt != 1) throw kafka_error(RD_KAFKA_RESP_ERR__BAD_MSG, what);
  return partitions->elems[0];
}

}  // namespace

std::optional<std::int64_t> committed_offset(rd_kafka_t* client, const std::string& group, const std::string& topic) {
  using Request = Owned<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy>;
  const std::string what = fmt::format("reading the offset of the group '{}'", group);
  const KafkaPartitionList partitions = make_partition_list(1);
  rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), 0);
  const Request request{rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), partitions.get())};
  const Options options = make_options(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  if (rd_kafka_error_t* error = rd_kafka_AdminOptions_set_require_stable_offsets(options.get(), 1)) throw kafka_error(error, what);
  for (int tries = 1;; ++tries) {
    const Event event = answer(client, what, [&](rd_kafka_queue_t* queue) {
      rd_kafka_ListConsumerGroupOffsets_t* requests[] = {request.get()};
      rd_kafka_ListConsumerGroupOffsets(client, requests, 1, options.get(), queue);
    });
    std::size_t count = 0;
    const auto* result = rd_kafka_event_ListConsumerGroupOffsets_result(event.get());
    const rd_kafka_topic_partition_t& partition = only_partition(rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count)[0], what);
    if (partition.err == RD_KAFKA_RESP_ERR_NO_ERROR) return partition.offset < 0 ? std::nullopt : std::optional{partition.offset};
    if (partition.err != RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || tries == kUnstableTries) throw kafka_error(partition.err, what);
    std::this_thread::sleep_for(kUnstablePause);
  }
}

void commit_offset(rd_kafka_t* client, const std::string& group, const std::string& topic, std::int64_t offset) {
  using Request = Owned<rd_kafka_AlterConsumerGroupOffsets_t, rd_kafka_AlterConsumerGroupOffsets_destroy>;
  const std::string what = fmt::format("setting the offset of the group '{}'", group);
  const KafkaPartitionList partitions = make_partition_list(1);
  rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), 0)->offset = offset;
  const Request request{rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), partitions.get())};
  const Options options = make_options(client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
  const Event event = answer(client, what, [&](rd_kafka_queue_t* queue) {
    rd_kafka_AlterConsumerGroupOffsets_t* requests[] = {request.get()};
    rd_kafka_AlterConsumerGroupOffsets(client, requests, 1, options.get(), queue);
  });
  std::size_t count = 0;
  const auto* result = rd_kafka_event_AlterConsumerGroupOffsets_result(event.get());
  const auto code = only_partition(rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &count)[0], what).err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw kafka_error(code, what);
}

std::vector<std::string> group_names(rd_kafka_t* client) {
  const Options options = make_options(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
  const std::string_view what = "listing the groups";
  const Event event = answer(client, what, [&](rd_kafka_queue_t* queue) { rd_kafka_ListConsumerGroups(client, options.get(), queue); });
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  std::size_t count = 0;
  const rd_kafka_error_t** errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) throw kafka_error(rd_kafka_error_code(errors[0]), what, rd_kafka_error_string(errors[0]));
  const rd_kafka_ConsumerGroupListing_t** groups = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.emplace_back(rd_kafka_ConsumerGroupListing_group_id(groups[i]));
  return names;
}

std::int32_t require_topic(rd_kafka_t* client, const std::string& name) {
  using Topic = Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
  const std::string what = fmt::format("looking for the topic '{}'", name);
  const Topic topic{rd_kafka_topic_new(client, name.c_str(), nullptr)};
  if (topic == nullptr) throw kafka_error(rd_kafka_last_error(), what);
  for (int tries = 1;; ++tries) {
    const rd_kafka_metadata_t* found = nullptr;
    if (const auto code = rd_kafka_metadata(client, 0, topic.get(), &found, kTimeoutMs)) throw kafka_error(code, what);
    const auto code = found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    const std::int32_t partitions = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(found);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return partitions;
    const bool may_come = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!may_come || tries == kTopicTries) throw kafka_error(code, what);
    std::this_thread::sleep_for(kTopicPause);
  }
}

std::optional<std::string> topic_setting(rd_kafka_t* client, const std::string& topic, const std::string& name) {
  using Resource = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
  const Resource resource{rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str())};
  const Options options = make_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  const Event event = answer(client, fmt::format("reading the settings of the topic '{}'", topic), [&](rd_kafka_queue_t* queue) {
    rd_kafka_ConfigResource_t* resources[] = {resource.get()};
    rd_kafka_DescribeConfigs(client, resources, 1, options.get(), queue);
  });
  std::size_t count = 0;
  const auto** resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1 || rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (name != rd_kafka_ConfigEntry_name(entries[i])) continue;
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace tidemark::detail
