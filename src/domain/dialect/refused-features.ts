/**
 * Which features a 400 says that the server does not know, so that the next request to it goes without them. The API has no
 * code for any of this, and its wording is the only source; hence it is read here and nowhere else, and narrowly. OpenAI's
 * dialect has codes.
 */

/**
 * @param body of the answer: an Anthropic or OpenAI envelope, bare, in a list, or as text within Google's.
 * @param sentBetas the values of `anthropic-beta` that were sent, when known; a name that was not sent is nothing to learn.
 * @returns features as paired-features.ts writes them; in OpenAI's dialect `param:<name>`. None for what the client mends
 * by itself: it remembers that better than we do, for it then also leaves out what it built upon the feature.
 */
export const refusedFeatures = (status: number, body: string, sentBetas?: readonly string[]): readonly string[] => {
  if (status !== 400 && status !== 422) return []
  const error = readError(body)
  const betas = refusedBetas(error.message)
  if (betas.length > 0) {
    const learnt = betas.filter((beta) => sentBetas === undefined || sentBetas.includes(beta))
    return learnt.map((beta) => `beta:${beta}`)
  }
  if (recovers(error.message)) return []
  const { param, code } = error
  if (param !== undefined && (code === 'unsupported_parameter' || code === 'unsupported_value')) {
    return /^\w+$/.test(param) && !ESSENTIAL.has(param) ? [`param:${param}`] : []
  }
  return [...new Set([...refusedFields(error.message), ...refusedThinking(error.message)])]
}

/**
 * Whether Claude Code answers such a refusal by sending the request again in another form. It goes by the wording, so the
 * answer must reach it as it is.
 */
export const clientRecovers = (status: number, body: string): boolean => {
  if (status !== 400 && status !== 422) return false
  const { message } = readError(body)
  return refusedBetas(message).length === 0 && recovers(message)
}

const recovers = (message: string): boolean => RECOVERED.some((wording) => wording.test(message))

const RECOVERED = [
  /prompt is too long/i,
  /input length and `max_tokens` exceed context limit/i,
  /capability_rejected:/,
  /\bcontext_management\b/,
  // Messages of the role `system`, and what they may carry.
  /\bmessages\.\d+\.(?:role|output_config)\b/,
  /\brole:? ?['"`]?system\b/i,
  // Thinking in the history: one rule of the API, told in several ways by the platforms.
  /\bsignature\b[^.]{0,40}\bthinking\b/i,
  /\bsignature: Field required/,
  /`thinking` or `redacted_thinking` blocks [^.]*cannot be modified/,
  /Expected `thinking` or `redacted_thinking`/,
]

/** Between backticks, one or several. */
const refusedBetas = (message: string): readonly string[] => {
  const named = /Unexpected value\(s\) ([^\n]*?) for the `anthropic-beta` header/.exec(message)?.[1] ?? ''
  return [...named.matchAll(/`([^`]+)`/g)].flatMap(([, beta]) => (beta === undefined ? [] : [beta]))
}

const refusedFields = (message: string): readonly string[] => [
  ...[...message.matchAll(/(?<![\w.])([a-z_]\w*(?:\.\w+)*): Extra inputs are not permitted/g)].flatMap(([, path]) => {
    const field = path === undefined ? undefined : fieldOf(path)
    return field === undefined ? [] : [`field:${field}`]
  }),
  ...(/\bdoes not support the effort parameter\b/.test(message) ? ['field:output_config.effort'] : []),
]

/** `"thinking.type.enabled" is not supported for this model.`, `adaptive thinking is not supported on this model` */
const refusedThinking = (message: string): readonly string[] => {
  const type =
    /\bthinking\.type\.(\w+)"? is not supported\b/.exec(message)?.[1] ??
    /\b(\w+) thinking is not supported on this model/.exec(message)?.[1]
  return type === undefined ? [] : [`thinking:${type}`]
}

/** The path of an error as the path of a field: `tools.0.custom.defer_loading` is `tools.*.defer_loading`. */
const fieldOf = (path: string): string | undefined => {
  const given = path.split('.')
  const steps = given
    .map((step) => (/^\d+$/.test(step) ? '*' : step))
    .filter((step, index, all) => index === 0 || index === all.length - 1 || !isVariant(all[index - 1], step))
  const name = steps.at(-1)
  if (name === undefined || name === '*' || ESSENTIAL.has(name) || steps.some((step) => OPAQUE.has(step)))
    return undefined
  // A mark for the cache that is refused in one place is refused in all.
  if (steps.at(-2) === 'cache_control') return `**.cache_control.${name}`
  // In `content` the star stands for the lists within, too.
  return steps.join('.').replaceAll(/(?:\.content\.\*)+/g, '.content.*')
}

/** A path names the variant of a union between the place and the field: the type of a block, of a tool, of thinking. */
const isVariant = (before: string | undefined, step: string): boolean =>
  before === '*'
    ? BLOCKS.has(step) || /_\d{8}$/.test(step)
    : (before === 'thinking' && /^(?:adaptive|enabled|disabled)$/.test(step)) ||
      (before === 'cache_control' && step === 'ephemeral')

const BLOCKS = new Set([
  'custom',
  'text',
  'image',
  'document',
  'search_result',
  'thinking',
  'redacted_thinking',
  'tool_use',
  'tool_result',
  'tool_reference',
  'server_tool_use',
])

/** Without these a request is no longer the one that was made. */
const ESSENTIAL = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'max_tokens',
  'max_completion_tokens',
  'stream',
  'role',
  'content',
  'type',
  'text',
  'id',
  'name',
  'tool_use_id',
])

/** What lies in these is not the API's but the client's. */
const OPAQUE = new Set(['input', 'input_schema'])

interface Refusal {
  readonly message: string
  readonly code: string | undefined
  readonly param: string | undefined
}

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const readError = (body: string): Refusal => {
  let refusal: Refusal = { message: '', code: undefined, param: undefined }
  let source = body
  // Google's relays put the whole envelope into the message of theirs; deeper than that nobody does it.
  for (let depth = 0; depth < 3; depth++) {
    const error = parseError(source)
    if (error === undefined) return refusal
    refusal = { message: text(error.message) ?? '', code: text(error.code), param: text(error.param) }
    source = refusal.message
  }
  return refusal
}

const parseError = (source: string): Json | undefined => {
  if (!/^\s*[[{]/.test(source)) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(source)
  } catch {
    return undefined
  }
  const body: unknown = Array.isArray(parsed) ? parsed[0] : parsed
  if (!isObject(body)) return undefined
  return isObject(body.error) ? body.error : body
}
