/**
 * GET /metrics of the command line itself, over real sockets: bounded whatever clients send, sound by Prometheus' own checker,
 * and after a restart what it was before.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { samplesIn, sumOf } from '#test/exposition.ts'
import { byPromtool, hasPromtool, promtool } from '#test/promtool.ts'
import { configOf, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from './http-client.ts'

const LIMIT = 60_000
const MODELS = 50
const SESSIONS = 200

const scrape = (port: number) =>
  Effect.map(send(port, { method: 'GET', path: '/metrics', headers: [] }), (answer) => answer.body.toString())

const junk = (n: number) => ({
  headers: [
    ['content-type', 'application/json'] as const,
    ['x-claude-code-session-id', `junk-session-${n}`] as const,
    ['x-claude-code-agent-id', `junk-agent-${n}`] as const,
    ['x-signalbox-project', `junk-project-${n}`] as const,
  ],
  body: callBody({ model: `claude-junk-${n % MODELS}`, stream: n % 2 === 0 }),
})

describe('/metrics', () => {
  it.live(
    'stays under 3,000 series with 50 junk model names and 200 junk sessions, and counts all of them',
    () =>
      Effect.gen(function* () {
        const { a, b, c } = yield* startProviders({ a: {}, b: {}, c: {} })
        const box = yield* startProcess({ config: configOf(a, b, c) })
        const answers = yield* Effect.forEach(Array.from({ length: SESSIONS }), (_, n) => send(box.port, junk(n)), {
          concurrency: 8,
        })
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
        const text = yield* scrape(box.port)
        const samples = samplesIn(text)
        expect(samples.length).toBeLessThan(3_000)
        expect(text).not.toContain('junk')
        expect(sumOf(samples, 'signalbox_requests_total', { model: 'other', outcome: 'success' })).toBe(SESSIONS)
        expect(sumOf(samples, 'signalbox_time_to_first_token_seconds_count')).toBe(SESSIONS / 2)
      }),
    LIMIT,
  )

  it.live(
    'goes on after a restart where it was',
    () =>
      Effect.gen(function* () {
        const folder = yield* scratchFolder
        const { a } = yield* startProviders({ a: {} })
        const life = Effect.scoped(
          Effect.gen(function* () {
            const box = yield* startProcess({ config: configOf(a), folder })
            const begin = samplesIn(yield* scrape(box.port))
            yield* Effect.repeat(send(box.port, { body: callBody() }), { times: 2 })
            const end = samplesIn(yield* scrape(box.port))
            box.signal('SIGTERM')
            yield* box.exited
            return { begin, end }
          }),
        )
        const first = yield* life
        const second = yield* life
        const requests = (samples: typeof first.end) => sumOf(samples, 'signalbox_requests_total')
        expect([first.begin, first.end, second.begin, second.end].map(requests)).toEqual([0, 3, 3, 6])
        const output = (samples: typeof first.end) => sumOf(samples, 'signalbox_tokens_total', { type: 'output' })
        expect(output(first.end)).toBeGreaterThan(0)
        expect(output(second.begin)).toBe(output(first.end))
      }),
    LIMIT,
  )
})

describe.skipIf(!hasPromtool)(byPromtool('promtool check metrics'), () => {
  it.live(
    'finds nothing in the real output',
    () =>
      Effect.gen(function* () {
        const { a } = yield* startProviders({ a: {} })
        const box = yield* startProcess({ config: configOf(a) })
        yield* send(box.port, { body: callBody({ stream: true }) })
        const text = yield* scrape(box.port)
        expect(promtool(['check', 'metrics'], { input: text })).toEqual({ status: 0, output: '', missing: false })
        // It would.
        const wrong = text.replaceAll('signalbox_requests_total', 'signalbox_requests')
        expect(promtool(['check', 'metrics'], { input: wrong }).status).not.toBe(0)
      }),
    LIMIT,
  )
})
