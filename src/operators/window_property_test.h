// Random records, watermarks, steps of the wall clock, snapshots and restarts at other parallelisms, for window operators and
// their model (window_model_test.h) at once: whatever they give must be the same after each.
//
// A test names windows, a trigger and what is made of the records, as the operator takes them and as the model does.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "operators/window_model_test.h"
#include "operators/window_subject_test.h"
#include "tidemark/aggregate.h"
#include "tidemark/detail/event_time/window_spec.h"
#include "tidemark/window.h"
#include "tidemark/window_process.h"

namespace tidemark::detail {

/// Of the numbers that a property draws.
struct Draw {
  std::mt19937_64 random;
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n)); }
};

class WindowProperty {
 public:
  /// Event times lie some dozens of `unit` around `origin`.
  struct Times {
    std::int64_t origin = 0;
    std::int64_t unit = 1;
  };

  WindowProperty(Draw draw, WindowModel model, TestedWindows tested, Times times)
      : draw_{std::move(draw)}, unit_{times.unit}, model_{std::move(model)}, tested_{std::move(tested)}, now_{times.origin} {
    model_.lateness = model_.by_clock || below(2) == 0 ? 0 : below(30) * unit_;
    world_.clock.now_ms = model_.clock = now_;
    const std::int64_t keys = tested_.is_whole ? 1 : 1 + below(12);
    for (std::int64_t i = 0; i < keys; ++i) {
      std::string key = std::to_string(i);
      if (tested_.has_text_keys) key = (i % 2 == 0 ? "k" : "a rather long key, number ") + key;
      model_.keys[key] = {};
      names_.push_back(std::move(key));
    }
    build(random_parallelism(3), {});
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const std::int64_t action = below(25);
      if (action < 11) {
        records();
      } else if (action < 17) {
        now_ += below(15) * unit_;
        advance_apart();
      } else if (action < 21) {
        advance_clock(below(25) * unit_);
      } else if (action < 24) {
        snapshot();
      } else {
        restart();
      }
    }
    if (!testing::Test::HasFailure()) end();
  }

 private:
  std::int64_t below(std::int64_t n) { return draw_.below(n); }
  std::uint32_t random_parallelism(std::int64_t most) {
    return tested_.is_whole ? 1 : 1 + static_cast<std::uint32_t>(below(most));
  }

  std::uint32_t subtask_for(const std::string& name) const {
    return subtask_of(tested_.key_group(name), static_cast<std::uint32_t>(subjects_.size()), kPropertyMaxParallelism);
  }
  void build(std::uint32_t parallelism, const std::vector<OperatorSnapshot>& snapshots) {
    running_.clear();
    subjects_.clear();
    watermarks_.assign(parallelism, INT64_MIN);
    for (std::uint32_t subtask = 0; subtask < parallelism; ++subtask) {
      auto restore = restore_of(snapshots, range_of_subtask(subtask, parallelism, kPropertyMaxParallelism));
      subjects_.push_back(tested_.make(world_, Duration{model_.lateness}, std::move(restore), {subtask, parallelism}));
    }
  }

  void records() {
    std::vector<std::string> late;
    std::vector<std::vector<ModelRecord>> batches(subjects_.size());
    for (std::int64_t n = 1 + below(12); n > 0; --n) {
      const std::string& name = names_[static_cast<std::size_t>(below(static_cast<std::int64_t>(names_.size())))];
      const ModelRecord record{name, below(1000), now_ + (below(80) - 60) * unit_ + below(unit_)};
      batches[subtask_for(name)].push_back(record);
      if (!model_.take(record)) late.push_back(name + ":" + std::to_string(record.value) + "@" + std::to_string(record.time));
    }
    std::vector<std::string> found_late;
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      subjects_[i]->receive(batches[i]);
      found_late.insert(found_late.end(), subjects_[i]->late.begin(), subjects_[i]->late.end());
      subjects_[i]->late.clear();
    }
    std::sort(late.begin(), late.end());
    std::sort(found_late.begin(), found_late.end());
    ASSERT_EQ(found_late, late);
    compare();
  }
  // Some subtasks lag behind others, so that at another parallelism one has keys of several times.
  void advance_apart() {
    for (std::uint32_t subtask = 0; subtask < subjects_.size(); ++subtask) {
      const std::int64_t to = now_ - 20 * unit_ - (below(2) == 0 ? 0 : below(60) * unit_);
      if (to > watermarks_[subtask]) advance(subtask, to);
    }
  }
  void advance(std::uint32_t subtask, std::int64_t to) {
    watermarks_[subtask] = to;
    advance_model(subtask, to);
    subjects_[subtask]->advance(to);
    compare();
  }
  void advance_model(std::uint32_t subtask, std::int64_t to) {
    for (const std::string& name : names_) {
      if (subtask_for(name) == subtask) model_.advance(name, to);
    }
  }
  void advance_clock(std::int64_t by) {
    world_.clock.now_ms += by;
    model_.advance_clock(world_.clock.now_ms);
    for (auto& subject : subjects_) subject->advance_clock(world_.clock.now_ms);
    compare();
  }
  // Once all windows have gone, and before the end takes everything anyway, nothing is left to wait for.
  void outlive_windows() {
    if (model_.windows_of({}).front().end == kNever) return;
    for (std::uint32_t subtask = 0; subtask < subjects_.size(); ++subtask) advance(subtask, now_ + 1000 * unit_);
    advance_clock(1000 * unit_);
    for (const auto& subject : subjects_) EXPECT_EQ(subject->timers(), 0u);
  }
  void end() {
    outlive_windows();
    for (std::uint32_t subtask = 0; subtask < subjects_.size(); ++subtask) {
      advance_model(subtask, INT64_MAX);
      subjects_[subtask]->end();
      EXPECT_EQ(subjects_[subtask]->timers(), 0u);
    }
    compare();
  }
  void compare() {
    std::vector<std::string> rows;
    for (auto& subject : subjects_) {
      rows.insert(rows.end(), subject->rows.begin(), subject->rows.end());
      subject->rows.clear();
    }
    std::sort(rows.begin(), rows.end());
    std::sort(model_.fired.begin(), model_.fired.end());
    ASSERT_EQ(rows, std::exchange(model_.fired, {}));
  }

  // The work of the snapshot runs on while records come; the last one that ended is what a restart takes.
  void snapshot() {
    if (running_.empty()) {
      model_at_start_ = model_;
      for (auto& subject : subjects_) running_.push_back(subject->start());
      return;
    }
    completed_.clear();
    for (std::size_t i = 0; i < running_.size(); ++i) completed_.push_back(subjects_[i]->finish(std::move(running_[i])));
    running_.clear();
    completed_model_ = model_at_start_;
  }
  void restart() {
    if (completed_.empty()) return;
    model_ = completed_model_;
    model_.clock = world_.clock.now_ms;
    build(random_parallelism(4), completed_);
  }

  Draw draw_;
  std::int64_t unit_;
  TestWorld world_;
  WindowModel model_;
  TestedWindows tested_;
  std::int64_t now_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<AnyWindowSubject>> subjects_;
  std::vector<std::int64_t> watermarks_;  // of the subjects, since they were built
  std::vector<StartedSnapshot> running_;
  WindowModel model_at_start_;
  std::vector<OperatorSnapshot> completed_;
  WindowModel completed_model_;
};

