-- Every bid in another currency.
CREATE TEMPORARY TABLE answer (auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3), extra STRING)
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT auction, bidder, price * 908 / 1000, date_time, extra FROM bid;
