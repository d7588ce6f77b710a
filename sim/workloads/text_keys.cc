// Texts of all lengths as keys, values, in lists and in maps. Some seeds, and all with many records, have thousands of keys, so
// that tables grow and split while a snapshot of them runs. Each row tells what the state of its key was, and the oracle works that out for itself.
#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

struct Number {
  std::int64_t number = 0;
};

struct Word {
  std::string_view key;
  std::string_view text;
  std::int64_t id = 0;
};

struct Latest {
  std::string_view text;
  std::int64_t count = 0;
};
/// The same, as the oracle reads it.
struct OwnedLatest {
  std::string text;
  std::int64_t count = 0;
};

/// As a reader of the rows sees them; the job puts out views.
struct Row {
  std::string key;
  std::int64_t id = 0;
  std::int64_t count = 0;   ///< of the key, with this one
  std::string before;       ///< the text of the key's record before
  std::int64_t digest = 0;  ///< of all texts of the key, in order, and of its map
};
struct RowView {
  std::string_view key;
  std::int64_t id = 0;
  std::int64_t count = 0;
  std::string_view before;
  std::int64_t digest = 0;
};

using Texts = std::vector<std::string>;
using Endings = std::map<std::string, std::string>;  // by the last letter of a text: the newest such text

std::string ending_of(std::string_view text) { return std::string{text.substr(text.empty() ? 0 : text.size() - 1)}; }

std::int64_t digest_of(const Texts& texts, const Endings& endings) {
  std::string all;
  for (const std::string& text : texts) all += text + '|';
  for (const auto& [ending, text] : endings) all += ending + '=' + text + '|';
  return static_cast<std::int64_t>(detail::hash_bytes(all) >> 1);
}

class Remember final : public KeyedProcess<std::string_view, Word, RowView> {
 public:
  Remember(Declare& declare, BadLuck bad_luck)
      : latest_{declare, "latest"}, texts_{declare, "texts"}, endings_{declare, "endings"}, bad_luck_{std::move(bad_luck)} {}

  void process(const Word& word, Context& ctx, Out<RowView>& out) override {
    const std::string before{latest_.get().text};
    const std::int64_t count = latest_.get().count + 1;
    latest_.set({word.text, count});
    texts_.add(std::string{word.text});
    bad_luck_();
    if (const std::string ending = ending_of(word.text); ending == "x") {
      endings_.remove("y");
    } else {
      endings_.put(ending, std::string{word.text});
    }
    out.emit({ctx.key(), word.id, count, before, digest_of(texts_.get(), endings_.entries())});
  }

 private:
  ValueState<Latest> latest_;
  ListState<std::string> texts_;
  MapState<std::string, std::string> endings_;
  BadLuck bad_luck_;
};

/// What the job makes of each number: some words.
struct Words {
  struct Owned {
    std::string key;
    std::string text;
  };
  std::vector<Owned> words;  // by id
  std::size_t per_number = 1;
};

std::string make_text(Dice& dice) {
  constexpr std::string_view kLetters = "abxyz\"\\\n \xc3\xa9";  // ends in a letter of two bytes
  static constexpr std::int64_t kLengths[] = {0, 1, 4, 7, 8, 12, 13, 40, 300};
  std::string text;
  for (std::int64_t left = kLengths[dice.below(std::size(kLengths))]; left > 0; --left) {
    const auto at = static_cast<std::size_t>(dice.below(kLetters.size() - 1));
    text += kLetters.substr(at, at + 2 == kLetters.size() ? 2 : 1);
  }
  return text + "xyzab"[dice.below(5)];
}

std::string make_key(std::int64_t number) {
  if (number == 0) return "";
  if (number == 1) return std::string("a\0b", 3);
  const std::string name = fmt::format("{}-\"\xc3\xa9\"", number);
  return number % 7 == 0 ? name + std::string(static_cast<std::size_t>(number % 400), '.') : name;
}

class TextKeys final : public RowsWorkload<Row> {
 public:
  explicit TextKeys(const WorkloadOptions& options) : RowsWorkload{options}, words_{make(options)} {}

  std::string name() const override { return "text-keys"; }

  bool may_be_drained() const override { return true; }

