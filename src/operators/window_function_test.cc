// The general window operator against a plain model of it: lists of windows, looked through from one end to the other.
#include "tidemark/detail/operators/window_function.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "operators/operator_harness.h"
#include "tidemark/aggregate.h"
#include "tidemark/detail/operators/window_aggregate.h"

namespace tidemark::detail {
namespace {

constexpr std::uint32_t kMaxParallelism = 128;

template <class K>
struct Record {
  K key{};
  std::int64_t value = 0;
};
template <class K>
struct KeyOf {
  K operator()(const Record<K>& record) const { return record.key; }
};

std::string show(std::int64_t value) { return std::to_string(value); }
std::string show(std::string_view value) { return std::string{value}; }

/// How a trigger looks to the model.
struct ModelTrigger {
  std::int64_t count = 0;     // fires at each such number of records; 0: not
  std::int64_t interval = 0;  // fires at multiples of it in event time, and at the end; 0: not
  bool at_end = false;        // fires at the end, and for late records
  bool purges = false;
};

struct ModelWindow {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> records;  // time and value
  std::int64_t count = 0;
  std::int64_t next = INT64_MAX;
  std::int64_t alarm = INT64_MAX;
};

class Model {
 public:
  WindowSpec spec;
  std::int64_t gap = 0;  // of sessions; 0: none
  bool is_global = false;
  std::int64_t lateness = 0;
  ModelTrigger trigger;
  std::size_t keeps = 0;  // by an evictor; 0: all
  std::int64_t watermark = INT64_MIN;
  std::map<std::string, std::vector<ModelWindow>> keys;

  std::vector<std::string> fired;

  // False if it is late.
  bool take(const std::string& key, std::int64_t value, std::int64_t time) {
    bool taken = false;
    for (const ModelWindow& window : windows_of(time)) taken |= gap > 0 ? take_merging(key, window, value, time) : take_into(key, window, value, time);
    return taken;
  }

  void advance(std::int64_t to) {
    watermark = to;
    for (auto& [key, windows] : keys) {
      for (ModelWindow& window : windows) wake(key, window);
      std::erase_if(windows, [&](const ModelWindow& window) { return is_over(window); });
    }
  }

 private:
  std::vector<ModelWindow> windows_of(std::int64_t t) const {
    std::vector<ModelWindow> windows;
    const auto add = [&](std::int64_t start, std::int64_t end) {
      ModelWindow window;
      window.start = start;
      window.end = end;
      windows.push_back(window);
    };
    if (is_global) {
      add(INT64_MIN, INT64_MAX);
    } else if (gap > 0) {
      add(t, t + gap);
    } else if (spec.cumulates) {
      std::int64_t start = t;
      while ((start - spec.offset_ms) % spec.size_ms != 0) --start;
      for (std::int64_t end = start + spec.slide_ms; end <= start + spec.size_ms; end += spec.slide_ms) {
        if (t < end) add(start, end);
      }
    } else {
      for (std::int64_t start = t - spec.size_ms + 1; start <= t; ++start) {
        if ((start - spec.offset_ms) % spec.slide_ms == 0) add(start, start + spec.size_ms);
      }
    }
    return windows;
  }
  bool is_over(const ModelWindow& window) const { return window.end != INT64_MAX && watermark != INT64_MIN && window.end - 1 + lateness <= watermark; }
  std::int64_t last(const ModelWindow& window) const { return window.end - 1; }

  bool take_into(const std::string& key, const ModelWindow& fresh, std::int64_t value, std::int64_t time) {
    if (is_over(fresh)) return false;
    auto& windows = keys[key];
    auto at = std::find_if(windows.begin(), windows.end(), [&](const ModelWindow& w) { return w.start == fresh.start && w.end == fresh.end; });
    if (at == windows.end()) at = windows.insert(windows.end(), fresh);
    record(key, *at, value, time);
    return true;
  }
  bool take_merging(const std::string& key, ModelWindow merged, std::int64_t value, std::int64_t time) {
    auto& windows = keys[key];
    // The records of one session behind those of an earlier one, whichever came first: evictors tell.
    std::sort(windows.begin(), windows.end(), [](const ModelWindow& a, const ModelWindow& b) { return a.start < b.start; });
    std::vector<ModelWindow> others;
    for (const ModelWindow& window : windows) {
      if (window.start > merged.end || merged.start > window.end) {
        others.push_back(window);
        continue;
      }
      merged.start = std::min(merged.start, window.start);
      merged.end = std::max(merged.end, window.end);
      merged.records.insert(merged.records.end(), window.records.begin(), window.records.end());
      merged.count += window.count;
      merged.next = std::min(merged.next, window.next);
      merged.alarm = std::min(merged.alarm, window.alarm);
    }
    if (is_over(merged)) return false;
    record(key, merged, value, time);
    others.push_back(merged);
    windows = others;
    return true;
  }

