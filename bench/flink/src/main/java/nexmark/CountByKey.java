// Counts each key, and emits (key, count) at every `every`th record of one.
package nexmark;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

final class CountByKey extends KeyedProcessFunction<Long, Long, Tuple2<Long, Long>> {
  private final long every;
  private transient ValueState<Long> counts;

  CountByKey(long every) {
    this.every = every;
  }

  @Override
  public void open(OpenContext context) {
    counts = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
  }

  @Override
  public void processElement(Long key, Context context, Collector<Tuple2<Long, Long>> out) throws Exception {
    final Long before = counts.value();
    final long count = before == null ? 1 : before + 1;
    counts.update(count);
    if (count % every == 0) {
      out.collect(Tuple2.of(key, count));
    }
  }
}
