// Version 1 of the job of docs/state.md.
#include <cstdint>
#include <string>

#include "tidemark/tidemark.h"

using namespace tidemark;

namespace {

struct Payment {
  std::int64_t account = 0;
  std::string owner;
};

struct Account {
  std::string owner_name;
  std::int32_t payments = 0;
};

class Accounts : public KeyedProcess<std::int64_t, Payment, Payment> {
  ValueState<Account> account_;

 public:
  explicit Accounts(Declare& declare) : account_{declare, "account"} {}
  void process(const Payment& payment, Context&, Out<Payment>&) override {
    account_.mutate([&](Account& account) {
      account.owner_name = payment.owner;
      ++account.payments;
    });
  }
};

Payment payment(std::uint64_t n) {
  const auto account = static_cast<std::int64_t>(n % 10);
  return {account, "owner " + std::to_string(account)};
}

}  // namespace

int main(int argc, char** argv) {
  Job job{"accounts", argc, argv};
  job.from(generate<Payment>(1000, payment)).uid("payments")
      .key_by(&Payment::account).process<Accounts>().uid("accounts")
      .to(discard());
  return job.run();
}
