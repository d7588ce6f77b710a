// A whole job that a test drives by hand: the real plan, tasks and checkpoints, on one thread, with files in memory and a
// clock that stands still until it is told to move. Which task takes the next step is picked by a seed.
//
// A snapshot is a checkpoint as a job takes it. A restart destroys every operator, makes new ones from the newest
// checkpoint, and does again what was done since; what comes out then must be what had come out before.
//
// One thread. While one lives, arenas are poisoned (base/arena.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidemark/detail/model/plan.h"
#include "tidemark/detail/testing/hand_fed_source.h"
#include "tidemark/detail/testing/output_rows.h"
#include "tidemark/detail/testing/test_options.h"
#include "tidemark/job.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class TestBed {
 public:
  explicit TestBed(const TestOptions& options);
  ~TestBed();
  TestBed(const TestBed&) = delete;
  TestBed& operator=(const TestBed&) = delete;

  // Building, before start().
  Job& job();
  void add_feed(std::shared_ptr<Feed> feed);
  /// Of the sink that was added last.
  void add_output(std::shared_ptr<OutputRows> rows);
  /// Of the operator that was added last.
  NodeId last_node() const;
  /// Throws Error if the job is not sound.
  void start();

  // Driving. Each call returns when nothing is left to do until the next one, and throws the Error that a task fails with.
  /// Throws Error if the job has ended or failed: then nothing may be added to a feed.
  void require_running() const;
  /// And if this feed has ended.
  void require_open(const Feed& feed) const;
  /// Something was added to the feed.
  void fed(Feed& feed);
  /// To all feeds that have not ended.
  void add_watermark(Timestamp watermark);
  void add_watermark(Feed& feed, Timestamp watermark);
  void set_time(Timestamp now);
  void snapshot();
  /// 0: at the parallelism that it has.
  void restore(std::uint32_t parallelism);
  /// The end of one feed; the others go on.
  void end(Feed& feed);
  /// The end of all feeds; the job finishes.
  void end();
  /// Without feeds: to the end of all sources, with time leaping to where something is to be done.
  void run();
  /// Reads what waits for its batch to be full.
  void settle();

  // Looking.
  /// True unless one subtask has done all so far.
  bool was_parallel() const;
  std::size_t timers(NodeId node) const;
  void write_file(const std::string& path, const std::string& content);
  /// The lines of all visible files below `folder`, in the order of their paths.
  std::vector<std::string> read_lines(const std::string& folder);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tidemark::detail
