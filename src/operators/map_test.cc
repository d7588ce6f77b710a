#include "tidemark/detail/operators/map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "operators/operator_harness.h"

namespace tidemark::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t price = 0;
};
struct Named {
  std::int64_t id = 0;
  std::string_view name;
};
struct Owning {
  std::int64_t id = 0;
  std::string text;
};

TypedBatch<Bid>& fill(TypedBatch<Bid>& batch, std::int64_t n) {
  batch.clear();
  for (std::int64_t i = 0; i < n; ++i) batch.append({i, 10 * i}, 1000 + i);
  return batch;
}

template <class Op>
void open_as(Op& op, const std::string& name, const std::string& uid = {}) {
  OperatorContext context;
  context.name = {name, uid, 3};
  op.open(context);
}

const auto kEven = [](const Bid& bid) { return bid.auction % 2 == 0; };
const auto kPrice = [](const Bid& bid) { return bid.price; };
const auto kIdentity = [](const Bid& bid) { return bid; };

TEST(Map, KeepsOrderAndEventTimes) {
  MapOperator<Bid, decltype(kPrice)> map{kPrice};
  Keeping<std::int64_t> end;
  map.out().add_receiver(end);
  TypedBatch<Bid> batch;
  map.receive(fill(batch, 3));
  EXPECT_THAT(end.values(), ElementsAre(0, 10, 20));
  EXPECT_EQ(end.records[2].timestamp, 1002);
  EXPECT_EQ(map.records_out(), 3u);
}

TEST(Map, OfFullBatchesOfRecordsThatOwnMemory) {
  const auto lengthen = [](const Owning& in) { return Owning{in.id, in.text + std::string(50, 'x')}; };
  MapOperator<Owning, decltype(lengthen)> map{lengthen};
  Keeping<Owning> end;
  map.out().add_receiver(end);
  TypedBatch<Owning> batch;
  for (std::int64_t i = 0; i < Batch::kCapacity; ++i) batch.append({i, std::string(40, 'a')}, i);
  map.receive(batch);
  map.receive(batch);
  ASSERT_EQ(end.records.size(), 2u * Batch::kCapacity);
  EXPECT_EQ(end.records.back().value.text.size(), 90u);
}

TEST(Filter, KeepsThePassingRecordsInOrderInPlaceAndCopied) {
  for (const bool exclusive : {true, false}) {
    FilterOperator<Bid, decltype(kEven)> filter{kEven};
    Keeping<Bid> end;
    filter.out().add_receiver(end);
    TypedBatch<Bid> batch;
    fill(batch, 7);
    batch.set_exclusive(exclusive);
    filter.receive(batch);
    ASSERT_EQ(end.records.size(), 4u);
    EXPECT_EQ(end.records[3].value.auction, 6);
    EXPECT_EQ(end.records[3].timestamp, 1006);
    EXPECT_EQ(batch.size(), exclusive ? 4u : 7u);
  }
}

TEST(Filter, ThatKeepsNothingSendsNothing) {
  const auto never = [](const Bid&) { return false; };
  FilterOperator<Bid, decltype(never)> filter{never};
  Receiving<Bid> end{[](const Bid&, std::int64_t) {}};
  filter.out().add_receiver(end);
  TypedBatch<Bid> batch;
  filter.receive(fill(batch, 5));
  EXPECT_EQ(end.batches, 0u);
}

TEST(FlatMap, EmitsAnyNumberOfRecordsEvenMoreThanABatchHolds) {
  const auto repeat = [](const Bid& bid, Out<std::int64_t>& out) {
    for (std::int64_t i = 0; i < bid.auction; ++i) out.emit(i);
    if (bid.auction == 2) out.emit(Timestamp{77}, -1);
  };
  FlatMapOperator<Bid, std::int64_t, decltype(repeat)> flat{repeat};
  Keeping<std::int64_t> end;
  flat.out().add_receiver(end);
  TypedBatch<Bid> batch;
  flat.receive(fill(batch, 3));
  EXPECT_THAT(end.values(), ElementsAre(0, 0, 1, -1));
  EXPECT_EQ(end.records[0].timestamp, 1001);
  EXPECT_EQ(end.records[3].timestamp, 77);
  batch.clear();
  batch.append({5000, 0}, 9);
  flat.receive(batch);
  ASSERT_EQ(end.records.size(), 5004u);
  EXPECT_EQ(end.records.back().value, 4999);
  EXPECT_EQ(end.records.back().timestamp, 9);
}

