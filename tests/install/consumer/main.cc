// A program of a user who has nothing but the installed package: a small job, run to its end.
#include <tidemark/tidemark.h>

#include <cstdio>

using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user;
  Timestamp at;
};

int main(int argc, char** argv) {
  Job job{"consumer", argc, argv};
  auto counts = collect<Windowed<std::int64_t, std::int64_t>>();
  job.from(generate<Click>(1000, [](std::uint64_t n) {
        return Click{static_cast<std::int64_t>(n % 10), Timestamp{static_cast<std::int64_t>(n)}};
      }).event_time(&Click::at))
      .uid("clicks")
      .key_by(&Click::user)
      .window(tumbling(1s))
      .aggregate(count())
      .uid("count")
      .to(counts)
      .uid("counts");
  job.run_or_throw();
  std::printf("%zu users\n", counts.get().size());
  return counts.get().size() == 10 && counts.get().front().value == 100 ? 0 : 1;
}
