/**
 * The prompt cache of one provider of a virtual world, by conversation (claude-code.md 14): the whole prompt is marked, so an answer
 * leaves it readable from its first content on, for five minutes or an hour from the start of its request; reads renew it. A
 * history that was compacted still reads tools and system.
 */
import type { Usage } from '#domain/usage.ts'
import type { Call } from './traffic.ts'

export interface TrueCache {
  /** Tokens of the call's prompt that would be read at `at`. */
  readonly warm: (call: Call, at: number) => number
  /** Books the prompt of a call that was started at `startedAt` and whose answer has begun. */
  readonly keep: (call: Call, startedAt: number) => void
}

interface Entry {
  readonly tokens: number
  readonly messages: number
  readonly expiresAt: number
}

export type CacheLifetime = '5m' | '1h'
export const LIFETIME_MS: { readonly [L in CacheLifetime]: number } = { '5m': 300_000, '1h': 3_600_000 }

export const makeCache = (lifetime: CacheLifetime): TrueCache => {
  const entries = new Map<string, Entry>()
  const keyOf = (call: Call): string => `${call.session} ${call.agent ?? ''}`
  return {
    warm: (call, at) => {
      const entry = call.isCached ? entries.get(keyOf(call)) : undefined
      if (entry === undefined || at >= entry.expiresAt) return 0
      return call.messages >= entry.messages ? Math.min(entry.tokens, call.promptTokens) : call.preambleTokens
    },
    keep: (call, startedAt) => {
      if (!call.isCached) return
      entries.set(keyOf(call), {
        tokens: call.promptTokens,
        messages: call.messages,
        expiresAt: startedAt + LIFETIME_MS[lifetime],
      })
    },
  }
}

/** What the provider bills for the prompt, and for so much of the answer. */
export const usageOf = (call: Call, warm: number, outputTokens: number, lifetime: CacheLifetime): Usage => {
  const fresh = call.promptTokens - warm
  return {
    inputTokens: call.isCached ? 0 : fresh,
    outputTokens,
    cacheReadTokens: warm,
    cacheWrite5mTokens: call.isCached && lifetime === '5m' ? fresh : 0,
    cacheWrite1hTokens: call.isCached && lifetime === '1h' ? fresh : 0,
  }
}
