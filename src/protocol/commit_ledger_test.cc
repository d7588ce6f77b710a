#include "protocol/commit_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Texts = std::vector<std::string>;

Texts texts(const std::vector<CommitOrder>& orders) {
  Texts result;
  for (const CommitOrder& order : orders) result.push_back(order.committable);
  return result;
}

TEST(CommitLedger, HandsOutNothingBeforeItsCheckpointIsComplete) {
  CommitLedger ledger;
  ledger.prepare(1, Texts{"a"});
  ledger.prepare(2, Texts{"b"});
  EXPECT_THAT(texts(ledger.on_complete(1)), ElementsAre("a"));
  EXPECT_THAT(ledger.on_complete(1), IsEmpty());
  EXPECT_THAT(texts(ledger.on_complete(2)), ElementsAre("b"));
}

TEST(CommitLedger, ACompletionCoversAllEarlierOnesInOrder) {
  CommitLedger ledger;
  ledger.prepare(1, Texts{"a", "b"});
  ledger.prepare(2, Texts{});
  ledger.prepare(4, Texts{"c"});
  EXPECT_THAT(texts(ledger.on_complete(5)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ledger.on_complete(4), IsEmpty());
}

TEST(CommitLedger, CommittablesOfAnAbortedCheckpointAreInTheNextSnapshotAndCommittedWithIt) {
  CommitLedger ledger;
  ledger.prepare(1, Texts{"a"});
  // Checkpoint 1 is aborted: nobody calls anything.
  ledger.prepare(2, Texts{"b"});
  EXPECT_THAT(ledger.pending(), ElementsAre("a", "b"));
  EXPECT_THAT(texts(ledger.on_complete(2)), ElementsAre("a", "b"));
}

TEST(CommitLedger, ASnapshotHoldsWhatIsHandedOutUntilItIsKnownToBeCommitted) {
  CommitLedger ledger;
  ledger.prepare(1, Texts{"a", "b"});
  const auto orders = ledger.on_complete(1);
  ledger.on_committed(orders[1].sequence);
  ledger.prepare(2, Texts{"c"});
  EXPECT_THAT(ledger.pending(), ElementsAre("a", "c"));
  ledger.on_committed(orders[0].sequence);
  EXPECT_THAT(ledger.pending(), ElementsAre("c"));
}

TEST(CommitLedger, ARestoredSnapshotIsCommittedWholeAndStaysInSnapshotsUntilThen) {
  CommitLedger ledger;
  const auto orders = ledger.restore(7, Texts{"a", "b"});
  EXPECT_THAT(texts(orders), ElementsAre("a", "b"));
  ledger.prepare(8, Texts{"c"});
  EXPECT_THAT(ledger.pending(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(texts(ledger.on_complete(8)), ElementsAre("c"));
  for (const CommitOrder& order : orders) ledger.on_committed(order.sequence);
  EXPECT_THAT(ledger.pending(), ElementsAre("c"));
}

TEST(CommitLedgerDeathTest, CommittingWithoutACompleteCheckpointIsAFault) {
  CommitLedger ledger;
  ledger.prepare(1, Texts{"a"});
  EXPECT_DEATH(ledger.on_committed(1), "before its checkpoint was complete");
  EXPECT_DEATH(ledger.on_committed(2), "never prepared");
  EXPECT_DEATH(ledger.prepare(1, Texts{}), "order of ids");
}

}  // namespace
}  // namespace tidemark
