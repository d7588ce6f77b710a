// Fraud with timers: who has stolen a card tries it with a small amount first. A small payment that is followed by a
// large one within a minute is an alert; one that was followed by nothing is forgotten by a timer.
//
//   sample_data data
//   fraud_detection --input data/payments.ndjson --output alerts && cat alerts/part-*
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

/// Payments of a card come in the order of their times.
class FraudDetector : public KeyedProcess<std::int64_t, Payment, Alert> {
 public:
  FraudDetector(Declare& declare, Suspicion suspicion) : small_{declare, "small"}, suspicion_{suspicion} {}

  void process(const Payment& payment, Context& ctx, Out<Alert>& out) override {
    if (const Timer* expiry = small_.find()) {
      // The watermark may be behind the payments, and the timer with it.
      const bool in_time = payment.at < expiry->at;
      if (in_time && payment.amount > suspicion_.large) out.emit({payment.card, payment.amount, payment.at});
      ctx.timers().remove(*expiry);
      small_.clear();
    }
    if (payment.amount < suspicion_.small) small_.set(ctx.timers().at(payment.at + suspicion_.within));
  }

  void on_timer(Timestamp, Context&, Out<Alert>&) override { small_.clear(); }

 private:
  ValueState<Timer> small_;  // the last payment was small; the timer is set for the end of suspicion
  Suspicion suspicion_;
};

int main(int argc, char** argv) {
  Job job{"fraud-detection", argc, argv};
  const auto input = job.arg("input", "data/payments.ndjson", "payments as JSON lines, those of a card in order");
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
