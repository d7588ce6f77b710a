// What does a record cost from batch to state, beside a bare loop that does the same work?
//
// Each row runs the same source three ways: into a sum (the source's cost), through a loop written by hand, and through the
// engine's operators as a task runs them. Net is less the source. The aim: net <= 2 x bare + 4 ns, + 8 ns per exchange.
#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bench/measure.h"
#include "nexmark/generator.h"
#include "tidemark/aggregate.h"
#include "tidemark/detail/channel/exchange.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/window.h"

namespace {

using namespace tidemark;
using namespace tidemark::detail;

struct Bid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  std::int64_t date_time;
};

// The same records for everyone: in batches that fit the cache, cycled through.
struct Input {
  std::vector<Bid> bids;
};

constexpr std::uint32_t kBatch = Batch::kCapacity;

/// Feeds the input batch by batch to `receiver`, filling a batch as a source does.
template <class Each>
void feed(const Input& input, Each&& each) {
  static TypedBatch<Bid> batch;
  for (std::size_t from = 0; from < input.bids.size(); from += kBatch) {
    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(kBatch, input.bids.size() - from));
    for (std::uint32_t i = 0; i < n; ++i) {
      new (batch.values() + i) Bid(input.bids[from + i]);
      batch.timestamps()[i] = input.bids[from + i].date_time;
    }
    batch.set_size(n);
    batch.set_exclusive(true);
    each(batch);
    batch.clear();
  }
}

void source_only(const Input& input) {
  std::int64_t sum = 0;
  feed(input, [&](TypedBatch<Bid>& batch) {
    for (std::uint32_t i = 0; i < batch.size(); ++i) sum += batch.values()[i].price + batch.timestamps()[i];
  });
  bench::keep(sum);
}

// A bare hash table as one would write it for this loop alone: linear probing, Fibonacci hashing, no snapshots.
class BareTable {
 public:
  explicit BareTable(unsigned bits) : shift_{64 - bits}, mask_{(std::size_t{1} << bits) - 1}, slots_(std::size_t{1} << bits) {}
  std::int64_t& at(std::int64_t key) {
    std::size_t i = (static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15u) >> shift_;
    while (slots_[i].key != key) {
      if (slots_[i].key == kEmpty) {
        slots_[i].key = key;
        break;
      }
      i = (i + 1) & mask_;
    }
    return slots_[i].value;
  }
  void prefetch(std::int64_t key) const {
    __builtin_prefetch(&slots_[(static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15u) >> shift_], 1);
  }
  template <class F>
  void for_each(F&& f) {
    for (Slot& slot : slots_) {
      if (slot.key != kEmpty) f(slot.key, slot.value);
    }
  }
  void clear() {
    for (Slot& slot : slots_) slot = {};
  }

 private:
  static constexpr std::int64_t kEmpty = INT64_MIN;
  struct Slot {
    std::int64_t key = kEmpty;
    std::int64_t value = 0;
  };
  unsigned shift_;
  std::size_t mask_;
  std::vector<Slot> slots_;
};

// The end of every engine chain: reads what arrives.
template <class T>
struct Summing final : BatchReceiver {
  std::uint64_t sum = 0;
  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      std::uint64_t first = 0;
      std::memcpy(&first, batch.values() + i, sizeof first);
      sum += first;
    }
  }
};

// key_by within a chain: hashes into the column of the batch at hand.
template <class KeyFn>
void hash_column(TypedBatch<Bid>& batch, KeyFn key) {
  for (std::uint32_t i = 0; i < batch.size(); ++i) batch.hashes()[i] = hash_key<std::int64_t>(key(batch.values()[i]));
}

struct Counter : KeyedProcess<std::int64_t, Bid, std::int64_t> {
  ValueState<std::int64_t> count_;
  explicit Counter(Declare& declare) : count_{declare, "count"} {}
  void process(const Bid&, Context&, Out<std::int64_t>& out) override {
    const std::int64_t count = count_.get() + 1;
    count_.set(count);
    if ((count & 0xfff) == 0) out.emit(count);
  }
};

OperatorContext bench_context() {
  OperatorContext context;
  context.name = {"bench", "bench", 0};
  return context;
}

struct AuctionOf {
  std::int64_t operator()(const Bid& bid) const { return bid.auction; }
};

void print_row(const char* name, const std::vector<bench::Candidate>& c, double exchanges) {
  const double source = c[0].median();
  const double bare = c[1].median() - source;
  const double net = c[2].median() - source;
  const double aim = 2 * std::max(bare, 0.0) + 4 + 8 * exchanges;
  std::printf("%-34s %7.1f %7.1f %7.1f %7.1f  %s\n", name, source, bare, net, aim, net <= aim ? "met" : "MISSED");
}

using Candidates = std::vector<bench::Candidate>;

