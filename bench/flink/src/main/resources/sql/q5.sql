-- The auctions with the most bids of the last 10 seconds, every 2 seconds.
CREATE TEMPORARY TABLE answer (window_start TIMESTAMP(3), auction BIGINT, bids BIGINT)
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT C.window_start, C.auction, C.bids
FROM (
  SELECT window_start, window_end, auction, COUNT(*) AS bids
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY window_start, window_end, auction
) AS C
JOIN (
  SELECT window_start, window_end, MAX(bids) AS most
  FROM (
    SELECT window_start, window_end, auction, COUNT(*) AS bids
    FROM TABLE(HOP(TABLE bid, DESCRIPTOR(date_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
    GROUP BY window_start, window_end, auction
  )
  GROUP BY window_start, window_end
) AS M
ON C.window_start = M.window_start AND C.window_end = M.window_end AND C.bids = M.most;
