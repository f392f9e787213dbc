/**
 * Prompts that are too long: recognised in the codes, and where a server has no code in its wording (vLLM, xAI, Gemini,
 * Mistral and Bedrock say it in the message of a plain 400); and told again in the words that Claude Code recovers from.
 * On "prompt is too long" it compacts, on "input length and `max_tokens` exceed context limit: A + B > C" it asks for less
 * output.
 */
import type { ChatError } from '#domain/dialect/openai/read-error.ts'

const CODES = new Set([
  'context_length_exceeded',
  'tokens_limit_reached',
  'token_limit_exceeded',
  'exceed_context_size_error',
  'model_max_prompt_tokens_exceeded',
])

/** Claude's own words, as its API and its clouds say them: the model itself is full, and is so everywhere. */
const CLAUDES = [/^prompt is too long/i, /^input is too long for requested model/i]

const WORDINGS = [
  ...CLAUDES,
  /maximum (context|prompt) length/i,
  /context (length|window|size)[^.]{0,60}exceed|exceed[^.]{0,60}context (length|window|size|limit)/i,
  /prompt is too long|prompt exceeds max length|input is too long|input token length too long/i,
  /input token count[^.]{0,40}exceeds/i,
  /exceeded model token limit/i,
]

export interface ContextOverflow {
  /** A code said it: no status can mean anything else. */
  readonly isCode: boolean
  /** Whose limit it is, in the form of a failure reason. */
  readonly limit: { readonly limit?: 'provider' }
}

/** Without a code only for answers that refuse the request; an outage may speak of contexts as it likes. */
export const contextOverflow = (error: ChatError): ContextOverflow | undefined => {
  const isCode = !CODES.isDisjointFrom(error.words)
  if (!isCode && !WORDINGS.some((wording) => wording.test(error.message))) return undefined
  const isClaudes = CLAUDES.some((wording) => wording.test(error.message))
  return { isCode, limit: isClaudes ? {} : { limit: 'provider' } }
}

/** Bedrock has one exception for every refused request, and only words for a model that it does not serve. */
export const isUnknownModel = (error: ChatError): boolean =>
  error.words.has('validationexception') && UNKNOWN_MODEL.some((wording) => wording.test(error.message))

const UNKNOWN_MODEL = [/model identifier is invalid/i, /on-demand throughput isn.t supported/i]

const LIMIT = /(?:maximum (?:context|prompt) length(?: of this model)?(?: is|:| of)?|max(?:imum)? size:) (\d+)/i
/** "(7232 in the messages, 32768 in the completion)", "(12000 of text input, 128000 in the output)" */
const SHARES = /(\d+) (?:in the messages|of text input)[^)]*?(\d+) in the (?:completion|output)/i
/** Newer vLLM: "'max_tokens' … is too large: 64000. … your request has 5000 input tokens" */
const ASKED = /too large: (\d+)\b[\s\S]*?has (\d+) input tokens/i
const PROMPT = /(?:resulted in|contains|request has|requested(?: about)?|input token count(?: of| is)? ?\(?) ?(\d+)/i

const number = (match: RegExpExecArray | null, group: number): number | undefined => {
  const text = match?.[group]
  return text === undefined ? undefined : Number(text)
}

export const overflowMessage = (message: string): string => {
  if (isNative(message)) return message
  const limit = number(LIMIT.exec(message), 1)
  const shares = SHARES.exec(message)
  const asked = ASKED.exec(message)
  const input = number(shares, 1) ?? number(asked, 2)
  const output = number(shares, 2) ?? number(asked, 1)
  if (limit !== undefined && input !== undefined && output !== undefined && input < limit && input + output > limit) {
    return `input length and \`max_tokens\` exceed context limit: ${input} + ${output} > ${limit}, decrease input length or \`max_tokens\` and try again`
  }
  const prompt = input ?? number(PROMPT.exec(message), 1)
  if (limit !== undefined && prompt !== undefined && prompt > limit) {
    return `prompt is too long: ${prompt} tokens > ${limit} maximum`
  }
  const rest = message.replace(/^prompt is too long[.:]?\s*/i, '')
  return `prompt is too long (capability_rejected: prompt_too_long)${rest === '' ? '' : `: ${rest}`}`
}

/** Words that Claude Code acts upon as they are. */
export const isNative = (message: string): boolean =>
  NATIVE.test(message) || message.includes('capability_rejected: prompt_too_long')

const NATIVE = /^prompt is too long|^input length and `max_tokens` exceed context limit: \d+/