/// What a property is about, as the model has it.
struct Modelled {
  ModelTrigger trigger = {};
  ModelEvictor before = {};
  ModelEvictor after = {};
};

inline WindowProperty::Times draw_times(Draw& draw) { return {draw.below(2) == 0 ? -100'000 : draw.below(1000) - 500}; }

/// `draw_windows(draw, model)` gives windows for the operator, and tells the model which.
template <class K, class Result, class DrawWindows, class Trigger, class Content>
void check_property(const DrawWindows& draw_windows, const Modelled& modelled, const Trigger& trigger, const Content& content,
                    const std::function<Result(Declare&)>& make_result,
                    const std::function<WindowProperty::Times(Draw&)>& draw_times) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Draw draw{std::mt19937_64{seed * 7919}};
    WindowModel model;
    const auto windows = draw_windows(draw, model);
    model.trigger = modelled.trigger;
    model.before = modelled.before;
    model.after = modelled.after;
    model.numbers_firings = requires { Result::kNumbersFirings; };
    const auto times = draw_times(draw);
    WindowProperty{draw, model, tested_windows<K, Result>(windows, trigger, content, make_result), times}.run(100);
    if (testing::Test::HasFailure()) return;
  }
}

/// Rows of an aggregate, which are the records of the window in the order of their times.
template <class K, class DrawWindows, class Trigger>
void check_windows(const DrawWindows& draw_windows, const Modelled& modelled, const Trigger& trigger,
                   const std::function<WindowProperty::Times(Draw&)>& times = draw_times) {
  using Content = AccumulatedContent<PropertyRecord<K>, ListAggregate<WholeRecord>>;
  using Rows = WindowRows<K, typename Content::Result, typename PropertyKey<K>::Row>;
  check_property<K, Rows>(draw_windows, modelled, trigger, Content{}, [](Declare&) { return Rows{}; }, times);
}

