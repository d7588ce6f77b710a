// How a job reaches a Kafka cluster: brokers, security, and properties of librdkafka for what has no name here.
//
//   const KafkaConnection kafka{.brokers = "broker-1:9093,broker-2:9093",
//                               .security = {.tls = true,
//                                            .ca_file = "/etc/kafka/ca.pem",
//                                            .sasl = KafkaSasl::kScramSha512,
//                                            .user = "orders",
//                                            .password = from_file("/run/secrets/kafka")}};
//
// Plain values: any thread. Whoever uses tidemark/kafka*.h links tidemark::kafka besides tidemark::tidemark.
//
// A secret is named here and read by the process that connects, when it connects. So no plan, no log and no checkpoint has it, and
// in a cluster the file lies, or the variable is set, where the workers run. Properties are no place for a secret: they are code.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace tidemark {

/// Where a secret is to be found. Empty: there is none.
struct Secret {
  std::string file{};         ///< its content, without the end of its last line
  std::string environment{};  ///< the name of a variable

  bool is_given() const { return !file.empty() || !environment.empty(); }
};
inline Secret from_file(std::string path) { return {.file = std::move(path)}; }
inline Secret from_environment(std::string variable) { return {.environment = std::move(variable)}; }

/// How the client says who it is.
enum class KafkaSasl : std::uint8_t {
  kNone,         ///< not at all, or by its certificate
  kPlain,        ///< user and password as they are: only with TLS is nobody else told
  kScramSha256,  ///< the password itself does not travel
  kScramSha512,
};

/// Without any of it the connection is neither encrypted nor authenticated.
struct KafkaSecurity {
  bool tls = false;
  std::string ca_file{};           ///< who signed the brokers' certificates (PEM); empty: those that the system trusts
  std::string certificate_file{};  ///< the client's own (PEM), where the brokers ask for one
  std::string key_file{};          ///< its private key (PEM)
  Secret key_password{};
  KafkaSasl sasl = KafkaSasl::kNone;
  std::string user{};
  Secret password{};
};

struct KafkaConnection {
  std::string brokers;  ///< "host:port,host:port": some of the cluster, the client learns of the others
  KafkaSecurity security{};
  /// Of librdkafka, by its names: {"fetch.wait.max.ms", "100"}. Those that decide what is read, committed or how to connect are the
  /// engine's, and refused with what to use in their place.
  std::map<std::string, std::string> properties{};
};

}  // namespace tidemark
