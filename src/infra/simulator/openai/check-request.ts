/**
 * OpenAI's rules for a chat request as a whole: known fields only, their types, and what reasoning models do not take.
 */
import { isObject, type Json, parseJson } from '#infra/simulator/json.ts'
import {
  absent,
  type ChatBody,
  type Complaint,
  emptyArray,
  first,
  missing,
  tooLong,
  tooMany,
  unknownIn,
  wrongType,
} from '#infra/simulator/openai/chat-body.ts'
import { checkMessages } from '#infra/simulator/openai/check-messages.ts'
import { checkTools } from '#infra/simulator/openai/check-tools.ts'
import type { Sloppy } from '#infra/simulator/openai/sloppy.ts'

/** All fields of the openai package 7.57. */
const FIELDS = [
  ...['messages', 'model', 'audio', 'frequency_penalty', 'function_call', 'functions', 'logit_bias', 'logprobs'],
  ...['max_completion_tokens', 'max_tokens', 'metadata', 'modalities', 'moderation', 'n', 'parallel_tool_calls'],
  ...['prediction', 'presence_penalty', 'prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention'],
  ...['reasoning_effort', 'response_format', 'safety_identifier', 'seed', 'service_tier', 'stop', 'store', 'stream'],
  ...['stream_options', 'temperature', 'tool_choice', 'tools', 'top_logprobs', 'top_p', 'user', 'verbosity'],
  'web_search_options',
]
const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

export interface ChatRules {
  /** Fields beyond OpenAI's: top-level names, and `messages.x` for members of messages, calls and parts. */
  readonly accepts: readonly string[]
  /** What comes before OpenAI's own names of models. */
  readonly publisher?: string
  /** Unknown top-level fields are ignored. */
  readonly anyField?: true
  readonly sloppy: Sloppy
}

export type ParsedChat =
  | { readonly _tag: 'Valid'; readonly body: ChatBody }
  | { readonly _tag: 'Invalid'; readonly complaint: Complaint }

export const parseChat = (bytes: Uint8Array, rules: ChatRules): ParsedChat => {
  const json = parseJson(bytes)
  if (!isObject(json)) return { _tag: 'Invalid', complaint: { message: NOT_JSON } }
  const complaint = first(check(json, rules))
  return complaint === undefined ? { _tag: 'Valid', body: json as unknown as ChatBody } : { _tag: 'Invalid', complaint }
}

const NOT_JSON =
  'We could not parse the JSON body of your request. (HINT: This likely means you aren’t using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)'

/** The o series and GPT-5 and later. */
export const reasons = (model: string): boolean => /^(o\d|gpt-([5-9]|\d\d))/.test(model)

function* check(
  body: Json,
  { accepts, anyField, publisher = '', sloppy }: ChatRules,
): Generator<Complaint | undefined> {
  if (anyField !== true) yield unknownIn(body, [...FIELDS, ...accepts], '')
  const { model } = body
  if (typeof model !== 'string')
    return yield model === undefined ? missing('model') : wrongType('model', 'a string', model)
  const name = model.startsWith(publisher) ? model.slice(publisher.length) : model
  yield* checkMessages(
    body.messages,
    accepts.filter((field) => field.startsWith('messages.')).map((field) => field.slice('messages.'.length)),
  )
  yield* checkTools(body)
  yield* checkLengths(body, name, sloppy)
  yield* checkSampling(body, name)
  yield* checkStream(body, sloppy)
  yield* checkWords(body, name)
}

function* checkLengths(body: Json, model: string, sloppy: Sloppy): Generator<Complaint | undefined> {
  for (const param of ['max_tokens', 'max_completion_tokens']) {
    const value = body[param]
    if (absent(value)) continue
    if (!Number.isInteger(value)) yield wrongType(param, 'an integer', value)
    if (Number(value) < 1) {
      yield {
        message: `Invalid '${param}': integer below minimum value. Expected a value >= 1, but got ${String(value)} instead.`,
        param,
        code: 'integer_below_min_value',
      }
    }
  }
  if (!absent(body.max_tokens)) {
    if (reasons(model)) {
      yield unsupported('max_tokens', " Use 'max_completion_tokens' instead.")
    }
    if (!absent(body.max_completion_tokens)) {
      yield {
        message: "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        code: 'invalid_parameter_combination',
      }
    }
  }
  if (sloppy.maxTokensOnly && body.max_completion_tokens !== undefined) {
    yield { message: 'Unrecognized request argument supplied: max_completion_tokens' }
  }
}

