#include "sim/workloads/keyed_counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/workloads.h"

namespace tidemark {

class KeyedCounters::Count final : public KeyedProcess<std::int64_t, Number, Row> {
 public:
  Count(Declare& declare, BadLuck bad_luck) : count_{declare, "count"}, bad_luck_{std::move(bad_luck)} {}

  void process(const Number& record, Context& ctx, Out<Row>& out) override {
    const std::int64_t count = count_.get() + 1;
    count_.set(count);
    bad_luck_();
    out.emit({ctx.key(), count, record.number});
  }

 private:
  ValueState<std::int64_t> count_;
  BadLuck bad_luck_;
};

KeyedCounters::KeyedCounters(const WorkloadOptions& options) : RowsWorkload{options}, input_{make_numbers(options)} {
  for (const Number& record : *input_) ++records_of_[record.key];
}

auto KeyedCounters::make_numbers(const WorkloadOptions& options) -> Input<Number> {
  Dice dice{options.seed};
  const auto keys = static_cast<std::uint64_t>(1 + dice.below(12));
  std::vector<Number> records;
  for (std::uint64_t n = 0; n < options.records; ++n) records.push_back({dice.below(keys), static_cast<std::int64_t>(n)});
  return make_input(std::move(records));
}

void KeyedCounters::describe(Job& job) const {
  numbers(job)
      .filter(bad_luck().filter<Number>())
      .key_by(&Number::key)
      .process<Count>(bad_luck())
      .uid("counts")
      .to(write_files(kOut, as_json()).roll_size(kRollBytes))
      .uid(kSink);
}

Complaint KeyedCounters::check_checkpoint(FileSystem& files, const std::string& folder,
                                           const CheckpointMetadata& checkpoint) const {
  const auto read = read_before(checkpoint);
  if (!read) return read.error().message();
  const auto counts = read_keyed_state<std::int64_t, std::int64_t>(files, folder, checkpoint, "counts", "count");
  if (!counts) return counts.error().message();
  if (auto wrong = find_wrong_count(*read, *counts)) return wrong;
  return check_secured(files, checkpoint, [&](const Rows& rows) { return find_lost(rows, *read); });
}

bool KeyedCounters::is_of_input(const Row& row) const {
  const auto number = static_cast<std::size_t>(row.number);
  return number < input_->size() && (*input_)[number].key == row.key;
}

Complaint KeyedCounters::find_wrong(const Rows& rows) const {
  std::set<std::int64_t> numbers;
  std::map<std::int64_t, CommittedRow<Row>> last;  // by key
  for (const CommittedRow<Row>& committed : rows) {
    const Row& row = committed.row;
    if (!is_of_input(row)) return fmt::format("number {} of key {} was never read", row.number, row.key);
    if (!numbers.insert(row.number).second && !may_repeat()) return fmt::format("number {} was counted twice", row.number);
    const auto [before, is_first] = last.try_emplace(row.key, committed);
    if (is_first) continue;
    const bool same_attempt = before->second.attempt == committed.attempt;
    if (same_attempt && before->second.subtask != committed.subtask) {
      return fmt::format("key {} was counted by two subtasks of attempt {}", row.key, committed.attempt);
    }
    if ((same_attempt || exactly_once()) && row.count <= before->second.row.count) {
      return fmt::format("key {} has the count {} behind {}", row.key, row.count, before->second.row.count);
    }
    before->second = committed;
  }
  return std::nullopt;
}

Complaint KeyedCounters::find_missing(const Rows& rows) const {
  if (auto lost = find_lost(rows, std::vector<bool>(input_->size(), true))) return lost;
  return find_gap(rows);
}

Complaint KeyedCounters::find_lost(const Rows& rows, const std::vector<bool>& wanted) {
  std::vector<bool> lost = wanted;
  for (const CommittedRow<Row>& committed : rows) lost[static_cast<std::size_t>(committed.row.number)] = false;
  const auto first = std::ranges::find(lost, true);
  if (first == lost.end()) return std::nullopt;
  return fmt::format("number {} is lost", first - lost.begin());
}

// Counts grow, so that the highest one is as high as there are records, or a count is missing.
Complaint KeyedCounters::find_gap(const Rows& rows) const {
  std::map<std::int64_t, std::int64_t> highest;
  for (const CommittedRow<Row>& committed : rows) {
    highest[committed.row.key] = std::max(highest[committed.row.key], committed.row.count);
  }
  for (const auto& [key, records] : records_of_) {
    if (highest[key] == records || (may_repeat() && highest[key] > records)) continue;
    return fmt::format("key {} was counted up to {} in {} records", key, highest[key], records);
  }
  return std::nullopt;
}

Complaint KeyedCounters::find_wrong_count(const std::vector<bool>& read, std::map<std::int64_t, std::int64_t> counts) const {
  std::map<std::int64_t, std::int64_t> expected;
  for (std::size_t n = 0; n < read.size(); ++n) expected[(*input_)[n].key] += read[n] ? 1 : 0;
  for (const auto& [key, records] : expected) {
    if (counts[key] == records || (may_repeat() && counts[key] > records)) continue;
    return fmt::format("{} records of key {} were read before the barrier, its state is {}", records, key, counts[key]);
  }
  return std::nullopt;
}

namespace {

class GeneratedCounters final : public KeyedCounters {
 public:
  explicit GeneratedCounters(const WorkloadOptions& options) : KeyedCounters{options} {}

  std::string name() const override { return "keyed-counters"; }

 private:
  Stream<Number> numbers(Job& job) const override {
    // With a rate, readers stop within their splits, so that positions matter.
    const std::uint64_t rate = options().seed % 2 == 0 ? 0 : 10'000;
    return job.from(from_input(input()).event_time(&Number::number).rate(rate)).uid(kSource);
  }

  Result<std::vector<bool>> read_before(const CheckpointMetadata& checkpoint) const override {
    return numbers_read(checkpoint, kSource, input()->size());
  }
};

}  // namespace

std::unique_ptr<Workload> make_keyed_counters(const WorkloadOptions& options) {
  return std::make_unique<GeneratedCounters>(options);
}

}  // namespace tidemark
