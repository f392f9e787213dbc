import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { eventLogContract } from '#test/event-log-contract.ts'

eventLogContract('SQLite', () => layerSqlite({ path: join(mkdtempSync(join(tmpdir(), 'signalbox-')), 'log.db') }))
