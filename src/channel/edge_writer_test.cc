#include "tidemark/detail/channel/edge_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tidemark/detail/channel/exchange.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::uint32_t kMaxParallelism = 128;

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

struct AuctionOf {
  std::int64_t operator()(const Bid& bid) const { return bid.auction; }
};
struct IdOf {
  template <class T>
  std::int64_t operator()(const T& record) const {
    return record.id;
  }
};

std::vector<SendingEnd*> pointers(std::vector<std::unique_ptr<Edge>>& edges) {
  std::vector<SendingEnd*> result;
  for (auto& edge : edges) result.push_back(edge.get());
  return result;
}

std::vector<std::unique_ptr<Edge>> make_edges(std::size_t n) {
  std::vector<std::unique_ptr<Edge>> edges;
  for (std::size_t i = 0; i < n; ++i) edges.push_back(std::make_unique<Edge>());
  return edges;
}

// Takes everything from an edge and writes it down: "3 4 w10 b7 end".
template <class T, class Show>
std::string read(Edge& edge, Show&& show) {
  std::string text;
  Element element;
  while (edge.try_pop(element)) {
    switch (element.kind) {
      case Element::Kind::kBatch: {
        auto& batch = static_cast<TypedBatch<T>&>(*element.batch);
        for (std::uint32_t i = 0; i < batch.size(); ++i) text += show(batch, i) + " ";
        edge.give_back(element.batch);
        break;
      }
      case Element::Kind::kWatermark: text += "w" + std::to_string(element.watermark.ms()) + " "; break;
      case Element::Kind::kBarrier: text += "b" + std::to_string(element.barrier.id) + " "; break;
      case Element::Kind::kCancelMarker: text += "c" + std::to_string(element.barrier.id) + " "; break;
      case Element::Kind::kEndOfData: text += "end "; break;
      case Element::Kind::kIdle: text += "idle "; break;
      case Element::Kind::kActive: text += "active "; break;
    }
  }
  if (!text.empty()) text.pop_back();
  return text;
}

std::string prices(Edge& edge) {
  return read<Bid>(edge, [](TypedBatch<Bid>& batch, std::uint32_t i) { return std::to_string(batch.values()[i].price); });
}

template <class Writer>
void send(Writer& writer, const std::vector<Bid>& bids) {
  TypedBatch<Bid> batch;
  for (const Bid& bid : bids) batch.append(bid, bid.price);
  writer.receive(batch);
}

TEST(EdgeWriter, BatchesAndControlArriveInTheOrderOfSending) {
  auto edges = make_edges(1);
  KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
  send(writer, {{1, 10}, {2, 11}});
  writer.broadcast(Element::of_barrier({.id = 1}));
  send(writer, {{1, 12}});
  writer.broadcast(Element::of(Element::Kind::kIdle));
  writer.broadcast(Element::of(Element::Kind::kActive));
  writer.broadcast(Element::of_cancel_marker(2));
  send(writer, {{3, 13}});
  writer.broadcast(Element::of(Element::Kind::kEndOfData));
  EXPECT_TRUE(writer.drain());
  EXPECT_EQ(prices(*edges[0]), "10 11 b1 12 idle active c2 13 end");
  EXPECT_EQ(writer.records_out(), 4u);
}

TEST(EdgeWriter, APartialBatchWaitsForMoreUntilTheFlush) {
  auto edges = make_edges(1);
  KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
  send(writer, {{1, 10}});
  EXPECT_TRUE(writer.drain());
  EXPECT_EQ(prices(*edges[0]), "");
  writer.flush();
  EXPECT_TRUE(writer.drain());
  EXPECT_EQ(prices(*edges[0]), "10");
}

