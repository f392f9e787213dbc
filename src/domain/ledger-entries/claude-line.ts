/**
 * An entry of the ledger as a line of JSON in the form in which Claude Code writes its answers, and in which
 * claude-code-costs, ccusage and Claude-Code-Usage-Monitor read them (field.md 5). There is no null anywhere: ccusage
 * leaves out a line that has one where it wants a value.
 */
import type { LedgerEntry, OUTCOMES } from '#domain/ledger-entries/entry.ts'

/** Where a request without a session is told of. */
export const NO_SESSION = 'no-session'

/** What these tools need of a line, and under `signalbox` what none of them reads. */
export interface ClaudeLine {
  readonly type: 'assistant'
  /** ISO 8601: when the attempt ended. */
  readonly timestamp: string
  readonly sessionId: string
  readonly isSidechain: boolean
  readonly agentId?: string
  /** Of Signalbox. */
  readonly version: string
  readonly requestId: string
  /** Absent when nobody knows the cost; ccusage then takes its own table's. */
  readonly costUSD?: number
  readonly message: {
    readonly id: string
    readonly type: 'message'
    readonly role: 'assistant'
    readonly model: string
    readonly usage: {
      readonly input_tokens: number
      readonly output_tokens: number
      readonly cache_creation_input_tokens: number
      readonly cache_read_input_tokens: number
      readonly cache_creation: {
        readonly ephemeral_5m_input_tokens: number
        readonly ephemeral_1h_input_tokens: number
      }
      readonly server_tool_use?: { readonly web_search_requests: number }
      readonly service_tier?: string
      readonly speed?: string
      readonly inference_geo?: string
    }
  }
  readonly signalbox: {
    readonly requestId: string
    readonly attempt: number
    readonly provider: string
    readonly outcome: (typeof OUTCOMES)[number]
    readonly estimated?: true
  }
}

/** @param version of this program */
export const claudeLine = (entry: LedgerEntry, version: string): ClaudeLine => {
  const { usage, costNanoUsd } = entry
  return {
    type: 'assistant',
    timestamp: new Date(entry.endedAt).toISOString(),
    sessionId: entry.sessionId ?? NO_SESSION,
    isSidechain: entry.agentId !== undefined,
    ...(entry.agentId === undefined ? {} : { agentId: entry.agentId }),
    version,
    requestId: entry.seenRequestId,
    ...(costNanoUsd === null ? {} : { costUSD: costNanoUsd / 1e9 }),
    message: {
      id: messageId(entry),
      type: 'message',
      role: 'assistant',
      model: entry.model,
      usage: {
        input_tokens: usage.inputTokens,
        output_tokens: usage.outputTokens,
        cache_creation_input_tokens: usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
        cache_read_input_tokens: usage.cacheReadTokens,
        cache_creation: {
          ephemeral_5m_input_tokens: usage.cacheWrite5mTokens,
          ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
        },
        ...(usage.webSearches === undefined ? {} : { server_tool_use: { web_search_requests: usage.webSearches } }),
        ...(usage.tier === undefined ? {} : { service_tier: usage.tier }),
        ...(usage.speed === undefined ? {} : { speed: usage.speed }),
        ...(usage.geo === undefined ? {} : { inference_geo: usage.geo }),
      },
    },
    signalbox: {
      requestId: entry.requestId,
      attempt: entry.attempt,
      provider: entry.provider,
      outcome: entry.outcome,
      ...(entry.estimated ? { estimated: true } : {}),
    },
  }
}

/** The log does not keep the provider's id of the message. This one is as unique, and the same in every export. */
const messageId = ({ requestId, attempt }: LedgerEntry): string =>
  `msg_${requestId.replace(/^req_/, '')}${attempt === 1 ? '' : `_${attempt}`}`

/**
 * The file of a session, below the folder of projects: `project/session.jsonl`. Names come from clients; what is no plain
 * name is spelled in hexadecimal digits, so that it cannot lead out of the folder.
 */
export const claudeFile = ({ project, sessionId }: Pick<LedgerEntry, 'project' | 'sessionId'>): readonly string[] => [
  fileName(project ?? 'signalbox'),
  `${fileName(sessionId ?? NO_SESSION)}.jsonl`,
]

const PLAIN_NAME = /^[A-Za-z0-9-][A-Za-z0-9_-]{0,99}$/
/** File systems allow 255 bytes. */
const NAME_BYTES = 200

const fileName = (name: string): string => {
  if (PLAIN_NAME.test(name)) return name
  const bytes = new TextEncoder().encode(name)
  // With the dot, which no plain name has, it is none of theirs.
  const spelled = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `x.${spelled.length <= NAME_BYTES ? spelled : `${spelled.slice(0, NAME_BYTES)}.${bytes.length}`}`
}
