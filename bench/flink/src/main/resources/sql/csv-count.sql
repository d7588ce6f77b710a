-- How many bids each bidder makes a day: from CSV to CSV.
CREATE TEMPORARY TABLE bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, date_time BIGINT, extra STRING,
  bid_time AS TO_TIMESTAMP_LTZ(date_time, 3), WATERMARK FOR bid_time AS bid_time - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${input}', 'format' = 'csv');

CREATE TEMPORARY TABLE answer (bidder BIGINT, bids BIGINT)
WITH ('connector' = 'filesystem', 'path' = '${output}', 'format' = 'csv');

INSERT INTO answer
SELECT bidder, COUNT(*)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(bid_time), INTERVAL '1' DAY))
GROUP BY window_start, window_end, bidder;
