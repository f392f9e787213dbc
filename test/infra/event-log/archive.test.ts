/** The contract of archiving on a SQLite file. Each test opens the log several times, threads and all. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { vi } from 'vitest'
import { layerSqlite, layerSqliteReadOnly } from '#infra/event-log/sqlite.ts'
import { type ArchivableLog, archiveContract } from '#test/archive-contract.ts'
import { doctor, newPath, WITHOUT_TRIGGERS } from './log-file.ts'

vi.setConfig({ testTimeout: 120_000 })

const plain = (name: string): string => name

const logAt = (path: string): ArchivableLog => ({
  layer: layerSqlite({ path }),
  readOnly: layerSqliteReadOnly({ path }),
  copy: async () => {
    const copy = newPath()
    mkdirSync(dirname(copy))
    copyFileSync(path, copy)
    return logAt(copy)
  },
  doctor: async (sql) => doctor(path, sql(plain)),
  damage: async (sql) => doctor(path, WITHOUT_TRIGGERS, sql(plain)),
})

archiveContract('SQLite', async () => logAt(newPath()), 1 / 3)
