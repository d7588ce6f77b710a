// The types that a source and a sink of the user's keep in checkpoints, changed between two lives of a job: what fits is
// converted, what does not is refused before anything is read or committed, and `tidemark check` and `tidemark diff` know it
// beforehand.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/job_access.h"
#include "base/log.h"
#include "graph/plan.h"
#include "graph/verdict.h"
#include "in_memory_job.h"
#include "snapshot/checkpoint_store.h"
#include "tidemark/tidemark.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kNumbers = 200;

struct Number {
  std::int64_t n = 0;
};

/// What lies outside the job, and who has touched it.
struct Outside {
  std::vector<std::int64_t> committed;
  std::vector<std::string> calls;
};

struct NarrowTypes {
  struct Shelf {
    std::int32_t first = 0;
  };
  struct Place {
    std::int32_t read = 0;
  };
  struct Draft {
    std::string transaction;
    std::vector<std::int32_t> numbers;
  };
};
struct WideTypes {
  struct Shelf {
    std::int64_t first = 0;
  };
  struct Place {
    std::int64_t read = 0;
  };
  struct Draft {
    std::vector<std::int64_t> numbers;
    std::string id;
    static constexpr auto state_schema = schema(alias("id", "transaction"));
  };
};

template <class Types>
class Numbers final : public Source<Number, typename Types::Shelf, typename Types::Place> {
  using Shelf = typename Types::Shelf;
  using Place = typename Types::Place;

 public:
  explicit Numbers(std::shared_ptr<Outside> outside) : outside_{std::move(outside)} {}
  std::string name() const override { return "read numbers"; }
  std::vector<Shelf> find_splits() override {
    outside_->calls.emplace_back("find_splits");
    return {Shelf{0}, Shelf{kNumbers / 2}};
  }
  void open(const Shelf& shelf, const Place&) override {
    outside_->calls.emplace_back("open");
    first_ = shelf.first;
  }
  ReadOutcome read(Place& place, SourceOut<Number>& out) override {
    while (!out.full() && out.size() < 3 && place.read < kNumbers / 2) out.emit({first_ + place.read++});
    return place.read < kNumbers / 2 ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  std::shared_ptr<Outside> outside_;
  std::int64_t first_ = 0;
};

template <class Types>
class Drafts final : public TwoPhaseSink<Number, typename Types::Draft> {
  using Draft = typename Types::Draft;

 public:
  explicit Drafts(std::shared_ptr<Outside> outside) : outside_{std::move(outside)} {}
  std::string name() const override { return "draft numbers"; }
  void begin(const std::string&) override { draft_ = {}; }
  void write(const Number& number, Timestamp) override {
    draft_.numbers.push_back(static_cast<typename decltype(draft_.numbers)::value_type>(number.n));
  }
  Draft pre_commit() override { return draft_; }
  void commit(const Draft& draft) override {
    outside_->calls.emplace_back("commit");
    for (const auto number : draft.numbers) {
      if (std::ranges::find(outside_->committed, number) == outside_->committed.end()) outside_->committed.push_back(number);
    }
  }
  void abort_leftovers(const SinkContext&) override {}