TEST(EdgeWriter, WhatABurstMadeIsFreedWhenItComesBack) {
  auto edges = make_edges(2);
  KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
  std::vector<Bid> bids;
  for (std::int64_t i = 0; i < 1024; ++i) bids.push_back({i, i});
  for (int i = 0; i < 300; ++i) send(writer, bids);
  writer.flush();
  EXPECT_GT(writer.batches(), 250u);
  while (!writer.drain()) {
    for (const auto& edge : edges) prices(*edge);
  }
  for (const auto& edge : edges) prices(*edge);
  EXPECT_TRUE(writer.drain());
  EXPECT_EQ(writer.batches(), 2 * Edge::kCapacity);
  send(writer, bids);
  writer.flush();
  EXPECT_EQ(writer.batches(), 2 * Edge::kCapacity) << "those that wait are filled again";
}

TEST(EdgeWriter, AWatermarkRidesBehindTheBatchBeingFilledAndNeverOvertakesIt) {
  auto edges = make_edges(1);
  KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
  send(writer, {{1, 10}});
  writer.send_watermark(Timestamp{10});
  writer.drain();
  EXPECT_EQ(prices(*edges[0]), "") << "it does not force a small batch out";
  writer.send_watermark(Timestamp{11});
  writer.flush();
  writer.drain();
  EXPECT_EQ(prices(*edges[0]), "10 w11") << "the newer one stands for both";
}

TEST(EdgeWriter, AWatermarkWithoutABatchBeforeItGoesAtOnce) {
  auto edges = make_edges(2);
  KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
  writer.send_watermark(Timestamp{5});
  writer.drain();
  EXPECT_EQ(prices(*edges[0]), "w5");
  EXPECT_EQ(prices(*edges[1]), "w5");
}

TEST(EdgeWriter, AFullBatchTakesTheWaitingWatermarkWithIt) {
  auto edges = make_edges(1);
  KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
  send(writer, {{1, 10}});
  writer.send_watermark(Timestamp{10});
  for (int i = 0; i < 2; ++i) send(writer, std::vector<Bid>(Batch::kCapacity, Bid{1, 20}));
  writer.drain();
  const std::string arrived = prices(*edges[0]);
  const std::size_t watermark = arrived.find("w10");
  ASSERT_NE(watermark, std::string::npos);
  EXPECT_LT(arrived.find("10 "), watermark);
}

TEST(EdgeWriter, ABroadcastFlushesRecordsAndTheWaitingWatermarkFirst) {
  auto edges = make_edges(3);
  RebalanceWriter<Bid> writer{pointers(edges)};
  send(writer, {{1, 10}});
  send(writer, {{1, 11}});
  writer.send_watermark(Timestamp{9});
  writer.broadcast(Element::of_barrier({.id = 4}));
  EXPECT_TRUE(writer.drain());
  EXPECT_EQ(prices(*edges[0]), "10 w9 b4");
  EXPECT_EQ(prices(*edges[1]), "11 w9 b4");
  EXPECT_EQ(prices(*edges[2]), "w9 b4");
}

TEST(EdgeWriter, AFullEdgeKeepsTheRestInTheOutboxInOrder) {
  auto edges = make_edges(1);
  RebalanceWriter<Bid> writer{pointers(edges)};
  std::string expected;
  for (std::size_t i = 0; i < 3 * Edge::kCapacity; ++i) {
    send(writer, {{1, static_cast<std::int64_t>(i)}});
    writer.flush();
    writer.send_watermark(Timestamp{static_cast<std::int64_t>(i)});
    expected += std::to_string(i) + " w" + std::to_string(i) + " ";
  }
  expected.pop_back();
  EXPECT_FALSE(writer.drain());
  EXPECT_FALSE(writer.drain()) << "nothing was read in between";
  std::string arrived = prices(*edges[0]);
  while (!writer.drain()) arrived += " " + prices(*edges[0]);
  arrived += " " + prices(*edges[0]);
  EXPECT_EQ(arrived, expected);
}

