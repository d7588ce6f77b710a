// Version 2 of the job of docs/state.md: an account has other fields.
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
  std::int64_t payments = 0;
  std::string owner;
  std::int64_t limit = 100;
  static constexpr auto state_schema = schema(alias("owner", "owner_name"), default_of("limit", 100));
};

class Accounts : public KeyedProcess<std::int64_t, Payment, Payment> {
  ValueState<Account> account_;

 public:
  explicit Accounts(Declare& declare) : account_{declare, "account"} {}
  void process(const Payment& payment, Context&, Out<Payment>&) override {
    account_.mutate([&](Account& account) {
      account.owner = payment.owner;
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
  const std::string uid = job.arg("uid", "accounts", "of the operator that keeps accounts");
  job.from(generate<Payment>(1000, payment)).uid("payments")
      .key_by(&Payment::account).process<Accounts>().uid(uid)
      .to(discard());
  return job.run();
}
