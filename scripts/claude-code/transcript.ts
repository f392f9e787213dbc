/**
 * What a run of the client looked like to its user, without what differs between any two runs: ids, times, money, the
 * folders, and the name of the provider that a simulated text tells.
 */
import type { ClientEvent, ClientResult } from './run-client.ts'

/** Providers of the scenarios; simulated texts name the one that answered. */
export const PROVIDERS = ['alpha', 'beta', 'gamma'] as const

/** Lines that two equal runs share; `folders` are replaced wherever they stand. */
export const transcript = (result: ClientResult, folders: readonly string[]): readonly string[] =>
  result.events.flatMap(lineOf).map((line) => neutral(line, folders))

/** Retries that the user was told of. */
export const retries = (result: ClientResult): readonly ClientEvent[] =>
  result.events.filter((event) => event.type === 'system' && event.subtype === 'api_retry')

/** The last line: how the run ended. */
export const resultOf = (result: ClientResult): ClientEvent | undefined =>
  result.events.findLast((event) => event.type === 'result')

const lineOf = (event: ClientEvent): readonly string[] => {
  if (event.type === 'assistant' || event.type === 'user') {
    const { message } = event as { message?: { content?: unknown } }
    const content = Array.isArray(message?.content) ? message.content : [message?.content]
    return content.map((block) => `${event.type} ${JSON.stringify(block, withoutIds)}`)
  }
  if (event.type === 'result') {
    const { subtype, is_error, result, num_turns, api_error_status } = event
    return [`result ${JSON.stringify({ subtype, is_error, result, num_turns, api_error_status })}`]
  }
  if (event.type === 'system' && event.subtype === 'api_retry') {
    return [`retry ${JSON.stringify({ attempt: event.attempt, status: event.error_status, error: event.error })}`]
  }
  return []
}

const withoutIds = (key: string, value: unknown): unknown =>
  ['id', 'tool_use_id', 'signature', 'uuid', 'data'].includes(key) ? undefined : value

/** What the report of a sub-agent tells besides its words: its name, and what it took. */
const SUB_AGENT = [/(agentId: |to: ')[0-9a-f]+/g, /((?:subagent_tokens|duration_ms): )\d+/g]

const neutral = (line: string, folders: readonly string[]): string => {
  let text = line
  for (const folder of folders) text = text.replaceAll(folder, '<folder>')
  for (const name of PROVIDERS) text = text.replaceAll(`'${name}'`, "'<provider>'")
  return SUB_AGENT.reduce((told, pattern) => told.replaceAll(pattern, '$1<any>'), text)
}
