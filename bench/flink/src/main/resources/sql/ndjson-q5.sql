-- The auctions with the most bids of the last 10 seconds, every 2 seconds: from JSON lines to JSON lines.
CREATE TEMPORARY TABLE bid (
  auction BIGINT, date_time BIGINT,
  bid_time AS TO_TIMESTAMP_LTZ(date_time, 3), WATERMARK FOR bid_time AS bid_time - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${input}', 'format' = 'json');

CREATE TEMPORARY TABLE answer (window_start BIGINT, auction BIGINT, bids BIGINT)
WITH ('connector' = 'filesystem', 'path' = '${output}', 'format' = 'json');

INSERT INTO answer
SELECT CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', C.window_start) AS BIGINT) * 1000, C.auction, C.bids
FROM (
  SELECT window_start, window_end, auction, COUNT(*) AS bids
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(bid_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY window_start, window_end, auction
) AS C
JOIN (
  SELECT window_start, window_end, MAX(bids) AS most
  FROM (
    SELECT window_start, window_end, auction, COUNT(*) AS bids
    FROM TABLE(HOP(TABLE bid, DESCRIPTOR(bid_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
    GROUP BY window_start, window_end, auction
  )
  GROUP BY window_start, window_end
) AS M
ON C.window_start = M.window_start AND C.window_end = M.window_end AND C.bids = M.most;
