/**
 * The tables of what instances share, in the schema of their log; its migrations make them. Like those they are never edited once
 * released. Every time in them is the database's.
 */
import { clusterFunctions } from '#infra/cluster/postgres-functions.ts'

/**
 * Rows of the hot tables change thousands of times a second: room in their pages keeps the new version beside the old one, where
 * the next reader clears it away, and the vacuum comes by count, not by share.
 */
const HOT = 'fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0'

export const firstClusterSchema = `
  -- started_at: epoch ms by the instance's own clock.
  CREATE TABLE signalbox.instances (
    writer text PRIMARY KEY, name text NOT NULL, version text NOT NULL, started_at bigint NOT NULL, heard_to bigint NOT NULL,
    beat_at timestamptz NOT NULL
  ) WITH (${HOT});

  -- A row stays when its lease is given up (holder NULL), because its token must grow with the next holder.
  CREATE TABLE signalbox.leases (
    name text PRIMARY KEY, holder text, token bigint NOT NULL, ends_at timestamptz NOT NULL
  ) WITH (${HOT});

  -- arrival_us: see src/domain/gcra.ts, epoch µs. Not written ahead: after a crash of the database every limit begins with its burst.
  CREATE UNLOGGED TABLE signalbox.shared_rates (key text PRIMARY KEY, arrival_us bigint NOT NULL) WITH (${HOT});

  -- spent_nano: before the first grant. granted_nano: the sum of its grants.
  CREATE TABLE signalbox.money_pools (
    key text PRIMARY KEY, spent_nano bigint NOT NULL, granted_nano bigint NOT NULL CHECK (granted_nano >= 0),
    asked_at timestamptz NOT NULL
  );
  CREATE TABLE signalbox.money_grants (
    holder text NOT NULL, pool text NOT NULL REFERENCES signalbox.money_pools (key) ON DELETE CASCADE,
    nano bigint NOT NULL CHECK (nano >= 0), PRIMARY KEY (holder, pool)
  );
  -- For the cascade: the primary key begins with the holder.
  CREATE INDEX money_grants_pool ON signalbox.money_grants (pool);
  ${clusterFunctions};`
