-- stream-updates: of whom changes are gone from events, and the newest transaction that wrote one of them. A reader whose place is not after it
-- may have missed what went, and is to read everything anew. Written by the statement that sweeps; while nothing is swept it has no row.
CREATE TABLE swept_feeds (
    user_id        text PRIMARY KEY,
    transaction_id xid8 NOT NULL
);
