/**
 * `signalbox explain REQUEST_ID`: why a request went where it went, and what came of it, from its events alone.
 */
import { Console, Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { describeReason } from '#cli/summary.ts'
import { type Row, table } from '#cli/table.ts'
import type { DomainEvent, RouteChosen } from '#domain/events.ts'

/** A request has a handful of events; one that was repeated often has some dozen. */
const MOST_EVENTS = 1_000

type Happened = { readonly event: DomainEvent; readonly occurredAt: number }
type EventOf<T extends DomainEvent['_tag']> = Extract<DomainEvent, { readonly _tag: T }>

/** Prints the explanation; answers 1 when the log knows no such request. */
export const explain = Effect.fnUntraced(function* (options: { readonly requestId: string; readonly json: boolean }) {
  const log = yield* EventLog
  const rows = yield* log.read({ after: 0, limit: MOST_EVENTS, correlation: options.requestId })
  const happened = rows.flatMap((row) => (row._tag === 'Known' ? [row.recorded] : []))
  if (happened.length === 0) {
    yield* Console.error(
      `The log knows no request ${options.requestId}. Its id is in the answer's header x-signalbox-request-id.`,
    )
    return 1
  }
  yield* Console.log(options.json ? JSON.stringify(explanation(happened)) : explained(happened).join('\n'))
  return 0
})

/** What a program may want: the request, its decisions and outcomes as they were recorded, in order. */
const explanation = (happened: readonly Happened[]) => ({
  events: happened.map(({ event: { _tag, ...data }, occurredAt }) => ({ type: _tag, occurredAt, data })),
})

/** Lines for people. */
export const explained = (happened: readonly Happened[]): readonly string[] => {
  const [first] = happened
  const lines: string[] = []
  for (const { event, occurredAt } of happened) {
    const at = `+${occurredAt - (first?.occurredAt ?? occurredAt)} ms`.padEnd(10)
    switch (event._tag) {
      case 'RequestAdmitted':
        lines.push(`${new Date(occurredAt).toISOString()}  ${asked(event)}`, '')
        break
      case 'RouteChosen':
        lines.push(...route(event), '')
        break
      default:
        lines.push(`${at} ${outcome(event)}`)
    }
  }
  return lines
}

const asked = (event: EventOf<'RequestAdmitted'>): string => {
  const whose =
    event.agentId === undefined
      ? event.sessionId === undefined
        ? ''
        : `, session ${event.sessionId}`
      : `, sub-agent ${event.agentId}`
  return `${event.model}, ${event.stream ? 'streamed' : 'whole'}, ${event.messages} messages, ${event.tools} tools, ${event.bodyBytes} bytes${whose}`
}

/** Shown apart, with their own units. */
const AMOUNTS = new Set(['costNanoUsd', 'cachedTokens', 'score', 'share'])

const route = ({
  order,
  factors,
  skipped,
  queue,
  strategy,
  rule,
  propensity,
  policyVersion,
}: RouteChosen): readonly string[] => {
  const names = Object.keys(factors).filter((name) => !AMOUNTS.has(name))
  const value = (name: string, index: number): number | undefined => factors[name]?.[index]
  const lines = [`Route by ${strategy}${rule === undefined ? '' : `, rule ${rule}`}, policy ${policyVersion}`]
  if (order.length > 0) {
    const head: Row = [
      '',
      'PROVIDER',
      'SCORE',
      ...names.map((name) => name.toUpperCase()),
      'ESTIMATE',
      'CACHED',
      'SHARE',
    ]
    const rows = order.map((provider, index): Row => {
      const score = value('score', index)
      return [
        `${index + 1}.`,
        provider,
        score === undefined ? '' : amount(score),
        ...names.map((name) => amount(value(name, index) ?? 0)),
        dollars(value('costNanoUsd', index)),
        tokens(value('cachedTokens', index)),
        `${Math.round((value('share', index) ?? 1) * 100)} %`,
      ]
    })
    lines.push(...table([head, ...rows]).map((line) => `  ${line}`))
    if (propensity < 1) lines.push(`  The first came first with probability ${amount(propensity)}.`)
  }
  if (skipped.length > 0) {
    lines.push('Not considered')
    const rows = skipped.map(
      ({ provider, reason, until }): Row => [
        provider,
        WORDS[reason],
        until === undefined ? '' : `until ${new Date(until).toISOString()}`,
      ],
    )
    lines.push(...table(rows).map((line) => `  ${line}`))
  }
  if (queue !== undefined) {
    lines.push(`Waits for room at ${queue.providers.join(', ')}, until ${new Date(queue.until).toISOString()} at most`)
  }
  return lines
}

const WORDS: { readonly [K in RouteChosen['skipped'][number]['reason']]: string } = {
  disabled: 'is switched off',
  ruledOut: 'is not among those that the rule names',
  modelNotMapped: 'does not have the model',
  inputTooLarge: 'takes no prompt of this size',
  circuitOpen: 'failed of late; its circuit is open',
  throttled: 'is at a limit that it named',
  probeInFlight: 'is being tested by another request',
  retired: 'has said that it is gone for good',
  featureLacking: 'cannot do what the request needs',
  limitReached: 'has no room left in its limits',
  credentialMissing: "is asked with the client's own credential, and it brought none",
  credentialRefused: 'refused its credential',
  overBudget: 'would cost more than a budget has left',
  priceUnknown: 'has no price for the model, which a hard budget needs',
}

const amount = (value: number): string => String(Number(value.toPrecision(3)))

/** -1 is what is not known. */
const isKnown = (value: number | undefined): value is number => value !== undefined && value >= 0
const dollars = (nano: number | undefined): string => (isKnown(nano) ? `$${(nano / 1e9).toFixed(4)}` : 'unknown')
const tokens = (count: number | undefined): string => (isKnown(count) ? String(count) : '')

const outcome = (event: DomainEvent): string => {
  switch (event._tag) {
    case 'AttemptStarted':
      return `attempt ${event.attempt} at ${event.provider}, asked for ${event.model}${event.probe === undefined ? '' : ', as a probe'}`
    case 'AttemptSucceeded': {
      const { usage } = event
      const cached = usage.cacheReadTokens
      const prompt = usage.inputTokens + cached + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
      return `served by ${event.provider}: first content after ${event.ttftMs} ms, ${prompt} tokens in (${cached} from the cache), ${usage.outputTokens} out`
    }
    case 'AttemptFailed':
      return `failed at ${event.provider}: ${describeReason(event.reason)}`
    case 'CapabilityLearned':
      return `learned that ${event.provider} refuses ${event.features.join(', ')}`
    case 'RequestFailed':
      return `nobody served it; the client heard status ${event.status}: ${describeReason(event.reason)}`
    case 'RequestCancelled':
      return `given up by the ${event.by === 'client' ? 'client' : 'shutdown'}`
    case 'RequestAbandoned':
      return 'found unfinished at the next start'
    default:
      return event._tag
  }
}
