import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layerMemory } from '#infra/event-log/memory.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { booksContract } from '#test/books-contract.ts'

booksContract('memory', () => layerMemory())
booksContract('SQLite', () => layerSqlite({ path: join(mkdtempSync(join(tmpdir(), 'signalbox-')), 'log.db') }))
