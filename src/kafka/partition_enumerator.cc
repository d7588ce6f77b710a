#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "connectors/list_state.h"
#include "env/env.h"
#include "kafka/kafka_split.h"
#include "kafka/partition_finder.h"
#include "tidemark/detail/kafka/kafka_records.h"

namespace tidemark::detail {
namespace {

// A topic that was made a moment ago has no leader that knows it yet.
constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::milliseconds kPause{200};

/// Partitions that are new, with their offsets. The first search must come to something; a later one that fails changes nothing.
class PartitionSearch final : public SplitSearch {
 public:
  PartitionSearch(std::shared_ptr<PartitionFinder> finder, KafkaSourceOptions options, std::set<KafkaPartition> known, bool is_first)
      : finder_{std::move(finder)}, options_{std::move(options)}, known_{std::move(known)}, is_first_{is_first} {}

  void run() override {
    const auto started = std::chrono::steady_clock::now();
    for (;;) {
      try {
        return find();
      } catch (const Error& error) {
        found.clear();
        if (!is_first_) return log_warning(fmt::format("no look for new partitions: {}", error.message()));
        if (error.retry() == Retry::kNone || std::chrono::steady_clock::now() - started > kPatience) throw;
        std::this_thread::sleep_for(kPause);
      }
    }
  }

  std::vector<KafkaSplit> found;

 private:
  void find() {
    std::vector<KafkaPartition> partitions = finder_->find();
    const std::size_t all = partitions.size();
    if (all == 0 && options_.stop) {
      throw Error{ErrorCode::kNotFound, fmt::format("Kafka: no topic of {} matches '{}'", options_.connection.brokers, options_.pattern)};
    }
    std::erase_if(partitions, [this](const KafkaPartition& partition) { return known_.contains(partition); });
    if (partitions.empty()) return;
    const auto starts = finder_->look_up(partitions, is_first_ ? options_.start : KafkaOffsets::earliest());
    std::vector<std::int64_t> stops(partitions.size(), KafkaSplit::kNoStop);
    if (options_.stop) stops = finder_->look_up(partitions, *options_.stop);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      found.push_back({.topic = partitions[i].topic,
                       .partition = partitions[i].number,
                       .start = starts[i],
                       .stop = stops[i],
                       .found_with = static_cast<std::uint32_t>(all)});
    }
  }

  std::shared_ptr<PartitionFinder> finder_;
  KafkaSourceOptions options_;
  std::set<KafkaPartition> known_;
  bool is_first_;
};

class PartitionEnumerator final : public SplitEnumerator {
 public:
  PartitionEnumerator(KafkaSourceOptions options, const OperatorContext& context)
      : options_{std::move(options)}, name_{context.name}, finder_{std::make_shared<PartitionFinder>(options_, *context.env->files)} {}

  std::optional<std::string> next() override {
    if (unassigned_.empty()) return std::nullopt;
    std::string split = encode_item(unassigned_.front());
    unassigned_.pop_front();
    return split;
  }
  bool may_have_more() const override { return !searched_ || search_again_ns(); }
  bool side_by_side() const override { return true; }

  std::shared_ptr<SplitSearch> search() override {
    return may_have_more() ? std::make_shared<PartitionSearch>(finder_, options_, known_, !searched_) : nullptr;
  }
  std::optional<std::int64_t> search_again_ns() const override {
    if (options_.stop || options_.find_every == Duration{0}) return std::nullopt;
    return std::chrono::nanoseconds{options_.find_every}.count();
  }
  void adopt(SplitSearch& search) override {
    for (KafkaSplit& split : static_cast<PartitionSearch&>(search).found) {
      known_.insert({split.topic, split.partition});
      if (searched_) {
        log_info(fmt::format("operator '{}' (uid {}): found the partition {}", name_.name, name_.uid, partition_name(split.topic, split.partition)));
      }
      unassigned_.push_back(std::move(split));
    }
    searched_ = true;
  }

  std::string snapshot() const override {
    FoundPartitions state{.unassigned = {unassigned_.begin(), unassigned_.end()}, .known = {}, .searched = searched_};
    for (const KafkaPartition& partition : known_) state.known.push_back({partition.topic, partition.number});
    return encode_item(state);
  }
  void restore(const std::string& snapshot) override {
    FoundPartitions state;
    if (!decode_versioned(snapshot, state)) fail_damaged_state(name_, kEnumeratorList);
    unassigned_.assign(state.unassigned.begin(), state.unassigned.end());
    for (const KnownPartition& partition : state.known) known_.insert({partition.topic, partition.partition});
    searched_ = state.searched;
  }

 private:
  KafkaSourceOptions options_;
  OperatorName name_;
  std::shared_ptr<PartitionFinder> finder_;
  std::deque<KafkaSplit> unassigned_;
  std::set<KafkaPartition> known_;
  bool searched_ = false;
};

}  // namespace

MakeSplitEnumerator kafka_split_enumerator(KafkaSourceOptions options) {
  return [options = std::move(options)](const OperatorContext& context) -> std::unique_ptr<SplitEnumerator> {
    return std::make_unique<PartitionEnumerator>(options, context);
  };
}

}  // namespace tidemark::detail
