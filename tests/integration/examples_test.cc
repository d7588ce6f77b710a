// The examples as their users run them, on the sample data. What they should find is computed here from the same files,
// plainly: without windows, watermarks or state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "env/child_process.h"
#include "tests/page_code.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using Rows = std::multiset<std::string>;

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file{path};
  EXPECT_TRUE(file) << path;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// What stands behind "name": in a line of JSON; text without its quotes.
std::string field(const std::string& line, const std::string& name) {
  const std::string key = '"' + name + "\":";
  const std::size_t found = line.find(key);
  if (found == std::string::npos) throw std::runtime_error{"no " + name + " in " + line};
  const std::size_t begin = found + key.size();
  if (line[begin] == '"') return line.substr(begin + 1, line.find('"', begin + 1) - begin - 1);
  return line.substr(begin, line.find_first_of(",}", begin) - begin);
}
std::int64_t number(const std::string& line, const std::string& name) { return std::stoll(field(line, name)); }
double real(const std::string& line, const std::string& name) {
  return std::strtod(field(line, name).c_str(), nullptr);
}

template <class... Values>
std::string row(const Values&... values) {
  std::ostringstream text;
  text.precision(12);
  ((text << values << ' '), ...);
  return text.str();
}

class Examples : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tidemark-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    ASSERT_EQ(value_or_throw(run_child({TIDEMARK_PROGRAMS "/sample_data", folder_ / "data"}, 60'000)).exit_code, 0);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Runs a line of a shell in the folder that has the sample data, with checkpoints; it writes to the folder "out".
  void run(const std::string& program_and_words, int parallelism = 2) {
    const std::string line =
        "cd '" + folder_.string() + "' && '" TIDEMARK_PROGRAMS "'/" + program_and_words +
        " --output out --checkpoint-dir state --checkpoint-interval 20ms -D log.level=error --parallelism " + std::to_string(parallelism);
    ASSERT_EQ(value_or_throw(run_child({"sh", "-c", line}, 200'000)).exit_code, 0) << line;
    EXPECT_THAT(written(), Contains(documented_row(program_and_words.substr(0, program_and_words.find(' ')))));
  }
  std::vector<std::string> data(const std::string& name) const { return lines_of(folder_ / "data" / name); }
  /// The fields of the rows that were written.
  Rows found(const std::vector<std::string>& names, const std::string& below = {}) const {
    Rows rows;
    for (const std::string& line : written(below)) {
      std::string text;
      for (const std::string& name : names) text += field(line, name) + ' ';
      rows.insert(text);
    }
    return rows;
  }

  fs::path folder_;

 private:
  std::vector<std::string> written(const std::string& below = {}) const {
    std::vector<std::string> rows;
    for (const auto& entry : fs::recursive_directory_iterator{folder_ / "out" / below}) {
      if (!entry.path().filename().string().starts_with("part-")) continue;
      std::ranges::copy(lines_of(entry.path()), std::back_inserter(rows));
    }
    return rows;
  }
  /// What docs/examples.md shows of an example's output: the last cell of its line.
  static std::string documented_row(const std::string& program) {
    for (const std::string& line : lines_of(TIDEMARK_SOURCE_DIR "/docs/examples.md")) {
      if (!line.starts_with("| [" + program + "]")) continue;
      const std::size_t begin = line.rfind("| `") + 3;
      return line.substr(begin, line.rfind('`') - begin);
    }
    throw std::runtime_error{"docs/examples.md does not have " + program};
  }
};

TEST_F(Examples, ClickSessions) {
  run("click_sessions --input data/clicks.ndjson");
  std::map<std::string, std::set<std::pair<std::int64_t, std::string>>> clicks;
  for (const std::string& line : data("clicks.ndjson")) {
    clicks[field(line, "user")].emplace(number(line, "at"), field(line, "page"));
  }
  Rows expected;
  for (const auto& [user, of_user] : clicks) {
    for (auto begin = of_user.begin(); begin != of_user.end();) {
      auto last = begin;
      std::set<std::string> pages{begin->second};
      std::int64_t count = 1;
      for (auto next = std::next(last); next != of_user.end() && next->first - last->first <= 30 * kMinute;
           last = next++) {
        pages.insert(next->second);
        ++count;
      }
      expected.insert(row(user, begin->first, last->first, count, pages.size(), begin->second, last->second));
      begin = std::next(last);
    }
  }
  EXPECT_GT(expected.size(), 500u);
  EXPECT_EQ(found({"user", "from", "to", "count", "pages", "first_page", "last_page"}), expected);
}

TEST_F(Examples, FraudDetection) {
  run("fraud_detection --input data/payments.ndjson");
  std::map<std::int64_t, std::string> last;  // payment of a card
  Rows expected;
  for (const std::string& line : data("payments.ndjson")) {
    std::string& before = last[number(line, "card")];
    if (!before.empty() && real(before, "amount") < 1 && real(line, "amount") > 500 &&
        number(line, "at") - number(before, "at") < kMinute) {
      expected.insert(row(number(line, "card"), real(line, "amount"), number(line, "at")));
    }
    before = line;
  }
  EXPECT_GT(expected.size(), 50u);
  EXPECT_EQ(found({"card", "amount", "at"}), expected);
}

TEST_F(Examples, TopProducts) {
  run("top_products --input data/orders.ndjson");
  std::map<std::int64_t, std::map<std::string, std::int64_t>> sold;
  for (const std::string& line : data("orders.ndjson")) {
    const std::int64_t at = number(line, "at");
    sold[at - at % (60 * kMinute)][field(line, "product")] += number(line, "quantity");
  }
  Rows expected;
  for (const auto& [hour, products] : sold) {
    std::set<std::pair<std::int64_t, std::string>> ranked;
    for (const auto& [product, quantity] : products) ranked.emplace(-quantity, product);
    std::int64_t rank = 0;
    for (auto best = ranked.begin(); best != ranked.end() && rank < 3; ++best) {
      expected.insert(row(hour, ++rank, best->second, -best->first));
    }
  }
  EXPECT_GT(expected.size(), 30u);
  EXPECT_EQ(found({"hour", "rank", "product", "sold"}), expected);
}

TEST_F(Examples, SpendingLimits) {
  run("spending_limits --payments data/payments.ndjson --limits data/limits.ndjson");
  Rows expected;
  std::set<double> limits_used;
  for (const std::string& payment : data("payments.ndjson")) {
    std::string in_force;
    for (const std::string& limit : data("limits.ndjson")) {
      if (field(limit, "category") == field(payment, "category") && number(limit, "since") <= number(payment, "at")) {
        in_force = limit;
      }
    }
    if (in_force.empty() || real(payment, "amount") <= real(in_force, "most")) continue;
    limits_used.insert(real(in_force, "most"));
    expected.insert(row(number(payment, "card"), field(payment, "category"), real(payment, "amount"),
                        real(in_force, "most"), number(payment, "at")));
  }
  EXPECT_GT(limits_used.size(), 5u);
  EXPECT_EQ(found({"card", "category", "amount", "limit", "at"}), expected);
}

TEST_F(Examples, OrdersInEuros) {
  run("orders_in_euros --orders data/orders.ndjson --rates data/rates.ndjson");
  std::map<std::string, std::map<std::int64_t, double>> rates;
  for (const std::string& line : data("rates.ndjson")) {
    rates[field(line, "currency")][number(line, "at")] = real(line, "euros");
  }
  Rows expected;
  for (const std::string& order : data("orders.ndjson")) {
    const auto& versions = rates[field(order, "currency")];
    const auto next = versions.upper_bound(number(order, "at"));
    expected.insert(next == versions.begin()
                        ? row(number(order, "id"), "null")
                        : row(number(order, "id"), real(order, "amount") * std::prev(next)->second));
  }
  EXPECT_EQ(expected.count(row(0, "null")), 1u);
  EXPECT_EQ(found({"id", "euros"}), expected);
}

TEST_F(Examples, SensorAlerts) {
  // A second reader, which finds nothing to read, would hold back the watermark until it says so, and what is late would be chance.
  run("sensor_alerts --input data/readings.ndjson", 1);
  std::map<std::pair<std::int64_t, std::int64_t>, double> hottest;  // of sensor and minute
  Rows late;
  std::int64_t newest = 0;
  for (const std::string& line : data("readings.ndjson")) {
    const std::int64_t at = number(line, "at");
    newest = std::max(newest, at);
    const std::int64_t minute = at - at % kMinute;
    if (minute + kMinute + 5 * kSecond <= newest) {
      late.insert(row(number(line, "sensor"), at));
    } else {
      double& celsius = hottest[{number(line, "sensor"), minute}];
      celsius = std::max(celsius, real(line, "celsius"));
    }
  }
  Rows alerts;
  for (const auto& [of, celsius] : hottest) {
    if (celsius > 80) alerts.insert(row(of.first, of.second, celsius));
  }
  EXPECT_GT(alerts.size(), 50u);
  EXPECT_EQ(late.size(), 60u);
  EXPECT_EQ(found({"sensor", "minute", "celsius"}, "alerts"), alerts);
  EXPECT_EQ(found({"sensor", "at"}, "late"), late);
}

TEST_F(Examples, OrdersWithCustomers) {
  run("orders_with_customers --orders data/orders.ndjson --customers data/customers");
  Rows expected;
  for (const std::string& order : data("orders.ndjson")) {
    const std::int64_t customer = number(order, "customer");
    const std::string name = customer % 10 == 0 ? "null" : "Customer " + std::to_string(customer);
    const std::string country = customer % 10 == 0 ? "null" : customer % 2 == 0 ? "DE" : "FR";
    expected.insert(row(number(order, "id"), real(order, "amount"), name, country));
  }
  EXPECT_EQ(found({"id", "amount", "name", "country"}), expected);
}

TEST_F(Examples, PackageLog) {
  std::ofstream{folder_ / "dpkg.log"} << "2025-06-24 14:36:25 startup archives unpack\n"
                                         "2025-06-24 14:36:25 install libc6:amd64 <none> 2.36-9\n"
                                         "2025-06-24 14:36:26 status unpacked libc6:amd64 2.36-9\n"
                                         "2025-06-24 14:36:40 status installed libc6:amd64 2.36-9\n"
                                         "2025-06-24 14:50:00 upgrade libc6:amd64 2.36-9 2.36-10\n"
                                         "2025-06-24 15:10:01 status unpacked libc6:amd64 2.36-10\n"
                                         "2025-06-24 15:10:31 status installed libc6:amd64 2.36-10\n"
                                         "2025-06-24 15:10:40 status unpacked libc6:amd64 2.36-11\n"
                                         "2025-06-24 15:10:41 status installed libc6:amd64 2.36-11\n";
  run("package_log --input dpkg.log");
  constexpr std::int64_t kTwo = 1'750'773'600'000;  // o'clock, on that afternoon
  constexpr std::int64_t kThree = kTwo + 60 * kMinute;
  const std::string package = "libc6:amd64";
  EXPECT_EQ(found({"hour", "package", "action", "count"}, "actions"),
            (Rows{row(kTwo, package, "install", 1), row(kTwo, package, "status unpacked", 1), row(kTwo, package, "status installed", 1),
                  row(kTwo, package, "upgrade", 1), row(kThree, package, "status unpacked", 2),
                  row(kThree, package, "status installed", 2)}));
  EXPECT_EQ(found({"package", "installed", "seconds_unpacked"}, "gaps"),
            (Rows{row(package, kTwo + 36 * kMinute + 40 * kSecond, 14), row(package, kThree + 10 * kMinute + 31 * kSecond, 30)}));
}

TEST_F(Examples, EachFitsOnAPageOrTwo) {
  for (const auto& entry : fs::directory_iterator{TIDEMARK_SOURCE_DIR "/examples"}) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".cc" || name == "nexmark_gen.cc" || name == "sample_data.cc") continue;
    EXPECT_LT(lines_of(entry.path()).size(), 120u) << name;
  }
}

/// Without the blanks at the beginning of lines.
std::string unindented(const std::string& code) {
  std::string result;
  for (const char c : code) {
    if (c != ' ' || (!result.empty() && result.back() != '\n')) result += c;
  }
  return result;
}

std::string output_of(const std::string& program, const std::string& option) {
  return value_or_throw(run_child({TIDEMARK_PROGRAMS "/" + program, option}, 60'000)).output;
}

/// What stands between ` and ` in a page and begins with these words, up to the next of " ,`".
std::set<std::string> quoted(const std::string& page, const std::string& beginning) {
  std::set<std::string> found;
  const std::string open = '`' + beginning;
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at + open.size())) {
    const std::size_t end = page.find_first_of(" ,`", at + open.size());
    found.insert(page.substr(at + 1, end - at - 1));
  }
  return found;
}

TEST(ComingFromFlink, ItsCodeIsThatOfExamplesAndTests) {
  std::string code;
  for (const char* folder : {"/examples", "/tests/pipelines"}) {
    for (const auto& entry : fs::directory_iterator{TIDEMARK_SOURCE_DIR + std::string{folder}}) {
      if (entry.path().extension() == ".cc") code += unindented(slurp(entry.path()));
    }
  }
  const auto shown = blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/coming-from-flink.md"), "cpp");
  EXPECT_GE(shown.size(), 5u);
  for (const std::string& block : shown) EXPECT_NE(code.find(unindented(block)), std::string::npos) << block;
}

TEST(ComingFromFlink, ItsKeysAndCommandsAreThere) {
  std::string page = slurp(TIDEMARK_SOURCE_DIR "/docs/coming-from-flink.md");
  const std::string commands = output_of("tidemark", "--help");
  const auto named = quoted(page, "tidemark ");
  EXPECT_GE(named.size(), 8u);
  for (const std::string& command : named) EXPECT_THAT(commands, HasSubstr("\n  " + command.substr(9) + "  "));

  // In the tables, the first column is Flink's.
  std::string ours;
  for (std::size_t begin = 0, end = 0; begin < page.size(); begin = end + 1) {
    end = std::min(page.find('\n', begin), page.size());
    const std::string line = page.substr(begin, end - begin);
    if (line.starts_with("| ")) ours += line.substr(line.find(" | ", 2)) + '\n';
  }
  const std::string help = output_of("click_sessions", "--help");
  std::size_t count = 0;
  for (const char* group :
       {"execution.", "restart-strategy.", "state.", "memory.", "worker.", "pipeline.", "parallelism."}) {
    for (std::string key : quoted(ours, group)) {
      if (key.ends_with(':')) key.pop_back();  // with its value
      EXPECT_THAT(help, HasSubstr("\n  " + key + "\n"));
      ++count;
    }
  }
  EXPECT_GE(count, 20u);
}

}  // namespace
}  // namespace tidemark
