// Persons (id, name, time) who open an auction (seller, time) in the window in which they register: emits (id, name, start).
//
// A row goes out as soon as both have come. What a window left behind goes when it ends.
package nexmark;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.util.Collector;

final class NewSellers
    extends KeyedCoProcessFunction<Long, Tuple3<Long, byte[], Long>, Tuple2<Long, Long>, Tuple3<Long, byte[], Long>> {
  private final long sizeMs;
  private transient MapState<Long, byte[]> registered;  // names, by the start of the window; until an auction comes
  private transient MapState<Long, Boolean> sold;  // the starts of windows with an auction

  NewSellers(long sizeMs) {
    this.sizeMs = sizeMs;
  }

  @Override
  public void open(OpenContext context) {
    registered =
        getRuntimeContext()
            .getMapState(
                new MapStateDescriptor<>(
                    "registered", Types.LONG, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    sold = getRuntimeContext().getMapState(new MapStateDescriptor<>("sold", Types.LONG, Types.BOOLEAN));
  }

  @Override
  public void processElement1(
      Tuple3<Long, byte[], Long> person, Context context, Collector<Tuple3<Long, byte[], Long>> out) throws Exception {
    final long start = startOf(person.f2);
    if (sold.contains(start)) {
      out.collect(Tuple3.of(person.f0, person.f1, start));
    } else {
      registered.put(start, person.f1);
      forgetAtEndOf(start, context);
    }
  }

  @Override
  public void processElement2(
      Tuple2<Long, Long> auction, Context context, Collector<Tuple3<Long, byte[], Long>> out) throws Exception {
    final long start = startOf(auction.f1);
    if (sold.contains(start)) {
      return;
    }
    sold.put(start, true);
    forgetAtEndOf(start, context);
    final byte[] name = registered.get(start);
    if (name != null) {
      registered.remove(start);
      out.collect(Tuple3.of(auction.f0, name, start));
    }
  }

  @Override
  public void onTimer(long timestamp, OnTimerContext context, Collector<Tuple3<Long, byte[], Long>> out)
      throws Exception {
    final long start = startOf(timestamp);
    registered.remove(start);
    sold.remove(start);
  }

  private long startOf(long timestamp) {
    return timestamp - timestamp % sizeMs;
  }

  private void forgetAtEndOf(long start, Context context) {
    context.timerService().registerEventTimeTimer(start + sizeMs - 1);
  }
}
