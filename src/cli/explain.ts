/**
 * `signalbox explain REQUEST_ID`: why a request went where it went, and what came of it, from its events alone.
 */
import { Console, Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { explainRoute, type Happened, type RouteExplanation, type Weights } from '#actors/views/explanation.ts'
import { readExplanation } from '#actors/views/read-explanation.ts'
import { archivedNote, archivedParts } from '#cli/archived.ts'
import { printable } from '#cli/printable.ts'
import { shadowChoiceLine } from '#cli/shadow-text.ts'
import { describeReason } from '#cli/summary.ts'
import { type Row, table } from '#cli/table.ts'
import type { RouteChosen } from '#domain/decisions.ts'
import type { DomainEvent } from '#domain/events.ts'

type EventOf<T extends DomainEvent['_tag']> = Extract<DomainEvent, { readonly _tag: T }>

/** Prints the explanation; answers 1 when the log knows no such request. */
export const explain = Effect.fnUntraced(function* (options: { readonly requestId: string; readonly json: boolean }) {
  const log = yield* EventLog
  const found = yield* readExplanation(log, options.requestId)
  if (found === undefined) {
    yield* Console.error(
      `The log knows no request ${options.requestId}. Its id is in the answer's header x-signalbox-request-id.`,
    )
    const archived = archivedNote(yield* archivedParts(log))
    if (archived !== undefined) yield* Console.error(archived)
    return 1
  }
  const { explanation, events } = found
  yield* Console.log(
    options.json
      ? JSON.stringify({ explanation, events: events.map(asData) })
      : explained(events, explanation.route?.weights ?? null)
          .map(printable)
          .join('\n'),
  )
  return 0
})

/** As it was recorded. */
const asData = ({ event: { _tag, ...data }, occurredAt }: Happened) => ({ type: _tag, occurredAt, data })

/** Lines for people. `weights`: of the policy that was in force, where the strategy weighs its factors. */
export const explained = (happened: readonly Happened[], weights: Weights | null = null): readonly string[] => {
  const [first] = happened
  const lines: string[] = []
  let draw: number | null = null
  for (const { event, occurredAt } of happened) {
    const at = `+${occurredAt - (first?.occurredAt ?? occurredAt)} ms`.padEnd(10)
    switch (event._tag) {
      case 'RequestAdmitted':
        draw = event.draw
        lines.push(`${new Date(occurredAt).toISOString()}  ${asked(event)}`, '')
        break
      case 'RouteChosen':
        lines.push(...routeLines(explainRoute(event, draw, weights)), '')
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

const routeLines = (route: RouteExplanation): readonly string[] => {
  const { strategy, rule, policyVersion, draw, weights, candidates, propensity, skipped, queue, shadow } = route
  const drawn = draw === null ? '' : `, draw ${amount(draw)}`
  const lines = [`Route by ${strategy}${rule === null ? '' : `, rule ${rule}`}, policy ${policyVersion}${drawn}`]
  if (weights !== null) {
    const named = Object.entries(weights).map(([name, value]) => `${name} ${amount(value)}`)
    lines.push(`  Weights: ${named.join(', ')}`)
  }
  if (route.stepDown !== null) lines.push(`  The budget ${route.stepDown.budget} is used up and steps down.`)
  if (route.lastResort) lines.push('  Every circuit is open; this one will probably be well first.')
  if (candidates.length > 0) {
    lines.push(...table(candidateRows(candidates)).map((line) => `  ${line}`))
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
  if (queue !== null) {
    lines.push(`Waits for room at ${queue.providers.join(', ')}, until ${new Date(queue.until).toISOString()} at most`)
  }
  if (shadow !== null) lines.push(shadowChoiceLine(shadow))
  return lines
}

const candidateRows = (candidates: RouteExplanation['candidates']): readonly Row[] => {
  const names = Object.keys(candidates[0]?.factors ?? {})
  const factors = names.map((name) => name.toUpperCase())
  return [
    ['', 'PROVIDER', 'SCORE', ...factors, 'ESTIMATE', 'CACHED', 'SHARE'],
    ...candidates.map((candidate, index) => [
      `${index + 1}.`,
      candidate.provider,
      candidate.score === null ? '' : amount(candidate.score),
      ...names.map((name) => amount(candidate.factors[name] ?? 0)),
      candidate.costNanoUsd === null ? 'unknown' : `$${(candidate.costNanoUsd / 1e9).toFixed(4)}`,
      candidate.cachedTokens === null ? '' : String(candidate.cachedTokens),
      `${Math.round(candidate.share * 100)} %`,
    ]),
  ]
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
    case 'CaptureRead':
      return `its prompt and answer were shown to ${event.by}`
    case 'RequestAbandoned':
      return 'found unfinished at the next start'
    default:
      return event._tag
  }
}
