/** The lines of whatever may happen: valid, one a request, with the figures of the books. */
import { readFileSync } from 'node:fs'
import { assert, describe, it } from '@effect/vitest'
import { Ajv } from 'ajv'
import { Cause, Effect, Logger, References } from 'effect'
import fc from 'fast-check'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { isFact, isTerminal } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { traceOf } from '#domain/trace-context.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { jsonLogger } from '#infra/telemetry/json-logger.ts'
import { logEvents } from '#infra/telemetry/log-events.ts'
import { histories, requestNamed, served } from '#test/generators.ts'

const schema = JSON.parse(readFileSync(new URL('../../../docs/log-line.schema.json', import.meta.url), 'utf8'))
const ajv = new Ajv({ allErrors: true, strict: false })
const isValid = ajv.compile(schema)

const json = jsonLogger('1.2.3')

/** Runs it with a logger that collects lines; every one of them is checked. */
const heard = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lines: string[] = []
    yield* program.pipe(
      Effect.provide(Logger.layer([Logger.make((options) => void lines.push(json.log(options)))])),
      Effect.provideService(References.MinimumLogLevel, 'Trace'),
    )
    return lines.map((line) => {
      const parsed = JSON.parse(line)
      assert.isTrue(isValid(parsed), `${line}: ${ajv.errorsText(isValid.errors)}`)
      return { line, parsed }
    })
  })

const anthropic = providerId('anthropic')
const model = modelId('claude-sonnet-5-5')
const admitted = {
  _tag: 'RequestAdmitted',
  requestId: requestNamed(1),
  model,
  stream: true,
  bodyBytes: 10,
  messages: 1,
  tools: 0,
  images: 0,
  draw: 0.5,
} as const

/** One process on a log of its own. */
const onLedger = <A>(use: (ledger: Ledger['Service']) => Effect.Effect<A>) =>
  Effect.gen(function* () {
    yield* logEvents
    const ledger = yield* Ledger
    yield* use(ledger)
    yield* ledger.committed
  }).pipe(Effect.scoped, Effect.provide(ledgerLayer.layer({ writer: 'w1' })))

