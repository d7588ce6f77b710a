// A job: a program that reads streams, computes on them, and writes them out.
//
//   int main(int argc, char** argv) {
//     Job job{"hot-items", argc, argv};
//     auto input = job.arg("input", "bids/*.ndjson", "files to read");
//     auto bids = job.from(read_files<Bid>(input)).uid("bids");
//     ...
//     return job.run();
//   }
//
// Every job takes --help, --plan, --check, --parallelism, --checkpoint-dir, --checkpoint-interval, --resume, --config and
// the arguments that it asks for. SIGINT and SIGTERM stop it with a checkpoint that is kept.
//
// One thread builds and runs it. A Job owns all that was built with it.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "tidemark/detail/api/job_builder.h"
#include "tidemark/detail/connectors/source.h"
#include "tidemark/state_store.h"
#include "tidemark/storage.h"
#include "tidemark/stream.h"
#include "tidemark/time.h"

namespace tidemark {

namespace detail {
struct JobAccess;  // of whoever runs what was built in another way than Job does: the simulator
}

class Job {
 public:
  /// `name` is that of its folder of checkpoints: 1 to 128 of the characters A-Z a-z 0-9 . _ -
  Job(std::string name, int argc, const char* const* argv);
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// The value of --name on the command line, or the default, whose type is the argument's: text, integer, number, bool or
  /// Duration. A value of the wrong form is reported by run().
  std::string arg(std::string_view name, std::string_view default_value, std::string_view help);
  std::string arg(std::string_view name, const char* default_value, std::string_view help) {
    return arg(name, std::string_view{default_value}, help);
  }
  std::string arg(std::string_view name, const std::string& default_value, std::string_view help) {
    return arg(name, std::string_view{default_value}, help);
  }
  Duration arg(std::string_view name, Duration default_value, std::string_view help);
  template <class Number>
    requires std::is_arithmetic_v<Number>
  auto arg(std::string_view name, Number default_value, std::string_view help) {
    if constexpr (std::same_as<Number, bool>) {
      return bool_arg(name, default_value, help);
    } else if constexpr (std::integral<Number>) {
      return int64_arg(name, static_cast<std::int64_t>(default_value), help);
    } else {
      return double_arg(name, default_value, help);
    }
  }

  /// The records of a source: read_files<T>(), generate<T>().
  template <class Source>
  Stream<typename Source::Record> from(const Source& source, detail::Location at = detail::Location::current());

  /// Where checkpoints and savepoints lie instead of in the machine's files (storage.h). The control socket then lies below
  /// /tmp, where the command finds it by the words of --checkpoint-dir. Null: the machine's files again.
  void store_snapshots_in(std::shared_ptr<Storage> storage);

  /// Where state of keys lies that is not in use, instead of where state.backend.type says (state_store.h). Null: as that says.
  void keep_state_in(std::shared_ptr<StateStores> stores);

  /// Runs the job to its end. What main() returns: 0 if it finished or was stopped, 1 if it failed (what, where and what to do
  /// stand on stderr), 2 if the command line is wrong. Once.
  int run();

  /// As run() inside a larger program or a test: no signals are handled, no progress and no summary is written, and what run()
  /// would print is thrown as an Error. --help, --plan and --check are refused. Once.
  void run_or_throw();

 private:
  friend struct detail::JobAccess;
  struct Parts;

  bool bool_arg(std::string_view name, bool default_value, std::string_view help);
  std::int64_t int64_arg(std::string_view name, std::int64_t default_value, std::string_view help);
  double double_arg(std::string_view name, double default_value, std::string_view help);

  detail::JobBuilder builder_;
  std::unique_ptr<Parts> parts_;
};

template <class Source>
Stream<typename Source::Record> Job::from(const Source& source, detail::Location at) {
  using T = typename Source::Record;
  using Reader = detail::SourceReaderOperator<T>;
  static_assert(std::convertible_to<const Source&, SourceDescription<T>>, "from() takes a source: read_files<Bid>(...), generate<Bid>(...)");
  const SourceDescription<T> description = source;
  if (description.problem()) builder_.complain_at(at, description.problem()->message());
  // Enumerator and readers of one attempt share their requests; an attempt makes the enumerator first.
  const auto requests = std::make_shared<std::shared_ptr<detail::SplitRequests>>();
  const NodeId enumerator = builder_.add_node({.name = description.name() + " splits",
                                               .location = at,
                                               .parallelism = 1,
                                               .keeps_state = true,
                                               .is_enumerator = true,
                                               .factory = {[description, requests] {
                                                             *requests = std::make_shared<detail::SplitRequests>();
                                                             return description.make_enumerator(*requests);
                                                           },
                                                           {},
                                                           [requests] { return *requests; }}});
  const NodeId reader = builder_.add_node({.name = description.name(),
                                           .location = at,
                                           .keeps_state = true,
                                           .kept = description.implementation().kept(),
                                           .factory = {[description, requests] { return description.make_reader(*requests); }, {}, {}, description.group()}});
  const std::vector<detail::Port<detail::SplitRecord>> splits{{enumerator, {}, &detail::main_output<detail::SplitEnumeratorOperator>}};
  detail::connect(builder_, splits, reader, Exchange::kSplits,
                  [](std::vector<detail::SendingEnd*> edges, std::uint32_t) { return std::make_unique<detail::SplitWriter>(std::move(edges)); });
  if (const auto bad = description.bad_records_output()) {
    builder_.add_side_output(reader, *bad, detail::FindOutput<BadRecord>{[](detail::Operator& op) -> Out<BadRecord>& {
                               return static_cast<Reader&>(op).bad_records();
                             }});
  }
  return Stream<T>::template output_of<Reader>(builder_, reader);
}

}  // namespace tidemark
