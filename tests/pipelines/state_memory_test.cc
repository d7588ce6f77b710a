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

TEST(StateMemory, AJobThatFitsGoesOn) {
  EXPECT_EQ(failure_of({"-D", "memory.state=32mb"}, hoard(5000)), "");
  EXPECT_EQ(failure_of({}, hoard(5000)), "");
}

}  // namespace
}  // namespace tidemark