// The first receiver filters in place where it may; what the second sees must be whole.
TEST(FanOut, AnInPlaceFilterDoesNotChangeWhatTheNextReceiverSees) {
  MapOperator<Bid, decltype(kIdentity)> map{kIdentity};
  FilterOperator<Bid, decltype(kEven)> first{kEven};
  FilterOperator<Bid, decltype(kEven)> third{kEven};
  Keeping<Bid> after_first, second, after_third;
  map.out().add_receiver(first);
  map.out().add_receiver(second);
  map.out().add_receiver(third);
  first.out().add_receiver(after_first);
  third.out().add_receiver(after_third);
  TypedBatch<Bid> batch;
  for (int round = 0; round < 2; ++round) map.receive(fill(batch, 6));
  EXPECT_EQ(after_first.records.size(), 6u);
  EXPECT_EQ(second.records.size(), 12u);
  EXPECT_EQ(after_third.records.size(), 6u);
}

TEST(FanOut, OfABatchFilteredInPlaceReachesEveryReceiverWhole) {
  FilterOperator<Bid, decltype(kEven)> filter{kEven};
  const auto small = [](const Bid& bid) { return bid.auction < 2; };
  FilterOperator<Bid, decltype(small)> first{small};
  Keeping<Bid> after_first, second;
  filter.out().add_receiver(first);
  filter.out().add_receiver(second);
  first.out().add_receiver(after_first);
  TypedBatch<Bid> batch;
  filter.receive(fill(batch, 10));
  EXPECT_EQ(after_first.records.size(), 1u);
  EXPECT_EQ(second.records.size(), 5u);
}

TEST(Text, ThatAFunctionMakesIsCopiedBeforeItsBufferIsUsedAgain) {
  std::string scratch;
  const auto rename = [&scratch](const Named& in) {
    scratch = "renamed-" + std::string{in.name} + "-with-a-long-enough-tail";
    return Named{in.id, scratch};
  };
  MapOperator<Named, decltype(rename)> map{rename};
  std::vector<std::string> names;
  Receiving<Named> end{[&](const Named& record, std::int64_t) { names.emplace_back(record.name); }};
  map.out().add_receiver(end);
  TypedBatch<Named> batch;
  batch.append({1, "a"}, 0);
  batch.append({2, "b"}, 0);
  map.receive(batch);
  EXPECT_THAT(names, ElementsAre("renamed-a-with-a-long-enough-tail", "renamed-b-with-a-long-enough-tail"));
}

TEST(Text, OfASourcesBufferIsNotCopiedWithinAChainAndOfTheBatchsArenaIsWhole) {
  const auto same = [](const Named& in) { return in; };
  MapOperator<Named, decltype(same)> first{same};
  MapOperator<Named, decltype(same)> second{same};
  std::vector<const char*> places;
  std::vector<std::string> names;
  Receiving<Named> end{[&](const Named& record, std::int64_t) {
    places.push_back(record.name.data());
    names.emplace_back(record.name);
  }};
  first.out().add_receiver(second);
  second.out().add_receiver(end);
  const std::string buffer = "in the source's buffer";
  TypedBatch<Named> batch;
  batch.set_borrowed_text({buffer.data(), buffer.data() + buffer.size()});
  batch.append({1, buffer}, 0, batch.borrowed_text());
  batch.append({2, std::string{"in the arena of the batch"}}, 0);
  first.receive(batch);
  EXPECT_EQ(places[0], buffer.data());
  EXPECT_THAT(names, ElementsAre("in the source's buffer", "in the arena of the batch"));
}

TEST(Text, PassesAFilterInPlaceAndCopied) {
  for (const bool exclusive : {true, false}) {
    const auto odd = [](const Named& in) { return in.id % 2 == 1; };
    FilterOperator<Named, decltype(odd)> filter{odd};
    std::vector<std::string> names;
    Receiving<Named> end{[&](const Named& record, std::int64_t) { names.emplace_back(record.name); }};
    filter.out().add_receiver(end);
    TypedBatch<Named> batch;
    for (std::int64_t i = 0; i < 4; ++i) batch.append({i, "name " + std::to_string(i)}, 0);
    batch.set_exclusive(exclusive);
    filter.receive(batch);
    EXPECT_THAT(names, ElementsAre("name 1", "name 3"));
  }
}

