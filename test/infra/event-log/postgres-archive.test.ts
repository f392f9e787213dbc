/** The contract of archiving on PostgreSQL, in partitions so small that the archived ones are rewritten. */
import { layerPostgres, layerPostgresReadOnly } from '#infra/event-log/postgres.ts'
import { type ArchivableLog, archiveContract } from '#test/archive-contract.ts'
import { copyDatabase, freshDatabase, onDatabase } from '#test/postgres.ts'

const ours = (name: string): string => `signalbox.${name}`

const logAt = (url: string): ArchivableLog => ({
  layer: layerPostgres({ url, partitionEvents: 400 }),
  readOnly: layerPostgresReadOnly({ url }),
  copy: async () => logAt(await copyDatabase(url)),
  doctor: async (sql) => void (await onDatabase(url, sql(ours))),
  // As replication does it.
  damage: async (sql) => void (await onDatabase(url, 'SET session_replication_role = replica', sql(ours))),
})

archiveContract('PostgreSQL', async () => logAt(await freshDatabase()), 0.85)