/// The same with an evictor before the aggregate and one behind it.
template <class K, class DrawWindows, class Trigger, class Before, class After>
void check_evicted(const DrawWindows& draw_windows, const Modelled& modelled, const Trigger& trigger, const Before& before,
                   const After& after) {
  using Content = AggregatedRecords<PropertyRecord<K>, Evictors<Before, After>, ListAggregate<WholeRecord>>;
  using Rows = WindowRows<K, typename Content::Result, typename PropertyKey<K>::Row>;
  check_property<K, Rows>(
      draw_windows, modelled, trigger, Content{{{before, after}}, {}}, [](Declare&) { return Rows{}; }, draw_times);
}

struct Firings {
  std::int64_t count = 0;
};

/// How often a window has fired for a key, and the key for all its windows.
template <class K>
struct NumberedRow {
  Timestamp start;
  Timestamp end;
  K key{};
  std::vector<PropertyRecord<K>> value;
  std::int64_t of_window = 0;
  std::int64_t of_key = 0;
};
template <class K, class PerWindow>
class NumberFirings final : public WindowProcess<K, WindowRecords<PropertyRecord<K>>, NumberedRow<K>, PerWindow> {
  using Base = WindowProcess<K, WindowRecords<PropertyRecord<K>>, NumberedRow<K>, PerWindow>;

 public:
  explicit NumberFirings(Declare& declare) : firings_{declare, "firings"} {}
  void process(const WindowRecords<PropertyRecord<K>>& records, typename Base::Context& ctx,
               Out<NumberedRow<K>>& out) override {
    firings_.set(firings_.get() + 1);
    NumberedRow<K> row{ctx.window().start, ctx.window().end, ctx.key(), {}, 0, firings_.get()};
    for (const auto& [at, record] : records) row.value.push_back(record);
    if constexpr (requires { ctx.window_state().count; }) row.of_window = ++ctx.window_state().count;
    out.emit(row);
  }

 private:
  typename Base::template ValueState<std::int64_t> firings_;
};
template <class F>
struct NumberedFirings : ProcessedWindows<F> {
  static constexpr bool kNumbersFirings = true;
  using ProcessedWindows<F>::ProcessedWindows;
};

/// A function over windows, which gets the records as they are.
template <class K, class PerWindow, class DrawWindows, class Trigger>
void check_function(const DrawWindows& draw_windows, const Modelled& modelled, const Trigger& trigger) {
  using Function = NumberFirings<K, PerWindow>;
  using Result = NumberedFirings<Function>;
  const auto make = [](Declare& declare) { return Result{std::make_unique<Function>(declare)}; };
  check_property<K, Result>(draw_windows, modelled, trigger, RecordContent<PropertyRecord<K>, NoEvictors>{}, make, draw_times);
}

// Windows that several tests draw.

/// All windows that a time lies in, looked for one millisecond after the other.
inline auto windows_by_search(const WindowSpec& spec) {
  return [spec](const ModelRecord& record) {
    std::vector<ModelSpan> spans;
    for (std::int64_t start = record.time - spec.size_ms + 1; start <= record.time; ++start) {
      if ((start - spec.offset_ms) % (spec.cumulates ? spec.size_ms : spec.slide_ms) != 0) continue;
      const std::int64_t step = spec.cumulates ? spec.slide_ms : spec.size_ms;
      for (std::int64_t end = start + step; end <= start + spec.size_ms; end += step) {
        if (record.time < end) spans.push_back({start, end});
      }
    }
    return spans;
  };
}

inline WindowAssigner draw_time_windows(Draw& draw, WindowModel& model) {
  const std::int64_t size = 1 + draw.below(30);
  const std::int64_t offset = draw.below(60) - 30;
  WindowSpec spec = WindowSpec::tumbling(size, offset);
  switch (draw.below(3)) {
    case 0:
      break;
    case 1:
      spec = WindowSpec::sliding(size, 1 + draw.below(size), offset);
      break;
    default:
      spec = WindowSpec::cumulative(size * (1 + draw.below(4)), size, offset);
  }
  model.windows_of = windows_by_search(spec);
  return {spec};
}

inline SessionWindows<FixedGap> draw_sessions(Draw& draw, WindowModel& model) {
  const std::int64_t gap = 1 + draw.below(25);
  model.merges = true;
  model.windows_of = [gap](const ModelRecord& record) { return std::vector<ModelSpan>{{record.time, record.time + gap}}; };
  return {{Duration{gap}}};
}

inline GlobalWindows global_windows(Draw&, WindowModel& model) {
  model.windows_of = [](const ModelRecord&) { return std::vector<ModelSpan>{{INT64_MIN, INT64_MAX}}; };
  return {};
}

/// The same by the wall clock.
template <class DrawWindows>
auto by_clock(const DrawWindows& draw_windows) {
  return [draw_windows](Draw& draw, WindowModel& model) {
    model.by_clock = true;
    return draw_windows(draw, model).by_processing_time();
  };
}

}  // namespace tidemark::detail
