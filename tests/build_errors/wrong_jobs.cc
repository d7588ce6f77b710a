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
using Count = Keyed<std::int64_t, std::int64_t>;
template <class T>
struct Board : Sink<T> {
  std::string name() const override { return "board"; }
  void write(const T&, Timestamp) override {}
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
  const auto upserts = counts.upserts();
  const auto by_key = upserts.key_by([](const Upsert<Count>& upsert) { return upsert.row.key; });
  by_key.keep_last();
  // says: a join takes streams of records or of changes, not of upserts
  by_key.join(bids.key_by(&Bid::auction)).unbounded().left([](const auto& upsert, const Bid*) { return upsert; });
  // says: filter() of upserts would leave rows in the sink that no longer pass it
  upserts.filter([](const Upsert<Count>& upsert) { return upsert.row.value < 10; });
  // says: async() takes records, not changes or upserts of rows
  counts.async().unordered().map_on_threads(2, [](const auto& change) { return change; });
  // says: lookup_join() takes records, not changes or upserts of rows
  upserts.lookup_join([](const Upsert<Count>& upsert) { return upsert.row.key; }).from_threads(2, [](std::int64_t key) { return std::optional{key}; });
  // says: the sink keeps one row a key, as its records are upserts, and this stream has changes that add and take rows
  counts.to(own_sink<Board<Upsert<Count>>>());
  // says: the sink takes rows that are only added, and this stream has changes of rows
  counts.to(own_sink<Board<Count>>());
  // says: the sink takes changes that add and take rows, and this stream replaces and deletes rows
  upserts.to(own_sink<Board<Change<Count>>>());
  // says: the sink takes rows that are only added, and this stream replaces and deletes rows
  upserts.to(own_sink<Board<Count>>());
}

}  // namespace
