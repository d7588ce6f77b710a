// The code of docs/testing.md, run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "page_code.h"
#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Payment { std::int64_t account = 0; double amount = 0; };
struct Alert { std::int64_t account = 0; double amount = 0; };

// A large payment within a minute after a small one.
class FraudDetector : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  FraudDetector(Declare& declare, double large) : small_at_{declare, "small-at"}, large_{large} {}
  void process(const Payment& payment, Context& ctx, Out<Alert>& out) override {
    if (const Timestamp* small_at = small_at_.find()) {
      if (payment.amount > large_) out.emit({payment.account, payment.amount});
      ctx.timers().remove({*small_at + 1min});
      small_at_.clear();
    }
    if (payment.amount < 1) {
      small_at_.set(ctx.timestamp());
      ctx.timers().at(ctx.timestamp() + 1min);
    }
  }
  void on_timer(Timestamp, Context&, Out<Alert>&) override { small_at_.clear(); }

 private:
  ValueState<Timestamp> small_at_;
  double large_;
};

TEST(KitDocumentation, AFunction) {
  OperatorTest<FraudDetector, &Payment::account> t{{.one_slot_outbox = true, .snapshot_between_records = true}, 500.0};
  t.in({1, 0.5}, at(10s)).in({1, 900}, at(20s));
  t.expect_out({{1, 900}});
  t.watermark(at(2min));
  EXPECT_EQ(t.timers(), 0);
}

TEST(KitDocumentation, InEveryWay) {
  in_every_way([](const TestOptions& way) {
    OperatorTest<FraudDetector, &Payment::account> t{way, 500.0};
    t.in({1, 0.5}, at(10s)).in({2, 0.7}, at(12s)).in({1, 900}, at(20s));
    t.expect_out({{1, 900}});
  });
}

TEST(KitDocumentation, APipeline) {
  in_every_way([](const TestOptions& way) {
    const SideOutput<Payment> late{"late"};
    const TestOutput<Payment> late_payments{"late payments"};
    using Sum = Windowed<std::int64_t, double>;
    PipelineTest<Payment, Sum> t{way, [&](Stream<Payment> payments, TestPorts& ports) {
      const auto sums = payments.key_by(&Payment::account).window(tumbling(10s)).late_to(late).aggregate(sum(&Payment::amount)).uid("sums");
      ports.output(late_payments, sums.side_output(late));
      return sums;
    }};
    t.in({1, 5}, at(1s)).in({1, 6}, at(9s)).watermark(at(10s));
    t.expect_out({{at(0s), at(10s), 1, 11}});
    t.in({1, 7}, at(2s)).expect_out(late_payments, {{1, 7}});
  });
}

TEST(KitDocumentation, AWholeJob) {
  in_every_way([](const TestOptions& way) {
    JobTest t{way, [](Job& job) {
      job.from(read_files<Payment>("in/*.ndjson")).uid("payments")
          .filter([](const Payment& payment) { return payment.amount >= 500; })
          .to(write_files("out", as_json())).uid("large");
    }};
    t.file("in/1.ndjson", "{\"account\":1,\"amount\":900}\n{\"account\":2,\"amount\":3}\n");
    t.run();
    EXPECT_EQ(t.lines("out"), std::vector<std::string>{R"({"account":1,"amount":900})"});
  });
}

TEST(KitDocumentation, ItsCodeIsThisCode) {
  const std::string code = without_margins(slurp(TIDEMARK_SOURCE_DIR "/tests/kit/documentation_test.cc"));
  const auto shown = blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/testing.md"), "cpp");
  EXPECT_GE(shown.size(), 5u);
  for (const std::string& block : shown) EXPECT_THAT(code, ::testing::HasSubstr(without_margins(block)));
}

}  // namespace
}  // namespace tidemark