  void record(const std::string& key, ModelWindow& window, std::int64_t value, std::int64_t time) {
    window.records.emplace_back(time, value);
    if (trigger.count > 0 && ++window.count >= trigger.count) {
      window.count = 0;
      fire(key, window);
    }
    if (trigger.count > 0) return;
    if (last(window) <= watermark) return fire(key, window);
    if (trigger.at_end) window.alarm = last(window);
    if (trigger.interval > 0) {
      if (window.next == INT64_MAX) window.next = next_multiple(Timestamp{time}, Duration{trigger.interval}).ms();
      window.alarm = std::min(window.next, last(window));
    }
  }
  void wake(const std::string& key, ModelWindow& window) {
    while (window.alarm <= watermark && window.alarm != INT64_MAX) {
      const std::int64_t when = window.alarm;
      window.alarm = INT64_MAX;
      if (when >= last(window)) {
        fire(key, window);
        continue;
      }
      if (trigger.interval == 0) continue;
      if (watermark >= last(window)) {
        window.alarm = last(window);
        window.next = INT64_MAX;
        continue;
      }
      fire(key, window);
      std::int64_t next = std::max(when, watermark) + 1;
      while (next % trigger.interval != 0) ++next;
      window.next = next;
      window.alarm = std::min(next, last(window));
    }
  }
  void fire(const std::string& key, ModelWindow& window) {
    if (window.records.empty()) return;
    if (keeps > 0 && window.records.size() > keeps) window.records.erase(window.records.begin(), window.records.end() - static_cast<std::ptrdiff_t>(keeps));
    auto in_order = window.records;
    std::sort(in_order.begin(), in_order.end());
    std::string row = key + " [" + show(window.start) + "," + show(window.end) + ")";
    for (const auto& [time, value] : in_order) row += " " + show(value);
    fired.push_back(row);
    if (trigger.purges) window.records.clear();
  }
};

struct NamedRecord {
  std::string key;
  std::int64_t value = 0;
  std::int64_t time = 0;
};

/// A subtask of the operator, whatever its types are: the property is compiled once for all of them.
class AnySubject {
 public:
  virtual ~AnySubject() = default;
  virtual void receive(const std::vector<NamedRecord>& records) = 0;
  virtual void advance(std::int64_t watermark) = 0;
  virtual StartedSnapshot start() = 0;
  virtual OperatorSnapshot finish(StartedSnapshot started) = 0;
  virtual std::size_t timers() const = 0;

  std::vector<std::string> rows;
  std::vector<std::string> late;
};

template <class K>
K key_from(const std::string& text) {
  if constexpr (std::same_as<K, std::string_view>) {
    return text;
  } else {
    return std::stoll(text);
  }
}

template <class K, class Windows, class Trigger, class Content>
class Subject final : public AnySubject {
  using Rec = Record<K>;
  using Function = WithClock<WindowFunction<K, Rec, Windows, Trigger, Content, WindowRows<K, typename Content::Result, KeyedRow>>>;
  using Op = WindowOperator<Function, KeyOf<K>>;

 public:
  using Setup = typename Function::Setup;

  Subject(TestWorld& world, Setup setup, OperatorRestore restore, std::uint32_t subtask, std::uint32_t parallelism)
      : world_{world},
        context_{std::make_unique<TestContext>(world, subtask, parallelism, kMaxParallelism)},
        op_{std::make_unique<Op>([setup](Declare& declare) { return std::make_unique<Function>(declare, setup, WindowRows<K, typename Content::Result, KeyedRow>{}); },
                                 KeyOf<K>{})} {
    context_->context.restore = std::move(restore);
    op_->out().add_receiver(end_);
    op_->late_out().add_receiver(late_);
    op_->open(context_->context);
  }
  ~Subject() override {
    op_.reset();
    context_->run_mail();
  }