TEST(EdgeWriter, OneFullEdgeDoesNotHoldTheOthers) {
  auto edges = make_edges(2);
  RebalanceWriter<Bid> writer{pointers(edges)};
  for (std::size_t i = 0; i < 2 * Edge::kCapacity + 2; ++i) {
    send(writer, {{1, static_cast<std::int64_t>(i)}});
    writer.flush();
  }
  EXPECT_FALSE(writer.drain());
  std::string second = prices(*edges[1]);
  writer.drain();
  second += " " + prices(*edges[1]);
  EXPECT_NE(second.find("33"), std::string::npos);
}

// Counts the batches that were ever made.
class CountingWriter final : public TypedEdgeWriter<Bid> {
 public:
  using TypedEdgeWriter<Bid>::TypedEdgeWriter;
  void receive(Batch& in) override {
    auto& batch = static_cast<TypedBatch<Bid>&>(in);
    for (std::uint32_t i = 0; i < batch.size(); ++i) append(i % targets(), batch.values()[i], batch.timestamps()[i]);
  }
  std::size_t made = 0;

 protected:
  std::unique_ptr<Batch> make_batch() override {
    ++made;
    return TypedEdgeWriter<Bid>::make_batch();
  }
};

TEST(EdgeWriter, BatchesComeHomeAndAreFilledAgain) {
  auto edges = make_edges(2);
  CountingWriter writer{pointers(edges)};
  for (int round = 0; round < 1000; ++round) {
    send(writer, {{1, round}, {2, round}});
    writer.flush();
    EXPECT_TRUE(writer.drain());
    for (auto& edge : edges) prices(*edge);
  }
  EXPECT_LE(writer.made, 4u);
}

TEST(EdgeWriter, AHugeOutboxDrainsWithoutLosingABatchOnItsWayHome) {
  auto edges = make_edges(1);
  CountingWriter writer{pointers(edges)};
  const auto fill = [&] {
    for (int i = 0; i < 500; ++i) {
      send(writer, {{1, i}});
      writer.flush();
    }
  };
  const auto empty = [&] {
    while (!writer.drain()) prices(*edges[0]);
    prices(*edges[0]);
    writer.drain();
  };
  for (int round = 0; round < 5; ++round) {
    fill();
    EXPECT_EQ(writer.batches(), 500u);
    empty();
    EXPECT_EQ(writer.batches(), Edge::kCapacity);
  }
}

// The consumer reads each batch as soon as it is pushed, so more come back during one drain() than the way back holds.
TEST(EdgeWriter, TheWayHomeNeverOverflowsWhileTheConsumerKeepsPace) {
  struct Consumer final : Wakeable {
    Edge& edge;
    std::size_t batches = 0;
    explicit Consumer(Edge& from) : edge{from} {}
    void wake() noexcept override {
      Element element;
      if (!edge.try_pop(element)) return;
      edge.give_back(element.batch);
      ++batches;
    }
  };
  Edge edge;
  Consumer consumer{edge};
  edge.connect(nullptr, &consumer);
  CountingWriter writer{{&edge}};
  for (int i = 0; i < 1000; ++i) {
    send(writer, {{1, i}});
    writer.flush();
  }
  EXPECT_TRUE(writer.drain());
  EXPECT_EQ(consumer.batches, 1000u);
}

TEST(EdgeWriter, RecordsAndTextCrossBetweenTwoThreadsWhole) {
  Edge edge;
  KeyByWriter<Named, IdOf> writer{{&edge}, IdOf{}, kMaxParallelism};
  constexpr std::int64_t kRecords = 50'000;
  std::int64_t wrong = 0;
  std::int64_t seen = 0;
  std::jthread consumer{[&] {
    Element element;
    while (seen < kRecords) {
      if (!edge.try_pop(element)) {
        std::this_thread::yield();
        continue;
      }
      auto& batch = static_cast<TypedBatch<Named>&>(*element.batch);
      for (std::uint32_t i = 0; i < batch.size(); ++i, ++seen) {
        const Named& record = batch.values()[i];
        if (record.id != seen || record.name != "name of " + std::to_string(seen)) ++wrong;
      }
      edge.give_back(element.batch);
    }
  }};
  TypedBatch<Named> batch;
  for (std::int64_t i = 0; i < kRecords; ++i) {
    const std::string name = "name of " + std::to_string(i);
    batch.append({i, name}, i);
    if (batch.size() == 100) {
      writer.receive(batch);
      batch.clear();
      while (!writer.drain()) std::this_thread::yield();
    }
  }
  writer.receive(batch);
  writer.flush();
  while (!writer.drain()) std::this_thread::yield();
  consumer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(seen, kRecords);
}

