/**
 * Snapshots of folded states on PostgreSQL, packed and thinned out as in a file (sqlite-snapshots.ts). Several instances may store and
 * thin out at the same time, so each does it under a lock of its own, which no append waits for.
 */
import type { DatedSnapshot, StoredSnapshot } from '#actors/ports.ts'
import { type Ask, inTransaction } from '#infra/event-log/postgres-connections.ts'
import { GROUND, needlessRungs, type Rung } from '#infra/event-log/snapshot-ladder.ts'
import { packSnapshotElsewhere, unpackSnapshotElsewhere } from '#infra/event-log/snapshot-pack.ts'
import { LOOKED_AT, WORTH_SHARE } from '#infra/event-log/snapshot-store.ts'

/** "SIGB" and a number, as in postgres-migrations.ts. */
const LOCK_KEY = 0x5349_4742_0002

/** A snapshot that was stored whole, as what others are packed with. */
interface Base {
  readonly version: string
  readonly position: number
  readonly text: Uint8Array
  readonly packed: Uint8Array
}

/** To be called one at a time. */
export const makeSaveSnapshot = () => {
  let base: Base | undefined

  return async (ask: Ask, { version, position, state }: StoredSnapshot): Promise<void> => {
    const text = Buffer.from(state)
    const fits = base?.version === version && base.position !== position ? base : undefined
    // Packed before the lock is taken. It is the base only if nobody has deleted it meanwhile.
    const onBase = fits && (await packSnapshotElsewhere(text, fits.text))
    const isWorth = fits !== undefined && onBase !== undefined && onBase.length <= fits.packed.length * WORTH_SHARE
    const whole = isWorth ? undefined : await packSnapshotElsewhere(text)
    base = await inTransaction(ask, async () => {
      await ask('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY])
      await trimOthers(ask, version)
      await thin(ask, version, position)
      // In case it is stored anew, with another text.
      await ask('DELETE FROM signalbox.snapshots WHERE version = $1 AND base = $2', [version, position])
      if (isWorth && (await isThere(ask, fits))) {
        await insert(ask, { version, position, base: fits.position, packed: onBase })
        return fits
      }
      const packed = whole ?? (await packSnapshotElsewhere(text))
      await insert(ask, { version, position, base: null, packed })
      return { version, position, text, packed }
    })
  }
}

/** The newest of a version up to a position. */
export const snapshotBefore = async (
  ask: Ask,
  version: string,
  position: number,
): Promise<DatedSnapshot | undefined> => {
  // In one statement: the base must not go between the two.
  const [row] = await ask(
    `SELECT s.position, s.occurred_at, s.state, b.state
     FROM signalbox.snapshots s LEFT JOIN signalbox.snapshots b ON b.version = s.version AND b.position = s.base
     WHERE s.version = $1 AND s.position <= $2 ORDER BY s.position DESC LIMIT 1`,
    [version, position],
  )
  if (row === undefined) return undefined
  const [at, occurredAt, state, base] = row as [number, number | null, Uint8Array, Uint8Array | null]
  const text = await unpackSnapshotElsewhere(state, base === null ? undefined : await unpackSnapshotElsewhere(base))
  return { version, position: at, occurredAt, state: Buffer.from(text).toString() }
}

/** Still as it was stored: another instance may have thinned it out, or stored its own in its place. */
const isThere = async (ask: Ask, { version, position, packed }: Base): Promise<boolean> => {
  const rows = await ask('SELECT FROM signalbox.snapshots WHERE version = $1 AND position = $2 AND state = $3', [
    version,
    position,
    packed,
  ])
  return rows.length === 1
}

const insert = (
  ask: Ask,
  row: {
    readonly version: string
    readonly position: number
    readonly base: number | null
    readonly packed: Uint8Array
  },
) =>
  ask(
    `INSERT INTO signalbox.snapshots (version, position, occurred_at, base, state)
     VALUES ($1, $2, (SELECT occurred_at FROM signalbox.events WHERE position = $2), $3, $4)
     ON CONFLICT (version, position)
       DO UPDATE SET occurred_at = excluded.occurred_at, base = excluded.base, state = excluded.state`,
    [row.version, row.position, row.base, row.packed],
  )

/** Folds of other releases are never loaded here; the newest two are for the way back to one. */
const trimOthers = (ask: Ask, version: string) =>
  ask(
    `DELETE FROM signalbox.snapshots AS old WHERE version <> $1
       AND (SELECT count(*) FROM signalbox.snapshots WHERE version = old.version AND position > old.position) >= 2
       AND NOT EXISTS (SELECT FROM signalbox.snapshots WHERE version = old.version AND base = old.position)`,
    [version],
  )

/** Deletes what is not needed any more once there is one at `added`. */
const thin = async (ask: Ask, version: string, added: number): Promise<void> => {
  const newest = (
    await ask(
      `SELECT position, occurred_at,
         EXISTS (SELECT FROM signalbox.snapshots WHERE version = s.version AND base = s.position)
       FROM signalbox.snapshots s WHERE version = $1 AND position <> $2 ORDER BY position DESC LIMIT ${LOOKED_AT}`,
      [version, added],
    )
  ).map(([position, occurredAt, isBase]) => ({ position, occurredAt, isBase }) as Rung)
  const [own] = await ask(
    `SELECT (SELECT occurred_at FROM signalbox.events WHERE position = $1), archived_to FROM signalbox.log_head`,
    [added],
  )
  const rung: Rung = { position: added, occurredAt: own?.[0] as number | null, isBase: false }
  const ascending = [...newest, rung].toSorted((a, b) => a.position - b.position)
  const needless = needlessRungs(newest.length < LOOKED_AT ? [GROUND, ...ascending] : ascending, Number(own?.[1]))
  await ask('DELETE FROM signalbox.snapshots WHERE version = $1 AND position = ANY ($2)', [
    version,
    needless.filter((one) => one !== added),
  ])
}