  /// The records' text lies in the batch, which is overwritten after the call.
  void receive(const std::vector<NamedRecord>& records) override {
    TypedBatch<Rec> batch;
    for (const NamedRecord& record : records) batch.append(Rec{key_from<K>(record.key), record.value}, record.time);
    hash_keys(batch, KeyOf<K>{});
    op_->receive(batch);
    batch.clear();
    if constexpr (contains_views_v<K>) std::fill_n(batch.arena().allocate(1 << 15), 1 << 15, '#');
  }
  void advance(std::int64_t watermark) override {
    while (!op_->advance(Timestamp{watermark})) {}
  }
  StartedSnapshot start() override { return start_snapshot(world_, *op_, context_->context); }
  OperatorSnapshot finish(StartedSnapshot started) override {
    OperatorSnapshot result = finish_snapshot(std::move(started));
    context_->run_mail();
    return result;
  }
  std::size_t timers() const override { return op_->timers(); }

 private:
  static std::string show_row(const typename Op::Output& row) {
    std::string text = show(row.key) + " [" + show(row.start.ms()) + "," + show(row.end.ms()) + ")";
    for (const Rec& record : row.value) {
      EXPECT_EQ(record.key, row.key);
      text += " " + show(record.value);
    }
    return text;
  }

  TestWorld& world_;
  std::unique_ptr<TestContext> context_;
  Receiving<typename Op::Output> end_{[this](const auto& row, std::int64_t) { rows.push_back(show_row(row)); }};
  Receiving<Rec> late_{[this](const Rec& record, std::int64_t time) { late.push_back(show(record.key) + ":" + show(record.value) + "@" + show(time)); }};
  std::unique_ptr<Op> op_;
};

using Listed = ListAggregate<WholeRecord>;

struct Place {
  std::uint32_t subtask = 0;
  std::uint32_t parallelism = 1;
};

/// What the property has to know of the operator.
struct Tested {
  std::function<std::unique_ptr<AnySubject>(TestWorld&, Duration allowed_lateness, OperatorRestore, Place)> make;
  std::function<std::uint32_t(const std::string&)> key_group;
  bool has_text_keys = false;
};

class Property {
 public:
  Property(std::uint64_t seed, Model model, Tested tested) : random_{seed}, model_{std::move(model)}, tested_{std::move(tested)} {
    model_.lateness = below(2) == 0 ? 0 : below(30);
    now_ = below(2) == 0 ? -100'000 : below(1000) - 500;
    const std::int64_t keys = 1 + below(12);
    for (std::int64_t i = 0; i < keys; ++i) {
      std::string key = std::to_string(i);
      if (tested_.has_text_keys) key = (i % 2 == 0 ? "k" : "a rather long key, number ") + key;
      names_.push_back(std::move(key));
    }
    build(1 + static_cast<std::uint32_t>(below(3)), {});
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const std::int64_t action = below(20);
      if (action < 11) {
        records();
      } else if (action < 17) {
        now_ += below(15);
        if (now_ - 20 > model_.watermark) advance(now_ - 20);
      } else if (action < 19) {
        snapshot();
      } else {
        restart();
      }
    }
    if (testing::Test::HasFailure() || model_.is_global) return;
    advance(INT64_MAX);
    for (const auto& subject : subjects_) EXPECT_EQ(subject->timers(), 0u);
  }

 private:
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }

  std::uint32_t subtask_for(const std::string& name) const {
    return subtask_of(tested_.key_group(name), static_cast<std::uint32_t>(subjects_.size()), kMaxParallelism);
  }
  void build(std::uint32_t parallelism, const std::vector<OperatorSnapshot>& snapshots) {
    running_.clear();
    subjects_.clear();
    for (std::uint32_t subtask = 0; subtask < parallelism; ++subtask) {
      auto restore = restore_of(snapshots, range_of_subtask(subtask, parallelism, kMaxParallelism));
      subjects_.push_back(tested_.make(world_, Duration{model_.lateness}, std::move(restore), {subtask, parallelism}));
    }
  }