TEST(KeyByWriter, SendsAKeyToTheSubtaskThatOwnsItsGroupWithTheKeysHash) {
  for (const std::uint32_t targets : {1u, 2u, 3u, 7u, 128u}) {
    auto edges = make_edges(targets);
    KeyByWriter<Bid, AuctionOf> writer{pointers(edges), AuctionOf{}, kMaxParallelism};
    std::vector<Bid> bids;
    for (std::int64_t i = 0; i < 1000; ++i) bids.push_back({i % 317 - 100, i});
    send(writer, bids);
    writer.flush();
    std::size_t arrived = 0;
    for (int round = 0; round < 100 && arrived < bids.size(); ++round) {
      writer.drain();
      for (std::uint32_t target = 0; target < targets; ++target) {
        read<Bid>(*edges[target], [&](TypedBatch<Bid>& batch, std::uint32_t i) {
          const std::uint64_t hash = hash_key<std::int64_t>(batch.values()[i].auction);
          EXPECT_EQ(batch.hashes()[i], hash);
          EXPECT_EQ(batch.timestamps()[i], batch.values()[i].price);
          EXPECT_EQ(subtask_of(key_group_of(hash, kMaxParallelism), targets, kMaxParallelism), target);
          EXPECT_TRUE(range_of_subtask(target, targets, kMaxParallelism).contains(key_group_of(hash, kMaxParallelism)));
          ++arrived;
          return std::string{};
        });
      }
    }
    EXPECT_EQ(arrived, bids.size());
  }
}

TEST(KeyByWriter, EqualTextKeysMeetWhereverTheirTextLies) {
  auto edges = make_edges(4);
  const auto name_of = [](const Named& record) { return record.name; };
  KeyByWriter<Named, decltype(name_of)> writer{pointers(edges), name_of, kMaxParallelism};
  TypedBatch<Named> batch;
  const std::string long_name(300, 'x');
  for (std::int64_t i = 0; i < 40; ++i) {
    const std::string name = i % 2 == 0 ? "short" + std::to_string(i % 5) : long_name + std::to_string(i % 5);
    batch.append({i, name}, i);
  }
  writer.receive(batch);
  writer.flush();
  writer.drain();
  std::set<std::string> seen_elsewhere;
  for (auto& edge : edges) {
    std::set<std::string> here;
    read<Named>(*edge, [&](TypedBatch<Named>& arrived, std::uint32_t i) {
      here.insert(std::string{arrived.values()[i].name});
      return std::string{};
    });
    for (const std::string& name : here) EXPECT_TRUE(seen_elsewhere.insert(name).second) << name;
  }
  EXPECT_EQ(seen_elsewhere.size(), 10u);
}

