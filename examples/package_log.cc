// What dpkg did on this machine: actions per package and hour, and for each package the longest time that it lay unpacked
// before it was installed.
//
//   package_log --output packages && cat packages/*/part-*
#include "tidemark/tidemark.h"

#include <charconv>

using namespace tidemark;
using namespace std::chrono_literals;

// "2025-06-24 14:36:25 status unpacked libc6:amd64 2.36-9". The clock of the log is taken for UTC.
struct Action {
  Timestamp time;
  std::string_view what;  // "upgrade", "status unpacked", ...
  std::string_view package;
};

struct ActionKey {
  std::string_view package;
  std::string_view action;
};

struct HourlyActions {
  Timestamp hour;
  std::string_view package;
  std::string_view action;
  std::int64_t count;
};

struct Gap {
  std::string_view package;
  Timestamp installed;
  std::int64_t seconds_unpacked;
};

Timestamp time_of(std::string_view line) {
  const auto number = [line](std::size_t at, std::size_t digits) {
    int value = 0;
    if (line.size() >= at + digits) std::from_chars(line.data() + at, line.data() + at + digits, value);
    return value;
  };
  const std::chrono::sys_days day{std::chrono::year{number(0, 4)} / number(5, 2) / number(8, 2)};
  const auto time = day + std::chrono::hours{number(11, 2)} + std::chrono::minutes{number(14, 2)} + std::chrono::seconds{number(17, 2)};
  return Timestamp{std::chrono::duration_cast<Duration>(time.time_since_epoch()).count()};
}

void parse(const TextLine& line, Out<Action>& out) {
  constexpr std::size_t kTimeLength = 20;
  if (line.text.size() <= kTimeLength) return;
  const std::string_view rest = line.text.substr(kTimeLength);
  std::size_t what_end = rest.find(' ');
  if (rest.starts_with("startup ")) return;
  if (rest.starts_with("status ")) what_end = rest.find(' ', what_end + 1);
  if (what_end == std::string_view::npos) return;
  const std::string_view package = rest.substr(what_end + 1);
  out.emit({time_of(line.text), rest.substr(0, what_end), package.substr(0, package.find(' '))});
}

class LongestGap : public KeyedProcess<std::string_view, Action, Gap> {
  ValueState<Timestamp> unpacked_;
  ValueState<std::int64_t> longest_seconds_;

 public:
  explicit LongestGap(Declare& d) : unpacked_{d, "unpacked"}, longest_seconds_{d, "longest-seconds"} {}

  void process(const Action& action, Context&, Out<Gap>& out) override {
    if (action.what == "status unpacked") {
      unpacked_.set(action.time);
    } else if (action.what == "status installed" && unpacked_.find() != nullptr) {
      const std::int64_t seconds = (action.time - unpacked_.get()) / 1s;
      unpacked_.clear();
      if (seconds <= longest_seconds_.get()) return;
      longest_seconds_.set(seconds);
      out.emit({action.package, action.time, seconds});
    }
  }
};

int main(int argc, char** argv) {
  Job job{"package-log", argc, argv};
  const auto input = job.arg("input", "/var/log/dpkg.log", "logs of dpkg");
  const auto output = job.arg("output", "packages", "folder for the results");

  const auto lines = job.from(read_lines(input).event_time([](const TextLine& line) { return time_of(line.text); })).uid("log");
  const auto actions = lines.flat_map(parse).name("parse");

  actions.key_by([](const Action& a) { return ActionKey{a.package, a.what}; })
      .window(tumbling(1h))
      .aggregate(count()).uid("actions-per-hour")
      .map([](const auto& hour) { return HourlyActions{hour.start, hour.key.package, hour.key.action, hour.value}; })
      .to(write_files(output + "/actions", as_json())).uid("actions");

  actions.key_by(&Action::package)
      .process<LongestGap>().uid("longest-gap")
      .to(write_files(output + "/gaps", as_json())).uid("gaps");

  return job.run();
}