function* checkSampling(body: Json, model: string): Generator<Complaint | undefined> {
  for (const [param, maximum] of [
    ['temperature', 2],
    ['top_p', 1],
  ] as const) {
    const value = body[param]
    if (absent(value)) continue
    if (typeof value !== 'number') return yield wrongType(param, 'a decimal', value)
    if (value < 0 || value > maximum) {
      yield {
        message: `Invalid '${param}': decimal out of range. Expected a value between 0 and ${maximum}, but got ${value} instead.`,
        param,
        code: value < 0 ? 'decimal_below_min_value' : 'decimal_above_max_value',
      }
    }
    if (reasons(model) && value !== 1) {
      yield {
        message: `Unsupported value: '${param}' does not support ${value} with this model. Only the default (1) value is supported.`,
        param,
        code: 'unsupported_value',
      }
    }
  }
  const { stop } = body
  if (absent(stop) || typeof stop === 'string') {
    if (typeof stop === 'string' && /^o\d/.test(model)) yield unsupported('stop')
    return
  }
  if (!Array.isArray(stop)) return yield wrongType('stop', 'a string or an array of strings', stop)
  if (/^o\d/.test(model)) yield unsupported('stop')
  if (stop.length === 0) yield emptyArray('stop')
  if (stop.length > 4) yield tooMany('stop', 4, stop.length)
}

function* checkStream(body: Json, sloppy: Sloppy): Generator<Complaint | undefined> {
  const { stream, stream_options } = body
  if (!absent(stream) && typeof stream !== 'boolean') yield wrongType('stream', 'a boolean', stream)
  if (absent(stream_options)) return
  if (sloppy.noStreamOptions) yield { message: 'Unrecognized request argument supplied: stream_options' }
  if (stream !== true) {
    yield {
      message: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      param: 'stream_options',
    }
  }
  if (!isObject(stream_options)) return yield wrongType('stream_options', 'an object', stream_options)
  yield unknownIn(stream_options, ['include_usage', 'include_obfuscation'], 'stream_options.')
}

function* checkWords(body: Json, model: string): Generator<Complaint | undefined> {
  const { reasoning_effort, safety_identifier, response_format, metadata } = body
  if (!absent(reasoning_effort)) {
    if (/^gpt-[34]/.test(model)) yield { message: 'Unrecognized request argument supplied: reasoning_effort' }
    if (!EFFORTS.includes(String(reasoning_effort))) {
      yield {
        message: `Invalid value: '${String(reasoning_effort)}'. Supported values are: ${EFFORTS.map((one) => `'${one}'`).join(', ')}.`,
        param: 'reasoning_effort',
        code: 'invalid_value',
      }
    }
  }
  if (typeof safety_identifier === 'string' && safety_identifier.length > 128) {
    yield tooLong('safety_identifier', 128, safety_identifier.length)
  }
  if (isObject(metadata) && Object.keys(metadata).length > 16) {
    yield {
      message: `Invalid 'metadata': object with too many properties. Expected an object with maximum 16 properties.`,
      param: 'metadata',
      code: 'object_above_max_properties',
    }
  }
  yield* checkFormat(response_format)
}

function* checkFormat(format: unknown): Generator<Complaint | undefined> {
  if (absent(format)) return
  if (!isObject(format)) return yield wrongType('response_format', 'an object', format)
  if (format.type === 'text' || format.type === 'json_object') return
  if (format.type !== 'json_schema') {
    return yield {
      message: `Invalid value: '${String(format.type)}'. Supported values are: 'json_object', 'json_schema', and 'text'.`,
      param: 'response_format.type',
      code: 'invalid_value',
    }
  }
  if (!isObject(format.json_schema)) return yield missing('response_format.json_schema')
  if (typeof format.json_schema.name !== 'string') yield missing('response_format.json_schema.name')
  if (!isObject(format.json_schema.schema)) yield missing('response_format.json_schema.schema')
}

const unsupported = (param: string, instead = ''): Complaint => ({
  message: `Unsupported parameter: '${param}' is not supported with this model.${instead}`,
  param,
  code: 'unsupported_parameter',
})
