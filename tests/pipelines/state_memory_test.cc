// The memory that state may take: a job that needs more ends with an error that says what to do.
#include <gmock/gmock.h>

#include <string>

#include "run_job.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Event {
  std::int64_t key = 0;
};
Event event(std::uint64_t n) { return {static_cast<std::int64_t>(n)}; }

/// Keeps text for each key, for good.
class Hoarder final : public KeyedProcess<std::int64_t, Event, std::int64_t> {
 public:
  explicit Hoarder(Declare& declare) : text_{declare, "text"} {}
  void process(const Event&, Context&, Out<std::int64_t>&) override { text_.set(std::string(1000, 'x')); }

 private:
  ValueState<std::string> text_;
};

Build hoard(std::int64_t records) {
  return [=](Job& job) {
    job.from(generate<Event>(records, event)).uid("events").key_by(&Event::key).process<Hoarder>().uid("hoard").to(discard());
  };
}

TEST(StateMemory, AJobThatNeedsMoreEndsAndIsNotRestarted) {
  testing::internal::CaptureStderr();
  const std::string failure = failure_of(
      {"-D", "memory.state=32mb", "-D", "restart-strategy.type=fixed-delay", "--parallelism", "2"}, hoard(10'000'000));
  EXPECT_THAT(failure, AllOf(HasSubstr("memory.state allows 32 MiB"), HasSubstr("(uid hoard)"), HasSubstr("raise memory.state")));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("restarting")));
}

/// Each event is a rule, for good.
class Ruled final : public BroadcastProcess<Event, Event, std::int64_t> {
 public:
  explicit Ruled(Declare& declare) : rules_{declare, "rules"} {}
  void process(const Event&, Context&, Out<std::int64_t>&) override {}
  void process_broadcast(const Event& rule, BroadcastContext& ctx, Out<std::int64_t>&) override {
    ctx.writable(rules_).put(rule.key, std::string(1000, 'x'));
  }

 private:
  BroadcastState<std::int64_t, std::string> rules_;
};

TEST(StateMemory, RulesThatGrowEndTheJobWithEitherBackend) {
  const TemporaryFolder folder;
  const Words rocksdb{"-D", "state.backend.type=rocksdb", "-D", "state.backend.rocksdb.localdir=" + (folder / "local")};
  for (const Words& backend : {Words{}, rocksdb}) {
    Words words{"-D", "memory.state=32mb", "--parallelism", "2"};
    words.insert(words.end(), backend.begin(), backend.end());
    EXPECT_THAT(failure_of(words,
                           [](Job& job) {
                             const auto rules = job.from(generate<Event>(10'000'000, event)).uid("rules").broadcast();
                             job.from(generate<Event>(1, event)).uid("events").connect(rules).process<Ruled>().uid("ruled").to(discard());
                           }),
                AllOf(HasSubstr("memory.state allows 32 MiB"), HasSubstr("(uid ruled) in 2 subtasks")));
  }
}

TEST(StateMemory, AJobThatFitsGoesOn) {
  EXPECT_EQ(failure_of({"-D", "memory.state=32mb"}, hoard(5000)), "");
  EXPECT_EQ(failure_of({}, hoard(5000)), "");
}

}  // namespace
}  // namespace tidemark