// What the sender's records viewed is overwritten before the receiver looks.
template <class Writer>
void expect_text_survives(Writer& writer, std::vector<std::unique_ptr<Edge>>& edges) {
  std::string buffer = "alpha-beta-gamma";
  TypedBatch<Named> batch;
  batch.set_borrowed_text({buffer.data(), buffer.data() + buffer.size()});
  const std::string_view text = buffer;
  new (batch.values()) Named{1, text.substr(0, 5)};
  new (batch.values() + 1) Named{2, text.substr(6, 4)};
  batch.timestamps()[0] = batch.timestamps()[1] = 0;
  batch.set_size(2);
  batch.append({3, "in the batch's own arena"}, 0);
  writer.receive(batch);
  std::fill(buffer.begin(), buffer.end(), '#');
  batch.clear();
  char* reused = batch.arena().allocate(64);
  std::fill_n(reused, 64, '#');
  writer.flush();
  writer.drain();
  std::string all;
  for (auto& edge : edges) {
    all += read<Named>(*edge, [](TypedBatch<Named>& b, std::uint32_t i) { return std::string{b.values()[i].name}; }) + " ";
  }
  EXPECT_NE(all.find("alpha"), std::string::npos) << all;
  EXPECT_NE(all.find("beta"), std::string::npos) << all;
  EXPECT_NE(all.find("in the batch's own arena"), std::string::npos) << all;
  EXPECT_EQ(all.find('#'), std::string::npos) << all;
}

TEST(Exchange, TextBelongsToTheBatchThatTravels) {
  {
    auto edges = make_edges(1);
    KeyByWriter<Named, IdOf> writer{pointers(edges), IdOf{}, kMaxParallelism};
    expect_text_survives(writer, edges);
  }
  {
    auto edges = make_edges(3);
    KeyByWriter<Named, IdOf> writer{pointers(edges), IdOf{}, kMaxParallelism};
    expect_text_survives(writer, edges);
  }
  {
    auto edges = make_edges(1);
    RebalanceWriter<Named> writer{pointers(edges)};
    expect_text_survives(writer, edges);
  }
  {
    auto edges = make_edges(3);
    BroadcastWriter<Named> writer{pointers(edges)};
    expect_text_survives(writer, edges);
  }
}

TEST(Exchange, ABroadcastGivesEveryTargetAllRecordsInOrderAndWithControlInItsPlace) {
  auto edges = make_edges(3);
  BroadcastWriter<Bid> writer{pointers(edges)};
  std::vector<Bid> bids;
  std::string expected;
  for (std::int64_t price = 0; price < 2500; ++price) {
    bids.push_back({price % 7, price});
    expected += std::to_string(price) + " ";
  }
  for (std::size_t from = 0; from < bids.size(); from += 500) send(writer, {bids.begin() + static_cast<std::ptrdiff_t>(from), bids.begin() + static_cast<std::ptrdiff_t>(from + 500)});
  writer.send_watermark(Timestamp{9});
  writer.broadcast(Element::of_barrier({.id = 1}));
  send(writer, {{1, 7}});
  writer.flush();
  EXPECT_TRUE(writer.drain());
  for (const auto& edge : edges) EXPECT_EQ(prices(*edge), expected + "w9 b1 7");
  EXPECT_EQ(writer.records_out(), 2501u);
}

TEST(Exchange, ABroadcastToASlowTargetWaitsInItsOutboxAlone) {
  auto edges = make_edges(2);
  BroadcastWriter<Bid> writer{pointers(edges)};
  const std::vector<Bid> full(Batch::kCapacity, Bid{1, 1});
  for (std::size_t i = 0; i < Edge::kCapacity + 2; ++i) send(writer, full);
  EXPECT_FALSE(writer.drain());
  prices(*edges[0]);
  EXPECT_FALSE(writer.drain());
  prices(*edges[0]);
  EXPECT_FALSE(writer.drain()) << "the other one has read nothing";
  prices(*edges[1]);
  EXPECT_TRUE(writer.drain());
}

TEST(Exchange, RecordsThatOwnMemoryAreFreedOnceWhereverTheyAre) {
  auto edges = make_edges(2);
  KeyByWriter<Owning, IdOf> writer{pointers(edges), IdOf{}, kMaxParallelism};
  TypedBatch<Owning> batch;
  for (std::int64_t i = 0; i < 200; ++i) batch.append({i, std::string(100, 'a')}, i);
  writer.receive(batch);
  writer.flush();
  writer.drain();
  // One edge is read, the other not; a partial batch stays in the writer.
  read<Owning>(*edges[0], [](TypedBatch<Owning>& b, std::uint32_t i) { return b.values()[i].text; });
  writer.receive(batch);
  EXPECT_EQ(writer.records_out(), 400u);
}