void map_filter(const Input& input, std::int64_t threshold, const char* name) {
  struct Converted {
    std::int64_t auction, price;
  };
  auto keep_it = [threshold](const Bid& bid) { return bid.price > threshold; };
  auto convert = [](const Bid& bid) { return Converted{bid.auction, bid.price * 908 / 1000}; };
  FilterOperator<Bid, decltype(keep_it)> filtering{keep_it};
  MapOperator<Bid, decltype(convert)> mapping{convert};
  Summing<Converted> end;
  filtering.out().add_receiver(mapping);
  mapping.out().add_receiver(end);
  Candidates candidates{
      {"source", [&] { source_only(input); }, {}},
      {"bare",
       [&] {
         std::int64_t sum = 0;
         feed(input, [&](TypedBatch<Bid>& batch) {
           for (std::uint32_t i = 0; i < batch.size(); ++i) {
             const Bid& bid = batch.values()[i];
             if (bid.price > threshold) sum += bid.auction + bid.price * 908 / 1000 + batch.timestamps()[i];
           }
         });
         bench::keep(sum);
       },
       {}},
      {"engine", [&] { feed(input, [&](TypedBatch<Bid>& batch) { filtering.receive(batch); }); }, {}}};
  bench::alternate(candidates, 9, static_cast<double>(input.bids.size()));
  print_row(name, candidates, 0);
}

void keyed_count(const Input& input, unsigned bits, const char* name, bool prefetch_bare) {
  BareTable table{bits};
  OperatorContext context = bench_context();
  KeyedProcessOperator<Counter, AuctionOf> counting{[](Declare& d) { return std::make_unique<Counter>(d); }, AuctionOf{}};
  counting.open(context);
  Summing<std::int64_t> end;
  counting.out().add_receiver(end);
  Candidates candidates{
      {"source", [&] { source_only(input); }, {}},
      {"bare",
       [&] {
         std::int64_t emitted = 0;
         feed(input, [&](TypedBatch<Bid>& batch) {
           for (std::uint32_t i = 0; i < batch.size(); ++i) {
             if (prefetch_bare && i + 32 < batch.size()) table.prefetch(batch.values()[i + 32].auction);
             const std::int64_t count = ++table.at(batch.values()[i].auction);
             if ((count & 0xfff) == 0) emitted += count;
           }
         });
         bench::keep(emitted);
       },
       {}},
      {"engine",
       [&] {
         feed(input, [&](TypedBatch<Bid>& batch) {
           hash_column(batch, AuctionOf{});
           counting.receive(batch);
         });
       },
       {}}};
  bench::alternate(candidates, 9, static_cast<double>(input.bids.size()));
  print_row(name, candidates, 0);
}

using Q5Window = WindowAggregateOperator<Bid, AuctionOf, CountAggregate, KeyedRow>;

struct WholeKey {
  bool operator()(const Windowed<std::int64_t, std::int64_t>&) const { return false; }
};
struct ByValue {
  std::int64_t operator()(const Windowed<std::int64_t, std::int64_t>& row) const { return row.value; }
};
using Q5Max = WindowAggregateOperator<Windowed<std::int64_t, std::int64_t>, WholeKey, BestByAggregate<ByValue, true>, WholeRow>;

struct HashWhole final : BatchReceiver {
  Q5Max& max;
  explicit HashWhole(Q5Max& m) : max{m} {}
  void receive(Batch& in) override {
    const std::uint64_t hash = hash_key<bool>(false);
    std::fill_n(in.hashes(), in.size(), hash);
    max.receive(in);
  }
};

// Sliding windows of 10 s every 2 s: count per auction, then the largest per window, by hand: five rotating slices.
class BareQ5 {
 public:
  void add(const Bid& bid) {
    const std::int64_t slice = bid.date_time / 2000;
    if (slice != last_) {
      last_ = slice;
      table_ = &of(slice);
    }
    ++table_->at(bid.auction);
  }
  void advance(std::int64_t watermark) {
    while (next_ != INT64_MAX && next_ * 2000 + 2000 - 1 <= watermark) {
      scratch_.clear();
      for (std::int64_t s = next_ - 4; s <= next_; ++s) {
        const auto found = slices_.find(s);
        if (found == slices_.end()) continue;
        found->second.for_each([&](std::int64_t key, std::int64_t value) { scratch_.at(key) += value; });
      }
      std::int64_t hottest = 0;
      std::int64_t most = 0;
      scratch_.for_each([&](std::int64_t auction, std::int64_t bids) {
        if (bids > most || (bids == most && auction < hottest)) {
          most = bids;
          hottest = auction;
        }
      });
      result_ += most + hottest;
      slices_.erase(next_ - 4);
      ++next_;
      last_ = -1;
    }
  }
  std::int64_t result() const { return result_; }

