#include "tidemark/detail/operators/async_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "env/split_mix_random.h"

namespace tidemark::detail {
namespace {

using enum AsyncQueue::Front;

constexpr std::int64_t kMs = 1'000'000;

/// What has left, in order: records by their number, watermarks by their negated time.
struct Left {
  std::vector<std::int64_t> items;
  void take_all(AsyncQueue& queue, const std::map<AsyncQueue::Slot, std::int64_t>& numbers) {
    for (;;) {
      switch (queue.front()) {
        case kNothing:
          return;
        case kRecord:
          items.push_back(numbers.at(queue.take_record()));
          break;
        case kWatermark:
          items.push_back(-queue.take_watermark().ms());
          break;
      }
    }
  }
};

TEST(AsyncQueue, OrderedResultsLeaveInTheOrderOfTheirRecordsAndWatermarksBetweenThem) {
  AsyncQueue queue{{.ordered = true}};
  std::map<AsyncQueue::Slot, std::int64_t> numbers;
  for (int i = 1; i <= 2; ++i) numbers[queue.add()] = i;
  queue.add_watermark(Timestamp{10});
  numbers[queue.add()] = 3;
  const auto first = queue.next_request(0), second = queue.next_request(0), third = queue.next_request(0);
  Left left;
  queue.finish(third->slot);
  queue.finish(second->slot);
  left.take_all(queue, numbers);
  EXPECT_TRUE(left.items.empty());
  queue.finish(first->slot);
  left.take_all(queue, numbers);
  EXPECT_EQ(left.items, (std::vector<std::int64_t>{1, 2, -10, 3}));
  EXPECT_TRUE(queue.empty());
}

TEST(AsyncQueue, UnorderedResultsLeaveAsTheyComeButNotOverAWatermark) {
  AsyncQueue queue{{.ordered = false}};
  std::map<AsyncQueue::Slot, std::int64_t> numbers;
  for (int i = 1; i <= 2; ++i) numbers[queue.add()] = i;
  queue.add_watermark(Timestamp{10});
  numbers[queue.add()] = 3;
  const auto first = queue.next_request(0), second = queue.next_request(0), third = queue.next_request(0);
  Left left;
  queue.finish(third->slot);
  queue.finish(second->slot);
  left.take_all(queue, numbers);
  EXPECT_EQ(left.items, (std::vector<std::int64_t>{2}));
  queue.finish(first->slot);
  left.take_all(queue, numbers);
  EXPECT_EQ(left.items, (std::vector<std::int64_t>{2, 1, -10, 3}));
}

TEST(AsyncQueue, AWatermarkWithoutRecordsBeforeItLeavesAtOnceAndTheLastOfSeveralCounts) {
  AsyncQueue queue{{}};
  queue.add_watermark(Timestamp{10});
  queue.add_watermark(Timestamp{20});
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.front(), kWatermark);
  EXPECT_EQ(queue.take_watermark(), Timestamp{20});
  EXPECT_TRUE(queue.empty());
}

TEST(AsyncQueue, NoMoreAreAskedAboutThanMayBeOut) {
  AsyncQueue queue{{.capacity = 2}};
  for (int i = 0; i < 3; ++i) queue.add();
  EXPECT_FALSE(queue.has_room());
  const auto first = queue.next_request(0);
  EXPECT_TRUE(queue.next_request(0));
  EXPECT_FALSE(queue.next_request(0));
  queue.finish(first->slot);
  EXPECT_FALSE(queue.next_request(0)) << "its result has not left";
  queue.take_record();
  EXPECT_TRUE(queue.next_request(0));
  EXPECT_EQ(queue.records(), 2u);
}

TEST(AsyncQueue, AFailedRequestIsMadeAgainAfterGrowingPausesAndOnlySoOften) {
  AsyncQueue queue{{.timeout_ns = 0, .retry = {.attempts = 5, .first_delay_ns = 10 * kMs, .longest_delay_ns = 35 * kMs, .factor = 2}}};
  queue.add();
  auto request = queue.next_request(0);
  std::int64_t now_ns = 0;
  for (const std::int64_t pause_ms : {10, 20, 35, 35}) {
    ASSERT_TRUE(queue.try_again(request->slot, now_ns));
    EXPECT_FALSE(queue.is_current(*request));
    EXPECT_EQ(queue.next_alarm_ns(), now_ns + pause_ms * kMs);
    EXPECT_FALSE(queue.ring(now_ns + pause_ms * kMs - 1));
    EXPECT_FALSE(queue.next_request(now_ns));
    now_ns += pause_ms * kMs;
    EXPECT_FALSE(queue.ring(now_ns));
    const auto again = queue.next_request(now_ns);
    ASSERT_TRUE(again);
    EXPECT_FALSE(queue.is_current(*request)) << "an answer to an earlier attempt";
    EXPECT_TRUE(queue.is_current(*again));
    request = again;
  }
  EXPECT_FALSE(queue.try_again(request->slot, now_ns));
  EXPECT_EQ(queue.next_alarm_ns(), std::nullopt);
}

TEST(AsyncQueue, TheTimeoutIsForAllAttemptsAndFindsARequestInEveryState) {
  const AsyncPolicy policy{.timeout_ns = 25 * kMs, .retry = {.attempts = 9, .first_delay_ns = 10 * kMs, .longest_delay_ns = 10 * kMs}};
  for (int attempts_before = 1; attempts_before <= 3; ++attempts_before) {
    for (const bool rests : {false, true}) {
      AsyncQueue queue{policy};
      const auto slot = queue.add();
      auto request = *queue.next_request(0);
      for (int attempt = 1; attempt < attempts_before; ++attempt) {
        ASSERT_TRUE(queue.try_again(slot, 10 * kMs * (attempt - 1)));
        EXPECT_FALSE(queue.ring(10 * kMs * attempt));
        request = *queue.next_request(10 * kMs * attempt);
      }
      if (rests) ASSERT_TRUE(queue.try_again(slot, 20 * kMs));
      EXPECT_EQ(queue.next_alarm_ns(), 25 * kMs);
      EXPECT_EQ(queue.ring(25 * kMs), slot);
      EXPECT_FALSE(queue.is_current(request));
      EXPECT_FALSE(queue.ring(99 * kMs));
      queue.finish(slot);
      EXPECT_EQ(queue.take_record(), slot);
      EXPECT_TRUE(queue.empty());
    }
  }
}

TEST(AsyncQueue, ATimeoutAtTheEndOfTimeIsNone) {
  AsyncQueue queue{{.timeout_ns = INT64_MAX}};
  queue.add();
  ASSERT_TRUE(queue.next_request(INT64_MAX - 5));
  EXPECT_EQ(queue.next_alarm_ns(), std::nullopt);
}

/// Says of every record what it knows, in the plainest way: a list of all that has come.
class Model {
 public:
  struct Item {
    bool is_watermark;
    std::int64_t number;
    bool has_result = false;
    bool has_left = false;
  };

