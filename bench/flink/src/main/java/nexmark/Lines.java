// Rows to a file as lines of text, written in large pieces: the stream that Flink gives asks the system at each write.
package nexmark;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.core.fs.FSDataOutputStream;

final class Lines<T> implements BulkWriter.Factory<T> {
  /** Appends the row's text, without the end of the line. */
  interface Text<T> extends Serializable {
    void append(T row, StringBuilder line);
  }

  private final Text<T> text;

  Lines(Text<T> text) {
    this.text = text;
  }

  @Override
  public BulkWriter<T> create(FSDataOutputStream file) {
    final OutputStream out = new BufferedOutputStream(file, 1 << 16);
    final StringBuilder line = new StringBuilder();
    return new BulkWriter<T>() {
      @Override
      public void addElement(T row) throws IOException {
        line.setLength(0);
        text.append(row, line);
        out.write(line.append('\n').toString().getBytes(StandardCharsets.UTF_8));
      }

      @Override
      public void flush() throws IOException {
        out.flush();
      }

      @Override
      public void finish() throws IOException {
        out.flush();
      }
    };
  }
}