 private:
  std::shared_ptr<Outside> outside_;
  Draft draft_;
};

using Build = std::function<void(Job&)>;

template <class SourceTypes, class SinkTypes>
Build build(std::shared_ptr<Outside> outside) {
  return [outside](Job& job) {
    job.from(own_source<Numbers<SourceTypes>>(outside).rate(20'000)).uid("numbers").to(own_sink<Drafts<SinkTypes>>(outside)).uid("drafts");
  };
}

/// As --plan prints it and whoever compares reads it.
LogicalPlan plan_of(const Build& build) {
  const char* const words[] = {"program"};
  Job job{InMemoryJob::kName, 1, words};
  build(job);
  LogicalPlan plan = detail::JobAccess::builder(job).plan();
  plan.job = InMemoryJob::kName;
  plan.max_parallelism = 16;
  return value_or_throw(parse_plan(to_json(value_or_throw(make_physical_plan(std::move(plan))))));
}

std::vector<std::string> lines(const Build& build, const std::vector<SavedOperator>& saved) {
  std::vector<std::string> result;
  for (const StateVerdict& verdict : judge(plan_of(build), saved)) {
    std::string line = verdict.uid + "/" + verdict.state + " " + std::string{to_string(verdict.kind)};
    for (const std::string& detail : verdict.details) line += ": " + detail;
    result.push_back(line);
  }
  return result;
}

class OwnTypes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
  }
  static void TearDownTestSuite() { set_log_sink({}); }

  /// Until something was read of each split, and something prepared.
  void run_first_life(const Build& build) {
    InMemoryJob job{world_, build, {.parallelism = 2}};
    ASSERT_TRUE(job.run_until_read(kNumbers / 2));
    ASSERT_TRUE(job.take_checkpoint());
    job.die();
    outside_->calls.clear();
    committed_before_ = outside_->committed;
  }
  std::vector<SavedOperator> saved() {
    const auto pointer = value_or_throw(read_pointer_file(world_.files, "/state/job"));
    return saved_operators(value_or_throw(load_checkpoint(world_.files, path_of("/state/job", pointer->checkpoints.back()))));
  }
  JobOutcome run_second_life(const Build& build) {
    InMemoryJob job{world_, build, {.parallelism = 3}};
    return job.run();
  }
  void expect_refused(const Build& build, const std::string& uid, const std::string& state, const std::string& change) {
    EXPECT_THAT(lines(build, saved()), Contains(AllOf(HasSubstr(uid + "/" + state + " refused"), HasSubstr(change))));
    const JobOutcome outcome = run_second_life(build);
    ASSERT_EQ(outcome.state, JobState::kFailed);
    EXPECT_THAT(outcome.error->message(), AllOf(HasSubstr("uid '" + uid + "'"), HasSubstr("state '" + state + "'"), HasSubstr(change),
                                                HasSubstr("declare the saved type again")));
    EXPECT_THAT(outside_->calls, IsEmpty()) << "before anything is read or committed";
    EXPECT_EQ(outside_->committed, committed_before_);
  }

  TestWorld world_{1};
  std::shared_ptr<Outside> outside_ = std::make_shared<Outside>();
  std::vector<std::int64_t> committed_before_;
};

TEST_F(OwnTypes, ThatGrowAreConvertedAsWasSaid) {
  run_first_life(build<NarrowTypes, NarrowTypes>(outside_));
  const Build wide = build<WideTypes, WideTypes>(outside_);
  EXPECT_THAT(lines(wide, saved()), testing::ElementsAre("numbers/split migrates: first: int32 -> int64 (widened)",
                                                         "numbers/position migrates: read: int32 -> int64 (widened)",
                                                         AllOf(HasSubstr("drafts/committable migrates"), HasSubstr("transaction -> id (renamed)"))));
  const JobOutcome outcome = run_second_life(wide);
  ASSERT_EQ(outcome.state, JobState::kFinished) << (outcome.error ? outcome.error->message() : "");
  EXPECT_EQ(outside_->committed.size(), static_cast<std::size_t>(kNumbers));
}

TEST_F(OwnTypes, APositionThatBecomesNarrowIsRefused) {
  run_first_life(build<WideTypes, NarrowTypes>(outside_));
  expect_refused(build<NarrowTypes, NarrowTypes>(outside_), "numbers", "position", "read: int64 -> int32");
}

TEST_F(OwnTypes, ASplitThatBecomesNarrowIsRefused) {
  run_first_life(build<WideTypes, NarrowTypes>(outside_));
  expect_refused(build<NarrowTypes, NarrowTypes>(outside_), "numbers", "split", "first: int64 -> int32");
}

TEST_F(OwnTypes, ACommittableThatBecomesNarrowIsRefused) {
  run_first_life(build<NarrowTypes, WideTypes>(outside_));
  expect_refused(build<NarrowTypes, NarrowTypes>(outside_), "drafts", "committable", "int64 -> int32");
}

TEST_F(OwnTypes, OfTwoVersionsAreComparedWithoutACheckpoint) {
  const Build wide = build<WideTypes, WideTypes>(outside_);
  const Build narrow = build<NarrowTypes, NarrowTypes>(outside_);
  EXPECT_THAT(lines(wide, saved_operators(plan_of(narrow))), testing::Each(HasSubstr("migrates")));
  EXPECT_THAT(lines(narrow, saved_operators(plan_of(wide))), testing::Each(HasSubstr("refused")));
  EXPECT_THAT(lines(narrow, saved_operators(plan_of(narrow))), testing::Each(HasSubstr("same")));
}

TEST_F(OwnTypes, ASinkOfAnotherKindIsRefusedUnderTheSameUid) {
  run_first_life(build<NarrowTypes, NarrowTypes>(outside_));
  const Build files = [this](Job& job) {
    job.from(own_source<Numbers<NarrowTypes>>(outside_)).uid("numbers").to(write_files("/out", as_json())).uid("drafts");
  };
  EXPECT_THAT(lines(files, saved()), Contains(HasSubstr("drafts/ refused: 'draft numbers' -> 'write files'")));
  const JobOutcome outcome = run_second_life(files);
  ASSERT_EQ(outcome.state, JobState::kFailed);
  EXPECT_THAT(outcome.error->message(), AllOf(HasSubstr("'draft numbers' -> 'write files'"), Not(HasSubstr("decoded"))));
  EXPECT_FALSE(world_.files.stat("/out").has_value());
}

}  // namespace
}  // namespace tidemark
