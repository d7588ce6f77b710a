#include "kafka/transaction_names.h"

#include <gmock/gmock.h>

namespace tidemark::detail {
namespace {

TEST(TransactionNames, AMarkerSaysWhoseItIsAndThoseOfOthersAreNobodys) {
  const TransactionNames names{"job~out"};
  EXPECT_EQ(names.transactional_id(12), "job~out-12");
  const std::string group = names.marker_group(12, "5-ab.12.3.0");
  EXPECT_EQ(names.subtask_of_group(group), 12u);
  for (const char* other : {"job~out-12", "job~out2-1-x", "job~out--1-x", "job~out-x-1", "other", "", "job~out-99999999999-x"}) {
    EXPECT_FALSE(names.subtask_of_group(other)) << other;
  }
}

}  // namespace
}  // namespace tidemark::detail
