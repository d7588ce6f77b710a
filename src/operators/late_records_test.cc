#include "tidemark/detail/operators/late_records.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "operators/operator_harness.h"
#include "tidemark/detail/operators/window_join.h"
#include "tidemark/detail/state/operator_states.h"

namespace tidemark::detail {
namespace {

using ::testing::ElementsAre;

/// A function's surroundings, of which somebody reads the side outputs whose names are asked for.
struct Function {
  std::vector<std::string> read(const std::string& name) {
    std::vector<std::string> names;
    for (const SideOutputs::Entry& entry : side_outputs.entries()) {
      names.push_back(entry.name);
      if (entry.name == name) static_cast<Out<std::string>&>(*entry.output).add_receiver(reader);
    }
    return names;
  }

  Out<int> out;
  SideOutputs side_outputs{out};
  OperatorStates states;
  UnkeyedBinder binder{states};
  Declare declare{binder, &side_outputs};
  std::vector<std::string> got;
  Receiving<std::string> reader{[this](const std::string& text, std::int64_t time) {
    got.push_back(text + "@" + std::to_string(time));
  }};
};

TEST(LateRecords, AreHandedOutWithTheirTimeWhereSomebodyReadsThemAndElseCounted) {
  for (const bool is_read : {true, false}) {
    Function function;
    LateRecords<std::string> late{function.declare, "late"};
    EXPECT_THAT(function.read(is_read ? "late" : ""), ElementsAre("late"));
    EXPECT_EQ(late.hands_out(""), is_read);
    late.take("a", Timestamp{7});
    function.out.flush();
    EXPECT_EQ(function.got, is_read ? std::vector<std::string>{"a@7"} : std::vector<std::string>{});
    EXPECT_EQ(late.dropped(), is_read ? 0u : 1u);
  }
}

TEST(LateRecords, WithoutANameAreCountedAndDeclareNothing) {
  Function function;
  LateRecords<std::string> late{function.declare, std::nullopt};
  EXPECT_TRUE(function.read("").empty());
  late.take("a", Timestamp{7});
  late.take("b", Timestamp{8});
  EXPECT_EQ(late.dropped(), 2u);
}

TEST(LateRecords, OfTwoStreamsGoToTheOutputOfTheirOwn) {
  using Either = EitherRecord<std::string, std::string>;
  Function function;
  LateRecords<Either> late{function.declare, {"firsts", "seconds"}};
  EXPECT_THAT(function.read("seconds"), ElementsAre("firsts", "seconds"));
  const Either first{"a", std::nullopt};
  const Either second{std::nullopt, "b"};
  EXPECT_FALSE(late.hands_out(first));
  EXPECT_TRUE(late.hands_out(second));
  late.take(first, Timestamp{1});
  late.take(second, Timestamp{2});
  function.out.flush();
  EXPECT_THAT(function.got, ElementsAre("b@2"));
  EXPECT_EQ(late.dropped(), 1u);
}

}  // namespace
}  // namespace tidemark::detail
