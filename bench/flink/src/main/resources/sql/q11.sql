-- How many bids a bidder makes without a pause of 10 seconds.
CREATE TEMPORARY TABLE answer (bidder BIGINT, bids BIGINT, window_start TIMESTAMP(3), window_end TIMESTAMP(3))
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT bidder, COUNT(*), window_start, window_end
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(date_time), INTERVAL '10' SECOND))
GROUP BY bidder, window_start, window_end;
