/**
 * Traffic in which nothing comes twice: every request is of another session, agent, project, key and model, providers fail in every way,
 * alerts come and go. It fills what is kept of requests faster than any real traffic.
 */
import type { DomainEvent } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import { noUsage } from '#domain/usage.ts'
import { admitted, failed, started, succeeded } from '#test/attempt-events.ts'

const HOUR_MS = 3_600_000
/** Two providers, asked in this order. */
const [FIRST, SECOND] = [providerId('flaky'), providerId('steady')]

const reasons = (n: number): readonly FailureReason[] => [
  { _tag: 'Overloaded', status: 529 },
  { _tag: 'Timeout', phase: 'idle' },
  { _tag: 'ServerError', status: 500 + (n % 100) },
  { _tag: 'Transport', code: `MADE_UP_${n}`, connect: true },
  { _tag: 'InvalidRequest', status: 400 },
  { _tag: 'FeatureRefused', status: 400, features: [`beta:made-up-${n}`] },
  { _tag: 'MalformedOutput', detail: `made up ${n}` },
  { _tag: 'Unknown' },
]

/** The facts of the n-th request, at `at` (epoch ms). */
export const requestOf = (n: number, at: number): readonly DomainEvent[] => {
  const id = `req_${n}`
  const model = modelId(n % 2 === 0 ? 'claude-sonnet-5-5' : `made-up-${n}`)
  const request = admitted(id, {
    ...{ model, sessionId: `session-${n}`, agentId: `agent-${n}`, parentAgentId: `agent-${n - 1}` },
    ...{ project: `project-${n}`, clientKey: `key-${n}`, needs: [`beta:made-up-${n}`] },
  })
  const first = { ...started(id, 1, FIRST), model }
  const usage = { inputTokens: 1_000 + n, outputTokens: n % 500, cacheReadTokens: n, cacheWrite5mTokens: n % 1_000 }
  const by = n % 2 === 0 ? 'client' : 'shutdown'
  if (n % 7 === 0) return [request, first, { _tag: 'RequestCancelled', requestId: requestId(id), attempts: 1, by }]
  if (n % 7 < 3)
    return [
      request,
      first,
      succeeded(id, usage, { provider: FIRST, model, costNanoUsd: 1e6 + n, cacheSavedNanoUsd: n }),
    ]
  const reason = reasons(n)[n % 8] ?? { _tag: 'Unknown' }
  const features = [`beta:made-up-${n}`]
  return [
    request,
    first,
    failed(id, { provider: FIRST, model, reason, usage: { ...noUsage, inputTokens: n } }),
    { _tag: 'CapabilityLearned', requestId: requestId(id), provider: FIRST, model, features, until: at + 24 * HOUR_MS },
    { _tag: 'SunsetAnnounced', provider: FIRST, model, sunsetAt: at + n },
    ...(n % 7 === 3
      ? [{ ...started(id, 2, SECOND), model }, succeeded(id, usage, { attempt: 2, provider: SECOND, model })]
      : [{ _tag: 'RequestFailed' as const, requestId: requestId(id), attempts: 1, status: 529, reason }]),
  ]
}

/** Facts beside the requests: checks, alerts, changes, looks. */
export const aroundIt = (n: number): readonly DomainEvent[] => {
  const kind = ALERT_KINDS[n % ALERT_KINDS.length] ?? 'budget'
  const alertId = `${kind}/made-up-${n}`
  return [
    { _tag: 'ProviderChecked', provider: n % 3 === 0 ? FIRST : SECOND, ok: n % 5 !== 0, durationMs: n % 900 },
    { _tag: 'AlertRaised', alertId, kind, subject: `made-up-${n}`, severity: 'warning', value: n, threshold: 1 },
    { _tag: 'AlertDelivered', channel: `channel-${n}`, news: [{ alertId, at: n, change: 'raised' }] },
    { _tag: 'AlertCleared', alertId, value: 0 },
    { _tag: 'ConfigChanged', source: 'file', changed: [`providers.made-up-${n}`] },
    { _tag: 'CaptureRead', requestId: requestId(`req_${n}`), by: `somebody-${n}` },
    { _tag: 'AlertsSilenced', subject: `made-up-${n}`, until: n, by: `somebody-${n}` },
  ]
}
