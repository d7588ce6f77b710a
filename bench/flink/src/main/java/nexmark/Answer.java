// Where a query's rows end: in a sum over the table, or only counted. Sinks add up what their subtasks have seen here, in the
// process that runs the whole job.
package nexmark;

import java.io.Serializable;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

final class Answer {
  /** Gives the rows of a record to the sum, field by field. */
  interface Fields<T> extends Serializable {
    void of(T record, TableSum table);
  }

  private static boolean isLight;
  private static long rows;
  private static long sum;

  private Answer() {}

  /** Before a run: whether its sum is light. */
  static synchronized void begin(boolean light) {
    isLight = light;
    rows = 0;
    sum = 0;
  }

  static synchronized long rows() {
    return rows;
  }

  static synchronized long sum() {
    return sum;
  }

  private static synchronized TableSum newTable() {
    return new TableSum(isLight);
  }

  private static synchronized void add(long moreRows, long moreSum) {
    rows += moreRows;
    sum += moreSum;
  }

  static <T> Sink<T> sum(Fields<T> fields) {
    return new SumSink<>(fields);
  }

  static <T> Sink<T> count() {
    return new CountSink<>();
  }

  private static final class SumSink<T> implements Sink<T> {
    private final Fields<T> fields;

    SumSink(Fields<T> fields) {
      this.fields = fields;
    }

    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) {
      final TableSum table = newTable();
      return new SinkWriter<T>() {
        @Override
        public void write(T record, Context context) {
          fields.of(record, table);
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {
          add(table.rows(), table.sum());
        }
      };
    }
  }

  private static final class CountSink<T> implements Sink<T> {
    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) {
      return new SinkWriter<T>() {
        private long count;

        @Override
        public void write(T record, Context context) {
          ++count;
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {
          add(count, 0);
        }
      };
    }
  }
}
