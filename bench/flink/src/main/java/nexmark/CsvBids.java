// Bids as lines of CSV, of which the bidder and the time are read: by hand, for this one order of columns and without quotes,
// which is the least that a program can do.
package nexmark;

import java.io.EOFException;
import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.reader.SimpleStreamFormat;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.core.fs.FSDataInputStream;

final class CsvBids extends SimpleStreamFormat<KeyAndTime> {
  @Override
  public StreamFormat.Reader<KeyAndTime> createReader(Configuration configuration, FSDataInputStream file) {
    return new Lines(file);
  }

  @Override
  public TypeInformation<KeyAndTime> getProducedType() {
    return TypeInformation.of(KeyAndTime.class);
  }

  /** Of auction,bidder,price,channel,url,date_time,extra. */
  private static final class Lines implements StreamFormat.Reader<KeyAndTime> {
    private final FSDataInputStream file;
    private final byte[] block = new byte[1 << 16];
    private int at;
    private int end;

    Lines(FSDataInputStream file) {
      this.file = file;
    }

    @Override
    public KeyAndTime read() throws IOException {
      if (at == end && !fill()) {
        return null;
      }
      skip(',', 1);
      final long bidder = number();
      skip(',', 3);
      final long time = number();
      skip('\n', 1);
      return new KeyAndTime(bidder, time);
    }

    @Override
    public void close() throws IOException {
      file.close();
    }

    /** Behind the `times`th such byte. */
    private void skip(char what, int times) throws IOException {
      for (int left = times; left > 0; ) {
        if (next() == what) {
          --left;
        }
      }
    }

    /** Of digits, and behind what ends it. */
    private long number() throws IOException {
      long number = 0;
      for (byte b = next(); b != ','; b = next()) {
        number = number * 10 + (b - '0');
      }
      return number;
    }

    private byte next() throws IOException {
      if (at == end && !fill()) {
        throw new EOFException("the file ends within a line");
      }
      return block[at++];
    }

    private boolean fill() throws IOException {
      at = 0;
      end = Math.max(0, file.read(block, 0, block.length));
      return end > 0;
    }
  }
}
