/**
 * Measures the SQLite log: bytes per request, CPU and latency of appends, speed of reading. Not a test; run it by hand:
 * `node test/infra/event-log/measure.ts [requests of the large log]`.
 */
import { statSync } from 'node:fs'
import { Effect } from 'effect'
import type { NewEvent } from '#domain/recorded-event.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath, withLog } from './log-file.ts'

const LARGE = Number(process.argv[2] ?? 25_000)

/** `count` batches of so many requests, made beforehand so that making them is not measured. */
const batchesOf = (requests: number, count: number, first: number, wrap = envelopes(`box_${requests}_${first}`)) =>
  Array.from({ length: count }, (_, b): readonly NewEvent[] =>
    Array.from({ length: requests }, (_, r) => wrap(servedRequest(first + b * requests + r))).flat(),
  )

const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]?.toFixed(2)

const measure = Effect.gen(function* () {
  let used = 0
  const next = () => {
    used += 100_000
    return used
  }
  const small = newPath()
  yield* withLog(small, (log) =>
    Effect.gen(function* () {
      for (const requests of [1, 4, 16]) {
        const count = Math.ceil(4_000 / requests)
        for (const batch of batchesOf(requests, 200, next())) yield* log.append(batch)
        const batches = batchesOf(requests, count, next())
        const latencies: number[] = []
        const main = process.threadCpuUsage()
        const all = process.cpuUsage()
        const began = performance.now()
        for (const batch of batches) {
          const sent = performance.now()
          yield* log.append(batch)
          latencies.push(performance.now() - sent)
        }
        const total = count * requests
        const onMain = process.threadCpuUsage(main)
        const everywhere = process.cpuUsage(all)
        const mainUs = (onMain.user + onMain.system) / total
        const allUs = (everywhere.user + everywhere.system) / total
        console.log(
          `${requests} requests a batch: main ${mainUs.toFixed(1)} µs/request (${(mainUs / 4).toFixed(2)} an event), ` +
            `main + worker ${allUs.toFixed(1)} µs/request; latency p50 ${percentile(latencies, 0.5)} ms, ` +
            `p99 ${percentile(latencies, 0.99)} ms; ${Math.round((total * 1_000) / (performance.now() - began))} requests/s`,
        )
      }
    }),
  )

  const large = newPath()
  yield* withLog(large, (log) =>
    Effect.gen(function* () {
      const wrap = envelopes('box_large')
      for (let n = 0; n < LARGE; n += 250) {
        for (const batch of batchesOf(250, 1, n, wrap)) yield* log.append(batch)
      }
    }),
  )
  console.log(`${LARGE} requests: ${Math.round(statSync(large).size / LARGE)} bytes of disk a request`)
  const opened = performance.now()
  yield* withLog(large, (log) =>
    Effect.gen(function* () {
      console.log(`opened in ${Math.round(performance.now() - opened)} ms`)
      for (const limit of [1_000, 10_000]) {
        const began = performance.now()
        const main = process.threadCpuUsage()
        let after = 0
        for (;;) {
          const page = yield* log.read({ after, limit })
          if (page.length === 0) break
          after += page.length
        }
        const ms = performance.now() - began
        const cpu = process.threadCpuUsage(main)
        console.log(
          `read ${after} events in pages of ${limit}: ${Math.round(ms)} ms, ${Math.round(after / ms)} events/ms, ` +
            `main ${((cpu.user + cpu.system) / after).toFixed(2)} µs an event`,
        )
      }
      const began = performance.now()
      const report = yield* log.verify(() => {})
      console.log(`verified in ${Math.round(performance.now() - began)} ms: ${report.problems.length} problems`)
      for (const [what, query] of [
        ['rare type', { after: 0, limit: 100, types: ['CircuitOpened'] }],
        ['common type, newest first', { after: 0, limit: 100, types: ['AttemptSucceeded'], descending: true }],
        ['last hour of the log', { after: 0, limit: 100, since: 1_780_000_000_000 + LARGE * 4 * 137 - 3_600_000 }],
        ['correlation', { after: 0, limit: 100, correlation: 'req_sqOLgaCXbczu3MWrZlqI3d' }],
      ] as const) {
        const asked = performance.now()
        const found = yield* log.read(query)
        console.log(`${what}: ${found.length} rows in ${(performance.now() - asked).toFixed(1)} ms`)
      }
    }),
  )
})

await Effect.runPromise(measure)
