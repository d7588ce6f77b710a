// Queries as SQL: the statements are in resources/sql, the tables that they read are made here.
package nexmark;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.RowData;

final class SqlQueries {
  private SqlQueries() {}

  /** Adds the query to the job of `tables`. */
  static void build(String query, Workload workload, StreamTableEnvironment tables) throws IOException {
    final Reads reads = Reads.of(query);
    if (reads.bids) {
      addTable(tables, "bid", workload.bidRows(reads.bidTexts));
    }
    if (reads.auctions) {
      addTable(tables, "auction", workload.auctionRows());
    }
    if (reads.persons) {
      addTable(tables, "person", workload.personRows());
    }
    final String[] statements = read("/sql/" + query + ".sql").split(";");
    tables.executeSql(statements[0]);
    final StreamStatementSet inserts = tables.createStatementSet();
    inserts.addInsertSql(statements[1]);
    inserts.attachAsDataStream();
  }

  /** Only the sources of the query, each into a counter. */
  static void buildSources(String query, Workload workload) {
    final Reads reads = Reads.of(query);
    if (reads.bids) {
      workload.bidRows(reads.bidTexts).sinkTo(Answer.count());
    }
    if (reads.auctions) {
      workload.auctionRows().sinkTo(Answer.count());
    }
    if (reads.persons) {
      workload.personRows().sinkTo(Answer.count());
    }
  }

  private static void addTable(StreamTableEnvironment tables, String name, DataStream<RowData> rows) {
    tables.createTemporaryView(name, rows, Schema.newBuilder().watermark("date_time", "SOURCE_WATERMARK()").build());
  }

  static String read(String resource) throws IOException {
    try (InputStream in = SqlQueries.class.getResourceAsStream(resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
