// Counts the records of each key in windows of `size` every `slide` milliseconds of event time: emits (start, key, count).
//
// A key has a count for each slice of time, as long as the slide, so a record updates one number; a window is the sum of its
// slices. There is one timer for a key and the end of a slice, set again as long as windows lie ahead that hold something.
package nexmark;

import java.util.Arrays;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

final class SlidingCount extends KeyedProcessFunction<Long, Long, Tuple3<Long, Long, Long>> {
  private final long slideMs;
  private final int span;  // slices in a window
  // Element 0 is the number of the first slice, then come the counts, one a slice.
  private transient ValueState<long[]> slices;

  /** `sizeMs` is a multiple of `slideMs`. */
  SlidingCount(long sizeMs, long slideMs) {
    this.slideMs = slideMs;
    this.span = (int) (sizeMs / slideMs);
  }

  @Override
  public void open(OpenContext context) {
    final ValueStateDescriptor<long[]> descriptor =
        new ValueStateDescriptor<>("slices", PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO);
    slices = getRuntimeContext().getState(descriptor);
  }

  @Override
  public void processElement(Long key, Context context, Collector<Tuple3<Long, Long, Long>> out) throws Exception {
    final long slice = context.timestamp() / slideMs;
    final long[] counts = withRoomFor(slice, slices.value());
    final int at = (int) (slice - counts[0]) + 1;
    if (++counts[at] == 1) {
      context.timerService().registerEventTimeTimer((slice + 1) * slideMs - 1);
    }
    slices.update(counts);
  }

  @Override
  public void onTimer(long timestamp, OnTimerContext context, Collector<Tuple3<Long, Long, Long>> out) throws Exception {
    final long end = (timestamp + 1) / slideMs;
    final long[] counts = slices.value();
    if (counts == null) {
      return;
    }
    final long first = end - span;
    final long inWindow = sum(counts, first, end);
    if (inWindow > 0) {
      out.collect(Tuple3.of(first * slideMs, context.getCurrentKey(), inWindow));
    }
    if (sum(counts, first + 1, end) > 0) {
      context.timerService().registerEventTimeTimer((end + 1) * slideMs - 1);
    } else if (sum(counts, end, counts[0] + counts.length - 1) == 0) {
      slices.clear();
      return;
    }
    slices.update(from(first + 1, counts));
  }

  private static long sum(long[] counts, long first, long end) {
    long sum = 0;
    for (long slice = Math.max(first, counts[0]); slice < Math.min(end, counts[0] + counts.length - 1); ++slice) {
      sum += counts[(int) (slice - counts[0]) + 1];
    }
    return sum;
  }

  private long[] withRoomFor(long slice, long[] counts) {
    if (counts == null) {
      final long[] fresh = new long[1 + span];
      fresh[0] = slice;
      return fresh;
    }
    if (slice < counts[0]) {
      final int more = (int) (counts[0] - slice);
      final long[] grown = new long[counts.length + more];
      grown[0] = slice;
      System.arraycopy(counts, 1, grown, 1 + more, counts.length - 1);
      return grown;
    }
    final int needed = (int) (slice - counts[0]) + 2;
    return needed <= counts.length ? counts : Arrays.copyOf(counts, needed + span);
  }

  /** Without the slices before `first`. */
  private static long[] from(long first, long[] counts) {
    final int drop = (int) Math.max(0, Math.min(first - counts[0], counts.length - 1));
    if (drop > 0) {
      System.arraycopy(counts, 1 + drop, counts, 1, counts.length - 1 - drop);
      Arrays.fill(counts, counts.length - drop, counts.length, 0);
      counts[0] += drop;
    }
    return counts;
  }
}
