/** The questions that instances ask of their tables in PostgreSQL. Each is one statement, except for the settling of grants. */
import type { InstanceBeat, InstanceSeen, MoneyPool, SharedRate, Taken } from '#actors/cluster.ts'
import { spanOf } from '#domain/gcra.ts'
import { byStart, full, INSTANCE_SHOWN_MS, POOL_KEPT_MS, settled } from '#infra/cluster/kept.ts'
import { CHANNEL } from '#infra/cluster/postgres-listen.ts'
import type { Ask } from '#infra/event-log/postgres-connections.ts'

const BEAT = `
WITH self AS (
  INSERT INTO signalbox.instances VALUES ($1, $2, $3, $4, $5, clock_timestamp())
  ON CONFLICT (writer) DO UPDATE
    SET name = excluded.name, heard_to = excluded.heard_to, beat_at = excluded.beat_at
), forgotten AS (
  DELETE FROM signalbox.instances WHERE writer IN (
    SELECT writer FROM signalbox.instances
    WHERE beat_at < clock_timestamp() - $6 * interval '1 ms' AND writer <> $1
    FOR UPDATE SKIP LOCKED
  )
)
SELECT writer, name, version, started_at, heard_to,
  greatest(0, floor(extract(epoch FROM clock_timestamp() - beat_at) * 1000))
FROM signalbox.instances
WHERE beat_at >= clock_timestamp() - $6 * interval '1 ms' AND writer <> $1`

export const beat = async (ask: Ask, self: InstanceBeat): Promise<readonly InstanceSeen[]> => {
  const { writer, name, version, startedAt, heardTo } = self
  const others = await ask(BEAT, [writer, name, version, startedAt, heardTo, INSTANCE_SHOWN_MS])
  return [...others.map(seen), { ...self, silentForMs: 0 }].sort(byStart)
}

const seen = ([writer, name, version, startedAt, heardTo, silentForMs]: readonly unknown[]): InstanceSeen => ({
  writer: String(writer),
  name: String(name),
  version: String(version),
  startedAt: Number(startedAt),
  heardTo: Number(heardTo),
  silentForMs: Number(silentForMs),
})

const LEAVE = `
WITH gone AS (DELETE FROM signalbox.instances WHERE writer = $1)
UPDATE signalbox.leases SET holder = NULL, ends_at = clock_timestamp() WHERE holder = $1`

/** What is beyond the limit goes with those who leave next. */
const FORGET_POOLS = `
DELETE FROM signalbox.money_pools WHERE key IN (
  SELECT key FROM signalbox.money_pools WHERE asked_at < clock_timestamp() - $1 * interval '1 ms' LIMIT 10000
  FOR UPDATE SKIP LOCKED
)`

export const leave = async (ask: Ask, writer: string): Promise<void> => {
  await ask(LEAVE, [writer])
  await ask(FORGET_POOLS, [POOL_KEPT_MS])
}

/** The times are taken when the row is locked: who waited for it must not count from before. */
const LEASE = `
INSERT INTO signalbox.leases AS held VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 ms')
ON CONFLICT (name) DO UPDATE SET
  holder = excluded.holder,
  token = held.token + CASE WHEN held.holder = excluded.holder THEN 0 ELSE 1 END,
  ends_at = clock_timestamp() + $3 * interval '1 ms'
WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.ends_at <= clock_timestamp()
RETURNING token`

/** The token, or undefined when somebody else holds it. */
export const lease = async (ask: Ask, name: string, holder: string, forMs: number): Promise<number | undefined> => {
  const [row] = await ask(LEASE, [name, holder, forMs])
  return row === undefined ? undefined : Number(row[0])
}

const RELEASE = 'UPDATE signalbox.leases SET holder = NULL, ends_at = clock_timestamp() WHERE name = $1 AND holder = $2'

export const release = (ask: Ask, name: string, holder: string) => ask(RELEASE, [name, holder])

export const take = async (ask: Ask, rates: readonly SharedRate[]): Promise<Taken> => {
  const spans = rates.map(spanOf).sort((a, b) => (a.key < b.key ? -1 : 1))
  const [row] = await ask('SELECT full_key, wait_us FROM signalbox.take_shared_rates($1, $2, $3)', [
    spans.map(({ key }) => key),
    spans.map(({ spanUs }) => spanUs),
    spans.map(({ allowanceUs }) => allowanceUs),
  ])
  const [key, waitUs] = row ?? []
  return typeof key === 'string' ? full(key, Number(waitUs)) : { _tag: 'Taken' }
}

export const grant = async (ask: Ask, pool: MoneyPool, holder: string, wantNano: number): Promise<number> => {
  const [row] = await ask('SELECT signalbox.grant_money($1, $2, $3, $4, $5)', [
    ...[pool.key, pool.limitNano, pool.spentNano, holder, wantNano],
  ])
  return Number(row?.[0])
}

export const giveBack = (ask: Ask, poolKey: string, holder: string, nano: number) =>
  ask('SELECT signalbox.lower_grant($1, $2, $3, NULL)', [poolKey, holder, nano])

/** Pool by pool, each by itself, so that nobody waits for more than one of them. */
export const reclaim = async (ask: Ask, holder: string, spentNano: (poolKey: string) => number): Promise<void> => {
  const grants = await ask('SELECT pool, nano FROM signalbox.money_grants WHERE holder = $1', [holder])
  for (const [pool, nano] of grants) {
    const kept = settled(Number(nano), spentNano(String(pool)))
    if (kept < Number(nano)) await ask('SELECT signalbox.lower_grant($1, $2, 0, $3)', [pool, holder, kept])
  }
}

export const head = async (ask: Ask): Promise<number> => {
  const [row] = await ask('SELECT position FROM signalbox.log_head')
  return Number(row?.[0] ?? 0)
}

export const notify = (ask: Ask, position: number) => ask('SELECT pg_notify($1, $2)', [CHANNEL, String(position)])
