/**
 * What a stream keeps on the heap while it is open: the few things that its end needs, and nothing of how it began.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { startHeldProvider } from '#test/held-provider.ts'
import { configOf, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { callBody } from '#test/simulator.ts'
import { start } from '../e2e/http-client.ts'
import { gauged, heldHeap } from './gauges.ts'

/** Measured 29.5 kB on Node 24, of which Node's and undici's connections have half; 34 kB when headers and routes stayed. */
const MOST_BYTES = 32_000
/** So many are open when it is looked at first: their code is compiled by then, and every map has some room. */
const FIRST = 300
const MORE = 300
const TOGETHER = 50

describe.runIf(process.platform === 'linux')('a stream that is open', () => {
  it.live(
    'holds at most 32000 bytes of heap',
    () =>
      Effect.gen(function* () {
        const provider = yield* startHeldProvider
        const folder = yield* scratchFolder
        const config = configOf({ id: 'held', url: provider.url }, { id: 'spare', url: provider.url })
        const box = yield* startProcess({ config, environment: gauged(folder), folder })
        const gauge = Effect.promise(() => heldHeap({ pid: box.child.pid ?? 0, port: box.port, folder }))
        const body = callBody({ stream: true })
        const openTo = (count: number) =>
          Effect.gen(function* () {
            while (provider.open() < count) {
              const from = provider.open()
              for (let n = from; n < Math.min(count, from + TOGETHER); n++) {
                const call = start(box.port, { body })
                call.on('error', () => undefined)
                yield* Effect.addFinalizer(() => Effect.sync(() => call.destroy()))
              }
              while (provider.open() < Math.min(count, from + TOGETHER)) yield* Effect.sleep(5)
            }
          })
        yield* openTo(FIRST)
        const before = yield* gauge
        yield* openTo(FIRST + MORE)
        const after = yield* gauge
        const each = (after.objects - before.objects) / MORE
        expect(each).toBeLessThan(MOST_BYTES)
        // It was about something.
        expect(each).toBeGreaterThan(5_000)
      }),
    120_000,
  )
})
