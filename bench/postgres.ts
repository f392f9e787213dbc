/**
 * The throughput of the log on a real PostgreSQL of this machine (the npm package's, with fsync as it is by default): writers in
 * processes of their own, batches of one event and of twenty.
 *   node bench/postgres.ts [--writers 3] [--seconds 5]
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { createDatabase } from '../test/support/postgres.ts'
import { startCluster } from '../test/support/postgres-cluster.ts'

const { values } = parseArgs({
  options: { writers: { type: 'string', default: '3' }, seconds: { type: 'string', default: '5' } },
})
const [writers, seconds] = [Number(values.writers), Number(values.seconds)]
const WRITER = fileURLToPath(new URL('./postgres-writer.ts', import.meta.url))

interface Written {
  readonly commits: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const write = async (url: string, writer: string, batch: number): Promise<Written> => {
  const env = { PATH: process.env.PATH, URL: url, WRITER: writer, BATCH: String(batch), SECONDS: String(seconds) }
  const { stdout } = await promisify(execFile)(process.execPath, [WRITER], { env })
  return JSON.parse(stdout) as Written
}

// Later settings win: here an answer means what it means in production.
const cluster = await startCluster({ settings: ['fsync=on', 'full_page_writes=on'] })
try {
  const rows: Record<string, string | number>[] = []
  for (const count of new Set([1, writers])) {
    for (const batch of [1, 20]) {
      const url = await createDatabase(cluster.url('postgres'))
      const done = await Promise.all(Array.from({ length: count }, (_, n) => write(url, `writer-${n}`, batch)))
      const commits = done.reduce((sum, one) => sum + one.commits, 0)
      rows.push({
        writers: count,
        batch,
        'commits/s': Math.round(commits / seconds),
        'events/s': Math.round((commits * batch) / seconds),
        'p50 ms': Number(Math.max(...done.map((one) => one.p50Ms)).toFixed(2)),
        'p99 ms': Number(Math.max(...done.map((one) => one.p99Ms)).toFixed(2)),
      })
    }
  }
  console.table(rows)
} finally {
  await cluster.remove()
}
