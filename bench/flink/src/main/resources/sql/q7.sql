-- The highest bids of each 10 seconds.
CREATE TEMPORARY TABLE answer (auction BIGINT, price BIGINT, bidder BIGINT, date_time TIMESTAMP(3))
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT B.auction, B.price, B.bidder, B.date_time
FROM (
  SELECT auction, price, bidder, date_time, window_start, window_end
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
) AS B
JOIN (
  SELECT window_start, window_end, MAX(price) AS highest
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end
) AS M
ON B.window_start = M.window_start AND B.window_end = M.window_end AND B.price = M.highest;
