// Jobs that must not compile. Of each fault the compiler says what stands behind `says:` in the line above it.
#include <mutex>

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
// says: this type can't be stored: it is no number, text, time, optional, vector, array, map, variant or aggregate
struct KeepsLocks : KeyedProcess<std::int64_t, Bid, Bid> {
  ValueState<std::mutex> lock_;
  explicit KeepsLocks(Declare& declare) : lock_{declare, "lock"} {}
  void process(const Bid&, Context&, Out<Bid>&) override { lock_.clear(); }
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
struct Written {
  void write(const Bid&) {}
};
struct NeedsAddress : Sink<Bid> {
  explicit NeedsAddress(std::string address) : address_{std::move(address)} {}
  std::string name() const override { return address_; }
  void write(const Bid&, Timestamp) override {}
  std::string address_;
};
struct Numbers {
  std::int64_t next() { return 0; }
};
struct NeedsLimit : Source<Bid, std::string, std::int64_t> {};
struct Silent {
  struct State {};
  void on_record(State&, const Bid&, TriggerContext&) const {}
};
struct Stateless {
  TriggerResult on_record(const Bid&) const { return TriggerResult::kFire; }
};
struct Alone {
  struct State {};
  TriggerResult on_record(State&, const Bid&, TriggerContext&) const { return TriggerResult::kFire; }
};
struct TakesOne {
  void evict(Bid&) const {}
};
struct Unassigned {
  Window window_of(const Bid&) const { return {}; }
};
struct ByTags {
  void assign(const Bid&, Timestamp, std::vector<Window>&) const {}
};
struct OfWindow {
  std::int64_t firings = 0;
};
struct Sums : WindowProcess<std::int64_t, WindowRecords<Bid>, Bid, OfWindow> {
  explicit Sums(Declare&) {}
  void process(const WindowRecords<Bid>&, Context&, Out<Bid>&) override {}
};
struct Unmergeable {
  using Accumulator = std::int64_t;
  void add(std::int64_t& count, const Bid&) const { ++count; }
  std::int64_t result(const std::int64_t& count) const { return count; }
};

[[maybe_unused]] void wrong_jobs(const Stream<Bid>& bids) {
  bids.key_by(&Bid::auction).process<KeepsHandles>();
  bids.key_by(&Bid::auction).process<KeepsLocks>();
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
  // says: window() takes windows: tumbling(10s), sliding(10s, 2s), session(30s), global(), or a struct with void assign
  bids.key_by(&Bid::auction).window(Unassigned{}).trigger(count_trigger(1));
  // says: trigger() takes a trigger: count_trigger(100), continuous_trigger(1min), or a struct with a State and on_record()
  bids.key_by(&Bid::auction).window(tumbling(1s)).trigger(Stateless{});
  // says: the trigger has no TriggerResult on_record(State&, const Record&, TriggerContext&) const
  bids.key_by(&Bid::auction).window(tumbling(1s)).trigger(Silent{});
  // says: sessions merge, and this trigger can't: it has no void on_merge(State& into, const State& from, TriggerContext&) const
  bids.key_by(&Bid::auction).window(session(1s)).trigger(Alone{});
  // says: evict() takes an evictor: count_evictor(10), or a struct with void evict(WindowRecords<Record>&) const
  bids.key_by(&Bid::auction).window(session(1s)).evict(TakesOne{});
  // says: evict_after() takes an evictor: count_evictor(10), or a struct with void evict(WindowRecords<Record>&) const
  bids.key_by(&Bid::auction).window(session(1s)).evict_after(TakesOne{});
  // says: sessions merge, and a function's state of a window can't: keep it in a state of the key
  bids.key_by(&Bid::auction).window(session(1s)).process<Sums>();
  // says: session() takes a duration, or a callable that gives one for a record
  bids.key_by(&Bid::auction).window(session([](const Bid& bid) { return bid.auction; })).aggregate(count());
  // says: delta_trigger() takes a callable that measures two records
  bids.key_by(&Bid::auction).window(global()).trigger(delta_trigger(1, [](const Bid& bid) { return bid.auction; })).aggregate(count());
  const auto by_number = bids.key_by(&Bid::auction);
  const auto by_text = bids.key_by([](const Bid& bid) { return std::to_string(bid.auction); });
  // says: both streams of connect() and join() need keys of the same type: let one of the key_by() convert its key
  by_number.join(by_text);
  // says: both streams of co_group() need keys of the same type: let one of the key_by() convert its key
  by_number.co_group(by_text);
  // says: inner() takes a callable that makes a row of two records: [](const A& a, const B& b) { return ...; }
  by_number.join(by_number).unbounded().inner([](const Bid& bid) { return bid; });
  // says: left() takes a callable that makes a row of a record and one that may be null: [](const A& a, const B* b) { return ...; }
  by_number.join(by_number).between(-1s, 1s).left([](const Bid& a, const Bid&) { return a; });
  // says: right() takes a callable that makes a row of a record that may be null and one: [](const A* a, const B& b) { return ...; }
  by_number.join(by_number).between(-1s, 1s).right([](const Bid&, const Bid& b) { return b; });
  // says: full() takes a callable that makes a row of two records of which one may be null: [](const A* a, const B* b) { return ...; }
  by_number.join(by_number).window(tumbling(1s)).full([](const Bid&, const Bid& b) { return b; });
  // says: as_of() joins inner() or left(): a version alone is no row
  by_number.join(by_number).as_of().right([](const Bid*, const Bid& b) { return b; });
  // says: many_to_one() and one_to_many() are for joins by unbounded()
  by_number.join(by_number).between(-1s, 1s).many_to_one();
  // says: window() over two streams takes windows that hang on the time alone: tumbling(10s), sliding(10s, 2s), session(30s)
  by_number.join(by_number).window(ByTags{}).inner([](const Bid& a, const Bid&) { return a; });
  // says: Over two streams it takes a duration
  by_number.co_group(by_number).window(session([](const Bid& bid) { return bid.auction * 1s; })).apply([](auto, auto, Out<Bid>&) {});
  // says: apply() takes a callable of both groups and an output
  by_number.co_group(by_number).window(tumbling(1s)).apply([](const Bid& bid) { return bid; });
  // says: own_sink<S>() takes a class that is a Sink or a TwoPhaseSink: class Board : public Sink<Alert>
  bids.to(own_sink<Written>());
  // says: the sink's constructor takes the arguments of own_sink(), which are copied
  bids.to(own_sink<NeedsAddress>(7));
  // says: own_source<S>() takes a class that is a Source: class Orders : public Source<Order, Shard, Offset>
  own_source<Numbers>();
  // says: a split and a position are aggregates: struct Shard { int number = 0; };
  own_source<NeedsLimit>();
  // says: partition_by() takes a function of a key and the number of subtasks, which gives one of them
  bids.partition_by([](std::int64_t, std::uint32_t) { return "left"; }, &Bid::auction);
  // says: upserts() are made of the changes of a table
  bids.upserts();
  const auto counts = bids.key_by(&Bid::auction).aggregate(count());
  // says: rebalance(), rescale() and shuffle() would bring the changes or upserts of a row out of order
  counts.rebalance();
  // says: many_to_one() and one_to_many() need records on the side of the one, not changes
  const auto counted = counts.key_by(of_row(&Count::key)).join(by_number);
  counted.unbounded().one_to_many();
  // says: many_to_one() and one_to_many() with unbounded(ttl(...)) take records, not changes
  counted.unbounded(ttl(1h)).many_to_one();
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
