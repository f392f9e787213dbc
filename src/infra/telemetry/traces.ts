/**
 * Traces from committed events: the spans of a request are made at its end and handed to the exporter. An observer like any
 * other: never in a request's way.
 */
import { Effect, type Scope } from 'effect'
import type { Ledger } from '#actors/ledger.ts'
import type { EventLog, EventLogError } from '#actors/ports.ts'
import { isTerminal } from '#domain/events.ts'
import type { CommittedEvent } from '#domain/recorded-event.ts'
import { isSampled, traceOf } from '#domain/trace-context.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { genAiProviderName } from '#infra/telemetry/gen-ai-names.ts'
import { eventsOfOpenRequests, hearCommits } from '#infra/telemetry/hear-commits.ts'
import { followTrace, type OpenTrace, type SpanPeer, spansOf } from '#infra/telemetry/request-trace.ts'
import type { SpanExporter } from '#infra/telemetry/span-exporter.ts'

export interface TracesOptions {
  readonly exporter: SpanExporter
  readonly sampleShare: number
  /** In force at this moment. */
  readonly providers: () => readonly ResolvedProvider[]
}

/**
 * Subscribes until the scope closes. To be started before the box is opened, which ends the requests of an earlier process; what
 * it holds is bounded by the requests that are open at once.
 */
export const traceRequests = (
  options: TracesOptions,
): Effect.Effect<void, EventLogError, Ledger | EventLog | Scope.Scope> =>
  Effect.gen(function* () {
    const { exporter, sampleShare, providers } = options
    const open = new Map<string, OpenTrace>()
    const peerOf = (id: string): SpanPeer => peerOfProvider(providers().find((provider) => provider.id === id))

    const follow = (recorded: CommittedEvent): void => {
      const { event, occurredAt } = recorded
      if (!('requestId' in event)) return
      const trace = followTrace(open.get(event.requestId), recorded)
      if (trace === undefined) return
      const { requestId, traceparent } = trace.admitted
      if (!isSampled(traceOf(requestId, traceparent), sampleShare)) return
      if (!isTerminal(event)) {
        open.set(requestId, trace)
        return
      }
      open.delete(requestId)
      exporter.offer(spansOf(trace, event, occurredAt, peerOf))
    }

    for (const recorded of yield* eventsOfOpenRequests) follow(recorded)
    yield* hearCommits((events) => {
      for (const recorded of events) follow(recorded)
    })
  })

/** A provider that has gone from the configuration meanwhile is known by nothing but its id. */
const peerOfProvider = (provider: ResolvedProvider | undefined): SpanPeer => {
  const url = provider === undefined ? null : URL.parse(provider.baseUrl)
  const name = genAiProviderName(provider?.preset ?? provider?.kind ?? 'unknown')
  if (url === null) return { name }
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return { name, address: url.hostname, port }
}
