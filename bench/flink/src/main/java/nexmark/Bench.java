// Runs queries in one warm Flink process, as it is told line by line.
//
//   Bench sql tuned 1 512                        sql or datastream; stock, tuned or batched; parallelism; MB for RocksDB
//   < query=q5 events=1000000                    a run; also sum=light, seed, tps, jitter, keys, interval_ms, backend, folder
//                                                and keys of Flink's configuration
//   > {"seconds": 1.234, "cpu_s": 2.345, "rows": 9, "digest": "a244a4daddd47b4e", "peak_mb": 812, "checkpoints": 0}
//
// A query's name is q0 to q20, or keyed_count; source-q5 runs the sources of q5 into counters; ndjson-q5 and csv-count are
// whole jobs from the files of one folder to those of another (input, output), whose rows nobody counts here. A run's time is
// that between the submission of the job and its end: planning is not in it. CPU time is that of the whole process, so that of
// the garbage collector and of the compiler too. The memory is the peak of the process so far.
package nexmark;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

public final class Bench {
  private final boolean isSql;
  private final String settings;
  private final int parallelism;
  private final MiniCluster cluster;

  private Bench(boolean isSql, String settings, int parallelism, int managedMb) throws Exception {
    this.isSql = isSql;
    this.settings = settings;
    this.parallelism = parallelism;
    final Configuration configuration = new Configuration();
    configuration.setString("taskmanager.memory.managed.size", managedMb + "m");
    configuration.setString("rest.port", "0");
    cluster =
        new MiniCluster(
            new MiniClusterConfiguration.Builder()
                .setConfiguration(configuration)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(parallelism)
                .build());
    cluster.start();
  }

  public static void main(String[] args) {
    try {
      final Bench bench = new Bench(args[0].equals("sql"), args[1], Integer.parseInt(args[2]), Integer.parseInt(args[3]));
      final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        System.out.println(bench.run(new Run(line)));
      }
    } catch (Throwable failure) {
      failure.printStackTrace();
      System.exit(1);  // Flink's threads would keep the process alive
    }
    System.exit(0);
  }

  private String run(Run run) throws Exception {
    final JobGraph job = plan(run);
    Answer.begin(run.text("sum", "digest").equals("light"));
    System.gc();
    final long beganNs = System.nanoTime();
    final long cpuBeganNs = cpuNs();
    cluster.executeJobBlocking(job);
    final double seconds = (System.nanoTime() - beganNs) / 1e9;
    final double cpuSeconds = (cpuNs() - cpuBeganNs) / 1e9;
    final long checkpoints = run.intervalMs() == 0 ? 0 : completedCheckpoints(job);
    return String.format(
        Locale.ROOT,
        "{\"seconds\": %.6f, \"cpu_s\": %.6f, \"rows\": %d, \"digest\": \"%016x\", \"peak_mb\": %.1f, \"checkpoints\": %d}",
        seconds, cpuSeconds, Answer.rows(), Answer.sum(), peakMb(), checkpoints);
  }

  private JobGraph plan(Run run) throws IOException {
    final StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration(run));
    final Generator generator = new Generator(run.number("seed", 1), run.number("tps", 100_000), run.number("jitter", 0));
    final Workload workload = new Workload(env, generator, run.number("events", 1_000_000));
    final String query = run.text("query", "q0");
    final boolean onlySources = query.startsWith("source-");
    final String name = onlySources ? query.substring("source-".length()) : query;
    if (FileJobs.knows(name)) {
      if (isSql) {
        FileJobs.buildSql(name, run.text("input", "bids"), run.text("output", "rows"), StreamTableEnvironment.create(env));
      } else {
        FileJobs.build(name, run.text("input", "bids"), run.text("output", "rows"), env);
      }
    } else if (name.equals("keyed_count")) {
      final long keys = run.number("keys", 1_000_000);
      if (onlySources) {
        StreamQueries.buildKeyedCountSources(workload, keys);
      } else {
        StreamQueries.buildKeyedCount(workload, keys);
      }
    } else if (isSql && onlySources) {
      SqlQueries.buildSources(name, workload);
    } else if (isSql) {
      SqlQueries.build(name, workload, StreamTableEnvironment.create(env));
    } else if (onlySources) {
      StreamQueries.buildSources(name, workload);
    } else {
      StreamQueries.build(name, workload);
    }
    return env.getStreamGraph().getJobGraph();
  }

  private Configuration configuration(Run run) {
    final Configuration configuration = new Configuration();
    final boolean isTuned = !settings.equals("stock");
    configuration.setString("pipeline.object-reuse", String.valueOf(isTuned || !isSql));
    if (isTuned) {
      // As Flink's own Nexmark sets them; `batched` so large that the latency ends a batch, as with Tidemark's --emit 2s.
      configuration.setString("table.exec.mini-batch.enabled", "true");
      configuration.setString("table.exec.mini-batch.allow-latency", "2s");
      configuration.setString("table.exec.mini-batch.size", settings.equals("batched") ? "1000000" : "50000");
    }
    configuration.setString("table.local-time-zone", "UTC");
    configuration.setString("restart-strategy.type", "none");
    configuration.setString("state.backend.type", run.text("backend", "hashmap"));
    if (run.intervalMs() > 0) {
      configuration.setString("execution.checkpointing.interval", run.intervalMs() + "ms");
      configuration.setString("execution.checkpointing.dir", Path.of(run.text("folder", "checkpoints")).toUri().toString());
    }
    run.addKeysTo(configuration);
    return configuration;
  }

  private long completedCheckpoints(JobGraph job) throws Exception {
    final CheckpointStatsSnapshot checkpoints = cluster.getExecutionGraph(job.getJobID()).get().getCheckpointStatsSnapshot();
    return checkpoints.getCounts().getNumberOfCompletedCheckpoints();
  }

  private static long cpuNs() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  private static double peakMb() throws IOException {
    for (final String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024 / 1e6;
      }
    }
    throw new IOException("/proc/self/status has no VmHWM");
  }

  /** What a line asks for: words such as events=1000000. */
  private static final class Run {
    private final Map<String, String> words = new HashMap<>();

    Run(String line) {
      for (final String word : line.trim().split("\\s+")) {
        final int equals = word.indexOf('=');
        if (equals < 0) {
          throw new IllegalArgumentException("'" + word + "' is not of the form name=value");
        }
        words.put(word.substring(0, equals), word.substring(equals + 1));
      }
    }

    String text(String name, String otherwise) {
      return words.getOrDefault(name, otherwise);
    }

    long number(String name, long otherwise) {
      return words.containsKey(name) ? Long.parseLong(words.get(name)) : otherwise;
    }

    /** Words with a dot in their name are keys of Flink's configuration. */
    void addKeysTo(Configuration configuration) {
      words.forEach(
          (name, value) -> {
            if (name.contains(".")) {
              configuration.setString(name, value);
            }
          });
    }

    long intervalMs() {
      return number("interval_ms", 0);
    }
  }
}
