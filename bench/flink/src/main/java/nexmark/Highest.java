// The records for which `by` is largest, all of them. They are kept as they are: what has come through the network is not used
// again for another record.
package nexmark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.AggregateFunction;

final class Highest<T> implements AggregateFunction<T, List<T>, List<T>> {
  interface By<T> extends Serializable {
    long of(T record);
  }

  private final By<T> by;

  Highest(By<T> by) {
    this.by = by;
  }

  @Override
  public List<T> createAccumulator() {
    return new ArrayList<>();
  }

  @Override
  public List<T> add(T record, List<T> highest) {
    if (!highest.isEmpty()) {
      final int order = Long.compare(by.of(record), by.of(highest.get(0)));
      if (order < 0) {
        return highest;
      }
      if (order > 0) {
        highest.clear();
      }
    }
    highest.add(record);
    return highest;
  }

  @Override
  public List<T> getResult(List<T> highest) {
    return highest;
  }

  @Override
  public List<T> merge(List<T> into, List<T> from) {
    for (final T record : from) {
      add(record, into);
    }
    return into;
  }
}
