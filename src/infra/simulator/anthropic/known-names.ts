/**
 * Names that a Claude wire knows: values of `anthropic-beta`, and fields of the body. What it does not know it refuses.
 */
import type { HeaderList } from '#actors/ports.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'

/** The complaint about values of `anthropic-beta` that are not in the list. */
export const checkBetas = (headers: HeaderList, known: readonly string[]): string | undefined => {
  const sent = headers
    .filter(([name]) => name.toLowerCase() === 'anthropic-beta')
    .flatMap(([, value]) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
  const unknown = sent.filter((value) => !known.includes(value))
  if (unknown.length === 0) return undefined
  const names = unknown.map((value) => `\`${value}\``).join(', ')
  return `Unexpected value(s) ${names} for the \`anthropic-beta\` header. Please consult our documentation at https://docs.anthropic.com or try again without the header.`
}

/** Fields of the Messages API before its betas; tools of a type of their own may hold anything. */
const PLAIN = [
  ...['model', 'messages', 'max_tokens', 'system', 'tools', 'tool_choice', 'thinking', 'stream', 'stop_sequences'],
  ...['metadata', 'temperature', 'top_p', 'top_k', 'anthropic_version'],
]
const PLAIN_MESSAGE = ['role', 'content']
const PLAIN_TOOL = ['type', 'name', 'description', 'input_schema', 'cache_control']
const PLAIN_THINKING = ['type', 'budget_tokens']

/** The complaint about the first field that is neither plain nor in the list, as `context_management` or `tools.strict`. */
export function* checkFields(body: MessagesBody, known: readonly string[]): Generator<string | undefined> {
  const under = (path: string): readonly string[] =>
    known.filter((field) => field.startsWith(`${path}.`)).map((field) => field.slice(path.length + 1))
  const extra = (value: object, names: readonly string[], path: string): string | undefined => {
    const name = Object.keys(value).find((key) => !names.includes(key))
    return name === undefined ? undefined : `${path}${name}: Extra inputs are not permitted`
  }
  yield extra(body, [...PLAIN, ...known], '')
  for (const [index, message] of body.messages.entries()) {
    yield extra(message, [...PLAIN_MESSAGE, ...under('messages')], `messages.${index}.`)
  }
  for (const [index, tool] of (body.tools ?? []).entries()) {
    if ('type' in tool && tool.type !== 'custom') continue
    yield extra(tool, [...PLAIN_TOOL, ...under('tools')], `tools.${index}.custom.`)
  }
  const { thinking } = body
  if (thinking !== undefined) {
    yield extra(thinking, [...PLAIN_THINKING, ...under('thinking')], `thinking.${thinking.type ?? 'enabled'}.`)
  }
}
