#include "task/snapshot_run.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "tidemark/detail/task/failure.h"

namespace tidemark {
namespace {

template <class Failure>
class Failing final : public detail::SnapshotWork {
 public:
  explicit Failing(Failure failure) : failure_{std::move(failure)} {}
  bool step() override { throw failure_; }
  OperatorSnapshot take_result() override { return {}; }

 private:
  Failure failure_;
};

template <class Failure>
Error error_of_run_with(Failure failure) {
  SnapshotRun run{1};
  run.add(std::make_unique<Failing<Failure>>(std::move(failure)));
  EXPECT_TRUE(run.step());
  return run.error().value();
}

TEST(SnapshotRun, KeepsWhatSortOfErrorItWas) {
  const Error io = error_of_run_with(Error{ErrorCode::kIo, "the disk"});
  EXPECT_EQ(io.code(), ErrorCode::kIo);
  EXPECT_EQ(io.message(), "the disk");
  const Error user = error_of_run_with(detail::TaskFailure{Error{ErrorCode::kUserCode, "operator 'sums': no merge today"}});
  EXPECT_EQ(user.code(), ErrorCode::kUserCode);
  EXPECT_EQ(user.domain(), ErrorDomain::kUser);
  EXPECT_EQ(user.message(), "operator 'sums': no merge today");
  EXPECT_EQ(error_of_run_with(std::runtime_error{"what"}).code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace tidemark
