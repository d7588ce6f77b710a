// Writes the events of the seeded Nexmark generator as JSON lines or as CSV without a header, and their digest.
//
//   nexmark_gen --events 2000000 --types bid --files 4 --out data     data/bids/000.ndjson ... 003.ndjson
//   nexmark_gen --events 1000000 --digest                             6294b4635b39892c for seed 1
#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "nexmark/csv_lines.h"
#include "nexmark/digest.h"
#include "nexmark/generator.h"
#include "nexmark/json_lines.h"

namespace {

using nexmark::Kind;

constexpr std::array<const char*, 3> kTypes = {"person", "auction", "bid"};  // by Kind
constexpr std::array<const char*, 3> kFolders = {"persons", "auctions", "bids"};

struct Options {
  nexmark::GeneratorOptions generator;
  std::uint64_t events = 1'000'000;
  std::uint64_t files = 1;
  std::string out;
  std::string format = "ndjson";
  std::vector<std::string> types = {"person", "auction", "bid"};
  bool digest = false;
};

/// A file that is written in large pieces. Throws where the file system refuses.
class LineFile {
 public:
  explicit LineFile(std::filesystem::path path) : path_{std::move(path)}, file_{std::fopen(path_.c_str(), "wb")} {
    if (!file_) fail("open");
    std::setvbuf(file_.get(), nullptr, _IONBF, 0);
  }

  std::string& buffer() { return buffer_; }
  void line_done() {
    if (buffer_.size() >= kPiece) flush();
  }
  void close() {
    flush();
    if (std::fclose(file_.release()) != 0) fail("close");
  }

 private:
  static constexpr std::size_t kPiece = 1 << 20;
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size()) fail("write");
    buffer_.clear();
  }
  [[noreturn]] void fail(const char* what) const {
    throw std::runtime_error{std::string{"cannot "} + what + " " + path_.string() + ": " + std::strerror(errno)};
  }

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string buffer_;
};

Options parse(int argc, char** argv, CLI::App& app) {
  Options options;
  app.add_option("--events", options.events, "how many events: of fifty, 1 person, 3 auctions, 46 bids")
      ->capture_default_str();
  app.add_option("--seed", options.generator.seed, "another seed, other events")->capture_default_str();
  app.add_option("--tps", options.generator.events_per_second, "events a second of event time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--jitter", options.generator.jitter_ms, "out of order by up to this many ms")->capture_default_str();
  app.add_option("--out", options.out,
                 "folder to write persons/, auctions/ and bids/ into; without it nothing is written");
  app.add_option("--files", options.files, "files a type, each a contiguous part of the events")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--format", options.format, "ndjson, or csv: fields in their order, without a header")
      ->check(CLI::IsMember({"ndjson", "csv"}))
      ->capture_default_str();
  app.add_option("--types", options.types, "which types to write")
      ->delimiter(',')
      ->check(CLI::IsMember({"person", "auction", "bid"}))
      ->capture_default_str();
  app.add_flag("--digest", options.digest, "print the digest of all events, whichever types are written");
  app.parse(argc, argv);
  if (options.out.empty() && !options.digest) throw CLI::RequiredError{"--out or --digest"};
  return options;
}

std::array<bool, 3> wanted_types(const Options& options) {
  std::array<bool, 3> wanted{};
  for (std::size_t kind = 0; kind < kTypes.size(); ++kind) {
    for (const std::string& type : options.types) wanted[kind] |= !options.out.empty() && type == kTypes[kind];
  }
  return wanted;
}

/// Old files beside the new ones would be read as part of the same events.
void make_empty_folder(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  if (!std::filesystem::is_empty(folder)) {
    throw std::runtime_error{folder.string() + " is not empty: remove it or choose another --out"};
  }
}

std::filesystem::path file_path(const Options& options, std::size_t kind, std::uint64_t file) {
  char name[32];
  std::snprintf(name, sizeof name, "%03u.", static_cast<unsigned>(file));
  return std::filesystem::path{options.out} / kFolders[kind] / (name + options.format);
}

void generate(const Options& options) {
  const nexmark::Generator generator{options.generator};
  const std::array<bool, 3> wanted = wanted_types(options);
  const bool is_csv = options.format == "csv";
  for (std::size_t kind = 0; kind < wanted.size(); ++kind) {
    if (wanted[kind]) make_empty_folder(std::filesystem::path{options.out} / kFolders[kind]);
  }

  std::array<std::uint64_t, 3> counts{};
  nexmark::TableDigest digest;
  nexmark::RowText row;
  char texts[nexmark::Generator::kTextBytes];
  std::uint64_t n = 0;
  for (std::uint64_t file = 0; file < options.files; ++file) {
    std::array<std::unique_ptr<LineFile>, 3> files;
    for (std::size_t kind = 0; kind < wanted.size(); ++kind) {
      if (wanted[kind]) files[kind] = std::make_unique<LineFile>(file_path(options, kind, file));
    }
    for (const std::uint64_t end = options.events * (file + 1) / options.files; n < end; ++n) {
      const auto kind = static_cast<std::size_t>(nexmark::Generator::kind(n));
      ++counts[kind];
      if (!options.digest && !wanted[kind]) continue;
      generator.visit(n, texts, nexmark::Texts::kAll, [&](const auto& event) {
        if (options.digest) {
          set_row(row, event);
          digest.add(row.view());
        }
        if (wanted[kind]) {
          if (is_csv) {
            append_csv_line(files[kind]->buffer(), event);
          } else {
            append_json_line(files[kind]->buffer(), event);
          }
          files[kind]->line_done();
        }
      });
    }
    for (auto& open : files) {
      if (open) open->close();
    }
  }

  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    std::printf("%-8s %12llu%s\n", kFolders[kind], static_cast<unsigned long long>(counts[kind]),
                wanted[kind] ? "" : "  (not written)");
  }
  if (options.digest) std::printf("digest   %s\n", digest.hex().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The seeded Nexmark generator: the same events on every machine", "nexmark_gen"};
  try {
    generate(parse(argc, argv, app));
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "nexmark_gen: %s\n", e.what());
    return 1;
  }
  return 0;
}
