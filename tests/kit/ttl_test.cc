// States with a time to live, under the operator test kit: restored at every record, they die when they would have.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Visit {
  std::string_view user;
  std::string_view page;
  std::int64_t seconds = 0;
};
/// What is remembered of a user.
struct Summary {
  std::string user;
  std::int64_t visits = 0;
  std::int64_t longest = 0;
  std::int64_t total = 0;
  std::vector<std::string> pages;
  std::vector<std::string> times;  ///< by page
};

struct Longer {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::max(a, b); }
};

/// Remembers a visit to "remember" and tells of it at every other.
class Memory final : public KeyedProcess<std::string_view, Visit, Summary> {
 public:
  Memory(Declare& declare, TtlUpdate update)
      : visits_{declare, "visits", ttl(10s, update)},
        longest_{declare, "longest", ttl(10s, update)},
        total_{declare, "total", sum(&Visit::seconds), ttl(10s, update)},
        pages_{declare, "pages", ttl(10s, update)},
        times_{declare, "times", ttl(10s, update)} {}

  void process(const Visit& visit, Context& ctx, Out<Summary>& out) override {
    if (visit.page == "?") return out.emit(summary(ctx));
    visits_.mutate([](std::int64_t& visits) { ++visits; });
    longest_.add(visit.seconds);
    total_.add(visit);
    pages_.add(std::string{visit.page});
    times_.mutate(std::string{visit.page}, [&](std::int64_t& seconds) { seconds += visit.seconds; });
  }
  void on_timer(Timestamp, Context& ctx, Out<Summary>& out) override { out.emit(summary(ctx)); }

 private:
  Summary summary(Context& ctx) {
    Summary summary{std::string{ctx.key()}, visits_.get(), longest_.get(), total_.get().value_or(0), pages_.get(), {}};
    for (const auto& [page, seconds] : times_.entries()) summary.times.push_back(page + " " + std::to_string(seconds));
    return summary;
  }

  ValueState<std::int64_t, Ttl> visits_;
  ReducingState<std::int64_t, Longer, Ttl> longest_;
  AggregatingState<Visit, decltype(sum(&Visit::seconds)), Ttl> total_;
  ListState<std::string, Ttl> pages_;
  MapState<std::string, std::int64_t, Ttl> times_;
};

using MemoryTest = OperatorTest<Memory, &Visit::user>;

TEST(KitTtl, EntriesDieAndTheirPartsOneByOne) {
  in_every_way([](const TestOptions& way) {
    MemoryTest t{way, TtlUpdate::kOnCreateAndWrite};
    t.processing_time(at(1000s));
    t.in({"ada", "news", 5}).in({"bob", "news", 1});
    t.processing_time(at(1006s));
    t.in({"ada", "mail", 3}).in({"ada", "?"});
    t.expect_out({{"ada", 2, 5, 8, {"news", "mail"}, {"mail 3", "news 5"}}});
    t.processing_time(at(1010s));
    t.in({"ada", "?"}).in({"bob", "?"});
    t.expect_out({{"ada", 2, 5, 8, {"mail"}, {"mail 3"}}, {"bob", 0, 0, 0, {}, {}}}, in_any_order);
    t.processing_time(at(1016s));
    t.in({"ada", "?"});
    t.expect_out({{"ada", 0, 0, 0, {}, {}}});
    t.end();
  });
}

TEST(KitTtl, ReadsKeepEntriesAliveWhereTheyShould) {
  in_every_way([](const TestOptions& way) {
    MemoryTest t{way, TtlUpdate::kOnReadAndWrite};
    t.processing_time(at(1000s));
    t.in({"ada", "news", 5}).in({"bob", "news", 1});
    for (const int second : {1009, 1018}) {
      t.processing_time(at(std::chrono::seconds{second}));
      t.in({"ada", "?"});
      t.expect_out({{"ada", 1, 5, 5, {"news"}, {"news 5"}}});
    }
    t.in({"bob", "?"});
    t.expect_out({{"bob", 0, 0, 0, {}, {}}});
    t.end();
  });
}

}  // namespace
}  // namespace tidemark