describe('the lines', () => {
  it.effect('of any history are valid, and each request that ended has exactly one', () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(histories(8), async (history) => {
          const lines = await Effect.runPromise(
            heard(
              onLedger((ledger) =>
                Effect.sync(() => {
                  for (const { event, occurredAt } of history) if (isFact(event)) ledger.record(event, occurredAt)
                }),
              ).pipe(Effect.provide(layerMemory())),
            ),
          )
          const told = lines.flatMap(({ parsed }) =>
            parsed['event.dataset'] === 'signalbox.request' ? [parsed['signalbox.request_id']] : [],
          )
          const ended = history.flatMap(({ event }) =>
            'requestId' in event && isTerminal(event) ? [event.requestId] : [],
          )
          assert.deepStrictEqual(told, ended)
        }),
        { numRuns: 30 },
      ),
    ),
  )

  it.effect('of a request that a fallback served names who failed, who served, tokens, cost and trace', () =>
    Effect.gen(function* () {
      const requestId = requestNamed(1)
      const vertex = providerId('vertex')
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
      const at = Date.UTC(2026, 10, 25, 18)
      const attempt = { requestId, model, durationMs: 900 }
      const lines = yield* heard(
        onLedger((ledger) =>
          Effect.sync(() => {
            ledger.record(
              { ...admitted, traceparent, clientKey: 'ci', project: 'web', sessionId: 'session', agentId: 'agent' },
              at,
            )
            ledger.record({ _tag: 'AttemptStarted', requestId, attempt: 1, provider: vertex, model }, at)
            ledger.record(
              {
                _tag: 'AttemptFailed',
                ...attempt,
                attempt: 1,
                provider: vertex,
                reason: { _tag: 'Overloaded' },
                stage: 'S0',
                draw: 0,
              },
              at + 900,
            )
            ledger.record({ _tag: 'AttemptStarted', requestId, attempt: 2, provider: anthropic, model }, at + 900)
            ledger.record(
              {
                _tag: 'AttemptSucceeded',
                ...attempt,
                ...served,
                attempt: 2,
                provider: anthropic,
                costNanoUsd: 2_500_000_000,
              },
              at + 2_100,
            )
          }),
        ).pipe(Effect.provide(layerMemory())),
      )
      const [line] = lines.filter(({ parsed }) => parsed['event.dataset'] === 'signalbox.request')
      assert.include(line?.parsed, {
        '@timestamp': '2026-11-25T18:00:02.100Z',
        'log.level': 'info',
        'event.outcome': 'success',
        'event.start': '2026-11-25T18:00:00.000Z',
        'event.duration': 2_100_000_000,
        'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736',
        'http.response.status_code': 200,
        'signalbox.provider': 'anthropic',
        'signalbox.attempts': 2,
        'signalbox.fallbacks': 1,
        'signalbox.tokens.input': 1,
        'signalbox.tokens.output': 2,
        'signalbox.tokens.cache_read': 3,
        'signalbox.tokens.cache_write': 9,
        'signalbox.cost_usd': 2.5,
        'signalbox.client_key': 'ci',
        'signalbox.project': 'web',
        'signalbox.session_id': 'session',
        'signalbox.agent_id': 'agent',
        'service.version': '1.2.3',
      })
      assert.deepStrictEqual(line?.parsed['signalbox.failed_providers'], ['vertex'])
      assert.deepStrictEqual(line?.parsed['signalbox.failed_reasons'], ['Overloaded'])
    }),
  )

  it.effect('of a request that an earlier process left has what that process had recorded', () =>
    Effect.gen(function* () {
      const log = yield* Effect.provide(EventLog, layerMemory())
      const requestId = requestNamed(1)
      const onLog = Effect.provideService(EventLog, log)
      yield* onLedger((ledger) =>
        Effect.sync(() => {
          ledger.record({ ...admitted, project: 'web' }, 1_000)
          ledger.record({ _tag: 'AttemptStarted', requestId, attempt: 1, provider: anthropic, model }, 1_000)
        }),
      ).pipe(onLog)
      const lines = yield* heard(
        Effect.gen(function* () {
          yield* logEvents
          const ledger = yield* Ledger
          ledger.record({ _tag: 'RequestAbandoned', requestId, attempts: 1, provider: anthropic }, 61_000)
          yield* ledger.committed
        }).pipe(Effect.scoped, Effect.provide(ledgerLayer.layer({ writer: 'w2' })), onLog),
      )
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0]?.parsed, {
        'signalbox.outcome': 'abandoned',
        'event.outcome': 'unknown',
        'signalbox.project': 'web',
        'signalbox.provider': 'anthropic',
        'event.duration': 60_000_000_000,
        'trace.id': traceOf(requestId, undefined).traceId,
      })
    }),
  )

  it.effect('of a cost of nothing show a fraction, so that Elasticsearch takes the field for one', () =>
    Effect.gen(function* () {
      const [line] = yield* heard(
        onLedger((ledger) =>
          Effect.sync(() => {
            ledger.record(admitted, 0)
            ledger.record({ _tag: 'RequestCancelled', requestId: admitted.requestId, attempts: 0, by: 'client' }, 5)
          }),
        ).pipe(Effect.provide(layerMemory())),
      )
      assert.match(line?.line ?? '', /"signalbox\.cost_usd":0\.0,/)
    }),
  )

  it.effect('of messages have their details as texts, and errors with their kind', () =>
    Effect.gen(function* () {
      const lines = yield* heard(
        Effect.gen(function* () {
          yield* Effect.logInfo('stopped', { finished: 3, none: undefined, changed: ['a', 'b'] })
          yield* Effect.logError('a request died of a bug', Cause.die(new TypeError('it is none')))
          yield* Effect.logError('an observer failed', new RangeError('too far'))
          yield* Effect.logDebug('with an annotation').pipe(Effect.annotateLogs('module', 'x'))
        }),
      )
      const [stopped, bug, observer, annotated] = lines.map(({ parsed }) => parsed)
      assert.deepStrictEqual(stopped.labels, { finished: '3', changed: '["a","b"]' })
      assert.include(bug, {
        message: 'a request died of a bug',
        'error.type': 'TypeError',
        'error.message': 'it is none',
      })
      assert.include(observer, { 'log.level': 'error', 'error.type': 'RangeError' })
      assert.deepStrictEqual(annotated.labels, { module: 'x' })
    }),
  )
})

describe('the schema', () => {
  const minimal = {
    '@timestamp': '2026-11-25T18:00:00.000Z',
    'log.level': 'info',
    message: '',
    'ecs.version': '8.11.0',
    'service.name': 'signalbox',
    'service.version': '1',
    'event.dataset': 'signalbox.message',
  }
  it.each([
    ['an unknown field', { prompt: 'hi' }],
    ['a level of its own', { 'log.level': 'loud' }],
    ['a time of its own', { '@timestamp': 'yesterday' }],
    ['labels that are no texts', { labels: { count: 1 } }],
  ])('takes no line with %s', (_, wrong) => {
    assert.isTrue(isValid(minimal))
    assert.isFalse(isValid({ ...minimal, ...wrong }))
  })

  it('says no more than is said: for any field that is taken away a line of a request is refused', () => {
    const required: readonly string[] = schema.anyOf[0].required
    assert.include(required, 'trace.id')
    fc.assert(fc.property(fc.constantFrom(...required), (name) => !isValid({ ...minimal, [name]: undefined })))
  })
})