  Model(bool ordered) : ordered_{ordered} {}
  void add(std::int64_t number) { items_.push_back({false, number}); }
  void add_watermark(std::int64_t number) {
    if (!items_.empty() && items_.back().is_watermark && !items_.back().has_left) items_.pop_back();
    items_.push_back({true, number, true});
  }
  void finish(std::int64_t number) { find(number).has_result = true; }

  bool may_leave(const Item& item) const {
    for (const Item& before : items_) {
      if (&before == &item) return item.has_result;
      if (!before.has_left && (ordered_ || before.is_watermark || item.is_watermark)) return false;
    }
    return false;
  }
  bool any_may_leave() const {
    return std::ranges::any_of(items_, [&](const Item& item) { return !item.has_left && may_leave(item); });
  }
  /// False if it may not.
  bool leave(std::int64_t number) {
    Item& item = find(number);
    if (item.has_left || !may_leave(item)) return false;
    return item.has_left = true;
  }
  bool all_left() const { return std::ranges::all_of(items_, &Item::has_left); }

 private:
  Item& find(std::int64_t number) { return *std::ranges::find(items_, number, &Item::number); }

  bool ordered_;
  std::vector<Item> items_;
};

/// A queue and its model under random answers, failures, timeouts and watermarks.
class RandomRun {
 public:
  RandomRun(std::uint64_t seed, bool ordered)
      : random_{seed},
        policy_{.ordered = ordered, .capacity = 1 + random_.next() % 6, .timeout_ns = 40, .retry = {.attempts = 3, .first_delay_ns = 5, .longest_delay_ns = 12, .factor = 2}},
        queue_{policy_},
        model_{ordered} {}