  void records() {
    std::vector<std::string> late;
    std::vector<std::vector<NamedRecord>> batches(subjects_.size());
    for (std::int64_t n = 1 + below(12); n > 0; --n) {
      const std::string& name = names_[static_cast<std::size_t>(below(static_cast<std::int64_t>(names_.size())))];
      const std::int64_t time = now_ + below(80) - 60;
      const std::int64_t value = below(1000);
      batches[subtask_for(name)].push_back({name, value, time});
      if (!model_.take(name, value, time)) late.push_back(name + ":" + show(value) + "@" + show(time));
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
  void advance(std::int64_t to) {
    model_.advance(to);
    for (auto& subject : subjects_) subject->advance(to);
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
    build(1 + static_cast<std::uint32_t>(below(4)), completed_);
  }

  std::mt19937_64 random_;
  TestWorld world_;
  Model model_;
  Tested tested_;
  std::int64_t now_ = 0;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<AnySubject>> subjects_;
  std::vector<StartedSnapshot> running_;
  Model model_at_start_;
  std::vector<OperatorSnapshot> completed_;
  Model completed_model_;
};

template <class Windows>
Windows random_windows(std::mt19937_64& random, Model& model) {
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n)); };
  if constexpr (std::same_as<Windows, GlobalWindows>) {
    model.is_global = true;
    return {};
  } else if constexpr (std::same_as<Windows, SessionWindows<FixedGap>>) {
    model.gap = 1 + below(25);
    return {{Duration{model.gap}}};
  } else {
    const std::int64_t size = 1 + below(30);
    switch (below(3)) {
      case 0: model.spec = WindowSpec::tumbling(size, below(60) - 30); break;
      case 1: model.spec = WindowSpec::sliding(size, 1 + below(size), below(60) - 30); break;
      default: model.spec = WindowSpec::cumulative(size * (1 + below(4)), size, below(60) - 30);
    }
    return {model.spec};
  }
}

template <class K, class Windows, class Trigger, class Content>
Tested tested(Windows windows, Trigger trigger, Content content) {
  using Of = Subject<K, Windows, Trigger, Content>;
  Tested result;
  result.make = [=](TestWorld& world, Duration allowed_lateness, OperatorRestore restore, Place at) {
    typename Of::Setup setup{windows, trigger, content};
    setup.allowed_lateness = allowed_lateness;
    return std::make_unique<Of>(world, std::move(setup), std::move(restore), at.subtask, at.parallelism);
  };
  result.key_group = [](const std::string& name) { return key_group_of(hash_key<K>(key_from<K>(name)), kMaxParallelism); };
  result.has_text_keys = std::same_as<K, std::string_view>;
  return result;
}

template <class K, class Windows, class Trigger>
void check(ModelTrigger as_modelled, const Trigger& trigger, std::uint64_t seeds = 12) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed * 7919};
    Model model;
    const Windows windows = random_windows<Windows>(random, model);
    model.trigger = as_modelled;
    if (seed % 3 == 0) {
      model.keeps = 1 + random() % 4;
      using Content = AggregatedRecords<Record<K>, Evictors<CountEvictor, NoEvictor>, Listed>;
      Property{seed, model, tested<K>(windows, trigger, Content{{{{model.keeps}, {}}}, {}})}.run(150);
    } else {
      Property{seed, model, tested<K>(windows, trigger, AccumulatedContent<Record<K>, Listed>{})}.run(150);
    }
    if (testing::Test::HasFailure()) return;
  }
}

using Sessions = SessionWindows<FixedGap>;

TEST(WindowFunctionAgainstAModel, TimeWindows) { check<std::int64_t, WindowAssigner>({.at_end = true}, event_time_trigger()); }
TEST(WindowFunctionAgainstAModel, Sessions) { check<std::int64_t, Sessions>({.at_end = true}, event_time_trigger()); }
TEST(WindowFunctionAgainstAModel, SessionsOfText) { check<std::string_view, Sessions>({.at_end = true}, event_time_trigger()); }
TEST(WindowFunctionAgainstAModel, SessionsThatForget) { check<std::int64_t, Sessions>({.at_end = true, .purges = true}, purging(event_time_trigger())); }
TEST(WindowFunctionAgainstAModel, SessionsByCount) { check<std::int64_t, Sessions>({.count = 3}, count_trigger(3)); }
TEST(WindowFunctionAgainstAModel, CountsInTimeWindows) { check<std::string_view, WindowAssigner>({.count = 3, .purges = true}, purging(count_trigger(3))); }
TEST(WindowFunctionAgainstAModel, CountsInGlobalWindows) { check<std::int64_t, GlobalWindows>({.count = 4, .purges = true}, purging(count_trigger(4))); }
TEST(WindowFunctionAgainstAModel, ContinuousInTimeWindows) { check<std::int64_t, WindowAssigner>({.interval = 7}, continuous_trigger(Duration{7})); }
TEST(WindowFunctionAgainstAModel, ContinuousInSessions) { check<std::int64_t, Sessions>({.interval = 7}, continuous_trigger(Duration{7})); }

}  // namespace
}  // namespace tidemark::detail
