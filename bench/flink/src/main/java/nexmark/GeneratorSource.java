// A source of generated records: number i of `count` is a pure function of i, so a split is two numbers.
//
// The reader hands on a batch of records at each call, which is cheaper than the one that Flink's own generator source gives.
package nexmark;

import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource.NumberSequenceSplit;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

final class GeneratorSource<T>
    implements Source<T, NumberSequenceSplit, Collection<NumberSequenceSplit>>, ResultTypeQueryable<T> {
  /** Makes the records. One object may be filled again and again. */
  interface Records<T> extends Serializable {
    T make(long number);

    /** In milliseconds since 1970 UTC. */
    long timeOf(T record);
  }

  private final Records<T> records;
  private final NumberSequenceSource numbers;
  private final TypeInformation<T> type;

  /** The records 0 .. count - 1; count is at least 1. */
  GeneratorSource(Records<T> records, long count, TypeInformation<T> type) {
    this.records = records;
    this.numbers = new NumberSequenceSource(0, count - 1);
    this.type = type;
  }

  @Override
  public SourceReader<T, NumberSequenceSplit> createReader(SourceReaderContext context) {
    return new Reader<>(records, context);
  }

  @Override
  public TypeInformation<T> getProducedType() {
    return type;
  }

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.BOUNDED;
  }

  @Override
  public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> createEnumerator(
      SplitEnumeratorContext<NumberSequenceSplit> context) {
    return numbers.createEnumerator(context);
  }

  @Override
  public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> restoreEnumerator(
      SplitEnumeratorContext<NumberSequenceSplit> context, Collection<NumberSequenceSplit> checkpoint) {
    return numbers.restoreEnumerator(context, checkpoint);
  }

  @Override
  public SimpleVersionedSerializer<NumberSequenceSplit> getSplitSerializer() {
    return numbers.getSplitSerializer();
  }

  @Override
  public SimpleVersionedSerializer<Collection<NumberSequenceSplit>> getEnumeratorCheckpointSerializer() {
    return numbers.getEnumeratorCheckpointSerializer();
  }

  private static final class Reader<T> implements SourceReader<T, NumberSequenceSplit> {
    private static final int BATCH = 128;

    private final Records<T> records;
    private final SourceReaderContext context;
    private final ArrayDeque<NumberSequenceSplit> waiting = new ArrayDeque<>();
    private CompletableFuture<Void> splitsAreHere = new CompletableFuture<>();
    private boolean noMoreSplits;
    private String splitId;
    private long next;
    private long last = -1;

    Reader(Records<T> records, SourceReaderContext context) {
      this.records = records;
      this.context = context;
    }

    @Override
    public void start() {
      if (waiting.isEmpty()) {
        context.sendSplitRequest();
      }
    }

    @Override
    public InputStatus pollNext(ReaderOutput<T> output) {
      if (next > last && !beginNextSplit()) {
        return noMoreSplits ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
      }
      final long end = Math.min(last, next + BATCH - 1);
      while (next <= end) {
        final T record = records.make(next++);
        output.collect(record, records.timeOf(record));
      }
      return InputStatus.MORE_AVAILABLE;
    }

    private boolean beginNextSplit() {
      final NumberSequenceSplit split = waiting.poll();
      if (split == null) {
        if (!noMoreSplits && splitsAreHere.isDone()) {
          splitsAreHere = new CompletableFuture<>();
          context.sendSplitRequest();
        }
        return false;
      }
      splitId = split.splitId();
      next = split.from();
      last = split.to();
      return true;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      return splitsAreHere;
    }

    @Override
    public void addSplits(List<NumberSequenceSplit> splits) {
      waiting.addAll(splits);
      splitsAreHere.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
      noMoreSplits = true;
      splitsAreHere.complete(null);
    }

    @Override
    public List<NumberSequenceSplit> snapshotState(long checkpointId) {
      final List<NumberSequenceSplit> splits = new ArrayList<>(waiting);
      if (next <= last) {
        splits.add(new NumberSequenceSplit(splitId, next, last));
      }
      return splits;
    }

    @Override
    public void close() {}
  }
}
