/**
 * The prompt cache of one provider, by the documented rules, simplified: the prompt is a chain of blocks (tools, then
 * system, then messages); a `cache_control` mark stores the chain up to its block; a later prompt reads the longest
 * stored chain that ends at most 20 blocks before one of its own marks. Reads renew the entry. Prefixes under 1,024
 * tokens are not stored. `cache_control` itself, the string or array form of a content, and the attribution block that
 * Claude Code puts first in `system` are no part of the key.
 */
import { createHash } from 'node:crypto'
import type { PromptUsage } from '#infra/simulator/content.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'
import { promptTokens } from '#infra/simulator/tokens.ts'

export interface PromptCache {
  /** What of a prompt is read, written, and neither at `now` (epoch ms). `commit` books it, when the answer begins. */
  readonly quote: (body: MessagesBody, now: number) => { readonly usage: PromptUsage; readonly commit: () => void }
}

const LOOK_BACK_BLOCKS = 20
const MINIMUM_TOKENS = 1_024
const MINUTES_5_MS = 300_000
const HOUR_MS = 3_600_000
/** Entries that are kept at most; the oldest go first. A session leaves three per turn. */
const MAXIMUM_ENTRIES = 10_000

export const makePromptCache = (): PromptCache => {
  const expiryByKey = new Map<string, { expiresAt: number; ttlMs: number }>()

  const store = (key: string, ttlMs: number, now: number): void => {
    expiryByKey.delete(key)
    expiryByKey.set(key, { expiresAt: now + ttlMs, ttlMs })
    const oldest = expiryByKey.keys().next()
    if (expiryByKey.size > MAXIMUM_ENTRIES && !oldest.done) expiryByKey.delete(oldest.value)
  }

  return {
    quote: (body, now) => {
      const stores: (() => void)[] = []
      const links = chain(body)
      const total = links.at(-1)?.tokens ?? 0
      const marks = links.flatMap((link, index) =>
        link.ttlMs === undefined ? [] : [{ ...link, index, ttlMs: link.ttlMs }],
      )
      const usable = marks.filter((mark) => mark.tokens >= MINIMUM_TOKENS)

      let read = 0
      for (const mark of usable) {
        for (let i = mark.index; i >= 0 && i > mark.index - LOOK_BACK_BLOCKS; i--) {
          const link = links[i]
          const entry = link === undefined ? undefined : expiryByKey.get(link.key)
          if (link === undefined || entry === undefined || entry.expiresAt <= now) continue
          read = Math.max(read, link.tokens)
          stores.push(() => store(link.key, entry.ttlMs, now))
          break
        }
      }
      let written = read
      let write5m = 0
      let write1h = 0
      for (const mark of usable) {
        if (mark.tokens <= written) continue
        if (mark.ttlMs === HOUR_MS) write1h += mark.tokens - written
        else write5m += mark.tokens - written
        written = mark.tokens
        stores.push(() => store(mark.key, mark.ttlMs, now))
      }
      return {
        usage: {
          inputTokens: total - read - write5m - write1h,
          cacheReadTokens: read,
          cacheWrite5mTokens: write5m,
          cacheWrite1hTokens: write1h,
        },
        commit: () => {
          for (const book of stores) book()
        },
      }
    },
  }
}

/** Tokens of the whole prompt by the same walk, for `count_tokens` and the size limit. */
export const wholePromptTokens = (body: MessagesBody): number =>
  pieces(body).reduce((sum, piece) => sum + piece.tokens, 0)

interface Link {
  /** Names this block and everything before it. */
  readonly key: string
  /** Tokens of this block and everything before it. */
  readonly tokens: number
  readonly ttlMs: number | undefined
}

const chain = (body: MessagesBody): readonly Link[] => {
  let key = body.model
  let tokens = 0
  return pieces(body).map((piece) => {
    key = createHash('sha1').update(key).update(piece.text).digest('base64')
    tokens += piece.tokens
    return { key, tokens, ttlMs: piece.ttlMs }
  })
}

interface Piece {
  readonly text: string
  readonly tokens: number
  readonly ttlMs: number | undefined
}

const pieces = (body: MessagesBody): readonly Piece[] => {
  const all = [
    ...(body.tools ?? []).map((tool) => piece('tool', tool)),
    ...blocksOf(body.system ?? [])
      .filter((block, index) => !(index === 0 && isAttribution(block)))
      .map((block) => piece('system', block)),
    ...body.messages.flatMap((message) => blocksOf(message.content).map((block) => piece(message.role, block))),
  ]
  const last = all.at(-1)
  // A top-level cache_control marks the last block of the prompt.
  return body.cache_control === undefined || last === undefined
    ? all
    : [...all.slice(0, -1), { ...last, ttlMs: last.ttlMs ?? ttlOf(body.cache_control) }]
}

const blocksOf = (content: string | readonly object[]): readonly object[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

const piece = (where: string, block: object): Piece => {
  const { cache_control, ...rest } = block as { readonly cache_control?: unknown }
  return {
    text: `${where}:${JSON.stringify(rest)}`,
    tokens: promptTokens(rest),
    ttlMs: cache_control === undefined || cache_control === null ? undefined : ttlOf(cache_control),
  }
}

const ttlOf = (mark: unknown): number =>
  typeof mark === 'object' && mark !== null && 'ttl' in mark && mark.ttl === '1h' ? HOUR_MS : MINUTES_5_MS

const isAttribution = (block: object): boolean =>
  'text' in block && typeof block.text === 'string' && block.text.startsWith('x-anthropic-billing-header:')
