/**
 * The command line as a process, while it serves: its clock, a changed configuration, and what a stranger sees at the
 * first run.
 */
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, stall } from '#infra/simulator/script.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'
import { header, send } from './http-client.ts'

const LIMIT = 60_000
const streaming = { body: callBody({ stream: true }) }
const askingForCost = {
  headers: [
    ['content-type', 'application/json'],
    ['x-signalbox-strategy', 'cost'],
  ],
  body: callBody(),
} as const

describe('while it serves, time passes:', () => {
  it.live(
    'a silent provider is given up, a throttled one comes back, a waiting client hears a sign of life',
    () =>
      Effect.gen(function* () {
        const limit = { ...refusals.refusalOfType('rate_limit_error'), headers: { 'retry-after': '1' } }
        const { one, two } = yield* startProviders({
          one: { script: [limit, stall('beforeHeaders')] },
          two: { script: [answer('late', { pace: { firstTokenMs: 700 } })] },
        })
        const { providers, routing } = configOf(one, two)
        const timed = Object.fromEntries(
          Object.entries(providers).map(([id, provider]) => [id, { ...provider, timeouts: { headers: '1200 ms' } }]),
        )
        const stream = { commitHeadersAfter: '200 ms', keepAlive: '250 ms' }
        const box = yield* startProcess({ config: { routing, providers: timed, stream } })
        const served = Effect.map(send(box.port, streaming), (got) => ({
          by: header(got, 'x-signalbox-provider'),
          text: got.body.toString(),
        }))
        // Throttled, so the other serves; slowly, so the client hears comments first.
        expect((yield* served).text).toMatch(/^: keep-alive\n\n[\s\S]*event: message_start/)
        yield* Effect.repeat(Effect.delay(box.events, 100), {
          until: (events) => events.some(({ event }) => event._tag === 'ProviderRecovered'),
        })
        // Back again, but silent.
        yield* served
        const failed = (yield* box.events).flatMap(({ event }) => (event._tag === 'AttemptFailed' ? [event] : []))
        expect(failed.map(({ provider, reason }) => [provider, reason._tag])).toEqual([
          ['one', 'RateLimited'],
          ['one', 'Timeout'],
        ])
      }),
    LIMIT,
  )
})

describe('a changed configuration', () => {
  it.live(
    'is taken without a restart, on a change of the file and on SIGHUP; a bad one is refused with its reason',
    () =>
      Effect.gen(function* () {
        const { one, two } = yield* startProviders({ one: {}, two: {} })
        const box = yield* startProcess({ config: configOf(one, two) })
        const served = () => Effect.map(send(box.port, streaming), (got) => header(got, 'x-signalbox-provider'))
        const changes = Effect.map(box.events, (events) =>
          events.flatMap(({ event }) => (event._tag === 'ConfigChanged' ? [event] : [])),
        )
        const write = (config: object | string) =>
          writeFileSync(box.configFile, typeof config === 'string' ? config : JSON.stringify(config))
        expect(yield* served()).toBe('one')

        write(configOf(two, one))
        yield* box.printed(/configuration reloaded/)
        expect(yield* served()).toBe('two')
        const [first] = yield* changes
        expect(first).toMatchObject({ source: 'file' })
        expect(first?.changed.join(' ')).toContain('providers')

        write('providers: { one: { kind: anthropic-compatible, baseURL: x } }')
        yield* box.printed(/old one stays in force[\s\S]*baseURL[\s\S]*baseUrl/)
        expect(yield* served()).toBe('two')

        write({ ...configOf(one, two), routing: { strategy: 'priority', maxFallbacks: 1 } })
        box.signal('SIGHUP')
        // Which of the two notices first is chance; that it is noticed is not.
        yield* box.printed(/configuration reloaded[\s\S]*configuration reloaded/)
        expect(yield* served()).toBe('one')
        const events = yield* box.events
        expect(events.filter(({ event }) => event._tag === 'ConfigChanged')).toHaveLength(2)
        const policies = events.flatMap(({ event }) => (event._tag === 'PolicyChanged' ? [event.version] : []))
        expect(policies).toEqual([1, 2, 3])
        const routes = events.flatMap(({ event }) =>
          event._tag === 'RouteChosen' ? [[event.policyVersion, event.order[0]]] : [],
        )
        expect(routes).toEqual([
          [1, 'one'],
          [2, 'two'],
          [2, 'two'],
          [3, 'one'],
        ])

        const { status } = yield* send(box.port, askingForCost)
        expect(status).toBe(200)
        write({ ...configOf(one, two), features: { strategies: { cost: false } } })
        yield* box.printed(/(configuration reloaded[\s\S]*){3}/)
        expect((yield* send(box.port, askingForCost)).status).toBe(400)

        box.signal('SIGTERM')
        expect((yield* box.exited).code).toBe(0)
        expect(yield* box.replayDifference).toBeUndefined()
      }),
    LIMIT,
  )

  it.live(
    'is read again on SIGHUP alone: a mapped model is asked for under its new name',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { models: ['claude-opus-5-5', 'other-model'] } })
        const box = yield* startProcess({ config: configOf(sim) })
        writeFileSync(
          box.configFile,
          JSON.stringify({ ...configOf(sim), models: { 'claude-*': { sim: 'other-model' } } }),
        )
        box.signal('SIGHUP')
        yield* box.printed(/configuration reloaded/)
        expect(header(yield* send(box.port, streaming), 'x-signalbox-model')).toBe('other-model')
        expect((yield* box.events).some(({ event }) => event._tag === 'ConfigChanged')).toBe(true)
      }),
    LIMIT,
  )
})

describe('the first run, without any key', () => {
  it.live(
    'answers by simulated providers and says so everywhere; everything else is real',
    () =>
      Effect.gen(function* () {
        const box = yield* startProcess({})
        expect(box.stdout()).toContain('SIMULATED')
        expect(box.stdout()).toMatch(/export ANTHROPIC_BASE_URL=http:\/\/127\.0\.0\.1:\d+/)
        expect(box.stdout()).toContain('Not found: ANTHROPIC_API_KEY')
        const streamed = yield* send(box.port, { body: callBody({ stream: true, max_tokens: 20 }) })
        expect(header(streamed, 'x-signalbox-simulated')).toBe('true')
        expect(streamed.body.toString()).toMatch(/[Ss]imulated/)
        expect(eventNames(streamed.body.toString()).at(-1)).toBe('message_stop')
        const whole = yield* send(box.port, { body: callBody({ max_tokens: 20 }) })
        expect(header(whole, 'x-signalbox-simulated')).toBe('true')
        expect(whole.body.toString()).toMatch(/[Ss]imulated/)

        const id = header(streamed, 'x-signalbox-request-id') ?? ''
        const shown = yield* box.command('events', '--request', id, '--json')
        expect(shown.stdout).toContain('RequestAdmitted')
        expect(shown.stdout).toContain('AttemptSucceeded')
        const explained = yield* box.command('explain', id)
        expect(explained.stdout).toMatch(/Route by \w+, policy 1\b[\s\S]*sim-blue[\s\S]*served by sim-/)
        expect((yield* box.command('explain', 'req_nothing')).code).toBe(1)
        const metrics = yield* send(box.port, { method: 'GET', path: '/metrics', headers: [] })
        expect(metrics.body.toString()).toMatch(/^signalbox_requests_total\{.*outcome="success".*\} 2$/m)
        box.signal('SIGINT')
        expect((yield* box.exited).code).toBe(0)
        expect(yield* box.replayDifference).toBeUndefined()
      }),
    LIMIT,
  )
})
