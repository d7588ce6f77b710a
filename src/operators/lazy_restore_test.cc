// A keyed operator whose restored state is loaded behind: records, timers and the wall clock ask for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/operator_harness.h"
#include "tidemark/detail/operators/keyed_process.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kKeys = 400;

struct Event {
  std::int64_t key = 0;
  std::int64_t value = 0;
};

/// Adds up, and puts out the sum; a value of 0 sets a timer that puts it out.
struct Sums : KeyedProcess<std::int64_t, Event, std::int64_t> {
  ValueState<std::int64_t> sum_;
  explicit Sums(Declare& declare) : sum_{declare, "sum"} {}
  void process(const Event& event, Context& context, Out<std::int64_t>& out) override {
    if (event.value == 0) {
      context.timers().at(Timestamp{1000 + event.key});
      return;
    }
    sum_.set(sum_.get() + event.value);
    out.emit(sum_.get());
  }
  void on_timer(Timestamp, Context&, Out<std::int64_t>& out) override { out.emit(sum_.get()); }
};

class Subject {
 public:
  using Op = KeyedProcessOperator<Sums, decltype(&Event::key)>;

  explicit Subject(TestWorld& world, OperatorRestore restore = {})
      : context_{world}, op_{std::make_unique<Op>([](Declare& d) { return std::make_unique<Sums>(d); }, &Event::key)} {
    context_.context.restore = std::move(restore);
    context_.context.restore.lazy = {.on = true, .from_bytes = 1, .unit_bytes = 1};
    context_.context.tell_loading = [this](const LoadEvent& event) { told_.push_back(event.kind); };
    op_->out().add_receiver(end_);
    op_->open(context_.context);
  }
  ~Subject() {
    op_.reset();
    context_.run_mail();
  }

  void process(const std::vector<Event>& events) {
    TypedBatch<Event> batch;
    for (const Event& event : events) batch.append(event, 0, batch.borrowed_text());
    hash_keys(batch, [](const Event& event) { return event.key; });
    op_->receive(batch);
  }
  std::vector<std::int64_t> take() {
    std::vector<std::int64_t> values = end_.values();
    end_.records.clear();
    return values;
  }
  Op& op() { return *op_; }
  TestContext& context() { return context_; }
  const std::vector<LoadEvent::Kind>& told() const { return told_; }

 private:
  TestContext context_;
  Keeping<std::int64_t> end_;
  std::vector<LoadEvent::Kind> told_;
  std::unique_ptr<Op> op_;
};

std::vector<Event> of_each_key(std::int64_t value) {
  std::vector<Event> events;
  for (std::int64_t key = 0; key < kKeys; ++key) events.push_back({key, value});
  return events;
}

class LazyRestoredOperator : public testing::Test {
 protected:
  void save(const std::vector<std::vector<Event>>& batches) {
    Subject before{world_};
    for (const auto& batch : batches) before.process(batch);
    restore_ = restore_of({finish_snapshot(start_snapshot(world_, before.op(), before.context().context))}, {0, 128});
  }

  TestWorld world_;
  OperatorRestore restore_;
};

TEST_F(LazyRestoredOperator, EachRecordFindsItsStateWhateverIsLoaded) {
  save({of_each_key(5)});
  Subject after{world_, restore_};
  EXPECT_TRUE(after.op().next_processing_time().has_value());
  after.process({{7, 1}, {8, 2}, {7, 3}});
  EXPECT_THAT(after.take(), testing::ElementsAre(6, 7, 9));
  EXPECT_TRUE(after.op().next_processing_time().has_value());
  after.process(of_each_key(1));
  std::vector<std::int64_t> expected(kKeys, 6);
  expected[7] = 10;
  expected[8] = 8;
  EXPECT_EQ(after.take(), expected);
}

TEST_F(LazyRestoredOperator, AnIdleOneLoadsOnUntilAllIsThere) {
  save({of_each_key(5)});
  Subject after{world_, restore_};
  int turns = 0;
  for (; after.op().next_processing_time().has_value(); ++turns) {
    ASSERT_LE(*after.op().next_processing_time(), wall_time(world_.env));
    ASSERT_TRUE(after.op().advance_processing_time(wall_time(world_.env)));
  }
  EXPECT_EQ(turns, 128);
  after.process(of_each_key(1));
  EXPECT_EQ(after.take(), std::vector<std::int64_t>(kKeys, 6));
}

TEST_F(LazyRestoredOperator, ATimerFindsTheStateOfItsKey) {
  save({of_each_key(5), of_each_key(0)});
  Subject after{world_, restore_};
  int calls = 1;
  while (!after.op().advance(Timestamp{5000})) ++calls;
  EXPECT_EQ(after.take(), std::vector<std::int64_t>(kKeys, 5));
  // Each that has to load ends its call, so that no mail waits for all of them.
  EXPECT_GT(calls, 100);
}

TEST_F(LazyRestoredOperator, TellsOfItsFirstRecordAndOfItsLastUnit) {
  using enum LoadEvent::Kind;
  save({of_each_key(5)});
  Subject after{world_, restore_};
  EXPECT_THAT(after.told(), testing::ElementsAre(kLoadsBehind));
  after.process({{7, 1}});
  after.process({{8, 1}});
  EXPECT_THAT(after.told(), testing::ElementsAre(kLoadsBehind, kFirstRecord));
  after.process(of_each_key(1));
  while (after.op().next_processing_time()) static_cast<void>(after.op().advance_processing_time(wall_time(world_.env)));
  EXPECT_THAT(after.told(), testing::ElementsAre(kLoadsBehind, kFirstRecord, kAllLoaded));
}

TEST_F(LazyRestoredOperator, AFileThatFailsIsNotTheFunctionsFault) {
  save({of_each_key(5)});
  Subject after{world_, restore_};
  world_.files.set_hook([](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation != FileOperation::kRead) return {};
    return Error{ErrorCode::kIo, path + ": the disk is gone"};
  });
  try {
    after.process({{7, 1}});
    FAIL() << "the record was processed without its state";
  } catch (const TaskFailure& failure) {
    EXPECT_FALSE(failure.names_operator());
    EXPECT_THAT(failure.error().message(), HasSubstr("the disk is gone"));
    EXPECT_THAT(failure.error().message(), testing::Not(HasSubstr("record")));
  }
}

}  // namespace
}  // namespace tidemark::detail