 private:
  BareTable& of(std::int64_t slice) {
    if (next_ == INT64_MAX) next_ = slice;
    return slices_.try_emplace(slice, 15u).first->second;
  }
  std::map<std::int64_t, BareTable> slices_;
  BareTable scratch_{17};
  BareTable* table_ = nullptr;
  std::int64_t last_ = -1;
  std::int64_t next_ = INT64_MAX;
  std::int64_t result_ = 0;
};

void q5(const Input& input, bool through_edge, const char* name) {
  const auto watermark_after = [&](const TypedBatch<Bid>& batch) { return batch.values()[batch.size() - 1].date_time - 4000; };
  Candidates candidates{
      {"source", [&] { source_only(input); }, {}},
      {"bare",
       [&] {
         BareQ5 query;
         feed(input, [&](TypedBatch<Bid>& batch) {
           for (std::uint32_t i = 0; i < batch.size(); ++i) query.add(batch.values()[i]);
           query.advance(watermark_after(batch));
         });
         bench::keep(query.result());
       },
       {}},
      {"engine",
       [&] {
         OperatorContext context = bench_context();
         Q5Window window{AuctionOf{}, {}, WindowSpec::sliding(10'000, 2'000), Duration{0}};
         Q5Max hottest{WholeKey{}, {}, WindowSpec::tumbling(2'000), Duration{0}};
         window.open(context);
         hottest.open(context);
         HashWhole hash{hottest};
         Summing<WindowedAll<Windowed<std::int64_t, std::int64_t>>> end;
         window.out().add_receiver(hash);
         hottest.out().add_receiver(end);
         const auto advance = [&](Timestamp watermark) {
           window.advance(watermark);
           hottest.advance(watermark);
         };
         if (!through_edge) {
           feed(input, [&](TypedBatch<Bid>& batch) {
             hash_column(batch, AuctionOf{});
             window.receive(batch);
             advance(Timestamp{watermark_after(batch)});
           });
           return;
         }
         Edge edge;
         KeyByWriter<Bid, AuctionOf> writer{{&edge}, AuctionOf{}, kDefaultMaxParallelism};
         const auto consume = [&] {
           Element element;
           while (edge.try_pop(element)) {
             if (element.kind == Element::Kind::kBatch) {
               window.receive(*element.batch);
               edge.give_back(element.batch);
             } else {
               advance(element.watermark);
             }
           }
         };
         feed(input, [&](TypedBatch<Bid>& batch) {
           writer.receive(batch);
           writer.send_watermark(Timestamp{watermark_after(batch)});
           writer.drain();
           consume();
         });
         writer.flush();
         writer.drain();
         consume();
       },
       {}}};
  bench::alternate(candidates, 7, static_cast<double>(input.bids.size()));
  print_row(name, candidates, through_edge ? 1 : 0);
}

Input nexmark_bids(std::uint64_t events) {
  Input input;
  const nexmark::Generator generator{{}};
  for (std::uint64_t n = 0; n < events; ++n) {
    if (nexmark::Generator::kind(n) != nexmark::Kind::kBid) continue;
    const nexmark::Bid bid = generator.bid(n, nullptr, nexmark::Texts::kNone);
    input.bids.push_back({bid.auction, bid.bidder, bid.price, bid.date_time});
  }
  return input;
}

Input uniform_keys(std::size_t records, std::int64_t keys, bool dense) {
  Input input;
  std::mt19937_64 random{7};
  for (std::size_t i = 0; i < records; ++i) {
    const auto key = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(keys));
    const std::int64_t id = dense ? key : static_cast<std::int64_t>(static_cast<std::uint64_t>(key) * 0xD6E8FEB86659FD93u >> 1);
    input.bids.push_back({id, 1, key, static_cast<std::int64_t>(i / 100)});
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";  // a row's name, or part of it
  const auto wanted = [&](const char* name) { return std::string{name}.find(only) != std::string::npos; };
  std::printf("%-34s %7s %7s %7s %7s\n", "ns of CPU a record (medians)", "source", "bare", "engine", "aim");
  const Input bids = nexmark_bids(10'000'000);
  if (const char* name = "map+filter, few pass"; wanted(name)) map_filter(bids, 9'000'000, name);
  if (const char* name = "map+filter, 2 of 3 pass"; wanted(name)) map_filter(bids, 1'000, name);
  const Input dense = uniform_keys(4'000'000, 1'000'000, true);
  if (const char* name = "keyed count, 1M dense ids"; wanted(name)) keyed_count(dense, 21, name, true);
  const Input sparse = uniform_keys(4'000'000, 1'000'000, false);
  if (const char* name = "keyed count, 1M sparse ids"; wanted(name)) keyed_count(sparse, 21, name, true);
  if (const char* name = "keyed count, bids by auction"; wanted(name)) keyed_count(bids, 21, name, true);
  if (const char* name = "q5 chained"; wanted(name)) q5(bids, false, name);
  if (const char* name = "q5 through key_by and an edge"; wanted(name)) q5(bids, true, name);
}
