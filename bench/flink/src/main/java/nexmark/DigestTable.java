// The connector 'digest' of SQL: a table whose rows, with their retractions, go into the run's sum.
//
//   CREATE TEMPORARY TABLE answer (...) WITH ('connector' = 'digest')
package nexmark;

import java.util.List;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

public final class DigestTable implements DynamicTableSinkFactory {
  @Override
  public String factoryIdentifier() {
    return "digest";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of();
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of();
  }

  @Override
  public DynamicTableSink createDynamicTableSink(Context context) {
    return new Table(new RowFields(context.getPhysicalRowDataType().getLogicalType().getChildren()));
  }

  private static final class Table implements DynamicTableSink {
    private final RowFields fields;

    Table(RowFields fields) {
      this.fields = fields;
    }

    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
      return ChangelogMode.all();
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
      return SinkV2Provider.of(Answer.sum(fields));
    }

    @Override
    public DynamicTableSink copy() {
      return new Table(fields);
    }

    @Override
    public String asSummaryString() {
      return "digest";
    }
  }

  /** Times as milliseconds, texts as they are, null as empty; all else is a BIGINT. */
  private static final class RowFields implements Answer.Fields<RowData> {
    private static final byte TIME = 'm';
    private static final byte TEXT = 's';
    private static final byte LONG = 'l';

    private final byte[] types;

    RowFields(List<LogicalType> types) {
      this.types = new byte[types.size()];
      for (int i = 0; i < this.types.length; ++i) {
        this.types[i] = typeOf(types.get(i));
      }
    }

    @Override
    public void of(RowData row, TableSum table) {
      for (int i = 0; i < types.length; ++i) {
        if (row.isNullAt(i)) {
          table.field(Text.EMPTY);
        } else if (types[i] == LONG) {
          table.field(row.getLong(i));
        } else if (types[i] == TIME) {
          table.field(row.getTimestamp(i, 3).getMillisecond());
        } else {
          table.field(row.getString(i).toBytes());
        }
      }
      if (row.getRowKind() == RowKind.INSERT || row.getRowKind() == RowKind.UPDATE_AFTER) {
        table.add();
      } else {
        table.retract();
      }
    }

    private static byte typeOf(LogicalType type) {
      switch (type.getTypeRoot()) {
        case BIGINT:
          return LONG;
        case TIMESTAMP_WITHOUT_TIME_ZONE:
          return TIME;
        case VARCHAR:
          return TEXT;
        default:
          throw new IllegalArgumentException("a digest takes BIGINT, STRING and TIMESTAMP(3), not " + type);
      }
    }
  }
}
