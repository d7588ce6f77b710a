// Questions to a cluster and small changes of it, each answered before the call returns. Any client serves, of any thread. Throws Error.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::detail {

/// The offset that the group has committed for partition 0 of the topic, without that of a transaction which is not decided: waits for it a
/// few seconds. Nothing if there is none.
std::optional<std::int64_t> committed_offset(rd_kafka_t* client, const std::string& group, const std::string& topic);
/// Sets it. The group has no members.
void commit_offset(rd_kafka_t* client, const std::string& group, const std::string& topic, std::int64_t offset);
/// The names of all groups that this user may see.
std::vector<std::string> group_names(rd_kafka_t* client);

/// How many partitions the topic has. Throws Error if it is not there, after the seconds that a new one may take to be known.
std::int32_t require_topic(rd_kafka_t* client, const std::string& topic);
/// A setting of the topic, such as "max.message.bytes"; nothing if this user may not see it.
std::optional<std::string> topic_setting(rd_kafka_t* client, const std::string& topic, const std::string& name);

}  // namespace tidemark::detail
