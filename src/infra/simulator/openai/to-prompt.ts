/**
 * A chat request in the Messages format, as far as the simulator reads it: for the story, the token rule and the prompt
 * cache.
 */
import { isObject, type Json } from '#infra/simulator/json.ts'
import type { ChatBody, ChatMessage } from '#infra/simulator/openai/chat-body.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'

/** `automatic`: the server caches by itself, as OpenAI does, so the end of the prompt is marked; `asked`: where parts are. */
export type Caching = 'automatic' | 'asked'

export const toPrompt = (body: ChatBody, caching: Caching = 'automatic'): MessagesBody => {
  const maxTokens = body.max_completion_tokens ?? body.max_tokens
  return {
    model: body.model,
    messages: body.messages.map(toMessage),
    ...(body.tools === undefined ? {} : { tools: body.tools }),
    ...(typeof maxTokens === 'number' ? { max_tokens: maxTokens } : {}),
    stream: body.stream === true,
    ...(caching === 'automatic' ? { cache_control: { type: 'ephemeral' } } : {}),
  }
}

const toMessage = (message: ChatMessage): MessagesBody['messages'][number] => {
  const { role, content } = message
  if (role === 'tool') {
    return { role: 'user', content: [{ type: 'tool_result', tool_use_id: message.tool_call_id, content }] }
  }
  const words = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []).map(toBlock)
  const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => ({
    type: 'tool_use',
    id,
    name,
    input,
  }))
  return { role: role === 'developer' ? 'system' : role, content: [...words, ...calls] }
}

/** Media as base64 sources, which the token rule knows. */
const toBlock = (part: Json): object => {
  const url = isObject(part.image_url) ? part.image_url.url : isObject(part.file) ? part.file.file_data : undefined
  const data = typeof url === 'string' ? /^data:[^;]+;base64,(.*)$/s.exec(url)?.[1] : undefined
  return data === undefined ? part : { type: 'image', source: { type: 'base64', data } }
}
