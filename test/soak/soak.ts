/**
 * A real server with everything on, under the load of a crowd that comes and goes, with providers that fail and pages of the
 * dashboard that are open: looked at before, during and after.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Effect } from 'effect'
import type { World } from '#infra/simulator/world.ts'
import { policyOf, provider } from '#test/box.ts'
import { fullSettings } from '#test/full-settings.ts'
import { configOf, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { startSink } from '#test/sink.ts'
import { openPage } from '../../bench/page.ts'
import { type Outcomes, startCrowd } from './clients.ts'
import { writeFullLog } from './full-log.ts'
import { gauged, glance, heldHeap, type Sample } from './gauges.ts'
import { judge, type Soak } from './verdict.ts'

export interface SoakOptions {
  readonly seed: number
  readonly loadMs: number
  readonly clients: number
  readonly sampleEveryMs: number
  /** Requests that the log has had before, so that nothing is left to fill. */
  readonly before: number
  readonly onSample?: (sample: Sample) => void
}

export interface SoakReport extends Soak {
  readonly outcomes: Outcomes
  /** Empty: all is well. */
  readonly problems: readonly string[]
}

const steady: World = {
  firstTokenMs: { median: 40, sigma: 0.5 },
  tokensPerSecond: { median: 400, sigma: 0.5 },
  answerTokens: { median: 120, sigma: 0.8 },
  failures: { rateLimitedShare: 0, overloadedShare: 0.01, serverErrorShare: 0.01, droppedShare: 0.02 },
}
/** Out for some seconds, again and again. */
const flaky: World = {
  ...steady,
  failures: { rateLimitedShare: 0.02, overloadedShare: 0.03, serverErrorShare: 0.03, droppedShare: 0.05 },
  outages: { everyMs: 40_000, lastsMs: 4_000, how: 'reset' },
}

/** Of the time before: the same providers and budgets. */
const policy = policyOf([provider('flaky'), provider('steady')], {
  budgets: (['session', 'project'] as const).map((each) => ({
    ...{ name: `${each}s`, period: 'day', limitNanoUsd: 1e13, each, hard: {} },
  })),
})

const PAGES = 2
/** A page is left open for so long, then another comes. */
const PAGE_MS = 45_000
/** What is kept alive between box and providers closes by itself; the spans of the last requests go out. */
const LONGEST_SETTLING_MS = 90_000
const SETTLING_STEP_MS = 1_000
const CHECKS = '2 s'
const FIRST_CHECKS_MS = 6_000
const ADMIN_TOKEN = 'the-token-of-the-soak'

export const soak = (options: SoakOptions): Effect.Effect<SoakReport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { seed, loadMs, clients, sampleEveryMs } = options
      const sink = yield* startSink
      const simulators = yield* startProviders({
        flaky: { world: flaky, seed, keepRequests: 0 },
        steady: { world: steady, seed, keepRequests: 0 },
        spare: { world: steady, seed: seed + 1, keepRequests: 0 },
      })
      const settings = fullSettings({ captures: true, collector: sink, webhook: sink })
      const config = {
        ...settings,
        ...configOf(simulators.flaky, simulators.steady, simulators.spare),
        log: { ...settings.log, level: 'info' },
        healthChecks: { interval: CHECKS },
      }
      const folder = yield* scratchFolder
      if (options.before > 0) yield* writeFullLog(`${folder}/log.db`, policy, options.before)
      const environment = { ...gauged(folder), SIGNALBOX_ADMIN_TOKEN: ADMIN_TOKEN }
      const box = yield* startProcess({ config, environment, folder })
      const process = { pid: box.child.pid ?? 0, port: box.port, folder }
      const since = performance.now()
      const look = Effect.promise(async () => ({ ...(await glance(process, since)), ...(await heldHeap(process)) }))

      // With the connections that the health checks keep.
      yield* Effect.promise(() => wait(FIRST_CHECKS_MS))
      const base = yield* look
      const crowd = startCrowd({ port: box.port, token: ADMIN_TOKEN }, { clients, seed })
      const pages = startPages(box.url)
      const samples: Sample[] = []
      const loadedAt = performance.now()
      while (performance.now() - loadedAt < loadMs) {
        yield* Effect.promise(() => wait(Math.min(sampleEveryMs, loadMs)))
        const sample = yield* Effect.promise(async () => {
          const busy = await glance(process, since)
          const goOn = await crowd.pause()
          const heap = await heldHeap(process)
          goOn()
          return { ...busy, ...heap }
        })
        samples.push(sample)
        options.onSample?.(sample)
      }
      yield* Effect.promise(() => Promise.all([crowd.stop(), pages.stop()]))

      let end = yield* look
      const stoppedAt = performance.now()
      while (judge({ base, samples: [], end }).length > 0 && performance.now() - stoppedAt < LONGEST_SETTLING_MS) {
        yield* Effect.promise(() => wait(SETTLING_STEP_MS))
        end = yield* look
      }
      box.signal('SIGTERM')
      const { code } = yield* box.exited
      const verified = yield* box.command('verify', '--json')
      const replayed = yield* box.command('replay', '--json')
      const problems = [
        ...judge({ base, samples, end }),
        ...unexpected(crowd.outcomes),
        ...[...box.stderr().matchAll(BUGS)].map(([line]) => line),
        ...(code === 0 ? [] : [`it stops with ${code}`]),
        ...(verified.code === 0 ? [] : [`signalbox verify: ${verified.stdout}${verified.stderr}`]),
        ...(replayed.code === 0 ? [] : [`signalbox replay: ${replayed.stdout}${replayed.stderr}`]),
      ]
      return { base, samples, end, outcomes: crowd.outcomes, problems }
    }),
  )

/** Pages of the dashboard that are opened, left and opened again. */
const startPages = (url: string) => {
  const stopped = new AbortController()
  const visit = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const page = openPage(url, ADMIN_TOKEN)
      // Left early when the whole is over.
      await wait(PAGE_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
      await page.close()
    }
  }
  const all = Promise.all(Array.from({ length: PAGES }, visit))
  return {
    stop: async () => {
      stopped.abort()
      await all
    },
  }
}

/**
 * Model calls may fail as their providers do. A stream whose provider broke off is reset, and a reset may overtake the bytes before it,
 * so that the client sees no answer at all (docs/adr/0008). Everybody else is always answered, and nobody meets a bug.
 */
const EXPECTED =
  /^(?:(?:stream|big|slow|leaves\w+) (?:200 broken|lost|left)|(?:stream|whole|big|slow|leaves\w+) (?:200|429|500|502|503|529)|(?:count|models|operator) 200|nonsense 400)$/

/** A 500 may be a provider's. */
const BUGS = /^.*(?:died of a bug|an observer of the event log failed).*$/gm

const unexpected = (outcomes: Outcomes): readonly string[] =>
  [...outcomes].filter(([outcome]) => !EXPECTED.test(outcome)).map(([outcome, times]) => `${times} × ${outcome}`)
