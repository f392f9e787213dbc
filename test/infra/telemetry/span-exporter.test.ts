/** Spans on their way to a real collector on loopback, which is away, slow or choosy at times. */
import { assert, describe, it } from '@effect/vitest'
import { Effect, Exit, Logger, Scope } from 'effect'
import { TestClock } from 'effect/testing'
import type { RequestAdmitted } from '#domain/events.ts'
import { modelId } from '#domain/ids.ts'
import { type OtlpSpan, spansOf } from '#infra/telemetry/request-trace.ts'
import { openSpanExporter, type SpanExporter } from '#infra/telemetry/span-exporter.ts'
import { type Received, type Reception, startReceiver } from '#test/alert-receiver.ts'
import { requestNamed } from '#test/generators.ts'

/** The span of one request that nobody was asked for. */
const spanOf = (n: number): readonly OtlpSpan[] => {
  const requestId = requestNamed(n)
  const admitted: RequestAdmitted = {
    _tag: 'RequestAdmitted',
    requestId,
    model: modelId('m'),
    stream: true,
    bodyBytes: 1,
    messages: 1,
    tools: 0,
    images: 0,
    draw: 0,
  }
  const last = { _tag: 'RequestCancelled', requestId, attempts: 0, by: 'client' } as const
  return spansOf({ admitted, admittedAt: 1, attempts: [] }, last, 2, (name) => ({ name }))
}
const offer = (exporter: SpanExporter, from: number, to: number): void => {
  for (let n = from; n < to; n += 1) exporter.offer(spanOf(n))
}

const spanIds = ({ body }: Received): readonly string[] =>
  JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.map(({ spanId }: { readonly spanId: string }) => spanId)

/** The network has its own time. */
const turn = Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve)))
const until = (holds: () => boolean) => Effect.repeat(turn, { until: holds })

const opened = (url: string, said: string[] = []) =>
  openSpanExporter({
    endpoint: `${url}/v1/traces`,
    headers: [
      ['x-plain', { _tag: 'Plain', text: 'blue' }],
      ['authorization', { _tag: 'Env', name: 'COLLECTOR', header: 'bearer' }],
    ],
    version: '1.2.3',
    environment: { COLLECTOR: 'Bearer the-secret' },
  }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])))

describe('spans', () => {
  it.effect('go to the collector in batches, with the headers of the configuration', () =>
    Effect.gen(function* () {
      const collector = yield* startReceiver()
      const exporter = yield* opened(collector.url)
      offer(exporter, 0, 700)
      yield* turn
      assert.strictEqual(collector.received.length, 0)
      yield* TestClock.adjust(1_000)
      yield* until(() => exporter.counts().exported === 700)
      const [first, second] = collector.received
      assert.deepStrictEqual(
        [first, second].map((one) => one && spanIds(one).length),
        [512, 188],
      )
      assert.strictEqual(new Set(collector.received.flatMap(spanIds)).size, 700)
      assert.include(first, { method: 'POST', path: '/v1/traces' })
      assert.include(first?.headers, {
        'content-type': 'application/json',
        'x-plain': 'blue',
        authorization: 'Bearer the-secret',
      })
      const { resource, scopeSpans } = JSON.parse(first?.body ?? '').resourceSpans[0]
      assert.deepInclude(resource.attributes, { key: 'service.name', value: { stringValue: 'signalbox' } })
      assert.deepInclude(resource.attributes, { key: 'service.version', value: { stringValue: '1.2.3' } })
      assert.strictEqual(scopeSpans[0].schemaUrl, 'https://opentelemetry.io/schemas/gen-ai/1.42.0')
    }),
  )

  it.effect.each([[{ status: 503 }], [{ status: 429 }], [{ breaks: true }]] as const)(
    'that the collector may take later wait for it: %o',
    ([trouble]) =>
      Effect.gen(function* () {
        const said: string[] = []
        const collector = yield* startReceiver([trouble as Reception, trouble as Reception])
        const exporter = yield* opened(collector.url, said)
        offer(exporter, 0, 3)
        for (const [pauseMs, tries] of [
          [1_000, 1],
          [1_000, 2],
          [2_000, 3],
        ] as const) {
          yield* TestClock.adjust(pauseMs)
          yield* until(() => collector.received.length === tries)
          // What was answered has been heard before time goes on.
          yield* until(() => said.length >= 1)
          yield* Effect.repeat(turn, { times: 20 })
        }
        yield* until(() => exporter.counts().exported === 3)
        assert.strictEqual(exporter.counts().dropped, 0)
        assert.strictEqual(said.length, 2)
        assert.notInclude(said.join(), 'secret')
      }),
  )

  it.effect('that the collector refuses are dropped and counted, and the next ones are sent', () =>
    Effect.gen(function* () {
      const said: string[] = []
      const collector = yield* startReceiver([{ status: 400 }])
      const exporter = yield* opened(collector.url, said)
      offer(exporter, 0, 3)
      yield* TestClock.adjust(1_000)
      yield* until(() => exporter.counts().dropped === 3)
      offer(exporter, 3, 5)
      yield* Effect.repeat(turn, { times: 20 })
      yield* TestClock.adjust(2_000)
      yield* until(() => exporter.counts().exported === 2)
      assert.include(said[0], 'answers with status 400')
    }),
  )

  it.effect('beyond what may wait are dropped and counted while nobody is there, and nobody waits', () =>
    Effect.gen(function* () {
      const said: string[] = []
      const exporter = yield* opened('http://127.0.0.1:1', said)
      offer(exporter, 0, 2_048 + 100)
      assert.deepStrictEqual(exporter.counts(), { exported: 0, dropped: 100, queued: 2_048 })
      yield* TestClock.adjust(1_000)
      yield* until(() => said.length === 1)
      assert.match(said[0] ?? '', /the collector of traces cannot be reached \(ECONNREFUSED\); spans wait, beyond 2048/)
      assert.strictEqual(exporter.counts().queued, 2_048)
    }),
  )

  it.effect('that are left at the end are sent before it', () =>
    Effect.gen(function* () {
      const collector = yield* startReceiver()
      const scope = yield* Scope.make()
      const exporter = yield* opened(collector.url).pipe(Scope.provide(scope))
      offer(exporter, 0, 3)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(collector.received.flatMap(spanIds).length, 3)
    }),
  )
})
