// Texts are UTF-8 bytes from the generator to the digest, as Flink's SQL keeps them; nothing here needs a String.
package nexmark;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

final class Text {
  static final byte[] EMPTY = {};

  private Text() {}

  static byte[] of(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static byte[][] all(String... texts) {
    final byte[][] all = new byte[texts.length][];
    for (int i = 0; i < texts.length; ++i) {
      all[i] = of(texts[i]);
    }
    return all;
  }

  static void write(byte[] text, DataOutputView out) throws IOException {
    out.writeShort(text.length);
    out.write(text);
  }

  static byte[] read(DataInputView in) throws IOException {
    final byte[] text = new byte[in.readUnsignedShort()];
    in.readFully(text);
    return text;
  }
}
