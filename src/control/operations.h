// Requests that take time: each is answered at once with an id, and asked after with it.
//
// A caller that names the id itself may repeat the request: it is carried out once. Outcomes are kept until many others have come behind them,
// longer than anybody polls. Threads: any.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/http.h"
#include "env/kernel_random.h"

namespace tidemark {

class Operations {
 public:
  /// Of what kind, and of which job: ids of different scopes have nothing to do with each other.
  using Scope = std::string;

  struct Begun {
    HttpResponse answer;  ///< 202 with the id; 400 or 409 where the id can't be
    std::string id;
    bool is_new = false;  ///< it is to be carried out now
  };
  /// `id`: empty for one of ours, which nobody guesses. `asked`: the request, to tell a repetition from another one under the same id.
  Begun begin(const Scope& scope, std::string id, std::string asked);
  /// `operation`: what the poll answers with, in JSON.
  void conclude(const Scope& scope, const std::string& id, std::string operation);
  /// The answer to a poll; 404 of what nobody has asked for.
  HttpResponse poll(const Scope& scope, const std::string& id);

  /// Of whatever has ended, the outcome was polled at least once.
  bool all_fetched() const;

 private:
  using Key = std::pair<Scope, std::string>;
  struct Operation {
    std::string asked;
    std::optional<std::string> outcome;
    bool fetched = false;
  };

  mutable std::mutex mutex_;  // guards all below
  std::map<Key, Operation> all_;
  std::deque<Key> concluded_;  // oldest first
  KernelRandom random_;
};

/// As begin() and poll() answer of an operation that has ended, whoever knows of it.
HttpResponse answer_begun(const std::string& id, bool is_same);
HttpResponse answer_concluded(std::string_view operation);

/// How Flink tells what went wrong: {"<name>": {"class": ..., "stack-trace": why, ...}}.
std::string failed_operation(std::string_view name, std::string_view why);

}  // namespace tidemark
