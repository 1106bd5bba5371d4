-- stream-updates: which database a reader's place is of. In another one, or in this one after it went back to an earlier state, the same
-- numbers are those of other transactions; with another epoch every reader reads everything anew. A function, for it is no row of anybody's.
DO $$
BEGIN
    EXECUTE format(
        'CREATE FUNCTION feed_epoch() RETURNS integer LANGUAGE sql STABLE AS %L',
        format('SELECT %s', (random() * 2147483647)::integer)
    );
END
$$;