template <class Op>
std::string failing_text(Op& op) {
  open_as(op, "price check", "checks");
  TypedBatch<Bid> batch;
  const std::string before = failure_of([&] { op.receive(fill(batch, 100)); });
  EXPECT_EQ(before, "");
  batch.clear();
  for (std::int64_t i = 0; i < 10; ++i) batch.append({i == 4 ? -1 : i, 5}, 1'436'918'582'000 + i);
  return failure_of([&] { op.receive(batch); });
}

void expect_places_fifth_of_second_batch(const std::string& text) {
  EXPECT_THAT(text, HasSubstr("operator 'price check' (uid checks), subtask 3"));
  EXPECT_THAT(text, HasSubstr("record 105 "));
  EXPECT_THAT(text, HasSubstr("2015-07-15 00:03:02.004"));
  EXPECT_THAT(text, HasSubstr("\"auction\":-1"));
  EXPECT_THAT(text, HasSubstr("negative auction"));
}

void check(const Bid& bid) {
  if (bid.auction < 0) throw std::invalid_argument{"negative auction"};
}

TEST(Failure, NamesOperatorUidSubtaskRecordNumberTimeAndContent) {
  const auto mapping = [](const Bid& bid) { return check(bid), bid; };
  MapOperator<Bid, decltype(mapping)> map{mapping};
  expect_places_fifth_of_second_batch(failing_text(map));
  const auto filtering = [](const Bid& bid) { return check(bid), true; };
  FilterOperator<Bid, decltype(filtering)> filter{filtering};
  expect_places_fifth_of_second_batch(failing_text(filter));
  const auto flattening = [](const Bid& bid, Out<Bid>& out) { check(bid), out.emit(bid); };
  FlatMapOperator<Bid, Bid, decltype(flattening)> flat{flattening};
  expect_places_fifth_of_second_batch(failing_text(flat));
}

TEST(Failure, OfARecordThatOwnsMemoryLeaksNothing) {
  const auto mapping = [](const Owning& in) {
    if (in.id == 5) throw 42;
    return in;
  };
  MapOperator<Owning, decltype(mapping)> map{mapping};
  open_as(map, "m");
  TypedBatch<Owning> batch;
  for (std::int64_t i = 0; i < 10; ++i) batch.append({i, std::string(100, 'a')}, i);
  EXPECT_THAT(failure_of([&] { map.receive(batch); }), HasSubstr("an exception that is no std::exception"));
}

TEST(Failure, DownstreamIsNotBlamedOnTheOperatorUpstream) {
  const auto mapping = [](const Bid& bid) { return bid; };
  MapOperator<Bid, decltype(mapping)> map{mapping};
  const auto flattening = [](const Bid& bid, Out<Bid>& out) {
    for (int i = 0; i < 2000; ++i) out.emit(bid);  // hands on while its own function runs
  };
  FlatMapOperator<Bid, Bid, decltype(flattening)> flat{flattening};
  const auto filtering = [](const Bid&) -> bool { throw std::runtime_error{"it was me"}; };
  FilterOperator<Bid, decltype(filtering)> filter{filtering};
  open_as(map, "first");
  open_as(flat, "second");
  open_as(filter, "third");
  map.out().add_receiver(flat);
  flat.out().add_receiver(filter);
  TypedBatch<Bid> batch;
  const std::string text = failure_of([&] { map.receive(fill(batch, 3)); });
  EXPECT_THAT(text, HasSubstr("operator 'third'"));
  EXPECT_THAT(text, HasSubstr("it was me"));
  EXPECT_THAT(text, Not(HasSubstr("first")));
  EXPECT_THAT(text, Not(HasSubstr("second")));
}

TEST(Failure, CutsTheRecordsContentBetweenTwoCharacters) {
  std::string content(199, 'a');
  content += "\u00e9\u00e9\u00e9";
  EXPECT_THAT(describe_record(1, 0, content), HasSubstr(std::string(199, 'a') + "...)"));
}

}  // namespace
}  // namespace tidemark::detail
