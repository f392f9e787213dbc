/**
 * One writer on the log on PostgreSQL, for postgres.ts: appends batch after batch for some seconds, each when the one before is
 * durable, and prints how many events it wrote and how long the batches took.
 */
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { history } from './history.ts'

const { URL: url = '', WRITER: writer = '', BATCH = '1', SECONDS = '5' } = process.env
const batchSize = Number(BATCH)

function* batches(): Generator<readonly NewEvent[]> {
  const made = history({ requests: 400_000, endAt: Date.now(), spanMs: 3_600_000, writer, beginning: false })
  let batch: NewEvent[] = []
  for (const many of made) {
    for (const event of many) {
      batch.push(event)
      if (batch.length < batchSize) continue
      yield batch
      batch = []
    }
  }
}

const work = Effect.gen(function* () {
  const log = yield* EventLog
  const tookMs: number[] = []
  const until = performance.now() + Number(SECONDS) * 1_000
  for (const batch of batches()) {
    const startedAt = performance.now()
    if (startedAt > until) break
    yield* log.append(batch)
    tookMs.push(performance.now() - startedAt)
  }
  const sorted = tookMs.toSorted((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  console.log(JSON.stringify({ commits: tookMs.length, p50Ms: quantile(0.5), p99Ms: quantile(0.99) }))
})

await Effect.runPromise(Effect.provide(work, layerPostgres({ url })))
