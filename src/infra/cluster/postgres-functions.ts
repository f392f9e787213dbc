/**
 * The operations that read, decide and write under locks, as functions in the database: one round trip each, and each statement in
 * them sees what was committed before it got its locks. A statement of several parts would decide by what it saw before it waited.
 *
 * Whoever locks several rows locks them in the order of their keys, pools before grants, so that no two wait for each other.
 */

/** As arrivalAfter in src/domain/gcra.ts, for several limits at once; the keys come sorted. `wait_us` is 0 when all was taken. */
const TAKE = `
CREATE OR REPLACE FUNCTION signalbox.take_shared_rates(
  keys text[], spans_us bigint[], allowances_us bigint[], OUT full_key text, OUT wait_us bigint
) LANGUAGE plpgsql AS $$
DECLARE
  arrival bigint;
  arrivals bigint[];
  now_us bigint;
BEGIN
  wait_us := 0;
  FOR i IN 1 .. cardinality(keys) LOOP
    SELECT r.arrival_us INTO arrival FROM signalbox.shared_rates r WHERE r.key = keys[i] FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO signalbox.shared_rates AS r VALUES (keys[i], 0)
        ON CONFLICT (key) DO UPDATE SET arrival_us = r.arrival_us
        RETURNING r.arrival_us INTO arrival;
    END IF;
    arrivals[i] := arrival;
  END LOOP;
  -- Read when every row is ours, so that it is not before the time by which the last call was judged.
  now_us := extract(epoch FROM clock_timestamp()) * 1000000;
  FOR i IN 1 .. cardinality(keys) LOOP
    arrivals[i] := greatest(arrivals[i], now_us) + spans_us[i];
    IF arrivals[i] - allowances_us[i] - now_us > wait_us THEN
      full_key := keys[i];
      wait_us := arrivals[i] - allowances_us[i] - now_us;
    END IF;
  END LOOP;
  IF wait_us = 0 THEN
    FOR i IN 1 .. cardinality(keys) LOOP
      UPDATE signalbox.shared_rates r SET arrival_us = arrivals[i] WHERE r.key = keys[i];
    END LOOP;
  END IF;
END $$`

const GRANT = `
CREATE OR REPLACE FUNCTION signalbox.grant_money(
  pool_key text, limit_nano bigint, spent_before_nano bigint, grantee text, wanted_nano bigint, OUT given_nano bigint
) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO signalbox.money_pools AS p VALUES (pool_key, spent_before_nano, 0, clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET asked_at = clock_timestamp()
    RETURNING greatest(0, least(limit_nano - p.spent_nano - p.granted_nano, wanted_nano)) INTO given_nano;
  UPDATE signalbox.money_pools p SET granted_nano = p.granted_nano + given_nano WHERE p.key = pool_key;
  INSERT INTO signalbox.money_grants AS g VALUES (grantee, pool_key, given_nano)
    ON CONFLICT (holder, pool) DO UPDATE SET nano = g.nano + excluded.nano;
END $$`

/** Lowers a grant by an amount, and then to a bound (null: none). Nothing happens when there is no such grant. */
const LOWER = `
CREATE OR REPLACE FUNCTION signalbox.lower_grant(pool_key text, grantee text, by_nano bigint, to_nano bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  had_nano bigint;
  kept_nano bigint;
BEGIN
  PERFORM FROM signalbox.money_pools p WHERE p.key = pool_key FOR UPDATE;
  SELECT g.nano INTO had_nano FROM signalbox.money_grants g WHERE g.holder = grantee AND g.pool = pool_key;
  IF NOT FOUND THEN RETURN; END IF;
  kept_nano := greatest(0, least(had_nano - by_nano, to_nano));
  UPDATE signalbox.money_grants g SET nano = kept_nano WHERE g.holder = grantee AND g.pool = pool_key;
  UPDATE signalbox.money_pools p SET granted_nano = p.granted_nano - had_nano + kept_nano WHERE p.key = pool_key;
END $$`

export const clusterFunctions = [TAKE, GRANT, LOWER].join(';\n')
