-- stream-updates: which events a reader has not seen yet. A transaction's number (never used twice) can be looked up in the snapshot that
-- a reader saw last, which numbers given out before the commit, such as seq, or times, can not: those of a commit that came late would be
-- jumped over. What was there before has none, and is new to nobody. The default is not computed for rows that are there, so the lock is
-- short; what the previous version writes gets one, too.
ALTER TABLE events ADD COLUMN transaction_id xid8;
ALTER TABLE events ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id();
