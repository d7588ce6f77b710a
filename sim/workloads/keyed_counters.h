// Counts the records of each key. Each gives a row {key, count, number}: an undisturbed run commits every number once, and
// for each key the counts 1, 2, 3, ... in this order. Where the records come from is left to who derives from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/workloads/rows_workload.h"

namespace tidemark {

struct CountedNumber {
  std::int64_t key = 0;
  std::int64_t count = 0;
  std::int64_t number = 0;
};

class KeyedCounters : public RowsWorkload<CountedNumber> {
 public:
  bool may_be_drained() const final { return true; }
  Complaint check_checkpoint(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint) const final;

 protected:
  struct Number {
    std::int64_t key = 0;
    std::int64_t number = 0;
  };
  static constexpr const char* kSource = "numbers";  // its uid

  explicit KeyedCounters(const WorkloadOptions& options);

  /// The source, and what makes numbers of its records.
  virtual Stream<Number> numbers(Job& job) const = 0;
  /// For each number of the input whether the source had read it before the barrier.
  virtual Result<std::vector<bool>> read_before(const CheckpointMetadata& checkpoint) const = 0;

  /// The n-th has the number n.
  const Input<Number>& input() const { return input_; }

 private:
  using Row = CountedNumber;
  class Count;
  static constexpr std::uint64_t kRollBytes = 1000;  // so that several files are committed with one checkpoint

  static Input<Number> make_numbers(const WorkloadOptions& options);
  void describe(Job& job) const final;
  bool is_of_input(const Row& row) const;
  Complaint find_wrong(const Rows& rows) const final;
  Complaint find_missing(const Rows& rows) const final;
  static Complaint find_lost(const Rows& rows, const std::vector<bool>& wanted);
  Complaint find_gap(const Rows& rows) const;
  Complaint find_wrong_count(const std::vector<bool>& read, std::map<std::int64_t, std::int64_t> counts) const;

  const Input<Number> input_;
  std::map<std::int64_t, std::int64_t> records_of_;  // by key
};

}  // namespace tidemark
