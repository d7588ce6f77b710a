// Where the records of a stream leave an operator, and how the next operator is tied to it. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/detail/api/job_builder.h"
#include "tidemark/detail/channel/batch_codec.h"
#include "tidemark/detail/channel/exchange.h"
#include "tidemark/detail/operators/side_outputs.h"
#include "tidemark/out.h"

namespace tidemark::detail {

/// An output of a node, whose typed operator `out` knows.
template <class T>
struct Port {
  NodeId node = kNoNode;
  std::string output;  ///< name of a side output; empty for the main one
  FindOutput<T> out = nullptr;
  const Partition* partition = nullptr;  ///< the builder's; null: to the subtask of the same number
};

/// The main output of an operator of type Op.
template <class Op>
auto& main_output(Operator& op) {
  return static_cast<Op&>(op).out();
}

/// Ties every port to an input of node `to`. An exchange other than kForward is the operator's own, which counts.
template <class T>
void connect(JobBuilder& builder, const std::vector<Port<T>>& ports, NodeId to, Exchange exchange, const MakeWriter& make_writer,
             std::uint32_t input = 0) {
  for (const Port<T>& port : ports) {
    const Partition* partition = exchange == Exchange::kForward ? port.partition : nullptr;
    builder.add_edge({.from = port.node,
                      .to = to,
                      .exchange = partition != nullptr ? partition->exchange : exchange,
                      .output = port.output,
                      .input = input,
                      .order_counts = says_what_becomes_of_rows_v<T>},
                     {[out = port.out](Operator& from, BatchReceiver& receiver) { out(from).add_receiver(receiver); },
                      partition != nullptr ? partition->make_writer : make_writer, batch_codec<T>()});
  }
}

template <class T>
MakeWriter plain_writer() {
  return [](std::vector<SendingEnd*> edges, std::uint32_t) { return std::make_unique<RebalanceWriter<T>>(std::move(edges)); };
}

template <class T>
MakeWriter shuffle_writer() {
  return [](std::vector<SendingEnd*> edges, std::uint32_t) { return std::make_unique<ShuffleWriter<T>>(std::move(edges)); };
}

template <class T, class F, class KeyFn>
MakeWriter custom_writer(F function, KeyFn key) {
  return [function = std::move(function), key = std::move(key)](std::vector<SendingEnd*> edges, std::uint32_t) {
    return std::make_unique<CustomWriter<T, F, KeyFn>>(std::move(edges), function, key);
  };
}

template <class T>
MakeWriter broadcast_writer() {
  return [](std::vector<SendingEnd*> edges, std::uint32_t) { return std::make_unique<BroadcastWriter<T>>(std::move(edges)); };
}

template <class T, class KeyFn>
MakeWriter key_by_writer(KeyFn key) {
  return [key = std::move(key)](std::vector<SendingEnd*> edges, std::uint32_t max_parallelism) {
    return std::make_unique<KeyByWriter<T, KeyFn>>(std::move(edges), key, max_parallelism);
  };
}

}  // namespace tidemark::detail
