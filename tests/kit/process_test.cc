// Functions with operator state and with broadcast rules, under the operator test kit.
#include <gtest/gtest.h>

#include <string>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Item {
  std::int64_t key = 0;
  std::int64_t value = 0;
};

/// Holds records back until three are there, or all is read; which three meet hangs on the parallelism.
class Buffer final : public Process<Item, Item> {
 public:
  explicit Buffer(Declare& declare) : held_{declare, "held"} {}
  void process(const Item& item, Context&, Out<Item>& out) override {
    held_.add(item);
    if (held_.get().size() < 3) return;
    for (const Item& each : held_.get()) out.emit(each);
    held_.clear();
  }

 private:
  SplitListState<Item> held_;
};

TEST(KitProcess, ASplitListGoesOnAsItWas) {
  for (const TestOptions& way : every_way()) {
    // What a subtask holds is its own: other parallelisms give other groups of three.
    if (way.parallelism != 1 || !way.parallelism_of_restores.empty()) continue;
    OperatorTest<Buffer> t{way};
    t.in({1, 1}).in({2, 2}).expect_out({});
    t.in({3, 3}).expect_out({{1, 1}, {2, 2}, {3, 3}});
    t.in({4, 4}).snapshot().restore().in({5, 5}).in({6, 6}).expect_out({{4, 4}, {5, 5}, {6, 6}});
  }
}

TEST(KitProcess, ASplitListLosesNothingAtOtherParallelisms) {
  OperatorTest<Buffer> t{{.parallelism = 1}};
  t.in({1, 1}).in({2, 2}).snapshot().restore({.parallelism = 2}).snapshot().restore({.parallelism = 1});
  t.in({3, 3}).expect_out({{1, 1}, {2, 2}, {3, 3}});
}

/// Knows all that any subtask has seen.
class Seen final : public Process<Item, std::int64_t> {
 public:
  explicit Seen(Declare& declare) : seen_{declare, "seen"} {}
  void process(const Item& item, Context&, Out<std::int64_t>& out) override {
    seen_.add(item.value);
    out.emit(static_cast<std::int64_t>(seen_.get().size()));
  }

 private:
  UnionListState<std::int64_t> seen_;
};

TEST(KitProcess, AUnionListIsWholeInEverySubtask) {
  OperatorTest<Seen> t;
  t.in({1, 1}).in({1, 2}).snapshot().restore({.parallelism = 2}).in({1, 3});
  t.expect_out({1, 2, 3});
}

struct Rule {
  std::string name;
  std::int64_t factor = 0;
};

/// Multiplies by the factors of all rules, and counts by key.
class Multiply final : public KeyedBroadcastProcess<std::int64_t, Item, Rule, Item> {
 public:
  explicit Multiply(Declare& declare) : rules_{declare, "rules"}, count_{declare, "count"} {}
  void process(const Item& item, Context& ctx, Out<Item>& out) override {
    count_.set(count_.get() + 1);
    std::int64_t value = item.value;
    for (const auto& [name, rule] : rules_.entries()) value *= rule.factor;
    out.emit({ctx.key(), 100 * count_.get() + value});
  }
  void process_broadcast(const Rule& rule, BroadcastContext& ctx, Out<Item>&) override { ctx.writable(rules_).put(rule.name, rule); }

 private:
  BroadcastState<std::string, Rule> rules_;
  ValueState<std::int64_t> count_;
};

TEST(KitProcess, BroadcastRulesBesideStateOfKeys) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<Multiply, &Item::key> t{way};
    t.in({1, 1}).in_broadcast({"double", 2}).in({1, 1}).in({2, 3});
    t.in_broadcast({"triple", 3}).in_broadcast({"double", -2}).in({2, 1}).in({3, 5});
    t.expect_out({{1, 101}, {1, 202}, {2, 106}, {2, 194}, {3, 70}});
    t.watermark(at(5s)).end().expect_out({});
  });
}

class MultiplyAll final : public BroadcastProcess<Item, Rule, Item> {
 public:
  explicit MultiplyAll(Declare& declare) : rules_{declare, "rules"} {}
  void process(const Item& item, Context&, Out<Item>& out) override {
    std::int64_t value = item.value;
    for (const auto& [name, rule] : rules_.entries()) value *= rule.factor;
    out.emit({item.key, value});
  }
  void process_broadcast(const Rule& rule, BroadcastContext& ctx, Out<Item>&) override { ctx.writable(rules_).put(rule.name, rule); }

 private:
  BroadcastState<std::string, Rule> rules_;
};

TEST(KitProcess, BroadcastRulesWithoutKeys) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<MultiplyAll> t{way};
    t.in({1, 1}).in_broadcast({"double", 2}).in({1, 1}).in_broadcast({"triple", 3}).in({2, 1});
    t.expect_out({{1, 1}, {1, 2}, {2, 6}});
  });
}

}  // namespace
}  // namespace tidemark
