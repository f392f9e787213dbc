/**
 * The command line as a process: how it stops, why it does not start, how it takes a changed configuration, and what a
 * stranger sees at the first run.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Fiber } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, stall } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { type ProcessOptions, scratchFolder, spawnSignalbox, startProcess } from '#test/server.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'
import { header, send } from './http-client.ts'

const LIMIT = 60_000
const streaming = { body: callBody({ stream: true }) }

const configOf = (...simulators: readonly Simulator[]) => ({
  providers: Object.fromEntries(
    simulators.map(({ id, url }, index) => [id, { kind: 'anthropic-compatible', baseUrl: url, priority: index + 1 }]),
  ),
})

describe('a stop', () => {
  it.live(
    'lets streams under way run out, closes the log and exits with 0',
    () =>
      Effect.gen(function* () {
        const slow = answer('word '.repeat(60), { pace: { eventsPerWrite: 1, betweenWritesMs: 40 } })
        const { sim } = yield* startProviders({ sim: { script: [{ times: 3, step: slow }] } })
        const box = yield* startProcess({ config: configOf(sim) })
        const calls = Effect.all([send(box.port, streaming), send(box.port, streaming), send(box.port, streaming)], {
          concurrency: 'unbounded',
        })
        const stopped = Effect.gen(function* () {
          yield* sim.until(({ number, bytesSent }) => number === 3 && bytesSent > 0)
          box.signal('SIGTERM')
          yield* box.printed(/stopping/)
          return yield* box.exited
        })
        const [answers, exit] = yield* Effect.all([calls, stopped], { concurrency: 'unbounded' })
        for (const one of answers) {
          expect(one.status).toBe(200)
          expect(one.ending).toBe('complete')
          expect(eventNames(one.body.toString()).at(-1)).toBe('message_stop')
        }
        expect(exit).toEqual({ code: 0, signal: null })
        const tags = (yield* box.events).map(({ event }) => event._tag)
        expect(tags.filter((tag) => tag === 'AttemptSucceeded')).toHaveLength(3)
        expect(tags.at(-1)).toBe('BoxStopped')
        const replayed = yield* box.command('replay', '--json')
        expect(JSON.parse(replayed.stdout)).toMatchObject({
          identical: true,
          events: tags.length,
          snapshotComparedAt: tags.length,
        })
        expect(replayed.code).toBe(0)
        expect((yield* box.command('verify', '--json')).code).toBe(0)
      }),
    LIMIT,
  )

  it.live(
    'that is asked for twice does not wait',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { script: [stall({ events: 6 })] } })
        const box = yield* startProcess({ config: configOf(sim) })
        const call = yield* Effect.forkChild(send(box.port, streaming))
        yield* sim.until(({ bytesSent }) => bytesSent > 0)
        // What is not yet durable would be lost with the process.
        yield* Effect.repeat(box.events, {
          until: (events) => events.some(({ event }) => event._tag === 'AttemptStarted'),
        })
        box.signal('SIGTERM')
        yield* box.printed(/stopping/)
        box.signal('SIGTERM')
        expect(yield* box.exited).toEqual({ code: 143, signal: null })
        expect((yield* Fiber.join(call)).ending).toBe('broken')
        // What it left behind is closed by the next start, and the log is sound.
        const next = yield* startProcess({ config: configOf(sim), folder: box.folder })
        const tags = (yield* next.events).map(({ event }) => event._tag)
        expect(tags.filter((tag) => tag === 'RequestAbandoned')).toHaveLength(1)
        expect(JSON.parse((yield* next.command('replay', '--json')).stdout)).toMatchObject({ identical: true })
      }),
    LIMIT,
  )
})

describe('a start that cannot succeed says why in one message and', () => {
  const expectMessage = (options: ProcessOptions, code: number, message: RegExp) =>
    Effect.gen(function* () {
      const failed = yield* spawnSignalbox(options)
      const exit = yield* failed.exited
      expect(failed.stderr()).toMatch(message)
      expect(failed.stderr()).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
      expect(failed.stdout()).not.toContain('listens on')
      expect(exit).toEqual({ code, signal: null })
    })

  it.live(
    'exits with 1 when the port is in use',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const args = ['serve', '--port', String(sim.port)]
        yield* expectMessage({ config: configOf(sim), args }, 1, new RegExp(`Port ${sim.port} .* is in use.*--port`))
      }),
    LIMIT,
  )

  it.live(
    'exits with 1 when the configuration is wrong',
    () =>
      Effect.all([
        expectMessage(
          { config: 'providers:\n  a: { kind: anthropic, credential: none }\nrouting:\n  maxFallback: 2\n' },
          1,
          /signalbox\.yaml:4:3 routing\.maxFallback: .*did you mean maxFallbacks\?/,
        ),
        expectMessage({ config: 'providers: [\n' }, 1, /signalbox\.yaml:/),
        expectMessage(
          { config: 'providers: { a: { kind: anthropic, credential: none } }', args: ['serve', '--port', 'many'] },
          1,
          /--port/,
        ),
        expectMessage({ environment: { SIGNALBOX_CONFIG: 'nowhere.yaml' } }, 1, /nowhere\.yaml/),
      ]),
    LIMIT,
  )

  it.live(
    'exits with 1 when another process holds the log',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const holder = yield* startProcess({ config: configOf(sim) })
        const folder = holder.folder
        yield* expectMessage(
          { config: configOf(sim), folder },
          1,
          new RegExp(`process ${holder.child.pid} .*log\\.db.*stop it first`),
        )
        expect((yield* send(holder.port, streaming)).status).toBe(200)
      }),
    LIMIT,
  )

  it.live(
    'exits with 1 when the log is no log',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const config = configOf(sim)
        const folder = yield* scratchFolder
        writeFileSync(join(folder, 'log.db'), 'this is not a database, however long it may be '.repeat(100))
        yield* expectMessage({ config, folder }, 1, /not an event log/)
        mkdirSync(join(folder, 'a-folder'))
        const environment = { SIGNALBOX_DATABASE_URL: `sqlite:${join(folder, 'a-folder')}` }
        yield* expectMessage({ config, folder, environment }, 1, /event log/)
      }),
    LIMIT,
  )
})

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
        const { providers } = configOf(one, two)
        const timed = Object.fromEntries(
          Object.entries(providers).map(([id, provider]) => [id, { ...provider, timeouts: { headers: '1200 ms' } }]),
        )
        const stream = { commitHeadersAfter: '200 ms', keepAlive: '250 ms' }
        const box = yield* startProcess({ config: { providers: timed, stream } })
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

        write({ ...configOf(one, two), routing: { maxFallbacks: 1 } })
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

        box.signal('SIGTERM')
        expect((yield* box.exited).code).toBe(0)
        expect(JSON.parse((yield* box.command('replay', '--json')).stdout)).toMatchObject({ identical: true })
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
        expect(box.stdout()).toContain('ANTHROPIC_API_KEY is not set')
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
        const metrics = yield* send(box.port, { method: 'GET', path: '/metrics', headers: [] })
        expect(metrics.body.toString()).toMatch(/^signalbox_requests_total\{.*outcome="success".*\} 2$/m)
        box.signal('SIGINT')
        expect((yield* box.exited).code).toBe(0)
        expect((yield* box.command('replay')).stdout).toContain('Identical')
      }),
    LIMIT,
  )
})
