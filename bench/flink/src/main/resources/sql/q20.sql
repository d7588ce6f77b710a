-- The bids for auctions of a category.
CREATE TEMPORARY TABLE answer (auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3), seller BIGINT)
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT B.auction, B.bidder, B.price, B.date_time, A.seller
FROM bid AS B JOIN auction AS A ON B.auction = A.id
WHERE A.category = 10;
