// Whole jobs from files to files, as DataStream programs and as SQL: bids as NDJSON to the table of q5, bids as CSV to how many
// each bidder makes a day. bench/flink/files_to_files.cc is the other side.
//
// Files become visible by checkpoints and at the end of the input, each row exactly once.
package nexmark;

import java.io.IOException;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.BasePathBucketAssigner;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

final class FileJobs {
  private static final TypeInformation<Tuple3<Long, Long, Long>> THREE = Types.TUPLE(Types.LONG, Types.LONG, Types.LONG);
  private static final long DAY_MS = 86_400_000;

  private FileJobs() {}

  static boolean knows(String table) {
    return table.equals("ndjson-q5") || table.equals("csv-count");
  }

  /** Adds the job; `input` and `output` are folders. */
  static void build(String table, String input, String output, StreamExecutionEnvironment env) {
    if (table.equals("ndjson-q5")) {
      countsOf(keys(env, input, new JsonBids()), 10_000, 2_000)
          .windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(2)))
          .aggregate(new Highest<>(count -> count.f2), Types.LIST(THREE), Types.LIST(THREE))
          .<Tuple3<Long, Long, Long>>flatMap((counts, out) -> counts.forEach(out::collect))
          .returns(THREE)
          .sinkTo(
              lines(
                  output,
                  (count, line) ->
                      line.append("{\"window_start\":").append(count.f0).append(",\"auction\":").append(count.f1)
                          .append(",\"bids\":").append(count.f2).append('}')));
    } else {
      countsOf(keys(env, input, new CsvBids()), DAY_MS, DAY_MS)
          .sinkTo(lines(output, (count, line) -> line.append(count.f1).append(',').append(count.f2)));
    }
  }

  /** The same by SQL. */
  static void buildSql(String table, String input, String output, StreamTableEnvironment tables) throws IOException {
    final String text = SqlQueries.read("/sql/" + table + ".sql").replace("${input}", input).replace("${output}", output);
    final String[] statements = text.split(";");
    tables.executeSql(statements[0]);
    tables.executeSql(statements[1]);
    final StreamStatementSet inserts = tables.createStatementSet();
    inserts.addInsertSql(statements[2]);
    inserts.attachAsDataStream();
  }

  private static DataStream<Long> keys(StreamExecutionEnvironment env, String input, StreamFormat<KeyAndTime> format) {
    final WatermarkStrategy<KeyAndTime> watermarks =
        WatermarkStrategy.<KeyAndTime>forBoundedOutOfOrderness(Duration.ofSeconds(4))
            .withTimestampAssigner((bid, none) -> bid.time);
    return env.fromSource(FileSource.forRecordStreamFormat(format, new Path(input)).build(), watermarks, "bids")
        .map(bid -> bid.key)
        .returns(Types.LONG);
  }

  private static DataStream<Tuple3<Long, Long, Long>> countsOf(DataStream<Long> keys, long sizeMs, long slideMs) {
    return keys.keyBy(key -> key, Types.LONG).process(new SlidingCount(sizeMs, slideMs)).returns(THREE);
  }

  private static <T> FileSink<T> lines(String output, Lines.Text<T> text) {
    return FileSink.forBulkFormat(new Path(output), new Lines<>(text))
        .withBucketAssigner(new BasePathBucketAssigner<>())
        .build();
  }
}
