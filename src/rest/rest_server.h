// The REST interface of a JobManager, in Flink's words: docs/openapi.yaml says what it answers.
//
// Threads: start and stop by one; requests run on threads of the server's own, several at once. Ownership: the cluster outlives it. Its
// destructor waits for requests at hand, and these for the JobManager's thread: so stop it before that thread ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/cluster_control.h"
#include "env/network_address.h"

namespace tidemark {

struct RestSettings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8081;  ///< 0: of the system's choice
  /// What each request must carry as its bearer token. Empty: none; then nothing can be changed from outside the machine.
  std::string token;
  std::string certificate;  ///< PEM file of TLS; empty: no TLS
  std::string key;          ///< of the certificate
  std::uint64_t largest_upload = 1u << 30;  ///< bytes of an executable
};

class RestServer {
 public:
  /// kIo: nobody may listen there. kInvalidArgument: the certificate can't be used.
  static Result<std::unique_ptr<RestServer>> start(ClusterControl& cluster, RestSettings settings);
  ~RestServer();
  RestServer(const RestServer&) = delete;
  RestServer& operator=(const RestServer&) = delete;

  /// Where it listens.
  const NetworkAddress& address() const;

 private:
  class Impl;
  explicit RestServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark
