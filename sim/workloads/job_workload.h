// What the workloads have in common: a job described through the public API becomes one that the simulator runs, its input
// is a list of records made from the seed, and each mode of checkpoints promises something of the rows.
//
// One thread. Input is shared by oracle and processes and never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "env/split_mix_random.h"
#include "sim/workload.h"
#include "tidemark/tidemark.h"

namespace tidemark {

/// What is wrong, if anything.
using Complaint = std::optional<std::string>;

/// User code calls it for each record and timer: it throws where the scenario asks for that.
class BadLuck {
 public:
  explicit BadLuck(std::function<bool()> strikes) : strikes_{std::move(strikes)} {}
  void operator()() const {
    if (strikes_()) throw std::runtime_error{"bad luck"};
  }
  /// For filter(): lets every record pass that it does not throw for.
  template <class T>
  auto filter() const {
    return [*this](const T&) {
      (*this)();
      return true;
    };
  }

 private:
  std::function<bool()> strikes_;
};

/// Numbers from the seed, for making input.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_{seed} {}
  /// 0 to `sides` - 1.
  std::int64_t below(std::uint64_t sides) { return static_cast<std::int64_t>(random_.next() % sides); }
  bool one_in(std::uint64_t sides) { return below(sides) == 0; }

 private:
  SplitMixRandom random_;
};

/// The records of a source; the n-th is the source's number n.
template <class T>
using Input = std::shared_ptr<const std::vector<T>>;

template <class T>
Input<T> make_input(std::vector<T> records) {
  return std::make_shared<const std::vector<T>>(std::move(records));
}

/// A source of the input; oracle and job must not share more than the values.
template <class T>
auto from_input(const Input<T>& input) {
  return generate<T>(input->size(), [input](std::uint64_t n) { return (*input)[n]; });
}

class JobWorkload : public Workload {
 public:
  SimulatedJob build(std::uint32_t parallelism, std::uint32_t version) final;

 protected:
  explicit JobWorkload(const WorkloadOptions& options) : options_{options}, bad_luck_{options.bad_luck} {}

  virtual std::string name() const = 0;
  /// As main() would, up to run().
  virtual void describe(Job& job) const = 0;

  const WorkloadOptions& options() const { return options_; }
  const BadLuck& bad_luck() const { return bad_luck_; }
  /// Of the job that was built last, or is.
  std::uint32_t version() const { return version_; }

  // What the mode promises of committed rows, whatever happens. Without checkpoints a job reads its input once: nothing
  // repeats, and what is lost when it fails is no matter of the checks here, since it does not finish.
  bool may_repeat() const { return options_.mode == CheckpointMode::kAtLeastOnce; }
  bool exactly_once() const { return !may_repeat(); }

 private:
  WorkloadOptions options_;
  BadLuck bad_luck_;
  std::uint32_t version_ = 0;
};

}  // namespace tidemark