  void describe(Job& job) const override {
    job.from(generate<Number>(options().records, [](std::uint64_t n) { return Number{static_cast<std::int64_t>(n)}; }))
        .uid("numbers")
        .flat_map([words = words_](const Number& number, Out<Word>& out) {
          for (std::size_t i = 0; i < words->per_number; ++i) {
            const std::size_t id = static_cast<std::size_t>(number.number) * words->per_number + i;
            out.emit({words->words[id].key, words->words[id].text, static_cast<std::int64_t>(id)});
          }
        })
        .key_by(&Word::key)
        .process<Remember>(bad_luck())
        .uid("memory")
        .to(write_files(kOut, as_json()))
        .uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder,
                             const CheckpointMetadata& checkpoint) const override {
    const auto read = numbers_read(checkpoint, "numbers", options().records);
    if (!read) return read.error().message();
    auto latest = read_keyed_state<std::string, OwnedLatest>(files, folder, checkpoint, "memory", "latest");
    if (!latest) return latest.error().message();
    auto texts = read_keyed_state<std::string, Texts>(files, folder, checkpoint, "memory", "texts");
    if (!texts) return texts.error().message();
    for (const auto& [key, expected] : texts_read(*read)) {
      const Texts& held = (*texts)[key];
      const bool agree = static_cast<std::size_t>((*latest)[key].count) == held.size() && !held.empty() && (*latest)[key].text == held.back();
      const bool right = exactly_once() ? std::multiset<std::string>{held.begin(), held.end()} == expected : held.size() >= expected.size();
      if (!agree || !right) {
        return fmt::format("{} texts of the key '{}' were read before the barrier, its state counts {} and lists {}", expected.size(), key,
                           (*latest)[key].count, held.size());
      }
    }
    return check_secured(files, checkpoint, [&](const Rows& rows) { return find_lost(rows, *read); });
  }

 private:
  static constexpr std::size_t kMany = 30;
  static constexpr std::uint64_t kManyRecords = 200;

  static std::shared_ptr<const Words> make(const WorkloadOptions& options) {
    Dice dice{options.seed};
    auto made = std::make_shared<Words>();
    made->per_number = options.seed % 8 == 0 || options.records > kManyRecords ? kMany : 1;
    const std::size_t count = options.records * made->per_number;
    const std::size_t keys = made->per_number > 1 ? count : static_cast<std::size_t>(2 + dice.below(20));
    for (std::size_t id = 0; id < count; ++id) {
      // Of many keys most come once; the first few stay busy.
      const auto busy = made->per_number > 1 && id % 4 == 0 ? std::size_t{16} : keys;
      made->words.push_back({make_key(dice.below(busy)), make_text(dice)});
    }
    return made;
  }

  const Words::Owned& word(const Row& row) const { return words_->words[static_cast<std::size_t>(row.id)]; }

  Complaint find_wrong(const Rows& rows) const override {
    std::set<std::int64_t> seen;
    for (const auto& committed : rows) {
      const Row& row = committed.row;
      if (static_cast<std::size_t>(row.id) >= words_->words.size() || word(row).key != row.key) {
        return fmt::format("the key '{}' has no word {}", row.key, row.id);
      }
      if (!seen.insert(row.id).second && !may_repeat()) return fmt::format("word {} came out twice", row.id);
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override {
    if (auto lost = find_lost(rows, std::vector<bool>(options().records, true))) return lost;
    return exactly_once() ? find_wrong_memory(rows) : std::nullopt;
  }

  Complaint find_lost(const Rows& rows, const std::vector<bool>& wanted) const {
    std::vector<bool> there(words_->words.size(), false);
    for (const auto& committed : rows) there[static_cast<std::size_t>(committed.row.id)] = true;
    for (std::size_t id = 0; id < there.size(); ++id) {
      if (wanted[id / words_->per_number] && !there[id]) return fmt::format("word {} is lost", id);
    }
    return std::nullopt;
  }

  /// Goes through the rows of each key as they were written and remembers what the job should have.
  Complaint find_wrong_memory(const Rows& rows) const {
    struct Memory {
      Texts texts;
      Endings endings;
    };
    std::map<std::string, Memory> memories;
    for (const auto& committed : rows) {
      const Row& row = committed.row;
      Memory& memory = memories[row.key];
      const std::string before = memory.texts.empty() ? "" : memory.texts.back();
      const std::string& text = word(row).text;
      memory.texts.push_back(text);
      if (text.ends_with('x')) {
        memory.endings.erase("y");
      } else {
        memory.endings[ending_of(text)] = text;
      }
      if (row.before != before || row.count != static_cast<std::int64_t>(memory.texts.size()) ||
          row.digest != digest_of(memory.texts, memory.endings)) {
        return fmt::format("at word {} the state of the key '{}' was not that of {} words", row.id, row.key, memory.texts.size());
      }
    }
    return std::nullopt;
  }

  std::map<std::string, std::multiset<std::string>> texts_read(const std::vector<bool>& read) const {
    std::map<std::string, std::multiset<std::string>> result;
    for (std::size_t id = 0; id < words_->words.size(); ++id) {
      if (read[id / words_->per_number]) result[words_->words[id].key].insert(words_->words[id].text);
    }
    return result;
  }

  const std::shared_ptr<const Words> words_;
};

}  // namespace

std::unique_ptr<Workload> make_text_keys(const WorkloadOptions& options) { return std::make_unique<TextKeys>(options); }

}  // namespace tidemark
