/**
 * Answers as Claude Code writes them down: a line of JSON for each block of an answer, all with the answer's ids. A line that was
 * written while the answer was still coming holds a count that is too small, so of one answer the largest counts are the true
 * ones. Sessions that are resumed or forked copy lines of others into files of their own.
 */
import { Option, Schema } from 'effect'
import type { TokenCounts } from '#domain/usage.ts'

export interface ClaudeRecord {
  /** Epoch ms. */
  readonly at: number
  readonly messageId: string
  readonly requestId?: string
  readonly sessionId: string
  readonly agentId?: string
  readonly model: string
  readonly usage: TokenCounts
  /** Of old versions, and of exports; null: it says none. */
  readonly costNanoUsd: number | null
}

/** One answer of Claude Code's, of all its lines. */
export interface ClaudeAnswer extends ClaudeRecord {
  /** Where it stands; several when it was copied. */
  readonly files: readonly string[]
}

/** By message and request: the key by which ccusage and the monitor drop duplicates. */
export type ClaudeAnswers = Map<string, ClaudeAnswer>

const Count = Schema.optionalKey(Schema.NullOr(Schema.Finite))
const Text = Schema.optionalKey(Schema.NullOr(Schema.String))

const Line = Schema.Struct({
  type: Schema.Literal('assistant'),
  timestamp: Schema.String,
  sessionId: Text,
  agentId: Text,
  requestId: Text,
  costUSD: Count,
  isApiErrorMessage: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  message: Schema.Struct({
    id: Text,
    model: Schema.String,
    usage: Schema.Struct({
      input_tokens: Count,
      output_tokens: Count,
      cache_read_input_tokens: Count,
      cache_creation_input_tokens: Count,
      cache_creation: Schema.optionalKey(
        Schema.NullOr(Schema.Struct({ ephemeral_5m_input_tokens: Count, ephemeral_1h_input_tokens: Count })),
      ),
    }),
  }),
})
type Line = typeof Line.Type

const decode = Schema.decodeUnknownOption(Line)
/** What Claude Code says itself in an answer's place: of errors, of interruptions. */
const OWN_WORDS = '<synthetic>'

/** Undefined for lines that are no answer of a model. */
export const readRecord = (json: unknown): ClaudeRecord | undefined => {
  const line = Option.getOrUndefined(decode(json))
  if (line === undefined || line.message.model === OWN_WORDS || line.isApiErrorMessage === true) return undefined
  const at = Date.parse(line.timestamp)
  const { requestId, agentId, message } = line
  if (Number.isNaN(at) || typeof message.id !== 'string') return undefined
  return {
    at,
    messageId: message.id,
    sessionId: line.sessionId ?? '',
    model: message.model,
    usage: usageOf(message.usage),
    costNanoUsd: typeof line.costUSD === 'number' ? Math.round(line.costUSD * 1e9) : null,
    ...(typeof requestId === 'string' ? { requestId } : {}),
    ...(typeof agentId === 'string' ? { agentId } : {}),
  }
}

const usageOf = (usage: Line['message']['usage']): TokenCounts => {
  const hour = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0
  const written = usage.cache_creation_input_tokens ?? 0
  return {
    inputTokens: usage.input_tokens ?? 0,
    outputTokens: usage.output_tokens ?? 0,
    cacheReadTokens: usage.cache_read_input_tokens ?? 0,
    // Where the parts are not told all of it is the usual kind.
    cacheWrite5mTokens: usage.cache_creation?.ephemeral_5m_input_tokens ?? Math.max(0, written - hour),
    cacheWrite1hTokens: hour,
  }
}

/** Takes a line in, in place. */
export const addRecord = (answers: ClaudeAnswers, record: ClaudeRecord, file: string): void => {
  const key = `${record.messageId} ${record.requestId ?? ''}`
  const known = answers.get(key)
  if (known === undefined) {
    answers.set(key, { ...record, files: [file] })
    return
  }
  const files = known.files.includes(file) ? known.files : [...known.files, file]
  answers.set(key, { ...known, files, usage: largest(known.usage, record.usage) })
}

const largest = (a: TokenCounts, b: TokenCounts): TokenCounts => ({
  inputTokens: Math.max(a.inputTokens, b.inputTokens),
  outputTokens: Math.max(a.outputTokens, b.outputTokens),
  cacheReadTokens: Math.max(a.cacheReadTokens, b.cacheReadTokens),
  cacheWrite5mTokens: Math.max(a.cacheWrite5mTokens, b.cacheWrite5mTokens),
  cacheWrite1hTokens: Math.max(a.cacheWrite1hTokens, b.cacheWrite1hTokens),
})
