-- Bids on some auctions.
CREATE TEMPORARY TABLE answer (auction BIGINT, price BIGINT)
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
