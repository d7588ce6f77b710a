// Fraud with timers: who has stolen a card tries it with a small amount first. A small payment that is followed by a
// large one within a minute is an alert; one that was followed by nothing is forgotten by a timer.
//
//   sample_data data
//   fraud_detection --input data/payments.ndjson --output alerts && cat alerts/part-*
#include <algorithm>

#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

struct Payment {
  std::int64_t card;
  double amount;
  Timestamp at;
};

struct Alert {
  std::int64_t card;
  double amount;
  Timestamp at;
};

struct Suspicion {
  double small = 1.00;    // less than this is small
  double large = 500.00;  // more than this is large
  Duration within = 1min;
};

class FraudDetector : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  FraudDetector(Declare& declare, Suspicion suspicion)
      : waiting_{declare, "waiting"}, suspect_until_{declare, "suspect-until"}, suspicion_{suspicion} {}

  // Files, and parts of a file, are read side by side: a payment waits until all before it have come.
  void process(const Payment& payment, Context& ctx, Out<Alert>&) override {
    waiting_.add(payment);
    ctx.timers().at(payment.at);
  }

  void on_timer(Timestamp now, Context& ctx, Out<Alert>& out) override {
    std::vector<Payment> due, later;
    for (const Payment& payment : waiting_.get()) (payment.at <= now ? due : later).push_back(payment);
    if (!due.empty()) waiting_.set(later);
    std::ranges::stable_sort(due, {}, &Payment::at);
    for (const Payment& payment : due) check(payment, ctx, out);

    const Timestamp* until = suspect_until_.find();
    if (until != nullptr && *until <= now) suspect_until_.clear();
  }

 private:
  void check(const Payment& payment, Context& ctx, Out<Alert>& out) {
    if (const Timestamp* until = suspect_until_.find()) {
      if (payment.at < *until && payment.amount > suspicion_.large) out.emit({payment.card, payment.amount, payment.at});
      suspect_until_.clear();
    }
    if (payment.amount < suspicion_.small) {
      suspect_until_.set(payment.at + suspicion_.within);
      ctx.timers().at(payment.at + suspicion_.within);
    }
  }

  ListState<Payment> waiting_;           // of the card
  ValueState<Timestamp> suspect_until_;  // the last payment was small
  Suspicion suspicion_;
};

int main(int argc, char** argv) {
  Job job{"fraud-detection", argc, argv};
  const auto input = job.arg("input", "data/payments.ndjson", "payments as JSON lines");
  const auto output = job.arg("output", "alerts", "folder for the results");
  Suspicion suspicion;
  suspicion.small = job.arg("small", suspicion.small, "a payment below this is small");
  suspicion.large = job.arg("large", suspicion.large, "a payment above this is large");
  suspicion.within = job.arg("within", suspicion.within, "the large one comes sooner than this after the small one");

  job.from(read_files<Payment>(input).event_time(&Payment::at))
      .uid("payments")
      .key_by(&Payment::card)
      .process<FraudDetector>(suspicion)
      .uid("fraud")
      .to(write_files(output, as_json()))
      .uid("alerts");

  return job.run();
}
