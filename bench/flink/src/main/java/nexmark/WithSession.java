// A session's count with its bidder, start and end.
package nexmark;

import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

final class WithSession implements WindowFunction<Long, Tuple4<Long, Long, Long, Long>, Long, TimeWindow> {
  @Override
  public void apply(Long bidder, TimeWindow session, Iterable<Long> counts, Collector<Tuple4<Long, Long, Long, Long>> out) {
    out.collect(Tuple4.of(bidder, counts.iterator().next(), session.getStart(), session.getEnd()));
  }
}
