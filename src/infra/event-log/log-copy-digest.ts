/** Digests by which two logs are compared without holding either: of rows in their order, and of what has no order in common. */
import { createHash } from 'node:crypto'
import type { CostEntry } from '#domain/books.ts'
import type { ArchivedWriter, PackedSnapshot } from '#infra/event-log/log-copy.ts'
import type { RawRow } from '#infra/event-log/raw-row.ts'

const SHA256 = 'sha256'

/** A row as text: all of its columns, data to the letter. */
const lineOf = (row: RawRow): string => `${JSON.stringify(row)}\n`

/** Hexadecimal. */
export const digestOfRows = (rows: readonly RawRow[]): string => {
  const hash = createHash(SHA256)
  for (const row of rows) hash.update(lineOf(row))
  return hash.digest('hex')
}

/** Takes all rows of a log in their order, and answers once. */
export const makeLogDigest = () => {
  const hash = createHash(SHA256)
  return {
    take: (rows: readonly RawRow[]): void => {
      for (const row of rows) hash.update(lineOf(row))
    },
    /** Hexadecimal. */
    answer: (): string => hash.digest('hex'),
  }
}

/** What a log has beside its events; databases sort texts differently, so the digest is the same in every order. */
export interface Remains {
  readonly writers: number
  readonly cells: number
  readonly snapshots: number
  readonly digest: bigint
}

export const NO_REMAINS: Remains = { writers: 0, cells: 0, snapshots: 0, digest: 0n }

export const withWriters = (remains: Remains, writers: readonly ArchivedWriter[]): Remains =>
  counted(
    remains,
    'writers',
    writers.map(({ name, archivedSeq }) => ['writer', name, archivedSeq]),
  )

export const withCells = (remains: Remains, entries: readonly CostEntry[]): Remains =>
  counted(
    remains,
    'cells',
    entries.map(({ cell, sums }) => ['cell', ...Object.values(cell), ...Object.values(sums)]),
  )

export const withSnapshot = (remains: Remains, snapshot: PackedSnapshot): Remains => {
  const { version, position, occurredAt, base, state } = snapshot
  const digest = createHash(SHA256).update(state).digest('hex')
  return counted(remains, 'snapshots', [['snapshot', version, position, occurredAt, base, digest]])
}

/** Sums do not depend on the order. */
const counted = (
  remains: Remains,
  kind: Exclude<keyof Remains, 'digest'>,
  things: readonly (readonly unknown[])[],
): Remains => ({
  ...remains,
  [kind]: remains[kind] + things.length,
  digest: things.reduce(
    (sum: bigint, thing) =>
      BigInt.asUintN(256, sum + BigInt(`0x${createHash(SHA256).update(JSON.stringify(thing)).digest('hex')}`)),
    remains.digest,
  ),
})
