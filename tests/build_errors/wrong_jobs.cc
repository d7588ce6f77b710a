// Jobs that must not compile. Of each fault the compiler says what stands behind `says:` in the line above it.
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Bid {
  std::int64_t auction;
  std::vector<std::int64_t> tags;
};
struct Handle {
  int* place;
};

// says: a pointer can't be stored: use the value itself
struct KeepsHandles : KeyedProcess<std::int64_t, Bid, Bid> {
  ValueState<Handle> handle_;
  explicit KeepsHandles(Declare& declare) : handle_{declare, "handle"} {}
  void process(const Bid&, Context&, Out<Bid>&) override { handle_.set({}); }
};
struct ByText : KeyedProcess<std::string, Bid, Bid> {
  explicit ByText(Declare&) {}
  void process(const Bid&, Context&, Out<Bid>&) override {}
};
struct Unmergeable {
  using Accumulator = std::int64_t;
  void add(std::int64_t& count, const Bid&) const { ++count; }
  std::int64_t result(const std::int64_t& count) const { return count; }
};

[[maybe_unused]] void wrong_jobs(const Stream<Bid>& bids) {
  bids.key_by(&Bid::auction).process<KeepsHandles>();
  // says: key_by() takes what gives a key: a bool, number, enum, text or time, or an aggregate, pair or tuple of these
  bids.key_by(&Bid::tags);
  // says: key_by() takes a member pointer or a callable for a record of the stream
  bids.key_by([](const std::string& text) { return text; });
  // says: the first type of KeyedProcess must be the type that key_by() gives
  bids.key_by(&Bid::auction).process<ByText>();
  // says: the aggregate has no void merge(Accumulator& into, const Accumulator& from) const
  bids.key_by(&Bid::auction).window(tumbling(1s)).aggregate(Unmergeable{});
  // says: two_stage() is for windows that are cut by event time alone
  bids.key_by(&Bid::auction).window(session(1s)).two_stage();
  // says: partition_by() takes a function of a key and the number of subtasks, which gives one of them
  bids.partition_by([](std::int64_t, std::uint32_t) { return "left"; }, &Bid::auction);
  // says: upserts() are made of the changes of a table
  bids.upserts();
  const auto counts = bids.key_by(&Bid::auction).aggregate(count());
  // says: rebalance(), rescale() and shuffle() would bring the changes or upserts of a row out of order
  counts.rebalance();
  // says: a table is made of records or of the changes of another table, not of upserts
  counts.upserts().key_by([](const auto& upsert) { return upsert.row.key; }).keep_last();
}

}  // namespace