TEST(Exchange, AFailingKeyFunctionNamesTheRecordAndLeaksNothing) {
  for (const std::size_t targets : {1u, 2u}) {
    auto edges = make_edges(targets);
    const auto key = [](const Owning& record) -> std::int64_t {
      if (record.id == 7) throw std::runtime_error{"no key"};
      return record.id;
    };
    KeyByWriter<Owning, decltype(key)> writer{pointers(edges), key, kMaxParallelism};
    TypedBatch<Owning> batch;
    for (std::int64_t i = 0; i < 10; ++i) batch.append({i, std::string(100, 'a')}, i);
    try {
      writer.receive(batch);
      FAIL() << "it threw";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUserCode);
      EXPECT_NE(error.message().find("\"id\":7"), std::string::npos) << error.message();
      EXPECT_NE(error.message().find("no key"), std::string::npos) << error.message();
    }
  }
}

TEST(RebalanceWriter, GivesBatchesToTheTargetsInTurn) {
  auto edges = make_edges(3);
  RebalanceWriter<Bid> writer{pointers(edges)};
  for (std::int64_t i = 0; i < 7; ++i) send(writer, {{0, i}});
  writer.flush();
  writer.drain();
  EXPECT_EQ(prices(*edges[0]), "0 3 6");
  EXPECT_EQ(prices(*edges[1]), "1 4");
  EXPECT_EQ(prices(*edges[2]), "2 5");
}

/// What each target has got, after the batches of these sizes.
std::vector<std::string> dealt(EdgeWriter& writer, std::vector<std::unique_ptr<Edge>>& edges, const std::vector<std::int64_t>& sizes) {
  std::int64_t price = 0;
  for (const std::int64_t size : sizes) {
    std::vector<Bid> bids;
    for (std::int64_t i = 0; i < size; ++i, ++price) bids.push_back({price % 17, price});
    send(writer, bids);
  }
  writer.flush();
  std::vector<std::string> got(edges.size());
  while (true) {
    const bool empty = writer.drain();
    for (std::size_t target = 0; target < edges.size(); ++target) {
      const std::string more = prices(*edges[target]);
      if (!more.empty()) got[target] += (got[target].empty() ? "" : " ") + more;
    }
    if (empty) return got;
  }
}
std::vector<std::int64_t> numbers(const std::string& text) {
  std::istringstream in{text};
  return {std::istream_iterator<std::int64_t>{in}, {}};
}
/// Each once, and those of a target in their order.
void expect_all(const std::vector<std::string>& dealt, std::size_t records) {
  std::set<std::int64_t> all;
  for (const std::string& one : dealt) {
    const auto mine = numbers(one);
    EXPECT_TRUE(std::ranges::is_sorted(mine)) << one;
    all.insert(mine.begin(), mine.end());
  }
  std::size_t count = 0;
  for (const std::string& one : dealt) count += numbers(one).size();
  EXPECT_EQ(count, records);
  EXPECT_EQ(all.size(), records);
}

TEST(RebalanceWriter, NoTargetEverHasTwoRecordsMoreThanAnother) {
  std::mt19937 random{7};
  for (const std::uint32_t targets : {1u, 2u, 3u, 8u}) {
    auto edges = make_edges(targets);
    RebalanceWriter<Bid> writer{pointers(edges)};
    writer.open({.subtask = 5, .consumer = {}, .seed = 0});
    std::vector<std::int64_t> sizes;
    for (int i = 0; i < 50; ++i) sizes.push_back(static_cast<std::int64_t>(random() % 40));
    const auto got = dealt(writer, edges, sizes);
    const auto records = static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
    expect_all(got, records);
    for (const std::string& one : got) {
      EXPECT_GE(numbers(one).size(), records / targets);
      EXPECT_LE(numbers(one).size(), records / targets + 1);
    }
  }
}

