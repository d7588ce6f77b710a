#include "nexmark/measured_jobs.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "nexmark/random.h"

namespace nexmark {

using namespace tidemark;

namespace {

struct Reads {
  std::string_view query;
  std::optional<Texts> of_bids;  // none: no bids
  bool auctions = false;
  bool persons = false;
};
constexpr Reads kReads[] = {
    {"q0", Texts::kExtra},
    {"q1", Texts::kExtra},
    {"q2", Texts::kNone},
    {"q3", std::nullopt, true, true},
    {"q4", Texts::kNone, true},
    {"q5", Texts::kNone},
    {"q7", Texts::kNone},
    {"q8", std::nullopt, true, true},
    {"q9", Texts::kNone, true},
    {"q11", Texts::kNone},
    {"q15", Texts::kNone},
    {"q16", Texts::kChannel},
    {"q17", Texts::kNone},
    {"q18", Texts::kNone},
    {"q19", Texts::kNone},
    {"q20", Texts::kNone, true},
};

struct KeyRecord {
  std::int64_t key = 0;
};

Stream<KeyRecord> random_keys(const Setting& setting, std::int64_t keys) {
  const auto make = [seed = setting.generator.options().seed, keys](std::uint64_t n) {
    EventRandom random{seed, n};
    return KeyRecord{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(keys)))};
  };
  return setting.job.from(generate<KeyRecord>(static_cast<std::int64_t>(setting.events), make)).uid("keys");
}

class CountByKey final : public KeyedProcess<std::int64_t, KeyRecord, DigestPart> {
 public:
  explicit CountByKey(Declare& declare) : counts_{declare, "count"} {}

  void process(const KeyRecord& record, Context&, Out<DigestPart>& out) override {
    const std::int64_t count = counts_.get() + 1;
    counts_.set(count);
    if (count % 16 == 0) out.emit(row(record.key, count));
  }

 private:
  ValueState<std::int64_t> counts_;
};

}  // namespace

bool build_sources(const Setting& setting, std::string_view query) {
  const auto* reads = std::ranges::find(kReads, query, &Reads::query);
  if (reads == std::end(kReads)) return false;
  if (reads->of_bids == Texts::kNone) setting.bids().to(discard());
  if (reads->of_bids && reads->of_bids != Texts::kNone) setting.bids_with(*reads->of_bids).to(discard());
  if (reads->auctions) setting.auctions().to(discard());
  if (reads->persons) setting.persons().to(discard());
  return true;
}

Stream<DigestPart> keyed_count(const Setting& setting, std::int64_t keys) {
  return random_keys(setting, keys).key_by(&KeyRecord::key).process<CountByKey>().uid("counts");
}

void build_keys(const Setting& setting, std::int64_t keys) { random_keys(setting, keys).to(discard()); }

}  // namespace nexmark
