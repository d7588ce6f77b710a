#include "tidemark/detail/state/operator_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/split_mix_random.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/error.h"
#include "tidemark/operator_state.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

using Rules = BroadcastContent<std::string, std::vector<std::string>>;

/// The same entries, put in one after the other.
std::size_t bytes_of_copy(const Rules& rules) {
  Rules copy;
  for (const auto& [key, value] : rules.entries()) copy.mutate(key, [&](auto& put) { put = value; });
  return copy.memory_bytes();
}

TEST(BroadcastContent, KnowsWhatItsEntriesTakeWhateverBecomesOfThem) {
  SplitMixRandom random{7};
  Rules rules;
  for (int i = 0; i < 3000; ++i) {
    const std::string key(random.next() % 60, 'k');
    switch (random.next() % 8) {
      case 0: rules.remove(key); break;
      case 1: rules.mutate(key, [](auto& value) { value.clear(); }); break;
      case 2: rules.restore_item(encode_item(BroadcastEntry<std::string, std::vector<std::string>>{key, {"restored"}})); break;
      default: rules.mutate(key, [&](auto& value) { value.assign(random.next() % 9, std::string(random.next() % 500, 'v')); });
    }
    if (i == 1500) rules.clear();
    if (rules.entries().empty()) {
      EXPECT_EQ(rules.memory_bytes(), 0u);
    }
  }
  EXPECT_GT(rules.entries().size(), 30u);
  // A value that has shrunk keeps its room.
  EXPECT_GE(rules.memory_bytes(), bytes_of_copy(rules));
  for (int i = 0; i < 60; ++i) rules.remove(std::string(static_cast<std::size_t>(i), 'k'));
  EXPECT_EQ(rules.memory_bytes(), 0u);
}

TEST(BroadcastContent, AChangeThatThrowsIsCountedAsFarAsItCame) {
  Rules rules;
  const auto grow = [&] {
    rules.mutate("key", [](auto& value) {
      value.assign(3, std::string(1000, 'x'));
      throw std::runtime_error{"no more"};
    });
  };
  EXPECT_THROW(grow(), std::runtime_error);
  EXPECT_EQ(rules.memory_bytes(), bytes_of_copy(rules));
}

TEST(ListContent, AFewItemsSpeakForAll) {
  ListContent<std::string> list;
  EXPECT_EQ(list.memory_bytes(), 0u);
  for (int i = 0; i < 10'000; ++i) list.items.emplace_back(i % 2 == 0 ? 100 : 1100, 'x');
  EXPECT_GT(list.memory_bytes(), 10'000 * (sizeof(std::string) + 400));
  EXPECT_LT(list.memory_bytes(), 10'000 * (2 * sizeof(std::string) + 1200));
  for (std::string& item : list.items) item = std::string(100, 'x');
  list.items[0] = std::string(1 << 20, 'x');
  EXPECT_LT(list.memory_bytes(), 10'000 * (2 * sizeof(std::string) + 1200)) << "one giant among many is one";
  ListContent<std::int64_t> numbers;
  numbers.items.resize(1000);
  EXPECT_EQ(numbers.memory_bytes(), block_bytes(8 * numbers.items.capacity()));
}

class OperatorStatesMemory : public testing::Test {
 protected:
  OperatorStatesMemory() {
    context_.env = &env_;
    context_.name = {.name = "process", .uid = "seen"};
  }

  StateMemory memory_{1 << 20};
  Env env_{.state_memory = &memory_};
  OperatorContext context_;
};

TEST_F(OperatorStatesMemory, IsToldAndEndsTheJobThatHasTooLittle) {
  OperatorStates states;
  UnkeyedBinder binder{states};
  Declare declare{binder};
  SplitListState<std::string> seen{declare, "seen"};
  states.restore(context_);
  for (int i = 0; i < 500; ++i) seen.add(std::string(1000, 'x'));
  states.tell_memory();
  EXPECT_GT(memory_.held_bytes(), 500'000u);
  for (int i = 0; i < 500; ++i) seen.add(std::string(1000, 'x'));
  try {
    states.tell_memory();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_EQ(error.retry(), Retry::kNone);
    EXPECT_THAT(error.message(), HasSubstr("'process' (uid seen)"));
  }
  seen.set({});
  EXPECT_NO_THROW(states.tell_memory());
  EXPECT_EQ(memory_.held_bytes(), 0u);
}

TEST_F(OperatorStatesMemory, CountsWhatIsRestored) {
  OperatorStates states;
  UnkeyedBinder binder{states};
  Declare declare{binder};
  UnionListState<std::string> seen{declare, "seen"};
  OperatorListState written{"seen", Redistribution::kUnion, schema_json_of<std::string>(), {}};
  for (int i = 0; i < 500; ++i) written.items.push_back(encode_item(std::string(1000, 'x')));
  context_.restore.list_states = {written};
  states.restore(context_);
  EXPECT_GT(memory_.held_bytes(), 500'000u);
}

TEST_F(OperatorStatesMemory, OfNoneIsNobodysShare) {
  const std::uint64_t all = memory_.even_share_bytes();
  OperatorStates none;
  none.restore(context_);
  none.tell_memory();
  EXPECT_EQ(memory_.held_bytes(), 0u);
  EXPECT_EQ(memory_.even_share_bytes(), all);
}

}  // namespace
}  // namespace tidemark::detail
