/**
 * Sends spans to a collector by OTLP/HTTP in JSON, in batches, off everybody's way. Effect's own exporter has the format, and is
 * used for it; its queue has no bound and what it drops it does not count, so the queue is ours. The bounds are those of
 * OpenTelemetry's batch processor.
 */
import { Effect, Redacted, Result, type Scope } from 'effect'
import { OtlpResource, type OtlpTracer } from 'effect/observability'
import { EnvHttpProxyAgent, request } from 'undici'
import type { TextSource } from '#infra/alerts/settings.ts'
import type { CredentialError } from '#infra/credentials/credential-error.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { GEN_AI_SCHEMA_URL } from '#infra/telemetry/gen-ai-names.ts'
import type { OtlpSpan } from '#infra/telemetry/request-trace.ts'
import { guardedConnector } from '#infra/upstream/connect-guard.ts'

const MOST_QUEUED = 2_048
const BATCH_SPANS = 512
const INTERVAL_MS = 1_000
const TIMEOUT_MS = 10_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 60_000
/** How long the end of the process waits for the last spans. */
const CLOSE_MS = 3_000
/** A collector has little to say; more of it is not read. */
const ANSWER_BYTES = 65_536
/** Of the OTLP specification: the same batch may be taken later. */
const RETRYABLE = [429, 502, 503, 504]

export interface SpanExporterOptions {
  /** Where spans are posted to, whole, e.g. `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string
  /** Names in lower case; a value may be a secret, and is asked for when it is needed. */
  readonly headers: readonly (readonly [name: string, value: TextSource])[]
  readonly version: string
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface SpanExporter {
  /** Never waits, never fails: what finds no room is counted as dropped. */
  readonly offer: (spans: readonly OtlpSpan[]) => void
  /** Spans since the start. */
  readonly counts: () => { readonly exported: number; readonly dropped: number; readonly queued: number }
}

/** Codes only: what a collector says may hold what it was sent. */
type ExportFailure =
  | { readonly _tag: 'Status'; readonly status: number }
  | { readonly _tag: 'Transport'; readonly code: string }
  | { readonly _tag: 'TimedOut' }
  | { readonly _tag: 'Credential'; readonly error: CredentialError }

/** Sends until the scope closes, and then once more. */
export const openSpanExporter = (options: SpanExporterOptions): Effect.Effect<SpanExporter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const dispatcher = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const connect = guardedConnector({ allowH2: false }, { allowPrivate: true })
        return new EnvHttpProxyAgent({ allowH2: false, connect })
      }),
      (agent) => Effect.promise(() => agent.destroy()),
    )
    const post = poster(options, dispatcher)
    const queue: OtlpSpan[] = []
    let exported = 0
    let dropped = 0
    /** Failures in a row. */
    let failures = 0
    let notBefore = 0

    const send = Effect.gen(function* () {
      while (queue.length > 0) {
        const batch = queue.slice(0, BATCH_SPANS)
        const sent = yield* Effect.result(post(batch))
        if (Result.isSuccess(sent)) {
          queue.splice(0, batch.length)
          dropped += sent.success.rejected
          exported += batch.length - sent.success.rejected
          if (failures > 0) yield* Effect.logInfo('the collector takes traces again')
          failures = 0
          continue
        }
        failures += 1
        const mayBeTaken = sent.failure._tag !== 'Status' || RETRYABLE.includes(sent.failure.status)
        if (!mayBeTaken) {
          queue.splice(0, batch.length)
          dropped += batch.length
        }
        notBefore = clock.currentTimeMillisUnsafe() + Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (failures - 1))
        if (failures === 1) {
          yield* Effect.logWarning(
            `the collector of traces ${explain(sent.failure)}; ${mayBeTaken ? `spans wait, beyond ${MOST_QUEUED} they are dropped` : 'the spans are dropped'}`,
          )
        }
        return
      }
    })

    // Before the loop, so that the loop has ended when the last spans are sent.
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(send), CLOSE_MS))
    const turn = Effect.suspend(() => (clock.currentTimeMillisUnsafe() < notBefore ? Effect.void : send))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(INTERVAL_MS), turn)))

    return {
      offer: (spans) => {
        // A request is whole or not at all.
        if (queue.length + spans.length > MOST_QUEUED) dropped += spans.length
        else queue.push(...spans)
      },
      counts: () => ({ exported, dropped, queued: queue.length }),
    }
  })

const poster = ({ endpoint, headers, version, environment }: SpanExporterOptions, dispatcher: EnvHttpProxyAgent) => {
  const resource = OtlpResource.make({ serviceName: 'signalbox', serviceVersion: version })
  const values = headers.map(([, source]) =>
    source._tag === 'Plain'
      ? Effect.succeed(source.text)
      : Effect.map(makeCredentialSource(source, environment).secret, Redacted.value),
  )
  return (spans: OtlpSpan[]): Effect.Effect<{ readonly rejected: number }, ExportFailure> =>
    Effect.gen(function* () {
      const secrets = yield* Effect.all(values).pipe(
        Effect.mapError((error): ExportFailure => ({ _tag: 'Credential', error })),
      )
      const data: OtlpTracer.TraceData = {
        resourceSpans: [
          {
            resource,
            scopeSpans: [{ scope: { name: 'signalbox', version }, spans, schemaUrl: GEN_AI_SCHEMA_URL }],
          },
        ],
      }
      const { status, text } = yield* Effect.tryPromise({
        try: async (signal) => {
          const answer = await request(endpoint, {
            dispatcher,
            method: 'POST',
            headers: [
              ...['content-type', 'application/json', 'user-agent', 'signalbox'],
              ...headers.flatMap(([name], index) => [name, secrets[index] ?? '']),
            ],
            body: JSON.stringify(data),
            signal,
          })
          const pieces: Buffer[] = []
          let bytes = 0
          for await (const piece of answer.body) {
            bytes += piece.length
            if (bytes > ANSWER_BYTES) break
            pieces.push(piece)
          }
          return { status: answer.statusCode, text: Buffer.concat(pieces).toString() }
        },
        catch: (error): ExportFailure => ({ _tag: 'Transport', code: codeOf(error) }),
      })
      if (status < 200 || status > 299) return yield* Effect.fail<ExportFailure>({ _tag: 'Status', status })
      return { rejected: Math.min(rejectedIn(text), spans.length) }
    }).pipe(
      Effect.timeoutOrElse({
        duration: TIMEOUT_MS,
        orElse: () => Effect.fail<ExportFailure>({ _tag: 'TimedOut' }),
      }),
    )
}

/** Spans that the collector says it did not take; an answer that is no such message, or none at all, complains of nothing. */
const rejectedIn = (text: string): number => {
  try {
    const rejected = Number(JSON.parse(text)?.partialSuccess?.rejectedSpans ?? 0)
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0
  } catch {
    return 0
  }
}

const explain = (failure: ExportFailure): string => {
  switch (failure._tag) {
    case 'Status':
      return `answers with status ${failure.status}`
    case 'Transport':
      return `cannot be reached (${failure.code})`
    case 'TimedOut':
      return `takes longer than ${TIMEOUT_MS / 1_000} s`
    case 'Credential':
      return `cannot be asked: ${failure.error.message.replace(/\.$/, '')}`
  }
}

/** Never the error's text, which may hold the URL. */
const codeOf = (error: unknown): string => {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}
