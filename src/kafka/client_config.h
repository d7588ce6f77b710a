// A connection as librdkafka's configuration. Messages name properties and never have values of secrets.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/file_system.h"
#include "tidemark/kafka_connection.h"

namespace tidemark::detail {

/// Names and values that the engine sets itself.
using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

struct DestroyKafkaConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_t, DestroyKafkaConf>;

/// Throws Error for what can never work: no brokers, security that does not fit together, a property that is the engine's, unknown, or has
/// a value that it can't have. Reads no secret.
void check_connection(const KafkaConnection& connection);

/// With the secrets, read now. `own` counts above all else. Throws Error.
KafkaConf make_conf(const KafkaConnection& connection, const KafkaProperties& own, FileSystem& files);

}  // namespace tidemark::detail
