// Bids as JSON lines, of which the auction and the time are read: by Jackson's parser straight from the file's bytes, which
// passes over what lies between and needs no search for the ends of lines.
package nexmark;

import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.reader.SimpleStreamFormat;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;

final class JsonBids extends SimpleStreamFormat<KeyAndTime> {
  @Override
  public StreamFormat.Reader<KeyAndTime> createReader(Configuration configuration, FSDataInputStream file) throws IOException {
    final JsonParser parser = new JsonFactory().createParser(file);
    return new StreamFormat.Reader<KeyAndTime>() {
      @Override
      public KeyAndTime read() throws IOException {
        if (parser.nextToken() == null) {
          return null;
        }
        final KeyAndTime bid = new KeyAndTime();
        for (String field = parser.nextFieldName(); field != null; field = parser.nextFieldName()) {
          if (field.equals("auction")) {
            bid.key = parser.nextLongValue(0);
          } else if (field.equals("date_time")) {
            bid.time = parser.nextLongValue(0);
          } else if (parser.nextToken() != JsonToken.VALUE_STRING) {
            parser.skipChildren();
          }
        }
        return bid;
      }

      @Override
      public void close() throws IOException {
        parser.close();
      }
    };
  }

  @Override
  public TypeInformation<KeyAndTime> getProducedType() {
    return TypeInformation.of(KeyAndTime.class);
  }
}
