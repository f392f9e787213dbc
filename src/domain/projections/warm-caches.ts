/**
 * Which prompt caches are warm: per session and agent what each provider has cached of the conversation for a model, and
 * until when. Claude Code marks the last block of every request (wire.md 3), so what an answer says it read from the cache
 * or wrote into it is the prefix of the next turn. A cache lives for 5 minutes from the start of the request that wrote or
 * read it, for an hour where that was paid for (claude-code.md 14).
 *
 * Effort, thinking mode and tool set are parts of the cache's key too. They do not change within a conversation as a rule;
 * when they do, the next answer says so and the ledger is right again.
 */
import type { RequestAdmitted } from '#domain/events.ts'
import type { ModelId, ProviderId } from '#domain/ids.ts'
import { providersOf } from '#domain/policy.ts'
import { type EndedAttempt, FOLLOWED, follow, type OpenRequests } from '#domain/projections/open-attempts.ts'
import type { Occurred, Projection } from '#domain/projections/projection.ts'
import { requestKind } from '#domain/request-kind.ts'
import type { Usage } from '#domain/usage.ts'

export interface CachedPrefix {
  readonly provider: ProviderId
  /** As the provider is asked for it. */
  readonly model: ModelId
  readonly tokens: number
  /** Epoch ms; from then on it is cold. */
  readonly expiresAt: number
  readonly lifetimeMs: number
  /** Of the request whose prompt it is. */
  readonly messages: number
}

interface Asked {
  /** Null: without a session nobody can tell what belongs together. */
  readonly conversation: string | null
  readonly messages: number
}

export interface WarmCaches {
  /** By conversation, the one that was heard of last is the last; of each the newest prefix is the last. */
  readonly conversations: Map<string, readonly CachedPrefix[]>
  readonly open: OpenRequests<Asked>
}

/** Those of more have mostly been cold for long: few boxes serve as many within five minutes. */
export const CONVERSATIONS_KEPT = 2_000
/** Per conversation; an entry more is a switch of provider or model that leaves a warm cache behind. */
export const PREFIXES_KEPT = 8

export const SHORT_LIFETIME_MS = 300_000
export const LONG_LIFETIME_MS = 3_600_000

/** What tells a conversation: parts of RequestAdmitted. */
export type Turn = Pick<RequestAdmitted, 'sessionId' | 'agentId' | 'tools' | 'messages'>

export const warmCaches: Projection<WarmCaches> = {
  name: 'warmCaches',
  version: 1,
  hears: ['PolicyChanged', ...FOLLOWED],
  initial: () => ({ conversations: new Map(), open: new Map() }),
  evolve: (state, occurred) => {
    const { event } = occurred
    if (event._tag === 'PolicyChanged') {
      forgetOthers(state, providersOf(event.policy))
      return state
    }
    const ended = follow(state.open, occurred, (request) => ({
      conversation: conversationOf(request),
      messages: request.messages,
    }))
    if (ended !== undefined) book(state, ended, occurred)
    return state
  },
}

/** Tokens of the request's prompt that the provider still has in its cache at `at` (epoch ms), as far as answers told. */
export const warmTokens = (
  { conversations }: WarmCaches,
  turn: Turn,
  provider: ProviderId,
  model: ModelId,
  at: number,
): number => {
  const conversation = conversationOf(turn)
  if (conversation === null) return 0
  const prefix = prefixOf(conversations.get(conversation), provider, model)
  if (prefix === undefined || at >= prefix.expiresAt) return 0
  // A shorter history is not the old one with something behind it: it was compacted or rewound.
  return turn.messages < prefix.messages ? 0 : prefix.tokens
}

/** The most tokens of the request's prompt that any provider still has in its cache, for whatever model. */
export const warmestTokens = ({ conversations }: WarmCaches, turn: Turn, at: number): number => {
  const conversation = conversationOf(turn)
  if (conversation === null) return 0
  const prefixes = conversations.get(conversation) ?? []
  return Math.max(0, ...prefixes.map((one) => (at < one.expiresAt && turn.messages >= one.messages ? one.tokens : 0)))
}

/** A request is asked about once per candidate, one request after the other. */
let lastNamed: { readonly turn: Turn; readonly conversation: string } | undefined

/** Background calls share the session of the main loop, and nothing of its prompt. */
const conversationOf = (turn: Turn): string | null => {
  if (turn.sessionId === undefined) return null
  if (lastNamed?.turn === turn) return lastNamed.conversation
  const conversation = JSON.stringify([turn.sessionId, requestKind(turn), turn.agentId ?? ''])
  lastNamed = { turn, conversation }
  return conversation
}

const prefixOf = (
  prefixes: readonly CachedPrefix[] | undefined,
  provider: ProviderId,
  model: ModelId,
): CachedPrefix | undefined => prefixes?.find((one) => one.provider === provider && one.model === model)

const book = ({ conversations }: WarmCaches, ended: EndedAttempt<Asked>, { event, occurredAt }: Occurred): void => {
  const { conversation, messages } = ended.asked
  // A failed attempt counts too when it had told its usage: its cache is readable from the first content on.
  if (conversation === null || (event._tag !== 'AttemptSucceeded' && event._tag !== 'AttemptFailed')) return
  if (event.usage === undefined) return
  const tokens = event.usage.cacheReadTokens + event.usage.cacheWrite5mTokens + event.usage.cacheWrite1hTokens
  // Nothing was read or written: a prompt below the smallest that is cached, which says nothing of others.
  if (tokens === 0) return
  const { provider, model, startedAt } = ended
  const prefixes = conversations.get(conversation) ?? []
  const before = prefixOf(prefixes, provider, model)
  const lifetimeMs = lifetimeOf(event.usage, before, startedAt)
  const others = prefixes.filter((one) => one !== before)
  const warm = [...others, { provider, model, tokens, expiresAt: startedAt + lifetimeMs, lifetimeMs, messages }]
    .filter(({ expiresAt }) => occurredAt < expiresAt)
    .slice(-PREFIXES_KEPT)
  conversations.delete(conversation)
  if (warm.length > 0) conversations.set(conversation, warm)
  const [oldest] = conversations.keys()
  if (oldest !== undefined && conversations.size > CONVERSATIONS_KEPT) conversations.delete(oldest)
}

/** What was only read lives on for as long as before. */
const lifetimeOf = (usage: Usage, before: CachedPrefix | undefined, startedAt: number): number => {
  if (usage.cacheWrite1hTokens > 0) return LONG_LIFETIME_MS
  const onlyRead = usage.cacheWrite5mTokens === 0 && before !== undefined && startedAt < before.expiresAt
  return onlyRead ? before.lifetimeMs : SHORT_LIFETIME_MS
}

const forgetOthers = ({ conversations }: WarmCaches, named: ReadonlySet<ProviderId>): void => {
  for (const [conversation, prefixes] of conversations) {
    const kept = prefixes.filter(({ provider }) => named.has(provider))
    if (kept.length === 0) conversations.delete(conversation)
    else if (kept.length < prefixes.length) conversations.set(conversation, kept)
  }
}