  void run() {
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
      now_ns_ += static_cast<std::int64_t>(random_.next() % 4);
      ring();
      if (random_.next() % 3 == 0) ask();
      if (random_.next() % 3 == 0) answer();
      if (random_.next() % 2 == 0) leave(1 + random_.next() % 3);
      if (queue_.has_room() && random_.next() % 2 == 0) add_record();
      if (random_.next() % 6 == 0) add_watermark();
      check();
    }
    for (int step = 0; step < 10'000 && !queue_.empty(); ++step) {
      ++now_ns_;
      ring();
      ask();
      answer();
      leave(100);
    }
    EXPECT_TRUE(queue_.empty());
    EXPECT_TRUE(model_.all_left());
    EXPECT_TRUE(requests_.empty() || !queue_.is_current(requests_.back()));
  }

 private:
  void add_record() {
    const auto slot = queue_.add();
    EXPECT_FALSE(number_of_.contains(slot)) << "a slot of a record that has not left";
    number_of_[slot] = ++numbers_;
    model_.add(numbers_);
  }
  void add_watermark() {
    model_.add_watermark(-++watermarks_);
    queue_.add_watermark(Timestamp{watermarks_});
  }
  void ask() {
    const auto request = queue_.next_request(now_ns_);
    if (!request) return;
    const std::int64_t number = number_of_.at(request->slot);
    first_asked_ns_.try_emplace(number, now_ns_);
    EXPECT_LE(++attempts_[number], 3);
    requests_.push_back(*request);
    EXPECT_LE(std::ranges::count_if(number_of_, [&](const auto& each) { return first_asked_ns_.contains(each.second); }),
              static_cast<std::ptrdiff_t>(policy_.capacity));
  }
  void answer() {
    if (requests_.empty()) return;
    const std::size_t which = random_.next() % requests_.size();
    const AsyncQueue::Request request = requests_[which];
    requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(which));
    if (!queue_.is_current(request)) return;
    if (random_.next() % 3 == 0 && queue_.try_again(request.slot, now_ns_)) return;
    finish(request.slot);
  }
  void ring() {
    while (const auto slot = queue_.ring(now_ns_)) {
      EXPECT_GE(now_ns_, first_asked_ns_.at(number_of_.at(*slot)) + policy_.timeout_ns);
      finish(*slot);
    }
    EXPECT_GT(queue_.next_alarm_ns().value_or(INT64_MAX), now_ns_);
  }
  void finish(AsyncQueue::Slot slot) {
    EXPECT_TRUE(finished_.insert(number_of_.at(slot)).second);
    model_.finish(number_of_.at(slot));
    queue_.finish(slot);
  }
  void leave(std::uint64_t at_most) {
    for (; at_most > 0; --at_most) {
      if (queue_.front() == kNothing) return;
      if (queue_.front() == kWatermark) {
        EXPECT_TRUE(model_.leave(-queue_.take_watermark().ms()));
      } else {
        const auto slot = queue_.take_record();
        EXPECT_TRUE(model_.leave(number_of_.at(slot)));
        number_of_.erase(slot);
      }
    }
  }
  void check() {
    EXPECT_EQ(queue_.front() != kNothing, model_.any_may_leave());
    EXPECT_EQ(queue_.records(), number_of_.size());
    std::vector<std::int64_t> in_order;
    for (const auto slot : queue_.in_order()) in_order.push_back(number_of_.at(slot));
    EXPECT_TRUE(std::ranges::is_sorted(in_order));
    EXPECT_EQ(in_order.size(), number_of_.size());
    for (const auto& [slot, number] : number_of_) {
      const bool is_overdue = first_asked_ns_.contains(number) && !finished_.contains(number) && now_ns_ >= first_asked_ns_[number] + policy_.timeout_ns;
      EXPECT_FALSE(is_overdue) << number;
    }
  }

  SplitMixRandom random_;
  AsyncPolicy policy_;
  AsyncQueue queue_;
  Model model_;
  std::int64_t now_ns_ = 0;
  std::int64_t numbers_ = 0;
  std::int64_t watermarks_ = 0;
  std::map<AsyncQueue::Slot, std::int64_t> number_of_;  // of those that have not left
  std::map<std::int64_t, std::int64_t> first_asked_ns_;
  std::map<std::int64_t, int> attempts_;
  std::set<std::int64_t> finished_;
  std::vector<AsyncQueue::Request> requests_;  // whose answers have not come
};

TEST(AsyncQueue, UnderRandomAnswersFailuresAndTimeoutsIsAsItsModel) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    for (const bool ordered : {true, false}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << (ordered ? ", ordered" : ", unordered"));
      RandomRun{seed, ordered}.run();
    }
  }
}

}  // namespace
}  // namespace tidemark::detail
