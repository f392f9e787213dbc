/** Short ways to lower a request in a test; every lowered body is held against OpenAI's rules on the way. */
import { type LoweredRequest, type LowerOptions, lowerRequest } from '#domain/dialect/openai/request.ts'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { type ChatRequest, decodeChatRequest } from '#test/openai-request.ts'

export type Lowered = Exclude<LoweredRequest, { readonly refused: string }>

export interface Given {
  readonly quirks?: Partial<OpenAiQuirks>
  readonly forceStream?: boolean
  readonly without?: readonly string[]
}

const options = ({ quirks, ...rest }: Given): LowerOptions => ({
  model: 'gpt-x',
  quirks: { ...openAiQuirks, ...quirks },
  ...rest,
})

export const lower = (body: object, given: Given = {}): Lowered => {
  const lowered = lowerRequest({ model: 'claude-x', max_tokens: 100, messages: [user('hi')], ...body }, options(given))
  if ('refused' in lowered) throw new Error(`refused: ${lowered.refused}`)
  decodeChatRequest(lowered.body)
  return lowered
}

export const refusal = (body: object, given: Given = {}): string => {
  const lowered = lowerRequest({ model: 'claude-x', max_tokens: 100, messages: [user('hi')], ...body }, options(given))
  return 'refused' in lowered ? lowered.refused : 'not refused'
}

/** The lowered messages of a conversation. */
export const chat = (messages: readonly object[], quirks: Partial<OpenAiQuirks> = {}): ChatRequest['messages'] =>
  decodeChatRequest(lower({ messages }, { quirks }).body).messages

export const user = (content: unknown) => ({ role: 'user', content })
export const assistant = (content: unknown) => ({ role: 'assistant', content })
export const system = (content: unknown) => ({ role: 'system', content })
export const text = (value: string) => ({ type: 'text', text: value })
export const call = (id: unknown, name = 'Read', input: unknown = {}) => ({ type: 'tool_use', id, name, input })
export const result = (id: string, content?: unknown, more: object = {}) => ({
  type: 'tool_result',
  tool_use_id: id,
  ...(content === undefined ? {} : { content }),
  ...more,
})
export const image = (data: string) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } })
export const imagePart = (data: string) => ({
  type: 'image_url',
  image_url: { url: `data:image/png;base64,${data}` },
})
export const toolCall = (id: string, name = 'Read', input = '{}') => ({
  id,
  type: 'function',
  function: { name, arguments: input },
})
export const answer = (id: string, content: string) => ({ role: 'tool', tool_call_id: id, content })
