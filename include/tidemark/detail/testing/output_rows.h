// What came out of a job under test: each record encoded, so that any two can be compared and shown, whatever their type.
//
// One thread. Shared by the test and the sinks of all attempts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/connectors/sink.h"
#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/time.h"

namespace tidemark::detail {

struct OutputRow {
  std::shared_ptr<const std::string> bytes;  ///< shared: decoded records may view them
  std::string json;
  Timestamp at;
};

template <class T>
OutputRow make_row(const T& record, Timestamp at) {
  OutputRow row{nullptr, {}, at};
  ByteWriter bytes;
  encode(record, bytes);
  row.bytes = std::make_shared<const std::string>(bytes.take());
  append_json(record, row.json);
  return row;
}

class OutputRows {
 public:
  explicit OutputRows(std::string name) : name_{std::move(name)} {}

  const std::string& name() const { return name_; }
  void add(OutputRow row) { rows_.push_back(std::move(row)); }

  /// Those that the test has not looked at yet.
  std::vector<OutputRow> take_new();

  /// At a barrier: what is here belongs to the checkpoint.
  void mark(CheckpointId id) { marks_[id] = rows_.size(); }
  /// Back to a checkpoint, 0 for the beginning. Gives what came after it, to compare with what comes again.
  std::vector<OutputRow> rewind(CheckpointId id);
  std::vector<OutputRow> since(CheckpointId id) const;
  /// In place of what came since the checkpoint.
  void replace_since(CheckpointId id, std::vector<OutputRow> rows);

 private:
  std::size_t size_at(CheckpointId id) const;

  std::string name_;
  std::vector<OutputRow> rows_;
  std::size_t taken_ = 0;
  std::map<CheckpointId, std::size_t> marks_;
};

/// The sink's writer, in one subtask.
template <class T>
class OutputWriter final : public Operator {
 public:
  explicit OutputWriter(std::shared_ptr<OutputRows> rows) : rows_{std::move(rows)} {}

  void open(OperatorContext&) override {}
  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    for (std::uint32_t i = 0; i < batch.size(); ++i) rows_->add(make_row(batch.values()[i], Timestamp{batch.timestamps()[i]}));
  }
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    rows_->mark(request.barrier.id);
    return nullptr;
  }

 private:
  std::shared_ptr<OutputRows> rows_;
};

template <class T>
class OutputSink final : public SinkImplementation {
 public:
  explicit OutputSink(std::shared_ptr<OutputRows> rows) : rows_{std::move(rows)} {}
  std::string name() const override { return "output '" + rows_->name() + "'"; }
  bool takes_changes() const override { return true; }
  std::unique_ptr<Operator> make_writer() const override { return std::make_unique<OutputWriter<T>>(rows_); }

 private:
  std::shared_ptr<OutputRows> rows_;
};

/// Two lists of rows as a test compares them.
struct RowComparison {
  std::string subject;                     ///< "output 'late'"
  std::vector<OutputRow> expected = {};
  std::vector<OutputRow> got = {};
  std::vector<std::string> expected_keys = {};  ///< rows are sorted by these, stably, before they are compared; empty: they stay
  std::vector<std::string> got_keys = {};
};
/// Rows in any order.
void sort_by_content(RowComparison& comparison);
/// What differs, with both sides as JSON; empty if nothing does.
std::string difference_of(const RowComparison& comparison);

}  // namespace tidemark::detail
