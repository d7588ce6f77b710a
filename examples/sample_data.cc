// Makes the data that the other examples read: files of JSON lines, the same ones on every machine.
//
//   sample_data data
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr long long kStart = 1'704'103'200'000;  // 2024-01-01 10:00 UTC, in ms
constexpr long long kSecond = 1'000;
constexpr long long kMinute = 60 * kSecond;

/// Numbers by chance. Without the distributions of std, which differ between libraries.
class Chance {
 public:
  explicit Chance(unsigned seed) : bits_{seed} {}
  long long below(long long limit) { return static_cast<long long>(bits_() % static_cast<unsigned long long>(limit)); }
  bool one_in(long long n) { return below(n) == 0; }
  /// "12.25": at least 1, below `limit`, in quarters.
  std::string amount_below(long long limit) {
    const char* const quarters[] = {".00", ".25", ".50", ".75"};
    const long long whole = 1 + below(limit - 1);
    return std::to_string(whole) + quarters[below(4)];
  }

 private:
  std::mt19937_64 bits_;
};

std::ofstream file(const fs::path& path) {
  std::ofstream opened{path, std::ios::binary | std::ios::trunc};
  opened.exceptions(std::ios::badbit | std::ios::failbit);
  return opened;
}

/// Two hundred users who click about every 20 minutes; their clicks are out of order by up to 5 s.
void make_clicks(const fs::path& folder) {
  const char* const pages[] = {"/", "/search", "/product", "/cart", "/checkout"};
  Chance chance{1};
  auto out = file(folder / "clicks.ndjson");
  for (long long n = 0; n < 5'000; ++n) {
    const long long at = kStart + n * 6 * kSecond - chance.below(5 * kSecond);
    out << R"({"user":"user-)" << chance.below(200) << R"(","page":")" << pages[chance.below(5)] << R"(","at":)" << at
        << "}\n";
  }
}

/// Payments in the order of their times. Now and then a card is tried with a small amount before a large one.
void make_payments(const fs::path& folder) {
  const char* const categories[] = {"groceries", "travel", "games"};
  Chance chance{2};
  auto out = file(folder / "payments.ndjson");
  long long stolen = 0;
  for (long long n = 0; n < 6'000; ++n) {
    long long card = chance.below(100);
    std::string amount = chance.amount_below(chance.one_in(20) ? 1'500 : 100);
    if (n % 60 == 0) {
      stolen = card;
      amount = "0.50";
    } else if (n % 60 == 5 || (n % 60 == 25 && chance.one_in(2))) {  // 25 s and 125 s later
      card = stolen;
      amount = "799.99";
    }
    out << R"({"card":)" << card << R"(,"category":")" << categories[chance.below(3)] << R"(","amount":)" << amount
        << R"(,"at":)" << kStart + n * 5 * kSecond << "}\n";
  }

  auto limits = file(folder / "limits.ndjson");
  for (long long change = 0; change < 12; ++change) {
    limits << R"({"category":")" << categories[change % 3] << R"(","most":)" << 50 + chance.below(20) * 50
           << R"(,"since":)" << kStart + change * 40 * kMinute << "}\n";
  }
}

/// Orders out of order by up to 8 s, rates of their currencies, and a file for each customer but every tenth.
void make_orders(const fs::path& folder) {
  const char* const currencies[] = {"USD", "GBP", "JPY"};
  Chance chance{3};
  auto orders = file(folder / "orders.ndjson");
  for (long long n = 0; n < 5'000; ++n) {
    orders << R"({"id":)" << n << R"(,"customer":)" << 1 + chance.below(200) << R"(,"product":"product-)"
           << chance.below(1 + chance.below(40)) << R"(","quantity":)" << 1 + chance.below(5) << R"(,"currency":")"
           << currencies[chance.below(3)] << R"(","amount":)" << chance.amount_below(500) << R"(,"at":)"
           << kStart + n * 10 * kSecond - chance.below(8 * kSecond) << "}\n";
  }

  auto rates = file(folder / "rates.ndjson");
  for (long long n = 0; n < 300; ++n) {  // the first a quarter of an hour after the first order
    rates << R"({"currency":")" << currencies[n % 3] << R"(","euros":)" << chance.amount_below(4) << R"(,"at":)"
          << kStart + (15 + 3 * n) * kMinute << "}\n";
  }

  fs::create_directories(folder / "customers");
  for (long long id = 1; id <= 200; ++id) {
    if (id % 10 == 0) continue;
    file(folder / "customers" / std::to_string(id)) << "Customer " << id << (id % 2 == 0 ? ",DE" : ",FR") << "\n";
  }
}

/// Twenty sensors, a reading each 10 s, out of order by up to 4 s. Number 7 is cut off for ten minutes and sends what
/// it has measured meanwhile when all others are done.
void make_readings(const fs::path& folder) {
  Chance chance{4};
  auto out = file(folder / "readings.ndjson");
  std::string kept;
  for (long long n = 0; n < 20'000; ++n) {
    const long long sensor = n % 20, minute = n / 120;
    const bool is_hot = (minute + sensor * 7) % 53 < 2;
    const long long celsius = (is_hot ? 75 : 20) + chance.below(10);
    const long long at = kStart + n * kSecond / 2 - chance.below(4 * kSecond);
    const std::string line = R"({"sensor":)" + std::to_string(sensor) + R"(,"celsius":)" + std::to_string(celsius) +
                             R"(,"at":)" + std::to_string(at) + "}\n";
    if (sensor == 7 && minute >= 50 && minute < 60) {
      kept += line;
    } else {
      out << line;
    }
  }
  out << kept;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: sample_data FOLDER\n");
    return 2;
  }
  try {
    const fs::path folder{argv[1]};
    fs::create_directories(folder);
    make_clicks(folder);
    make_payments(folder);
    make_orders(folder);
    make_readings(folder);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sample_data: can't write to %s: %s\n", argv[1], e.what());
    return 1;
  }
  return 0;
}
