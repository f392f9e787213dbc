/**
 * OpenAI's rules for `messages`: which role may say what, and that every tool call is answered right after its message.
 */
import { isObject, type Json } from '#infra/simulator/json.ts'
import {
  absent,
  type Complaint,
  emptyArray,
  emptyText,
  first,
  missing,
  tooLong,
  unknownIn,
  wrongType,
} from '#infra/simulator/openai/chat-body.ts'
import { checkName } from '#infra/simulator/openai/check-tools.ts'

const MAX_ID = 40

const ROLES: { readonly [role: string]: { readonly fields: readonly string[]; readonly parts: readonly string[] } } = {
  system: { fields: ['name'], parts: ['text'] },
  developer: { fields: ['name'], parts: ['text'] },
  user: { fields: ['name'], parts: ['text', 'image_url', 'input_audio', 'file'] },
  assistant: { fields: ['name', 'tool_calls', 'refusal', 'audio', 'function_call'], parts: ['text', 'refusal'] },
  tool: { fields: ['tool_call_id'], parts: ['text'] },
}

/** @param accepts members of messages, calls and parts that the server takes beyond OpenAI's */
export function* checkMessages(messages: unknown, accepts: readonly string[]): Generator<Complaint | undefined> {
  if (messages === undefined) return yield missing('messages')
  if (!Array.isArray(messages)) return yield wrongType('messages', 'an array of objects', messages)
  if (messages.length === 0) yield emptyArray('messages')
  for (const [index, message] of messages.entries()) yield checkMessage(message, `messages[${index}]`, accepts)
  yield* checkPairs(messages)
}

const checkMessage = (message: unknown, path: string, accepts: readonly string[]): Complaint | undefined => {
  if (!isObject(message)) return wrongType(path, 'an object', message)
  const rules = typeof message.role === 'string' ? ROLES[message.role] : undefined
  if (rules === undefined) {
    return {
      message: `Invalid value: '${String(message.role)}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.`,
      param: `${path}.role`,
      code: 'invalid_value',
    }
  }
  return first([
    unknownIn(message, ['role', 'content', ...rules.fields, ...accepts], `${path}.`),
    ...checkContent(message, path, rules.parts, accepts),
    ...(message.role === 'assistant' ? checkCalls(message.tool_calls, path, accepts) : []),
    message.role === 'tool' ? checkId(message.tool_call_id, `${path}.tool_call_id`) : undefined,
  ])
}

function* checkContent(
  message: Json,
  path: string,
  types: readonly string[],
  accepts: readonly string[],
): Generator<Complaint | undefined> {
  const { role, content } = message
  const param = `${path}.content`
  if (absent(content)) {
    const mayLack = role === 'assistant' && !(absent(message.tool_calls) && absent(message.refusal))
    if (!mayLack) yield { ...wrongType(param, 'a string or an array of objects', content ?? null) }
    return
  }
  if (content === '') {
    // A tool may have nothing to say, and a call needs no words.
    if (role !== 'tool' && absent(message.tool_calls)) yield emptyText(param)
    return
  }
  if (typeof content === 'string') return
  if (!Array.isArray(content)) return yield wrongType(param, 'a string or an array of objects', content)
  if (content.length === 0) yield emptyArray(param)
  for (const [index, part] of content.entries()) yield checkPart(part, `${param}[${index}]`, types, accepts)
}

const PART_FIELDS: { readonly [type: string]: string } = {
  text: 'text',
  image_url: 'image_url',
  input_audio: 'input_audio',
  file: 'file',
  refusal: 'refusal',
}

const checkPart = (
  part: unknown,
  path: string,
  types: readonly string[],
  accepts: readonly string[],
): Complaint | undefined => {
  if (!isObject(part)) return wrongType(path, 'an object', part)
  const { type } = part
  if (typeof type !== 'string' || !types.includes(type)) {
    return {
      message: `Invalid value: '${String(type)}'. Supported values are: ${types.map((one) => `'${one}'`).join(', ')}.`,
      param: `${path}.type`,
      code: 'invalid_value',
    }
  }
  const field = PART_FIELDS[type] ?? type
  return first([
    unknownIn(part, ['type', field, ...accepts], `${path}.`),
    part[field] === undefined ? missing(`${path}.${field}`) : undefined,
    type === 'text' && typeof part.text !== 'string' ? wrongType(`${path}.text`, 'a string', part.text) : undefined,
    type === 'text' && part.text === '' ? emptyText(`${path}.text`) : undefined,
    type === 'image_url' ? checkImage(part.image_url, `${path}.image_url`) : undefined,
  ])
}

const checkImage = (image: unknown, path: string): Complaint | undefined => {
  if (!isObject(image) || typeof image.url !== 'string') return missing(`${path}.url`)
  return /^(https?:\/\/|data:image\/(png|jpeg|gif|webp);base64,)/.test(image.url)
    ? undefined
    : {
        message: `Invalid '${path}.url'. Expected a valid URL or a base64-encoded image.`,
        param: `${path}.url`,
        code: 'invalid_value',
      }
}

function* checkCalls(calls: unknown, path: string, accepts: readonly string[]): Generator<Complaint | undefined> {
  if (absent(calls)) return
  if (!Array.isArray(calls)) return yield wrongType(`${path}.tool_calls`, 'an array of objects', calls)
  if (calls.length === 0) yield emptyArray(`${path}.tool_calls`)
  for (const [index, call] of calls.entries()) {
    const at = `${path}.tool_calls[${index}]`
    if (!isObject(call)) return yield wrongType(at, 'an object', call)
    yield unknownIn(call, ['id', 'type', 'function', ...accepts], `${at}.`)
    yield checkId(call.id, `${at}.id`)
    if (call.type !== 'function') yield missing(`${at}.type`)
    if (!isObject(call.function)) return yield missing(`${at}.function`)
    yield unknownIn(call.function, ['name', 'arguments'], `${at}.function.`)
    yield checkName(call.function.name, `${at}.function.name`)
    if (typeof call.function.arguments !== 'string') {
      yield wrongType(`${at}.function.arguments`, 'a string', call.function.arguments ?? null)
    }
  }
}

const checkId = (id: unknown, param: string): Complaint | undefined => {
  if (id === undefined) return missing(param)
  if (typeof id !== 'string') return wrongType(param, 'a string', id)
  if (id === '') return emptyText(param)
  return id.length > MAX_ID ? tooLong(param, MAX_ID, id.length) : undefined
}

/** Every call is answered before anybody else speaks, and nothing else is answered. */
function* checkPairs(messages: readonly Json[]): Generator<Complaint | undefined> {
  let open = new Set<unknown>()
  const unanswered = (): Complaint | undefined =>
    open.size === 0
      ? undefined
      : {
          message: `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
          param: 'messages',
        }
  for (const [index, message] of messages.entries()) {
    if (message.role === 'tool') {
      if (!open.delete(message.tool_call_id)) {
        yield {
          message:
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          param: `messages.[${index}].role`,
        }
      }
      continue
    }
    yield unanswered()
    const ids = Array.isArray(message.tool_calls) ? message.tool_calls.map((call: Json) => call.id) : []
    open = new Set(ids)
    if (open.size < ids.length) {
      yield { message: `Duplicate value for 'tool_call_id' in 'messages[${index}].tool_calls'.`, param: 'messages' }
    }
  }
  yield unanswered()
}
