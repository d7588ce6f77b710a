// A test of a user who has nothing but the installed package, and no test framework.
#include <tidemark/testing.h>

#include <cstdio>

using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user = 0;
};
struct Clicks {
  std::int64_t user = 0;
  std::int64_t count = 0;
};

class CountClicks : public KeyedProcess<std::int64_t, Click, Clicks> {
 public:
  explicit CountClicks(Declare& declare) : count_{declare, "count"} {}
  void process(const Click& click, Context&, Out<Clicks>& out) override {
    count_.set(count_.get() + 1);
    out.emit({click.user, count_.get()});
  }

 private:
  ValueState<std::int64_t> count_;
};

int main() {
  try {
    in_every_way([](const TestOptions& way) {
      OperatorTest<CountClicks, &Click::user> t{way};
      t.in({1}, at(1s)).in({2}, at(2s)).in({1}, at(3s)).expect_out({{1, 1}, {2, 1}, {1, 2}});
    });
  } catch (const std::exception& e) {
    std::puts(e.what());
    return 1;
  }
  return 0;
}
