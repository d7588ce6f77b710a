// Rules by broadcast state: payments above the limit of their category. Limits change while the job runs, and a payment
// is judged by the one that was in force at its time, in whatever order the two streams come in.
//
//   sample_data data
//   spending_limits --payments data/payments.ndjson --limits data/limits.ndjson --output above && cat above/part-*
#include "tidemark/tidemark.h"

using namespace tidemark;

struct Payment {
  std::int64_t card;
  std::string category;
  double amount;
  Timestamp at;
};

struct Limit {
  std::string category;
  double most;
  Timestamp since;
};

struct Alert {
  std::int64_t card;
  std::string category;
  double amount;
  double limit;
  Timestamp at;
};

class LimitCheck : public KeyedBroadcastProcess<std::int64_t, Payment, Limit, Alert> {
 public:
  explicit LimitCheck(Declare& declare) : limits_{declare, "limits"}, waiting_{declare, "waiting"} {}

  void process(const Payment& payment, Context& ctx, Out<Alert>&) override {
    waiting_.add(payment);
    ctx.timers().at(payment.at);
  }

  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<Alert>&) override {
    ctx.writable(limits_).put({limit.category, limit.since}, limit.most);
  }

  // Both streams have come as far as this: all limits up to now are known.
  void on_timer(Timestamp now, Context&, Out<Alert>& out) override {
    std::vector<Payment> later;
    for (const Payment& payment : waiting_.get()) {
      if (payment.at > now) {
        later.push_back(payment);
      } else if (const double* limit = limit_of(payment); limit != nullptr && payment.amount > *limit) {
        out.emit({payment.card, payment.category, payment.amount, *limit, payment.at});
      }
    }
    waiting_.set(later);
  }

 private:
  using Version = std::pair<std::string, Timestamp>;  // the category, and since when

  /// Null if there was none yet.
  const double* limit_of(const Payment& payment) const {
    const auto next = limits_.entries().upper_bound({payment.category, payment.at});
    if (next == limits_.entries().begin()) return nullptr;
    const auto& [version, most] = *std::prev(next);
    return version.first == payment.category ? &most : nullptr;
  }

  BroadcastState<Version, double> limits_;  // the same in every subtask
  ListState<Payment> waiting_;              // of the card
};

int main(int argc, char** argv) {
  Job job{"spending-limits", argc, argv};
  const auto payments = job.arg("payments", "data/payments.ndjson", "payments as JSON lines");
  const auto limits = job.arg("limits", "data/limits.ndjson", "limits as JSON lines, in the order of their times");
  const auto output = job.arg("output", "above", "folder for the results");

  // A source of limits that never ended would need idle_after(), so that its silence does not hold up the payments.
  const auto rules = job.from(read_files<Limit>(limits).event_time(&Limit::since)).uid("limits");

  job.from(read_files<Payment>(payments).event_time(&Payment::at))
      .uid("payments")
      .key_by(&Payment::card)
      .connect(rules.broadcast())
      .process<LimitCheck>()
      .uid("check")
      .to(write_files(output, as_json()))
      .uid("alerts");

  return job.run();
}