TEST(RebalanceWriter, ManyProducersOfOneRecordDoNotAllChooseTheFirstTarget) {
  for (std::uint32_t producer = 0; producer < 6; ++producer) {
    auto edges = make_edges(3);
    RebalanceWriter<Bid> writer{pointers(edges)};
    writer.open({.subtask = producer, .consumer = {}, .seed = 0});
    EXPECT_EQ(dealt(writer, edges, {1})[producer % 3], "0");
  }
}

TEST(ShuffleWriter, SpreadsByItsSeedAlone) {
  const auto run = [](std::uint64_t seed) {
    auto edges = make_edges(4);
    ShuffleWriter<Bid> writer{pointers(edges)};
    writer.open({.subtask = 0, .consumer = {}, .seed = seed});
    return dealt(writer, edges, {1000, 1000, 1000, 1000});
  };
  const auto got = run(1);
  expect_all(got, 4000);
  for (const std::string& one : got) {
    EXPECT_GT(numbers(one).size(), 850u);
    EXPECT_LT(numbers(one).size(), 1150u);
  }
  EXPECT_EQ(run(1), got);
  EXPECT_NE(run(2), got);
}

TEST(CustomWriter, AsksTheFunctionWithTheKeyAndTheNumberOfTargets) {
  auto edges = make_edges(3);
  const auto last_but = [](std::int64_t auction, std::uint32_t targets) { return targets - 1 - static_cast<std::uint32_t>(auction) % targets; };
  CustomWriter<Bid, decltype(last_but), std::int64_t Bid::*> writer{pointers(edges), last_but, &Bid::auction};
  const auto got = dealt(writer, edges, {200, 300});
  expect_all(got, 500);
  for (std::uint32_t target = 0; target < 3; ++target) {
    for (const std::int64_t price : numbers(got[target])) EXPECT_EQ(price % 17 % 3, 2 - target);
  }
}

TEST(CustomWriter, RefusesATargetThatThereIsNotAndNamesTheConsumerAndTheRecord) {
  const auto failure = [](auto function) {
    auto edges = make_edges(3);
    CustomWriter<Bid, decltype(function), std::int64_t Bid::*> writer{pointers(edges), function, &Bid::auction};
    writer.open({.subtask = 0, .consumer = "operator 'map' (job.cc:14)", .seed = 0});
    try {
      send(writer, {{1, 10}, {2, 20}});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUserCode);
      return error.message();
    }
    return std::string{};
  };
  const std::string where = "the function of the partition_by() before operator 'map' (job.cc:14), at {\"auction\":2,\"price\":20}: ";
  const std::string advice = " of 3: give a number from 0 to 2";
  EXPECT_EQ(failure([](std::int64_t auction, std::uint32_t) { return auction == 2 ? 3 : 0; }), where + "it gave subtask 3" + advice);
  EXPECT_EQ(failure([](std::int64_t auction, std::uint32_t) { return auction == 2 ? -1 : 0; }), where + "it gave subtask -1" + advice);
  EXPECT_EQ(failure([](std::int64_t auction, std::uint32_t) -> std::uint32_t {
              if (auction == 2) throw std::runtime_error{"no idea"};
              return 0;
            }),
            where + "no idea");
  EXPECT_EQ(failure([](std::int64_t auction, std::uint32_t n) { return auction % n; }), "");
}

TEST(Exchange, BatchesAreSmallerWhereThereAreManyTargetsButNeverTiny) {
  EXPECT_EQ(batch_capacity<Bid>(1), Batch::kCapacity);
  EXPECT_LT(batch_capacity<Bid>(100), Batch::kCapacity);
  EXPECT_GE(batch_capacity<Bid>(100'000), 64u);
}

}  // namespace
}  // namespace tidemark::detail
